//! Custom roles.

use axum::extract::{Path, State};
use serde_json::json;

use super::reply::{Body, Reply, bad, missing, ok};
use crate::simulator::Simulator;
use crate::state::roles::CustomRole;

/// All custom roles.
pub async fn list(State(simulator): State<Simulator>) -> Reply {
    ok(json!({ "items": simulator.world().roles }))
}

/// Adds a custom role, or replaces the one with the same key.
pub async fn add(State(simulator): State<Simulator>, Body(role): Body<CustomRole>) -> Reply {
    if role.key.is_empty() {
        return Err(bad("key must not be empty"));
    }
    let mut world = simulator.world();
    let mut role = role;
    let same = world.roles.iter().position(|other| other.key == role.key);
    if let Some(at) = same {
        let old = world.roles.remove(at);
        if role.id.is_empty() {
            role.id = old.id;
        }
    }
    ok(json!(world.add_role(role)))
}

/// Removes a custom role, given by key or ID; tokens that hold it keep its ID (unknown).
pub async fn remove(State(simulator): State<Simulator>, Path(name): Path<String>) -> Reply {
    let mut world = simulator.world();
    let before = world.roles.len();
    world.roles.retain(|role| !role.answers_to(&name));
    if world.roles.len() == before {
        return Err(missing());
    }
    ok(json!({ "removed": before - world.roles.len() }))
}
