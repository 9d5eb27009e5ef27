//! `PATCH /api/v2/tokens/{id}`.

use serde_json::{Map, Value};

use super::Outcome;
use super::call::{Answer, Call};
use super::caller::{self, Caller};
use super::create::{description, expiry_at, json_body, refuse_duplicate};
use super::refusal::Refusal;
use super::represent;
use super::rights::{Names, Wish, member};
use crate::patch::{self, Member, Operation, PatchError};
use crate::state::changes::Actor;
use crate::state::token::Facts;
use crate::state::world::World;
use crate::switches::{ExpiryClear, RoleNamesPatch, ServiceTokenPolicyPatch, Switches};

const RIGHTS: [&str; 3] = ["role", "customRoleIds", "inlineRole"];
const UPDATE_POLICY: &str = "updateAccessTokenPolicy";

/// Changes a token and answers with it, its key cut to four characters.
///
/// # Errors
/// 400, 403, 404, 409 or 422 as the switches say.
pub fn token(world: &mut World, call: &Call, id: &str, caller: &Caller) -> Outcome {
    let index = caller::visible(world, id, caller)?;
    let operations = operations(json_body(call)?)?;
    let members = patch::members(&operations).map_err(refusal)?;
    let actions = actions(&members);
    for action in &actions {
        // No permission action exists for the rights of a service token; see below.
        if *action != UPDATE_POLICY || !world.tokens.at(index).service {
            caller::allow(world, caller, action, index)?;
        }
    }
    let mut document = represent::patchable(world, index);
    let before = document.clone();
    let touched = patch::apply(&mut document, &operations, &world.switches, |name| {
        editable(&world.switches, name)
    })
    .map_err(refusal)?;
    let mut touches_rights = touched.iter().any(|name| RIGHTS.contains(&name.as_str()));
    if touches_rights && world.tokens.at(index).service {
        fixed_rights(world, index, &before, &mut document)?;
        touches_rights = false;
    }
    let mut facts = world.tokens.at(index).facts.clone();
    if touches_rights {
        let both = world.switches.custom_role_ids_patch == RoleNamesPatch::KeysAndIds;
        let names = Names {
            keys: both,
            ids: true,
        };
        facts.rights = Wish::read(&document)?.settle(world, names, caller.index)?;
    }
    if touched.iter().any(|name| name == "expiry") {
        facts.expiry = expiry(world, &document, &facts)?;
    }
    facts.name = member(&document, "name")?.unwrap_or_default();
    facts.description = description(&world.switches, member(&document, "description")?)?;
    refuse_duplicate(world, &facts.name, Some(index))?;
    let action = actions.first().copied().unwrap_or(UPDATE_POLICY);
    world.change(index, facts, action, Actor::Token(caller.index));
    let body = represent::token(world, index, None);
    Ok(Answer::of_json(200, &body))
}

/// The operations of a patch: a bare array, or the general form with a comment (documented).
fn operations(body: Value) -> Result<Vec<Operation>, Refusal> {
    let list = match body {
        Value::Object(mut members) => members.remove("patch").unwrap_or(Value::Null),
        list => list,
    };
    serde_json::from_value(list).map_err(|_| Refusal::invalid("Invalid request body"))
}

/// The permission actions that changes of these members need (documented).
fn actions(members: &[String]) -> Vec<&'static str> {
    let mut actions = Vec::new();
    for name in members {
        let action = match name.as_str() {
            "description" => "updateAccessTokenDescription",
            "expiry" => "updateAccessTokenExpiry",
            name if RIGHTS.contains(&name) => UPDATE_POLICY,
            _ => "updateAccessTokenName",
        };
        if !actions.contains(&action) {
            actions.push(action);
        }
    }
    if actions.is_empty() {
        actions.push("updateAccessTokenName");
    }
    actions
}

fn editable(switches: &Switches, name: &str) -> Member {
    match name {
        "name" | "description" | "role" | "customRoleIds" | "inlineRole" => Member::Editable,
        "expiry" if switches.knows_expiry() => Member::Editable,
        "ownerId" | "memberId" | "creationDate" | "lastModified" | "token" | "serviceToken"
        | "defaultApiVersion" | "lastUsed" => Member::Fixed,
        name if name.starts_with('_') => Member::Fixed,
        _ => Member::Unknown,
    }
}

fn refusal(error: PatchError) -> Refusal {
    match error {
        PatchError::Invalid(message) => Refusal::invalid(message),
        PatchError::Failed(message) => Refusal::patch_failed(message),
        PatchError::Conflict(message) => Refusal::conflict(message),
    }
}

/// The rights of a service token never change (documented); how that is answered is a switch.
fn fixed_rights(
    world: &World,
    index: usize,
    before: &Map<String, Value>,
    document: &mut Map<String, Value>,
) -> Result<(), Refusal> {
    match world.switches.service_token_policy_patch {
        ServiceTokenPolicyPatch::BadRequest => Err(Refusal::invalid(
            "the role of a service token cannot be changed",
        )),
        ServiceTokenPolicyPatch::Forbidden => Err(Refusal::denied(
            UPDATE_POLICY,
            &world.tokens.at(index).resource(),
            None,
        )),
        ServiceTokenPolicyPatch::Silent => {
            for name in RIGHTS {
                match before.get(name) {
                    Some(value) => document.insert(name.to_owned(), value.clone()),
                    None => document.remove(name),
                };
            }
            Ok(())
        }
    }
}

fn expiry(
    world: &World,
    document: &Map<String, Value>,
    facts: &Facts,
) -> Result<Option<i64>, Refusal> {
    match member::<i64>(document, "expiry")?.filter(|at| *at != 0) {
        Some(at) if Some(at) == facts.expiry => Ok(Some(at)),
        Some(at) => expiry_at(&world.switches, world.now(), at).map(Some),
        None if world.switches.expiry_clear == ExpiryClear::Allow => Ok(None),
        None => Err(Refusal::invalid("expiry cannot be cleared")),
    }
}
