//! API versions: the header, the token's default, and `GET /api/v2/versions`.

use serde_json::json;

use super::call::{Answer, Call};
use super::caller::Caller;
use super::refusal::Refusal;
use crate::state::world::World;

/// The versions the API knows (documented).
pub const VALID: [u32; 5] = [20_160_426, 20_191_212, 20_210_729, 20_220_603, LATEST];

/// The present version (documented); lists are paginated from it on.
pub const LATEST: u32 = 20_240_415;

/// The version of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Version {
    /// Its number.
    pub number: u32,
    /// Whether `beta` was asked for.
    pub beta: bool,
}

/// The version that counts for a call: the header's, else the token's default (documented).
///
/// # Errors
/// 400 for a version there never was (inferred).
pub fn of(world: &World, call: &Call, caller: &Caller) -> Result<Version, Refusal> {
    let Some(asked) = call.find_header("LD-API-Version") else {
        let number = world.tokens.at(caller.index).default_api_version;
        return Ok(Version {
            number,
            beta: false,
        });
    };
    if asked == "beta" {
        return Ok(Version {
            number: LATEST,
            beta: true,
        });
    }
    let number = asked.parse().ok().filter(|number| VALID.contains(number));
    let number = number.ok_or_else(|| Refusal::invalid("Invalid LD-API-Version header"))?;
    Ok(Version {
        number,
        beta: false,
    })
}

/// Lists the versions.
#[must_use]
pub fn answer(version: Version) -> Answer {
    let body = json!({
        "validVersions": VALID,
        "latestVersion": LATEST,
        "currentVersion": version.number,
        "beta": version.beta,
    });
    Answer::of_json(200, &body)
}
