//! Tokens that have been replaced, and tokens nobody recorded.

use super::view::View;
use crate::domain::cause::Cause;
use crate::domain::clocks::plus;
use crate::domain::names::TokenId;
use crate::domain::observed::{Feature, FoundToken, SecretState};
use crate::domain::plan::Step;
use crate::domain::record::{MAX_RETIRING, Record, RetiringToken};

/// A token that turns up with an attempt of ours, created later than this after the attempt began, is not its fruit.
const FRUIT_OF_ATTEMPT: jiff::SignedDuration = jiff::SignedDuration::from_hours(1);

/// Replaced tokens get an end of life, and are deleted once both clocks have passed their grace.
pub(super) fn retire_tokens(view: &View<'_>) -> Option<Step> {
    let observed = view.observed;
    let account = view.account().ok()?;
    let record = view.record();
    if record
        .retiring
        .iter()
        .any(|r| observed.gone.contains(&r.token_id))
    {
        return Some(Step::RecordRetirement(Box::new(without_gone(view, record))));
    }
    // Somebody may have put an old key back into the Secret: its token waits until the key is replaced.
    let deletable = |r: &&RetiringToken| {
        !view.is_credential(&r.token_id) && view.token_in_secret() != Some(&r.token_id)
    };
    let due = |r: &&RetiringToken| r.cause == Cause::Revoke || observed.clocks.passed(r.retire_at);
    if let Some(due) = record.retiring.iter().filter(deletable).find(due) {
        return Some(Step::DeleteToken {
            token_id: due.token_id.clone(),
            urgent: due.cause == Cause::Revoke,
        });
    }
    let unlimited = |r: &&RetiringToken| !observed.life_limited.contains(&r.token_id);
    let waiting = record.retiring.iter().filter(deletable).find(unlimited)?;
    (account.expiry != Feature::Unavailable && record.pending.is_none()).then(|| Step::LimitLife {
        token_id: waiting.token_id.clone(),
        expiry: plus(
            observed
                .clocks
                .to_remote(waiting.retire_at)
                .max(waiting.retire_at),
            observed.timing.publication_margin,
        ),
    })
}

/// The record without the tokens that are known to be deleted.
fn without_gone(view: &View<'_>, mut record: Record) -> Record {
    record
        .retiring
        .retain(|r| !view.observed.gone.contains(&r.token_id));
    record
}

/// A token with this object's marker that is not recorded: the fruit of an attempt that was given up, or of a lost status.
///
/// It is deleted at once only when nobody can hold its key; else it retires with grace.
pub(super) fn clean_found(view: &View<'_>) -> Option<Step> {
    let observed = view.observed;
    view.account().ok()?;
    let pending = observed.record.pending.as_ref().map(|p| &p.attempt);
    // The Secret may hold the key of a token that a lost status no longer names.
    if matches!(observed.secret, SecretState::Unreadable { .. }) {
        return None;
    }
    let published = view
        .secret()
        .and_then(|secret| secret.marks.token_id.as_ref());
    let unclaimed = |found: &&FoundToken| {
        !observed.record.claims(&found.id)
            && !observed.gone.contains(&found.id)
            && !view.is_credential(&found.id)
            && published != Some(&found.id)
            && pending != Some(&found.attempt)
    };
    let found = observed.found.iter().find(unclaimed)?;
    if is_unused_fruit(view, found) {
        return Some(Step::DeleteToken {
            token_id: found.id.clone(),
            urgent: false,
        });
    }
    retire_with_grace(view, &found.id)
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
    retire_with_grace(view, published)
}

fn retire_with_grace(view: &View<'_>, token_id: &TokenId) -> Option<Step> {
    let mut record = view.record();
    if record.retiring.len() >= MAX_RETIRING {
        return None;
    }
    if !view.observed.finalizer {
        return Some(Step::AddFinalizer);
    }
    let grace = view
        .desired()
        .map(|d| d.rotation.grace)
        .or(record.rotation.grace)
        .unwrap_or_default();
    record.retire(RetiringToken {
        token_id: token_id.clone(),
        cause: Cause::LostKey,
        retire_at: plus(view.observed.clocks.later(), grace),
    });
    Some(Step::RecordRetirement(Box::new(record)))
}

fn is_unused_fruit(view: &View<'_>, found: &FoundToken) -> bool {
    let attempt = view
        .observed
        .record
        .abandoned
        .iter()
        .find(|a| a.attempt == found.attempt);
    let in_time = attempt
        .zip(found.created_at)
        .is_some_and(|(attempt, created)| {
            created
                <= view
                    .observed
                    .clocks
                    .to_remote(plus(attempt.started_at, FRUIT_OF_ATTEMPT))
        });
    in_time && !found.used
}
