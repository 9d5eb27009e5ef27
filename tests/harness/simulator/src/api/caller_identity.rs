//! `GET /api/v2/caller-identity`.

use serde_json::json;

use super::call::Answer;
use super::caller::Caller;
use crate::state::world::World;
use crate::switches::IdentityTokenId;

/// Says who is calling. `authKind` and `tokenKind` are as observed; what else there is, is a switch.
#[must_use]
pub fn answer(world: &World, caller: &Caller) -> Answer {
    let token = world.tokens.at(caller.index);
    let mut identity = json!({
        "accountId": world.account.id,
        "authKind": "token",
        "tokenKind": "auth",
        "tokenName": token.facts.name,
        "serviceToken": token.service,
    });
    if !token.service || world.switches.identity_token_id == IdentityTokenId::Always {
        identity["tokenId"] = json!(token.id);
        identity["memberId"] = json!(token.member_id);
    }
    if let Some(expiry) = token.facts.expiry.filter(|_| world.switches.knows_expiry()) {
        identity["expiresAt"] = json!(expiry);
    }
    Answer::of_json(200, &identity)
}
