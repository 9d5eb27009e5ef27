//! Resolving a call that was announced: made or not, answered or not, by this process or another.

use super::intend::{INTENT_LIFE, Need, abandon_pending, asked_roles, intend, marked_settings};
use super::publish;
use super::view::{View, hold, revision};
use crate::api::Reason;
use crate::domain::cause::Cause;
use crate::domain::clocks::plus;
use crate::domain::desired::Desired;
use crate::domain::names::TokenId;
use crate::domain::observed::{Feature, Hand, Proof, SecretState};
use crate::domain::plan::Step;
use crate::domain::record::{Intent, MAX_ABANDONED, Operation};

/// How long the key made old by a reset for a revocation still works, while the new one is published.
const REVOKED_KEY_LIVES: jiff::SignedDuration = jiff::SignedDuration::from_secs(60);

/// An announced call is resolved before anything else is begun (I5).
pub(super) fn resolve_pending(view: &View<'_>) -> Option<Step> {
    let intent = view.observed.record.pending.as_ref()?;
    if let Some(secret) = view.secret()
        && secret.marks.attempt.as_ref() == Some(&intent.attempt)
        && secret.marks.token_id.is_some()
    {
        return Some(publish::record_publication(view, intent, secret));
    }
    Some(match &view.observed.hand {
        Hand::Armed(_) => make_the_call(view, intent),
        Hand::Refused(_) => after_refusal(view, intent),
        Hand::Held {
            token_id,
            proof,
            since,
            ..
        } => deliver(view, intent, token_id, *proof, *since),
        Hand::Empty => left_by_another(view, intent).unwrap_or_else(|| recover(view, intent)),
    })
}

/// The intent stands and nothing was sent yet.
fn make_the_call(view: &View<'_>, intent: &Intent) -> Step {
    let as_intended = |desired: &&Desired| {
        intent.operation == Operation::Reset || desired.settings.hash() == intent.spec_hash
    };
    let Some(desired) = view.desired().filter(as_intended) else {
        return forget(view, intent);
    };
    if view
        .observed
        .clocks
        .passed(plus(intent.started_at, INTENT_LIFE))
    {
        return forget(view, intent);
    }
    let account = match view.account() {
        Ok(account) => account,
        Err(wait) => return wait,
    };
    let urgent = intent.cause == Cause::Revoke;
    match (intent.operation, &intent.token_id) {
        (Operation::Reset, Some(token_id)) => Step::ResetKey {
            attempt: intent.attempt.clone(),
            token_id: token_id.clone(),
            old_key_lives: if urgent {
                REVOKED_KEY_LIVES
            } else {
                desired
                    .rotation
                    .grace
                    .saturating_add(view.observed.timing.publication_margin)
            },
            urgent,
        },
        (Operation::Reset, None) => forget(view, intent),
        (Operation::Create, _) => {
            let attempt = intent.attempt.clone();
            match marked_settings(view, desired, account, &attempt) {
                Some(settings) => Step::CreateToken {
                    attempt,
                    settings: Box::new(settings),
                    urgent,
                },
                None => Step::ResolveRoles {
                    roles: asked_roles(desired),
                },
            }
        }
    }
}

/// The call certainly had no effect: it may be made again with the same intent, while it is still wanted.
fn after_refusal(view: &View<'_>, intent: &Intent) -> Step {
    let revoke_may_reset = intent.cause == Cause::Revoke
        && view
            .account()
            .is_ok_and(|account| account.reset == Feature::Available);
    if intent.operation == Operation::Reset || revoke_may_reset {
        return forget(view, intent);
    }
    make_the_call(view, intent)
}

/// Drops an intent whose call had no effect. The need for a lost key's replacement shows nowhere else, so that intent is
/// only ever replaced by a new one.
fn forget(view: &View<'_>, intent: &Intent) -> Step {
    if intent.cause == Cause::LostKey && view.desired().is_some() {
        return renew(view, intent);
    }
    let mut record = view.record();
    record.pending = None;
    Step::ForgetIntent(Box::new(record))
}

/// A new attempt with the same purpose.
fn renew(view: &View<'_>, intent: &Intent) -> Step {
    intend(
        view,
        &Need {
            operation: Operation::Create,
            cause: Cause::LostKey,
            previous_key_expires_at: intent.previous_key_expires_at,
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
    let patience_over = view.now() >= plus(since, view.observed.timing.settle);
    let prove = || Step::ProveKey {
        attempt: intent.attempt.clone(),
        token_id: token_id.clone(),
    };
    match proof {
        Proof::Accepted => publish_key(view, intent),
        Proof::Unavailable if patience_over => publish_key(view, intent),
        Proof::Rejected if !patience_over => prove(),
        Proof::Unasked | Proof::Unavailable => prove(),
        Proof::Rejected | Proof::OtherOwner => match intent.operation {
            Operation::Reset => renew(view, intent),
            Operation::Create
                if proof == Proof::OtherOwner || view.observed.gone.contains(token_id) =>
            {
                give_up(view)
            }
            Operation::Create => Step::DeleteToken {
                token_id: token_id.clone(),
                urgent: false,
            },
        },
    }
}

/// A Secret that cannot take the key now does not make us drop it: it stays in hand.
fn publish_key(view: &View<'_>, intent: &Intent) -> Step {
    match &view.observed.secret {
        SecretState::Absent | SecretState::Ours(_) => publish::publish(view, intent),
        SecretState::Unreadable { reason, message } => hold(*reason, message.clone(), true),
        SecretState::Foreign { .. } => hold(
            Reason::SecretForeign,
            format!(
                "Secret {:?} was taken by somebody else while the key for it was made; delete it",
                intent.secret_name
            ),
            true,
        ),
    }
}

/// Another process's intent is left alone until that process can no longer act on it.
fn left_by_another(view: &View<'_>, intent: &Intent) -> Option<Step> {
    let timing = view.observed.timing;
    let ripe = plus(plus(intent.started_at, timing.lease), timing.settle);
    // An intent from the future was written by a clock that stood wrong, and is as old as can be.
    let fresh = view.now() < ripe && view.now() >= intent.started_at;
    (fresh && intent.holder != view.observed.holder).then_some(Step::Rest { until: Some(ripe) })
}

/// Nobody has the key any more. A create is looked for by its marker; a reset is never asked about: its key is replaced.
fn recover(view: &View<'_>, intent: &Intent) -> Step {
    if let Some(fence) = fence(view, intent) {
        return fence;
    }
    match intent.operation {
        Operation::Reset => renew(view, intent),
        Operation::Create => {
            if let Err(wait) = view.account() {
                return wait;
            }
            if view
                .observed
                .listed_at
                .is_none_or(|listed| listed < intent.started_at)
            {
                return Step::ListTokens {
                    begun_after: intent.started_at,
                };
            }
            if intent.cause == Cause::LostKey {
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
    (secret.marks.fence.as_ref() != Some(&intent.attempt)).then(|| Step::FenceSecret {
        name: intent.secret_name.clone(),
        at: revision(secret),
        attempt: intent.attempt.clone(),
    })
}

fn give_up(view: &View<'_>) -> Step {
    let mut record = view.record();
    if record.abandoned.len() >= MAX_ABANDONED {
        return hold(
            Reason::RotationDelayed,
            format!(
                "{MAX_ABANDONED} create calls had no answer within a day; see whether LaunchDarkly can be reached reliably"
            ),
            false,
        );
    }
    abandon_pending(&mut record);
    Step::AbandonAttempt(Box::new(record))
}
