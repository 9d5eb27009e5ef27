//! Tokens that have been replaced, and tokens that are not recorded.

use super::unknown::{Standing, standing, unpublished};
use super::view::View;
use crate::domain::cause::Cause;
use crate::domain::ids::{Attempt, TokenId};
use crate::domain::observed::{AccountFacts, Feature, FoundToken, Remote};
use crate::domain::record::{MAX_RETIRING, Record, RetiringToken};
use crate::domain::revocation;
use crate::domain::secret::SecretState;
use crate::domain::step::{CallStep, LookStep, ObjectStep, RecordStep, Step, StepKind};
use crate::domain::time::plus;
use jiff::Timestamp;

/// A token that turns up with an attempt of ours, created later than this after the attempt began, is not its token.
const MADE_WITHIN: jiff::SignedDuration = jiff::SignedDuration::from_hours(1);

/// The soonest end that a token is given: one in the past may be refused (unknown).
const SOON: jiff::SignedDuration = jiff::SignedDuration::from_mins(1);

/// Nobody waits longer than this for a key that is lost and not replaced.
const LOST_FOR_LONG: jiff::SignedDuration = jiff::SignedDuration::from_hours(24);

/// What there is to do about replaced tokens now: a failure that is being waited out keeps nothing else waiting.
pub(super) fn retire_tokens(view: &View<'_>) -> Option<Step> {
    still_retiring(view).filter(|step| view.retry(step.kind()).is_none())
}

/// Replaced tokens get an end of life, and are deleted once both clocks have passed their grace.
pub(super) fn still_retiring(view: &View<'_>) -> Option<Step> {
    let observed = view.observed;
    let account = view.account().ok()?;
    let record = view.record();
    if record
        .retiring
        .iter()
        .any(|r| observed.gone.contains(&r.token_id))
    {
        return Some(Step::Record(RecordStep::RecordRetirement(Box::new(
            without_gone(view, record),
        ))));
    }
    if let Some(step) = let_go(view, &record) {
        return Some(step);
    }
    // Somebody may have put a previous key back into the Secret: its token waits until the key is replaced.
    let deletable = |r: &&RetiringToken| {
        !view.is_credential(&r.token_id)
            && (r.ends_at_once() || view.token_in_secret() != Some(&r.token_id))
            && r.is_ours_to_end()
    };
    let revoked = |r: &&RetiringToken| r.ends_at_once();
    // While the key in the Secret is lost an older one may be all that consumers have.
    let lost = is_key_lost(view);
    // Without room for one more the key could never be replaced.
    let waits = lost && record.retiring.len() < MAX_RETIRING;
    let due = |r: &&RetiringToken| {
        let end = if waits {
            plus(r.retirement_time, LOST_FOR_LONG)
        } else {
            r.retirement_time
        };
        observed.clocks.passed(end)
    };
    if let Some(step) = end_otherwise(view, &record, account) {
        return Some(step);
    }
    // One that cannot be deleted keeps no other waiting: who failed longest ago, or never, is next.
    let failed = |r: &&RetiringToken| {
        let mut failed = observed.delete_failed.iter();
        failed.position(|id| *id == r.token_id)
    };
    let ends = record.retiring.iter().filter(deletable);
    let at_once = ends.clone().filter(revoked).min_by_key(failed);
    if let Some(due) = at_once.or_else(|| ends.filter(due).min_by_key(failed)) {
        return Some(Step::Call(CallStep::DeleteToken {
            token_id: due.token_id.clone(),
            urgent: due.ends_at_once(),
        }));
    }
    let unlimited = |r: &&RetiringToken| !observed.life_limited.contains(&r.token_id);
    let waiting = record.retiring.iter().filter(deletable).find(unlimited)?;
    (!waits && account.expiry != Feature::Unavailable && record.pending.is_none()).then(|| {
        Step::Call(CallStep::LimitLife {
            token_id: waiting.token_id.clone(),
            expiry: end_of(view, waiting),
        })
    })
}

