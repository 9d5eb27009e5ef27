//! `GET /api/v2/auditlog`.

use serde_json::{Value, json};

use super::Outcome;
use super::call::{Answer, Call};
use super::refusal::Refusal;
use crate::state::audit::AuditWish;
use crate::state::world::World;

/// Lists audit entries, newest first.
///
/// # Errors
/// 400 for a number that is none, or a `limit` outside 1 to 20 (documented).
pub fn list(world: &World, call: &Call) -> Outcome {
    let number = |name: &str| -> Result<Option<i64>, Refusal> {
        let refused = |_| Refusal::invalid(format!("{name} must be a number"));
        call.find_query(name)
            .map(|text| text.parse().map_err(refused))
            .transpose()
    };
    let limit = number("limit")?.unwrap_or(10);
    let limit = usize::try_from(limit)
        .ok()
        .filter(|limit| (1..=20).contains(limit));
    let wish = AuditWish {
        before: number("before")?,
        after: number("after")?,
        text: call.find_query("q"),
        spec: call.find_query("spec"),
        limit: limit.ok_or_else(|| Refusal::invalid("limit must be from 1 to 20"))?,
    };
    let fitting = world.audit.iter().rev().filter(|entry| entry.fits(&wish));
    let items: Vec<Value> = fitting
        .take(wish.limit)
        .map(|entry| entry.representation(&world.account.id))
        .collect();
    let body = json!({
        "items": items,
        "_links": { "self": { "href": "/api/v2/auditlog", "type": "application/json" } },
    });
    Ok(Answer::of_json(200, &body))
}
