//! Resolving a call that was announced: made or not, answered or not, by this process or another.

use super::holds::too_many_abandoned;
use super::intent::{Need, abandon_pending, intend, marked_settings};
use super::view::{View, hold, revision};
use super::{publish, reset, retire, revoke};
use crate::domain::cause::Cause;
use crate::domain::desired::Desired;
use crate::domain::ids::TokenId;
use crate::domain::observed::{AccountFacts, Admission, PendingCall, Proof, Roles};
use crate::domain::problem::Problem;
use crate::domain::reason::Reason;
use crate::domain::record::{Intent, PendingOperation};
use crate::domain::secret::{Arrangement, SecretState};
use crate::domain::step::{CallStep, LookStep, RecordStep, SecretStep, Step, WaitStep};
use crate::domain::time::{end_of_second, plus};

/// How long the key made old by a reset for a revocation still works, while the new one is published.
const REVOKED_KEY_LIVES: jiff::SignedDuration = jiff::SignedDuration::from_secs(60);

/// An announced call is resolved before anything else is begun (I5).
pub(super) fn resolve_pending(view: &View<'_>) -> Option<Step> {
    let intent = view.observed.record.pending.as_ref()?;
    if let Some(step) = publish::recognise(view, intent) {
        return Some(step);
    }
    Some(match &view.observed.call {
        PendingCall::Armed(_) | PendingCall::Refused(_) if revoke::overtakes(view, intent) => {
            forget(view, intent)
        }
        PendingCall::Armed(arrangement) => make_the_call(view, intent, arrangement),
        PendingCall::Refused(arrangement) => after_refusal(view, intent, arrangement),
        PendingCall::Held {
            token_id,
            proof,
            since,
            ..
        } => deliver(view, intent, token_id, *proof, *since),
        PendingCall::Empty => {
            left_by_another(view, intent).unwrap_or_else(|| recover(view, intent))
        }
    })
}

/// The intent stands and nothing was sent yet. What has to hold for an intent has to hold for its call.
fn make_the_call(view: &View<'_>, intent: &Intent, arrangement: &Arrangement) -> Step {
    let urgent = intent.cause == Cause::Revoke;
    // A key is revoked whatever the spec has become.
    let wanted = match (intent.operation, view.desired()) {
        (PendingOperation::Reset, desired) => urgent || desired.is_some(),
        (PendingOperation::Create, desired) => {
            desired.is_some_and(|desired| desired.settings.hash() == intent.spec_hash)
        }
    };
    if !wanted || view.now() > plus(intent.start_time, view.observed.timing.settle) {
        return forget(view, intent);
    }
    let account = match view.account() {
        Ok(account) => account,
        Err(wait) => return wait,
    };
    let may_reset = |token_id| {
        if urgent {
            reset::may_revoke(view, token_id)
        } else {
            reset::may_reset(view, token_id)
        }
    };
    match (intent.operation, &intent.token_id) {
        (PendingOperation::Reset, Some(token_id)) if may_reset(token_id) => {
            Step::Call(CallStep::ResetKey {
                attempt: intent.attempt.clone(),
                token_id: token_id.clone(),
                previous_key_lives: if urgent {
                    REVOKED_KEY_LIVES
                } else {
                    let margin = view.observed.timing.publication_margin;
                    arrangement.grace.saturating_add(margin)
                },
                urgent,
            })
        }
        (PendingOperation::Reset, Some(_) | None) => forget(view, intent),
        (PendingOperation::Create, _) => {
            let call = view
                .desired()
                .and_then(|desired| create(view, intent, desired, account));
            call.unwrap_or_else(|| forget(view, intent))
        }
    }
}

/// The create call, once its roles are known; `None` where the token may not be made any more.
fn create(
    view: &View<'_>,
    intent: &Intent,
    desired: &Desired,
    account: &AccountFacts,
) -> Option<Step> {
    if matches!(account.admission, Admission::Refused(_))
        || matches!(view.observed.roles, Roles::Missing(_))
    {
        return None;
    }
    let attempt = intent.attempt.clone();
    Some(match marked_settings(view, desired, account, &attempt) {
        Some(settings) => Step::Call(CallStep::CreateToken {
            attempt,
            settings: Box::new(settings),
            urgent: intent.cause == Cause::Revoke,
        }),
        None => Step::Look(LookStep::ResolveRoles {
            roles: desired.asked_roles(),
        }),
    })
}

/// The call certainly had no effect: it may be made again with the same intent, while it is still wanted.
fn after_refusal(view: &View<'_>, intent: &Intent, arrangement: &Arrangement) -> Step {
    let in_use = intent.token_id.as_ref();
    // A reset whose answer was lost is not followed by another.
    let revoke_may_reset = intent.cause == Cause::Revoke
        && !intent.recovers_a_key()
        && in_use.is_some_and(|id| reset::may_revoke(view, id));
    if intent.operation == PendingOperation::Reset || revoke_may_reset {
        return forget(view, intent);
    }
    make_the_call(view, intent, arrangement)
}

/// Drops an intent whose call had no effect. One that makes up for a lost key is only ever replaced by a new one.
fn forget(view: &View<'_>, intent: &Intent) -> Step {
    if intent.recovers_a_key() {
        return renew(view, intent);
    }
    let mut record = view.record();
    record.pending = None;
    Step::Record(RecordStep::ForgetIntent(Box::new(record)))
}

/// What a process that ends does about a call that it announced and certainly never sent: nobody has to find out what became of it.
/// One that makes up for a lost key stays.
pub(super) fn drop_unsent(view: &View<'_>) -> Option<Step> {
    let intent = view.observed.record.pending.as_ref()?;
    let unsent = matches!(
        view.observed.call,
        PendingCall::Armed(_) | PendingCall::Refused(_)
    );
    (unsent && !intent.recovers_a_key()).then(|| forget(view, intent))
}

