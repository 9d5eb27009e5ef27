//! `GET /api/v2/caller-identity`.

use serde_json::json;

use super::call::Answer;
use super::caller::Caller;
use crate::state::world::World;

/// Says who is calling. The values of `authKind` and `tokenKind` are unknown.
#[must_use]
pub fn answer(world: &World, caller: &Caller) -> Answer {
    let token = world.tokens.at(caller.index);
    let mut identity = json!({
        "accountId": world.account.id,
        "authKind": "token",
        "tokenKind": "auth",
        "tokenName": token.facts.name,
        "tokenId": token.id,
        "memberId": token.member_id,
        "serviceToken": token.service,
    });
    if let Some(expiry) = token.facts.expiry.filter(|_| world.switches.knows_expiry()) {
        identity["expiresAt"] = json!(expiry);
    }
    Answer::of_json(200, &identity)
}
