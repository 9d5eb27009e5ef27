//! Whether a key is to end that may still work.

use super::cause::Cause;
use super::desired::Desired;
use super::ids::{RequestHash, TokenId};
use super::observed::Observed;
use super::problem::Problem;
use super::record::{Record, RetiringToken};

/// The revoke values, also of a spec that makes no sense.
#[must_use]
pub fn revokes<'a>(
    desired: &'a Result<Desired, Problem>,
    observed: &'a Observed,
) -> &'a [RequestHash] {
    match desired {
        Ok(desired) => &desired.rotation.revokes,
        Err(_) => &observed.revokes,
    }
}

/// Whether a cut-off value waits to be handled. One that is there when an object is created has nothing to end, and never acts.
#[must_use]
pub fn cut_off_waits(observed: &Observed, record: &Record) -> bool {
    let mut asked = observed.cut_offs.iter();
    let new = asked.any(|request| !record.has_handled(request));
    let has_keys =
        record.token.is_some() || record.pending.is_some() || !record.retiring.is_empty();
    new && has_keys && observed.deletion.is_none()
}

/// Whether no key of a token works any more.
#[must_use]
pub fn is_dead(observed: &Observed, id: &TokenId) -> bool {
    observed.gone.contains(id) || observed.keys_ended.contains(id)
}

/// Whether a token is to end at once, and a key of it may still work.
#[must_use]
pub fn lives_on(observed: &Observed, retiring: &RetiringToken) -> bool {
    retiring.ends_at_once() && !is_dead(observed, &retiring.token_id)
}

/// Whether a key is to end at once, by a value that waits or one that is being handled, and may still work.
#[must_use]
pub fn is_under_way(
    desired: &Result<Desired, Problem>,
    observed: &Observed,
    record: &Record,
) -> bool {
    let mut revokes = revokes(desired, observed).iter();
    let new = revokes.any(|request| !record.has_handled(request));
    let pending = record.pending.as_ref();
    let begun = pending.is_some_and(|intent| intent.cause == Cause::Revoke);
    let mut retiring = record.retiring.iter();
    let alive = retiring.any(|r| lives_on(observed, r));
    let mut asked = observed.revoked_keys.iter();
    let accepted = asked.any(|key| key.accepted_at.is_some());
    (new && record.token.is_some()) || begun || alive || accepted || cut_off_waits(observed, record)
}
