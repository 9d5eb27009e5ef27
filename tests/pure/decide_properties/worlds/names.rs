//! Short names for the values that tests speak of.

pub use fakes::TIMING;
use jiff::{SignedDuration, Timestamp};
use launchdarkly_token_operator::domain::ids::{Attempt, Fingerprint, RequestHash, TokenId};

/// The time on every clock while nothing moves it.
pub const NOW: Timestamp = Timestamp::constant(1_795_348_800, 0);

/// How much later than its recorded start a call may have begun: starts are kept to the second.
pub const WITHIN_A_SECOND: SignedDuration = SignedDuration::from_secs(1);

/// How this process signs.
pub const ME: &str = "operator-a";
/// How another process signs.
pub const ANOTHER: &str = "operator-b";

pub fn hours(hours: i64) -> SignedDuration {
    SignedDuration::from_hours(hours)
}

pub fn minutes(minutes: i64) -> SignedDuration {
    SignedDuration::from_mins(minutes)
}

pub fn seconds(seconds: i64) -> SignedDuration {
    SignedDuration::from_secs(seconds)
}

pub fn ago(duration: SignedDuration) -> Timestamp {
    NOW - duration
}

pub fn ahead(duration: SignedDuration) -> Timestamp {
    NOW + duration
}

/// A token: 0 is the recorded one of a settled world.
pub fn token(n: usize) -> TokenId {
    TokenId::new(format!("{n:024x}"))
}

/// An attempt: 0 made the recorded key of a settled world.
pub fn attempt(n: usize) -> Attempt {
    Attempt::new(format!("{n:08x}"))
}

/// The fingerprint of a key: 0 is the recorded one of a settled world.
pub fn key(n: usize) -> Fingerprint {
    Fingerprint::of(format!("key {n}").as_bytes())
}

/// A value of `rotation.trigger`.
pub fn trigger(value: &str) -> RequestHash {
    RequestHash::of("trigger", value)
}

/// A value of `rotation.revoke`.
pub fn revoke(value: &str) -> RequestHash {
    RequestHash::of("revoke", value)
}