/// The end that a retiring token is given, on LaunchDarkly's clock: a second safety, a margin after its time.
pub(super) fn end_of(view: &View<'_>, retiring: &RetiringToken) -> Timestamp {
    let (time, clocks) = (retiring.retirement_time, view.observed.clocks);
    let remote = clocks.to_remote(time).max(time);
    let end = plus(remote, view.observed.timing.publication_margin);
    end.max(plus(clocks.later(), SOON))
}

/// A key that is to end at once and whose token cannot be deleted now is given an end; where even a second try fails, it is reset away.
fn end_otherwise(view: &View<'_>, record: &Record, account: &AccountFacts) -> Option<Step> {
    view.retry(StepKind::DeleteToken)?;
    let observed = view.observed;
    let undeleted = |r: &&RetiringToken| r.ends_at_once() && !view.is_credential(&r.token_id);
    let ends = record.retiring.iter().filter(undeleted);
    let unlimited = |r: &&RetiringToken| !observed.life_limited.contains(&r.token_id);
    let limit = ends.clone().find(unlimited).map(|r| CallStep::LimitLife {
        token_id: r.token_id.clone(),
        expiry: plus(observed.clocks.later(), SOON),
    });
    let limit = limit
        .filter(|call| account.expiry != Feature::Unavailable && view.retry(call.kind()).is_none());
    let tried_again = observed
        .retries
        .iter()
        .any(|retry| retry.step == StepKind::DeleteToken && retry.times > 1);
    let alive = |r: &&RetiringToken| !revocation::is_dead(observed, &r.token_id);
    let end = || {
        ends.filter(|_| tried_again)
            .find(alive)
            .map(|r| CallStep::EndKey {
                token_id: r.token_id.clone(),
            })
    };
    limit.or_else(end).map(Step::Call)
}

/// A token that somebody else reset may be in that somebody's use: after its grace it is unknown, and no longer ours to end.
fn let_go(view: &View<'_>, record: &Record) -> Option<Step> {
    let over =
        |r: &RetiringToken| !r.is_ours_to_end() && view.observed.clocks.passed(r.retirement_time);
    if !record.retiring.iter().any(over) {
        return None;
    }
    let mut record = record.clone();
    record.retiring.retain(|r| !over(r));
    Some(Step::Record(RecordStep::RecordRetirement(Box::new(record))))
}

/// Whether the recorded key is known not to be where consumers look for it, or not to work.
fn is_key_lost(view: &View<'_>) -> bool {
    let observed = view.observed;
    let recorded = observed.record.secret.as_ref();
    let in_secret = match &observed.secret {
        SecretState::Ours(secret) => {
            recorded.is_none_or(|recorded| !recorded.fingerprint.differs(secret.key.as_ref()))
        }
        SecretState::Absent => recorded.is_none(),
        SecretState::Foreign { .. } | SecretState::Unreadable(_) => true,
    };
    let works = match &observed.remote {
        Remote::Absent { .. } => false,
        Remote::Present(facts) => facts.key_matches != Some(false),
        Remote::Unknown => true,
    };
    !(in_secret && works)
}

/// The record without the tokens that are known to be deleted.
fn without_gone(view: &View<'_>, mut record: Record) -> Record {
    record
        .retiring
        .retain(|r| !view.observed.gone.contains(&r.token_id));
    record
}

/// What there is to do about tokens found by marker now.
pub(super) fn clean_found(view: &View<'_>) -> Option<Step> {
    still_found(view).filter(|step| view.retry(step.kind()).is_none())
}

/// A token with this object's marker that is not recorded, but ours all the same. One that nobody can be using is deleted at once.
pub(super) fn still_found(view: &View<'_>) -> Option<Step> {
    view.account().ok()?;
    // The Secret may hold the key of a token that a lost status no longer names.
    if matches!(view.observed.secret, SecretState::Unreadable(_)) {
        return None;
    }
    let pending = view.observed.record.pending.as_ref().map(|p| &p.attempt);
    unpublished(view)
        .filter(|found| !view.is_credential(&found.id) && pending != Some(&found.attempt))
        .find_map(|found| clean_up(view, found))
}

