//! `POST /api/v2/tokens/{id}/reset`, deprecated since October 2026 (documented).

use serde_json::Value;

use super::Outcome;
use super::call::{Answer, Call};
use super::caller::{self, Caller};
use super::refusal::Refusal;
use super::represent;
use super::rights::member;
use crate::state::changes::Actor;
use crate::state::world::World;
use crate::switches::{ExpirySource, Profile, RemovedStatus, ResetContentType};

/// Issues a new key and answers with it. The previous key lives on until `expiry` (milliseconds since
/// the epoch); without one, or with one that has passed, it stops at once.
///
/// # Errors
/// 400, 403, 404, 410 or 415 as the switches say.
pub fn token(world: &mut World, call: &Call, id: &str, caller: &Caller) -> Outcome {
    if world.switches.profile == Profile::ResetRemoved {
        return Err(match world.switches.reset_removed_status {
            RemovedStatus::NotFound => Refusal::not_found(),
            RemovedStatus::Gone => Refusal::gone(),
        });
    }
    let index = caller::visible(world, id, caller)?;
    caller::allow(world, caller, "resetAccessToken", index)?;
    if !call.declares_json() {
        match world.switches.reset_content_type {
            ResetContentType::Lenient => {}
            ResetContentType::BadRequest => {
                return Err(Refusal::invalid("Content-Type must be application/json"));
            }
            ResetContentType::Unsupported => return Err(Refusal::unsupported_media_type()),
        }
    }
    let previous_until = match world.switches.reset_expiry_source {
        ExpirySource::Query => in_query(call)?,
        ExpirySource::Body => in_body(call)?,
        ExpirySource::Either => match in_query(call)? {
            None => in_body(call)?,
            found => found,
        },
    };
    let key = world.reset(index, previous_until, Actor::Token(caller.index));
    let body = represent::token(world, index, Some(&key));
    Ok(Answer::of_json(200, &body))
}

fn in_query(call: &Call) -> Result<Option<i64>, Refusal> {
    let refused = |_| Refusal::invalid("expiry must be a number of milliseconds");
    call.find_query("expiry")
        .map(|text| text.parse().map_err(refused))
        .transpose()
}

fn in_body(call: &Call) -> Result<Option<i64>, Refusal> {
    match serde_json::from_slice(&call.body) {
        Ok(Value::Object(members)) => member(&members, "expiry"),
        // Clients send no body, or one that is not JSON (observed).
        _ => Ok(None),
    }
}
