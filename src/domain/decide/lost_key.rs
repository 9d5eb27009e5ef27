//! A key that is gone from the Secret, or from LaunchDarkly.

use super::intent::{Need, intend};
use super::rotate;
use super::view::{View, hold};
use crate::domain::cause::Cause;
use crate::domain::desired::Desired;
use crate::domain::ids::Fingerprint;
use crate::domain::observed::{Remote, RemoteFacts, SecretKeyProof, Source};
use crate::domain::problem::Problem;
use crate::domain::reason::Reason;
use crate::domain::record::{FormerSecret, SecretRecord, TokenRecord};
use crate::domain::secret::{Marks, PreviousKey, SecretFacts, SecretPlan, SecretState};
use crate::domain::step::{LookStep, RecordStep, SecretStep, Step, WaitStep};
use crate::domain::time::{minus, plus};
use jiff::{SignedDuration, Timestamp};

/// A Secret that is lost this often within an hour is contested.
const CONTESTED_LOSSES: usize = 3;

const CONTESTED_WITHIN: SignedDuration = SignedDuration::from_hours(1);

/// A key that is gone from the Secret, or from LaunchDarkly, is replaced with grace (I2).
///
/// What the replacement budget holds back is done all the same if the user asks for a new key.
pub(super) fn replace_lost_key(view: &View<'_>) -> Option<Step> {
    find_lost_key(view).filter(|step| !(step.is_held_by_budget() && rotate::is_asked_for(view)))
}

fn find_lost_key(view: &View<'_>) -> Option<Step> {
    let desired = view.desired()?;
    let Some(recorded) = &view.observed.record.secret else {
        return Some(intend(view, &Need::create(Cause::LostKey)));
    };
    if let Some(step) = keep_secret(view, desired, recorded) {
        return Some(step);
    }
    match view.observed.secret_key {
        SecretKeyProof::Rejected if !recorded.proven => {
            return Some(intend(view, &Need::create(Cause::LostKey)));
        }
        SecretKeyProof::Rejected | SecretKeyProof::Unasked | SecretKeyProof::Accepted => {}
    }
    keep_remote(view)
}

fn keep_secret(view: &View<'_>, desired: &Desired, recorded: &SecretRecord) -> Option<Step> {
    let moved = desired.secret.name != recorded.name;
    match &view.observed.secret {
        SecretState::Ours(secret) if secret.key.as_ref() == Some(&recorded.fingerprint) => (moved
            || secret.uid != recorded.uid)
            .then(|| record_secret(view, desired, recorded, secret, &recorded.fingerprint)),
        SecretState::Ours(secret) => match &secret.key {
            // Another version of the hash is recomputed, never a difference (I14).
            Some(key)
                if !recorded.fingerprint.is_current()
                    && secret.marks.fingerprint.as_ref() == Some(&recorded.fingerprint) =>
            {
                Some(record_secret(view, desired, recorded, secret, key))
            }
            Some(_) | None if moved => Some(move_secret(view, desired, recorded)),
            Some(_) | None => Some(lost(view, Cause::SecretEdited)),
        },
        SecretState::Absent if moved => Some(move_secret(view, desired, recorded)),
        SecretState::Absent => Some(lost(view, Cause::SecretDeleted)),
        SecretState::Foreign { .. } | SecretState::Unreadable(_) => None,
    }
}

/// The key goes to a Secret of another name, if the former one still holds it.
fn move_secret(view: &View<'_>, desired: &Desired, recorded: &SecretRecord) -> Step {
    let SecretState::Ours(former) = &view.observed.former_secret else {
        return lost(view, Cause::SecretDeleted);
    };
    if former.key.as_ref() != Some(&recorded.fingerprint) {
        return lost(view, Cause::SecretEdited);
    }
    Step::Secret(SecretStep::MoveSecret {
        from: recorded.name.clone(),
        fingerprint: recorded.fingerprint.clone(),
        plan: Box::new(SecretPlan {
            at: view.secret_revision(),
            layout: desired.secret.clone(),
            marks: Marks {
                owner_uid: view.observed.identity.uid.to_string(),
                fence: None,
                ..former.marks.clone()
            },
            previous: if former.previous.is_some() {
                PreviousKey::Keep
            } else {
                PreviousKey::Drop
            },
        }),
    })
}

fn record_secret(
    view: &View<'_>,
    desired: &Desired,
    recorded: &SecretRecord,
    secret: &SecretFacts,
    fingerprint: &Fingerprint,
) -> Step {
    let mut record = view.record();
    record.secret = Some(SecretRecord {
        name: desired.secret.name.clone(),
        uid: secret.uid.clone(),
        fingerprint: fingerprint.clone(),
        proven: recorded.proven,
    });
    if desired.secret.name != recorded.name {
        record.former_secret = Some(FormerSecret {
            name: recorded.name.clone(),
            deletion_time: plus(view.observed.clocks.later(), desired.rotation.grace),
        });
    }
    Step::Record(RecordStep::RecordSecret(Box::new(record)))
}