/// A new attempt with the same purpose, by a create. A revocation stays one: what it asked for is one new key (I4).
fn renew(view: &View<'_>, intent: &Intent) -> Step {
    intend(
        view,
        &Need {
            operation: PendingOperation::Create,
            cause: if intent.cause == Cause::Revoke {
                Cause::Revoke
            } else {
                Cause::LostKey
            },
            previous_key_expiration_time: intent.previous_key_expiration_time,
            handles: intent.handles.clone(),
        },
    )
}

/// The key is in hand: it is proven, then published; a key that LaunchDarkly refuses never is.
fn deliver(
    view: &View<'_>,
    intent: &Intent,
    token_id: &TokenId,
    proof: Proof,
    since: jiff::Timestamp,
) -> Step {
    let patience_ends = plus(since, view.observed.timing.settle);
    let patience_over = view.now() >= patience_ends;
    let account = view.account();
    match proof {
        Proof::Accepted => publish_key(view, intent, token_id),
        Proof::Unavailable if patience_over => publish_key(view, intent, token_id),
        // Without an account nobody can be asked, and the previous key does not wait for one.
        Proof::Unasked if patience_over && account.is_err() => publish_key(view, intent, token_id),
        Proof::Unasked | Proof::Unavailable => prove(account, intent, token_id, patience_ends),
        Proof::Rejected if !patience_over => prove(account, intent, token_id, patience_ends),
        Proof::Rejected | Proof::OtherOwner => match intent.operation {
            PendingOperation::Reset => renew(view, intent),
            PendingOperation::Create
                if proof == Proof::OtherOwner || view.observed.gone.contains(token_id) =>
            {
                give_up(view)
            }
            PendingOperation::Create => match account {
                Ok(_) => Step::Call(CallStep::DeleteToken {
                    token_id: token_id.clone(),
                    urgent: false,
                }),
                Err(wait) => wait,
            },
        },
    }
}

fn prove(
    account: Result<&AccountFacts, Step>,
    intent: &Intent,
    token_id: &TokenId,
    patience_ends: jiff::Timestamp,
) -> Step {
    match account {
        Ok(_) => Step::Look(LookStep::ProveKey {
            attempt: intent.attempt.clone(),
            token_id: token_id.clone(),
        }),
        Err(Step::Wait(WaitStep::Hold { problem, .. })) => Step::Wait(WaitStep::Hold {
            problem,
            until: Some(patience_ends),
        }),
        Err(wait) => wait,
    }
}

/// A Secret that cannot take the key now does not make us drop it: it stays in hand.
fn publish_key(view: &View<'_>, intent: &Intent, token_id: &TokenId) -> Step {
    match &view.observed.secret {
        SecretState::Absent | SecretState::Ours(_) => retire::spare_published(view, token_id)
            .unwrap_or_else(|| publish::publish(view, intent)),
        SecretState::Unreadable(problem) => hold(problem.clone()),
        SecretState::Foreign { .. } => hold(Problem::user(
            Reason::SecretForeign,
            format!(
                "Secret {:?} was taken by somebody else while the key for it was made; delete it",
                intent.secret_name
            ),
        )),
    }
}

/// Another process's intent is left alone until that process can no longer act on it.
fn left_by_another(view: &View<'_>, intent: &Intent) -> Option<Step> {
    let timing = view.observed.timing;
    let ripe = plus(
        plus(end_of_second(intent.start_time), timing.lease),
        timing.settle,
    );
    // An intent from the future was written by a clock that stood wrong, and is as old as can be.
    let fresh = view.now() < ripe && view.now() >= intent.start_time;
    (fresh && intent.holder != view.observed.holder)
        .then_some(Step::Wait(WaitStep::Rest { until: Some(ripe) }))
}

/// Nobody has the key any more. A create is looked for by its marker; a reset is never asked about: its key is replaced.
fn recover(view: &View<'_>, intent: &Intent) -> Step {
    if let Some(fence) = fence(view, intent) {
        return fence;
    }
    match intent.operation {
        PendingOperation::Reset => renew(view, intent),
        PendingOperation::Create => {
            if let Err(wait) = view.account() {
                return wait;
            }
            // Of its own calls a process knows when they ended. Of another's the status keeps the second of the intent: a listing from
            // within it may have begun before it, and what such a listing misses is judged where the attempt is forgotten.
            // No listing is newer than a call from the future, as one is once the clock was set back: there any will do.
            let after = intent.start_time.max(view.observed.calls_ended_by);
            let from_future = after > view.now();
            let listed = view.observed.listed_at;
            if !listed.is_some_and(|listed| from_future || listed >= after) {
                return Step::Look(LookStep::ListTokens {
                    begun_after: after.min(view.now()),
                });
            }
            if intent.recovers_a_key() {
                renew(view, intent)
            } else {
                give_up(view)
            }
        }
    }
}

/// A paused predecessor that wakes up must find the Secret changed since it looked.
fn fence(view: &View<'_>, intent: &Intent) -> Option<Step> {
    let secret = view.secret()?;
    (secret.marks.fence.as_ref() != Some(&intent.attempt)).then(|| {
        Step::Secret(SecretStep::FenceSecret {
            name: intent.secret_name.clone(),
            at: revision(secret),
            attempt: intent.attempt.clone(),
        })
    })
}

fn give_up(view: &View<'_>) -> Step {
    let mut record = view.record();
    if let Some(wait) = too_many_abandoned(view, &record) {
        return wait;
    }
    abandon_pending(&mut record);
    Step::Record(RecordStep::AbandonAttempt(Box::new(record)))
}
