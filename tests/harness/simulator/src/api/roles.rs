//! `GET /api/v2/roles` and `GET /api/v2/roles/{key or ID}`.

use serde_json::{Value, json};

use super::Outcome;
use super::call::{Answer, Call};
use super::list::{links, page};
use super::refusal::Refusal;
use crate::state::roles::CustomRole;
use crate::state::world::World;

/// The roles on a page when none is asked for, in all versions of the API (documented).
const PAGE: usize = 20;

/// Lists the custom roles.
///
/// # Errors
/// 400 for a `limit` or `offset` that is no number.
pub fn list(world: &World, call: &Call) -> Outcome {
    let (limit, offset) = page(call, PAGE)?;
    let roles = world.roles.iter().skip(offset).take(limit);
    let items: Vec<Value> = roles.map(CustomRole::representation).collect();
    let total = world.roles.len();
    let mut body = json!({ "items": items, "totalCount": total });
    if let Some(links) = links(
        world.switches.list_links,
        "/api/v2/roles",
        limit,
        offset,
        total,
    ) {
        body["_links"] = links;
    }
    Ok(Answer::of_json(200, &body))
}

/// Shows one custom role, found by key or by ID (observed).
///
/// # Errors
/// 404 when there is none.
pub fn get(world: &World, name: &str) -> Outcome {
    let role = world.roles.iter().find(|role| role.answers_to(name));
    let role = role.ok_or_else(Refusal::not_found)?;
    Ok(Answer::of_json(200, &role.representation()))
}
