//! How tokens look in answers.

use rand::seq::SliceRandom;
use serde_json::{Map, Value, json};

use crate::state::key::KeyValue;
use crate::state::members::Member;
use crate::state::statement::Statement;
use crate::state::token::{Facts, Rights};
use crate::state::world::World;
use crate::switches::{EmptyArrays, Normalise};

/// The token at `index` as it is now; with its whole key when `key` is given, as create and reset
/// answers are, else with the key's last four characters (documented).
pub fn token(world: &mut World, index: usize, key: Option<&KeyValue>) -> Value {
    let facts = world.tokens.at(index).facts.clone();
    token_with(world, index, &facts, key)
}

/// The token at `index` with other facts, as lagging reads show them.
pub fn token_with(world: &mut World, index: usize, facts: &Facts, key: Option<&KeyValue>) -> Value {
    let (custom, inline) = match &facts.rights {
        Rights::Role(_) => (Vec::new(), Vec::new()),
        Rights::Custom(ids) => (ids.clone(), Vec::new()),
        Rights::Inline(statements) => (Vec::new(), arranged(world, statements)),
    };
    let token = world.tokens.at(index);
    let member = world
        .members
        .iter()
        .find(|member| member.id == token.member_id);
    let shown = key.map_or(facts.ending.as_str(), KeyValue::as_str);
    let mut shape = json!({
        "_id": token.id,
        "ownerId": world.account.owner_id,
        "memberId": token.member_id,
        "creationDate": token.creation_date,
        "lastModified": facts.last_modified,
        "token": shown,
        "serviceToken": token.service,
        "defaultApiVersion": token.default_api_version,
        "lastUsed": token.last_used,
        "_links": {
            "self": { "href": format!("/api/v2/tokens/{}", token.id), "type": "application/json" },
            "parent": { "href": "/api/v2/tokens", "type": "application/json" },
        },
    });
    let Value::Object(members) = &mut shape else {
        return shape;
    };
    let mut set = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            members.insert(name.to_owned(), value);
        }
    };
    set("_member", member.map(Member::summary));
    set("name", text(&facts.name));
    set("description", text(&facts.description));
    // A token with custom roles or an inline role shows no role (observed).
    set(
        "role",
        match &facts.rights {
            Rights::Role(role) => Some(json!(role)),
            _ => None,
        },
    );
    let empty = world.switches.arrays_empty;
    set(
        "customRoleIds",
        array(json!(custom), custom.is_empty(), empty),
    );
    set("inlineRole", array(json!(inline), inline.is_empty(), empty));
    let expiry = facts.expiry.filter(|_| world.switches.knows_expiry());
    set("expiry", expiry.map(Value::from));
    shape
}

/// The members a patch works on: only those that hold something, so that removing an empty one
/// fails as it was observed to.
pub fn patchable(world: &mut World, index: usize) -> Map<String, Value> {
    let Value::Object(mut members) = token(world, index, None) else {
        return Map::new();
    };
    members.retain(|_, value| !value.is_null() && value != &json!([]));
    members
}

fn text(text: &str) -> Option<Value> {
    (!text.is_empty()).then(|| Value::from(text))
}

fn array(value: Value, is_empty: bool, empty: EmptyArrays) -> Option<Value> {
    match empty {
        _ if !is_empty => Some(value),
        EmptyArrays::Brackets => Some(json!([])),
        EmptyArrays::Omitted => None,
        EmptyArrays::Null => Some(Value::Null),
    }
}

fn arranged(world: &mut World, statements: &[Statement]) -> Vec<Statement> {
    let mut statements = statements.to_vec();
    match world.switches.inline_role_normalise {
        Normalise::AsSent => {}
        Normalise::Sorted => {
            statements = statements.into_iter().map(Statement::sorted).collect();
            statements.sort();
        }
        Normalise::Shuffled => {
            let rng = world.random.rng();
            for statement in &mut statements {
                statement.actions.shuffle(rng);
                statement.resources.shuffle(rng);
            }
            statements.shuffle(rng);
        }
    }
    statements
}