/// A Secret that keeps being lost is written by others too.
fn lost(view: &View<'_>, cause: Cause) -> Step {
    let since = minus(view.now(), CONTESTED_WITHIN);
    let losses: Vec<_> = view
        .observed
        .record
        .history
        .iter()
        .filter(|entry| {
            matches!(entry.cause, Cause::SecretDeleted | Cause::SecretEdited)
                && (since..=view.now()).contains(&entry.publication_time)
        })
        .collect();
    if losses.len() + 1 >= CONTESTED_LOSSES
        && let Some(oldest) = losses.iter().map(|entry| entry.publication_time).min()
    {
        return Step::Wait(WaitStep::Hold {
            problem: Problem::user(
                Reason::SecretContested,
                "the Secret was deleted or edited three times within an hour; find out who else writes it",
            ),
            until: Some(plus(oldest, CONTESTED_WITHIN)),
        });
    }
    intend(view, &Need::create(cause))
}

/// The token must exist, and its key must be ours; both are looked at twice before anything is replaced.
fn keep_remote(view: &View<'_>) -> Option<Step> {
    let token = view.observed.record.token.as_ref()?;
    let settle = view.observed.timing.settle;
    let fetch = || {
        Step::Look(LookStep::FetchToken {
            token_id: token.id.clone(),
        })
    };
    match &view.observed.remote {
        Remote::Absent { confirmed, first } => {
            let due = *confirmed || view.now() >= plus(*first, settle);
            ask_with_its_key(view, token, *first)
                .or_else(|| (due && !confirmed).then(fetch))
                .or_else(|| confirmed.then(|| missing(view, token)))
        }
        Remote::Present(facts) if facts.key_matches == Some(false) => {
            let Some(since) = facts.mismatch_since else {
                return Some(fetch());
            };
            let second_look = plus(since, settle);
            if view.now() < second_look {
                None
            } else if facts.seen_at >= second_look && facts.source != Source::Listing {
                Some(intend(view, &Need::create(Cause::ResetElsewhere)))
            } else {
                Some(fetch())
            }
        }
        Remote::Present(facts) => facts.expiry.and_then(|end| outlive(view, facts, end)),
        Remote::Unknown => None,
    }
}

/// A token that is not found is asked for with its own key, as soon as it is missed and with every listing that still does not show it:
/// the credential may only not see it.
fn ask_with_its_key(view: &View<'_>, token: &TokenRecord, first: Timestamp) -> Option<Step> {
    let observed = view.observed;
    let fingerprint = view.secret()?.key.clone()?;
    let since = observed.listed_at.map_or(first, |listed| listed.max(first));
    let asked = observed.secret_key_asked_at.is_some_and(|at| at >= since);
    let known = asked || observed.secret_key == SecretKeyProof::Rejected;
    let ask = Step::Look(LookStep::ProveSecretKey {
        fingerprint,
        token_id: token.id.clone(),
    });
    (!known).then_some(ask)
}

/// The token was missed twice. Only one whose key is refused twice as well is gone.
fn missing(view: &View<'_>, token: &TokenRecord) -> Step {
    let observed = view.observed;
    let Some(fingerprint) = view.secret().and_then(|secret| secret.key.clone()) else {
        return intend(view, &Need::create(Cause::TokenMissing));
    };
    match (observed.secret_key, observed.secret_key_asked_at) {
        (SecretKeyProof::Accepted, _) => hold(Problem::user(
            Reason::NotVisible,
            format!(
                "the account's credential does not see token {}, whose key works; give the account a credential that sees it",
                token.id
            ),
        )),
        (SecretKeyProof::Rejected, _) => intend(view, &Need::create(Cause::TokenMissing)),
        (SecretKeyProof::Unasked, Some(asked))
            if view.now() < plus(asked, observed.timing.settle) =>
        {
            let until = Some(plus(asked, observed.timing.settle));
            Step::Wait(WaitStep::Rest { until })
        }
        (SecretKeyProof::Unasked, _) => Step::Look(LookStep::ProveSecretKey {
            fingerprint,
            token_id: token.id.clone(),
        }),
    }
}

/// A token in use that has an end of its own is replaced in time; not twice within a grace, should its successor have one too.
fn outlive(view: &View<'_>, facts: &RemoteFacts, end: Timestamp) -> Option<Step> {
    let record = view.record();
    let grace = record.rotation.grace.unwrap_or_default();
    let just_replaced = record.history.first().is_some_and(|last| {
        let half_life = end.duration_since(last.publication_time) / 2;
        let again = plus(last.publication_time, grace.min(half_life));
        last.cause == Cause::Expiring && (last.publication_time..again).contains(&view.now())
    });
    if just_replaced || view.now() < view.replace_before(end) {
        return None;
    }
    Some(if facts.source == Source::Listing {
        Step::Look(LookStep::FetchToken {
            token_id: record.token?.id,
        })
    } else {
        intend(view, &Need::create(Cause::Expiring))
    })
}