fn clean_up(view: &View<'_>, found: &FoundToken) -> Option<Step> {
    let retire = |cause, until| retire_until(view, &found.id, cause, until);
    match standing(view, found) {
        Standing::Open if !is_unused(view, found) => retire(Cause::LostKey, grace_from_now(view)),
        Standing::Open | Standing::Idle => Some(Step::Call(CallStep::DeleteToken {
            token_id: found.id.clone(),
            urgent: false,
        })),
        Standing::Claimed => retire(Cause::Reclaimed, grace_from_now(view)),
        // The Secret was written later than its marks were made up.
        Standing::Replaced { until } => retire(Cause::Reclaimed, until.max(grace_from_now(view))),
        Standing::Unknown => None,
    }
}

/// A paused predecessor may have published a key that is about to be overwritten: whoever read it keeps it for the grace.
pub(super) fn spare_published(view: &View<'_>, in_hand: &TokenId) -> Option<Step> {
    let published = view.token_in_secret()?;
    let spared = published == in_hand
        || view.observed.record.claims(published)
        || view.observed.gone.contains(published)
        || view.is_credential(published);
    if spared {
        return None;
    }
    match &view.observed.remote {
        // One that no open attempt of ours made is not ours to end.
        Remote::Present(facts) if !is_abandoned(view, facts.attempt.as_ref()) => None,
        Remote::Present(_) => retire_until(view, published, Cause::LostKey, grace_from_now(view)),
        Remote::Absent { .. } => None,
        // The key in hand does not wait for long: what is not recorded now turns up by its marker.
        Remote::Unknown => {
            let fetch = Step::Look(LookStep::FetchToken {
                token_id: published.clone(),
            });
            let can_ask = view.account().is_ok() && view.retry(fetch.kind()).is_none();
            can_ask.then_some(fetch)
        }
    }
}

/// Whether an attempt was given up, so that a token of it is ours.
fn is_abandoned(view: &View<'_>, attempt: Option<&Attempt>) -> bool {
    let mut abandoned = view.observed.record.abandoned.iter();
    abandoned.any(|known| Some(&known.attempt) == attempt)
}

fn grace_from_now(view: &View<'_>) -> Timestamp {
    let desired = view.desired().map(|desired| desired.rotation.grace);
    let grace = desired.or(view.observed.record.rotation.grace);
    plus(view.observed.clocks.later(), grace.unwrap_or_default())
}

fn retire_until(
    view: &View<'_>,
    token_id: &TokenId,
    cause: Cause,
    until: Timestamp,
) -> Option<Step> {
    let mut record = view.record();
    // A replacement under way needs a place for the token in use.
    let reserved = usize::from(record.pending.is_some() && record.token.is_some());
    if record.retiring.len() + reserved >= MAX_RETIRING {
        return None;
    }
    if !view.observed.finalizer {
        return Some(Step::Object(ObjectStep::AddFinalizer));
    }
    record.unknown_tokens.retain(|id| id != token_id);
    record.retire(RetiringToken {
        token_id: token_id.clone(),
        cause,
        retirement_time: until,
    });
    Some(Step::Record(RecordStep::RecordRetirement(Box::new(record))))
}

fn is_unused(view: &View<'_>, found: &FoundToken) -> bool {
    let attempt = view
        .observed
        .record
        .abandoned
        .iter()
        .find(|a| a.attempt == found.attempt);
    let in_time = attempt
        .zip(found.creation_time)
        .is_some_and(|(attempt, created)| {
            created
                <= view
                    .observed
                    .clocks
                    .to_remote(plus(attempt.start_time, MADE_WITHIN))
        });
    in_time && found.last_used.is_none()
}
