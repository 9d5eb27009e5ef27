//! `POST /api/v2/tokens`.

use serde_json::{Map, Value};

use super::Outcome;
use super::call::{Answer, Call};
use super::caller::{self, Caller};
use super::refusal::Refusal;
use super::represent;
use super::rights::{Names, Wish, member};
use super::versions::{LATEST, VALID};
use crate::state::changes::{Actor, Draft};
use crate::state::permissions::Permissions;
use crate::state::token::{Rights, Token, resource};
use crate::state::world::World;
use crate::switches::{
    ExpiryMax, LimitStatus, RightsAboveCreator, RoleNamesPost, Switches, TooLong,
};

/// Ten years of 365.25 days, in milliseconds.
const TEN_YEARS_MS: i64 = 315_576_000_000;

/// Creates a token and answers with its whole key.
///
/// # Errors
/// 400, 403 or 409 as the switches say.
pub fn token(world: &mut World, call: &Call, caller: &Caller) -> Outcome {
    let draft = draft(world, &json_object(call)?, caller)?;
    let index = world.create(draft, Actor::Token(caller.index));
    let key = world
        .tokens
        .at(index)
        .keys
        .first()
        .map(|key| key.value.clone());
    let body = represent::token(world, index, key.as_ref());
    Ok(Answer::of_json(201, &body))
}

/// Reads and checks a create body. Unknown fields are ignored (documented).
fn draft(world: &World, body: &Map<String, Value>, caller: &Caller) -> Result<Draft, Refusal> {
    let creator = world.tokens.at(caller.index);
    // Personal tokens are the default (documented).
    let service = member(body, "serviceToken")?.unwrap_or(false);
    let target = resource(service, &creator.member_id, "*");
    caller::allow_on(world, caller, "createAccessToken", &target)?;
    // Observed against a live account.
    if creator.service && !service {
        return Err(Refusal::forbidden(
            "Service tokens cannot create personal tokens",
        ));
    }
    if service && !world.switches.plan_service_tokens {
        return Err(Refusal::forbidden(
            "Your plan does not include service tokens",
        ));
    }
    let names = match world.switches.custom_role_ids_post {
        RoleNamesPost::KeysAndIds => Names {
            keys: true,
            ids: true,
        },
        RoleNamesPost::KeysOnly => Names {
            keys: true,
            ids: false,
        },
    };
    let rights = Wish::read(body)?.settle(world, names, caller.index)?;
    let name: String = member(body, "name")?.unwrap_or_default();
    refuse_duplicate(world, &name, None)?;
    refuse_excess(world, service)?;
    Ok(Draft {
        name,
        description: description(&world.switches, member(body, "description")?)?,
        cap: cap(world, caller, &rights, &target)?,
        rights,
        expiry: match member(body, "expiry") {
            _ if !world.switches.knows_expiry() => None,
            expiry => expiry?
                .map(|at| expiry_at(&world.switches, world.now(), at))
                .transpose()?,
        },
        service,
        member_id: creator.member_id.clone(),
        default_api_version: api_version(member(body, "defaultApiVersion")?)?,
        key: None,
    })
}

/// The JSON object in a body that is declared to be JSON.
///
/// # Errors
/// 400 for anything else.
pub fn json_object(call: &Call) -> Result<Map<String, Value>, Refusal> {
    match json_body(call)? {
        Value::Object(members) => Ok(members),
        _ => Err(Refusal::invalid("Invalid request body")),
    }
}

/// The JSON value in a body that is declared to be JSON.
///
/// # Errors
/// 400 for anything else.
pub fn json_body(call: &Call) -> Result<Value, Refusal> {
    if !call.declares_json() {
        return Err(Refusal::invalid("Content-Type must be application/json"));
    }
    serde_json::from_slice(&call.body).map_err(|_| Refusal::invalid("Invalid request body"))
}

/// A description within the length the switch allows.
///
/// # Errors
/// 400 for a longer one, where the switch says so.
pub fn description(switches: &Switches, text: Option<String>) -> Result<String, Refusal> {
    let text = text.unwrap_or_default();
    let most = usize::try_from(switches.description_max_length).unwrap_or(usize::MAX);
    if most == 0 || text.chars().count() <= most {
        return Ok(text);
    }
    match switches.description_too_long {
        TooLong::Truncate => Ok(text.chars().take(most).collect()),
        TooLong::Refuse => Err(Refusal::invalid("description is too long")),
    }
}

/// An expiry within the allowed range (unknown; as a sibling of the API has it).
///
/// # Errors
/// 400 for a time that has passed or is too far ahead.
pub fn expiry_at(switches: &Switches, now: i64, at: i64) -> Result<i64, Refusal> {
    if at <= now {
        return Err(Refusal::invalid("expiry must be in the future"));
    }
    if switches.expiry_max == ExpiryMax::TenYears && at > now.saturating_add(TEN_YEARS_MS) {
        return Err(Refusal::invalid("expiry must be within ten years"));
    }
    Ok(at)
}

/// Refuses a name another token has, where names are unique.
///
/// # Errors
/// 409.
pub fn refuse_duplicate(world: &World, name: &str, but: Option<usize>) -> Result<(), Refusal> {
    let same = |(index, token): (usize, &Token)| {
        token.exists() && token.facts.name == name && Some(index) != but
    };
    if world.switches.name_unique && world.tokens.iter().any(same) {
        return Err(Refusal::conflict("A token with this name exists already"));
    }
    Ok(())
}

fn refuse_excess(world: &World, service: bool) -> Result<(), Refusal> {
    let counts = |token: &Token| token.exists() && token.service && caller::lingers(world, token);
    let used = world
        .tokens
        .iter()
        .filter(|(_, token)| counts(token))
        .count();
    if !service || (used as u64) < world.switches.token_limit {
        return Ok(());
    }
    let message = "You have reached the maximum number of service tokens";
    Err(match world.switches.token_limit_status {
        LimitStatus::Forbidden => Refusal::forbidden(message),
        LimitStatus::BadRequest => Refusal::invalid(message),
        LimitStatus::Conflict => Refusal::conflict(message),
    })
}

/// The limit a new token gets when its creator could not do all that it asks for.
fn cap(
    world: &World,
    caller: &Caller,
    rights: &Rights,
    target: &str,
) -> Result<Option<Permissions>, Refusal> {
    let own = world.permissions(caller.index);
    if own.covers(rights, &world.policies(rights)) {
        return Ok(None);
    }
    match world.switches.rights_above_creator {
        RightsAboveCreator::Cap => Ok(Some(own)),
        RightsAboveCreator::Forbidden => Err(Refusal::denied("createAccessToken", target, None)),
        RightsAboveCreator::BadRequest => Err(Refusal::invalid(
            "a token cannot have more rights than its creator",
        )),
    }
}

fn api_version(asked: Option<u32>) -> Result<u32, Refusal> {
    match asked {
        None | Some(0) => Ok(LATEST),
        Some(version) if VALID.contains(&version) => Ok(version),
        Some(_) => Err(Refusal::invalid("defaultApiVersion is not a valid version")),
    }
}
