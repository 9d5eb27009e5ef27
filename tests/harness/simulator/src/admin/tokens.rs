//! Tokens with all their keys, and changes to them that no caller of the API made.

use axum::extract::{Path, Query, State};
use serde::{Deserialize, Deserializer};
use serde_json::json;

use super::reply::{Body, Refused, Reply, bad, missing, ok};
use crate::api::versions::LATEST;
use crate::simulator::{Simulator, snapshot};
use crate::state::changes::{Actor, Draft};
use crate::state::key::KeyValue;
use crate::state::roles::CustomRole;
use crate::state::statement::Statement;
use crate::state::token::{BaseRole, Rights};
use crate::state::world::World;

/// Which tokens to show.
#[derive(Debug, Deserialize)]
pub struct Which {
    /// Deleted ones too.
    #[serde(default)]
    deleted: bool,
}

/// A change; what is left out stays. `null` clears an expiry.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Change {
    name: Option<String>,
    description: Option<String>,
    role: Option<BaseRole>,
    /// Keys or IDs.
    custom_role_ids: Option<Vec<String>>,
    inline_role: Option<Vec<Statement>>,
    #[serde(default, deserialize_with = "present")]
    expiry: Option<Expiry>,
    last_used: Option<i64>,
    /// Somebody resets the token.
    new_key: Option<NewKey>,
}

/// An expiry to set, or none to clear it.
#[derive(Debug, Deserialize)]
struct Expiry(Option<i64>);

/// A reset by somebody else: `true`, or until when the previous key lives on.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum NewKey {
    Plain(bool),
    Overlap {
        #[serde(rename = "previousKeyExpiry")]
        previous_key_expiry: i64,
    },
}

/// A token to create.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct New {
    #[serde(default)]
    name: String,
    #[serde(default)]
    description: String,
    role: Option<BaseRole>,
    #[serde(default)]
    custom_role_ids: Vec<String>,
    #[serde(default)]
    inline_role: Vec<Statement>,
    #[serde(default = "yes")]
    service_token: bool,
    member_id: Option<String>,
    default_api_version: Option<u32>,
    expiry: Option<i64>,
    /// Its key; drawn when left out.
    key: Option<String>,
}

fn yes() -> bool {
    true
}

/// Tells `null` from an absent field.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Expiry>, D::Error> {
    Expiry::deserialize(deserializer).map(Some)
}

/// Every token with all its keys.
pub async fn list(State(simulator): State<Simulator>, Query(which): Query<Which>) -> Reply {
    let tokens = if which.deleted {
        simulator.tokens_ever()
    } else {
        simulator.tokens()
    };
    ok(json!({ "items": tokens }))
}

/// Creates a token of the first member's.
pub async fn create(State(simulator): State<Simulator>, Body(new): Body<New>) -> Reply {
    let mut world = simulator.world();
    let member = world.members.first().map(|member| member.id.clone());
    let rights = rights(&world, new.role, &new.custom_role_ids, &new.inline_role)?;
    let draft = Draft {
        name: new.name,
        description: new.description,
        rights: rights.unwrap_or(Rights::Role(BaseRole::Reader)),
        expiry: new.expiry,
        service: new.service_token,
        member_id: new.member_id.or(member).unwrap_or_default(),
        default_api_version: new.default_api_version.unwrap_or(LATEST),
        cap: None,
        key: new.key.map(KeyValue::new),
    };
    let index = world.create(draft, Actor::Admin);
    ok(json!(snapshot(&world, index)))
}

/// Changes a token, service tokens' rights included.
pub async fn change(
    State(simulator): State<Simulator>,
    Path(id): Path<String>,
    Body(change): Body<Change>,
) -> Reply {
    let mut world = simulator.world();
    world.sweep();
    let index = find(&world, &id)?;
    let custom = change.custom_role_ids.unwrap_or_default();
    let inline = change.inline_role.unwrap_or_default();
    let rights = rights(&world, change.role, &custom, &inline)?;
    let mut facts = world.tokens.at(index).facts.clone();
    let before = facts.clone();
    facts.name = change.name.unwrap_or(facts.name);
    facts.description = change.description.unwrap_or(facts.description);
    facts.rights = rights.unwrap_or(facts.rights);
    facts.expiry = change.expiry.map_or(facts.expiry, |Expiry(at)| at);
    if facts != before {
        world.change(index, facts, "updateAccessTokenPolicy", Actor::Admin);
    }
    if let Some(last_used) = change.last_used {
        world.tokens.at_mut(index).last_used = last_used;
    }
    match change.new_key {
        None | Some(NewKey::Plain(false)) => {}
        Some(NewKey::Plain(true)) => drop(world.reset(index, None, Actor::Admin)),
        Some(NewKey::Overlap {
            previous_key_expiry,
        }) => {
            drop(world.reset(index, Some(previous_key_expiry), Actor::Admin));
        }
    }
    ok(json!(snapshot(&world, index)))
}

/// Deletes a token.
pub async fn delete(State(simulator): State<Simulator>, Path(id): Path<String>) -> Reply {
    let mut world = simulator.world();
    world.sweep();
    let index = find(&world, &id)?;
    world.delete(index, Actor::Admin);
    ok(json!(snapshot(&world, index)))
}

fn find(world: &World, id: &str) -> Result<usize, Refused> {
    let index = world.tokens.find(id);
    index
        .filter(|index| world.tokens.at(*index).exists())
        .ok_or_else(missing)
}

fn rights(
    world: &World,
    role: Option<BaseRole>,
    custom: &[String],
    inline: &[Statement],
) -> Result<Option<Rights>, Refused> {
    if let Some(role) = role {
        return Ok(Some(Rights::Role(role)));
    }
    if !inline.is_empty() {
        return Ok(Some(Rights::Inline(inline.to_vec())));
    }
    if custom.is_empty() {
        return Ok(None);
    }
    let resolve = |name: &String| {
        let role = world
            .roles
            .iter()
            .find(|role: &&CustomRole| role.answers_to(name));
        role.map(|role| role.id.clone())
            .ok_or_else(|| bad(format!("there is no role {name}")))
    };
    let ids = custom.iter().map(resolve).collect::<Result<_, _>>()?;
    Ok(Some(Rights::Custom(ids)))
}
