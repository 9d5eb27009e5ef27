//! A leaked key: a new one is published, then every older one ends. What keeps one alive is said (I15).

use super::guards::require_valid_spec;
use super::holds::{too_many_abandoned, too_many_retiring};
use super::intent::{Need, intend};
use super::reset::may_revoke;
use super::view::{View, hold};
use crate::domain::cause::Cause;
use crate::domain::ids::TokenId;
use crate::domain::observed::{Admission, RevokedKey, Roles};
use crate::domain::problem::Problem;
use crate::domain::reason::Reason;
use crate::domain::record::{Intent, MAX_RETIRING, PendingOperation};
use crate::domain::revocation;
use crate::domain::step::{CallStep, LookStep, Step, StepKind, WaitStep};
use crate::domain::time::plus;

/// How soon a revoked key that LaunchDarkly still accepts is asked about again.
const ASKED_AGAIN: jiff::SignedDuration = jiff::SignedDuration::from_mins(1);

/// A new revoke value: a new key is published, then every older one is killed. Room is made first.
pub(super) fn revoke(view: &View<'_>) -> Option<Step> {
    let observed = view.observed;
    let requests = view.unhandled(view.revokes());
    if requests.is_empty() || observed.record.token.is_none() {
        return None;
    }
    // One that cannot be deleted now keeps neither the others nor the new key waiting.
    let deletable = |id: &TokenId| !observed.gone.contains(id) && !view.is_credential(id);
    let mut retiring = observed.record.retiring.iter().map(|r| &r.token_id);
    let untried = retiring.find(|id| deletable(id) && !observed.delete_failed.contains(id));
    let may_try = view.retry(StepKind::DeleteToken).is_none();
    if let Some(token_id) = untried.filter(|_| may_try) {
        return Some(Step::Call(CallStep::DeleteToken {
            token_id: token_id.clone(),
            urgent: true,
        }));
    }
    let handles = requests
        .into_iter()
        .chain(view.unhandled(view.triggers()))
        .collect();
    let in_use = observed.record.token.as_ref()?;
    let operation = match no_successor(view) {
        None => PendingOperation::Create,
        Some(_) if may_revoke(view, &in_use.id) => {
            // That it failed a moment ago is known without another intent.
            if let Some(hold) = view.retry(StepKind::ResetKey) {
                return Some(hold);
            }
            PendingOperation::Reset
        }
        Some(obstacle) => return Some(obstacle),
    };
    Some(intend(
        view,
        &Need {
            operation,
            handles,
            ..Need::create(Cause::Revoke)
        },
    ))
}

/// A spec that is invalid keeps no leaked key alive: where its part about the Secret is valid, the key is reset.
pub(super) fn revoke_whatever_the_spec(view: &View<'_>) -> Option<Step> {
    let invalid = view.desired.is_err() && view.observed.layout.is_some();
    revoke(view).filter(|_| invalid)
}

/// What keeps another token from taking the place of the one in use: then its key is reset.
fn no_successor(view: &View<'_>) -> Option<Step> {
    let invalid = require_valid_spec(view);
    let refused = view
        .account()
        .ok()
        .and_then(|account| match &account.admission {
            Admission::Refused(problem) => Some(hold(problem.clone())),
            Admission::Granted
            | Admission::NeedsRoles
            | Admission::NeedsListing
            | Admission::NoRoom(_) => None,
        });
    let missing = match &view.observed.roles {
        Roles::Missing(role) => Some(super::holds::role_not_found(role)),
        Roles::Unknown | Roles::Resolved(_) => None,
    };
    let record = view.record();
    let full = record.retiring.len() >= MAX_RETIRING;
    invalid
        .or(refused)
        .or(missing)
        .or_else(|| view.retry(StepKind::CreateToken))
        .or_else(|| view.retry(StepKind::ResolveRoles))
        .or_else(|| full.then(|| too_many_retiring(view)))
        .or_else(|| too_many_abandoned(view, &record))
}

/// A revocation does not wait for a call that was not made yet. A lost key's replacement does: its need shows nowhere else.
pub(super) fn overtakes(view: &View<'_>, intent: &Intent) -> bool {
    let asked = !view.unhandled(view.revokes()).is_empty();
    let waits = matches!(intent.cause, Cause::Revoke | Cause::LostKey);
    asked && !waits && view.observed.record.token.is_some()
}

fn is_revoking(view: &View<'_>) -> bool {
    revocation::is_under_way(view.desired, view.observed, &view.observed.record)
}

/// A key that is to end is looked after again as soon as the failure to end it is over, whatever else waits for longer.
pub(super) fn hurry(view: &View<'_>, step: Step) -> Step {
    let Some(Step::Wait(WaitStep::Hold { problem, until })) = view
        .retry(StepKind::DeleteToken)
        .filter(|_| is_revoking(view))
    else {
        return step;
    };
    match step {
        Step::Wait(WaitStep::Rest { .. }) => Step::Wait(WaitStep::Hold { problem, until }),
        Step::Wait(WaitStep::Hold {
            problem,
            until: later,
        }) => {
            let until = later.into_iter().chain(until).min();
            Step::Wait(WaitStep::Hold { problem, until })
        }
        other => other,
    }
}

/// Whatever is in the way of a revocation is said to be that, with the way out; never green (I15).
pub(super) fn say_blocked(view: &View<'_>, step: Step) -> Step {
    let told = [Reason::RevokeBlocked, Reason::KeyCutOff];
    match step {
        Step::Wait(WaitStep::Hold { problem, until })
            if is_revoking(view)
                && view.observed.deletion.is_none()
                && !told.contains(&problem.reason) =>
        {
            let mut message = format!("a revoked key may still work: {}", problem.message);
            if !revocation::cut_off_waits(view.observed, &view.observed.record) {
                message.push_str(
                    "; if an outage is better, end every key of this object with the annotation ldtokens.dev/cut-off",
                );
            }
            Step::Wait(WaitStep::Hold {
                problem: Problem {
                    reason: Reason::RevokeBlocked,
                    message,
                    recovery: problem.recovery,
                },
                until,
            })
        }
        other => other,
    }
}

/// Once a revoked key should be dead, LaunchDarkly is asked whether it is (I15).
pub(super) fn ask_revoked_key(view: &View<'_>) -> Option<Step> {
    let record = view.record();
    let mut retiring = record.retiring.iter();
    let waits = record.pending.is_some()
        || record.rotation.previous_key_expiration_time.is_some()
        || retiring.any(|r| revocation::lives_on(view.observed, r));
    let due = |key: &&RevokedKey| match key.accepted_at {
        None => !waits,
        Some(at) => view.now() >= plus(at, ASKED_AGAIN),
    };
    let key = view.observed.revoked_keys.iter().find(due)?;
    let ask = Step::Look(LookStep::ProveRevokedKey {
        fingerprint: key.fingerprint.clone(),
    });
    (view.account().is_ok() && view.retry(ask.kind()).is_none()).then_some(ask)
}

/// A key that LaunchDarkly accepts though everything was done that ends it, or a question that failed.
pub(super) fn still_accepted(view: &View<'_>) -> Option<Step> {
    let failed = view
        .retry(StepKind::ProveRevokedKey)
        .filter(|_| !view.observed.revoked_keys.is_empty());
    let keys = view.observed.revoked_keys.iter();
    let Some(accepted) = keys.filter_map(|key| key.accepted_at).min() else {
        return failed;
    };
    let until = match failed {
        Some(Step::Wait(WaitStep::Hold { until, .. })) => until,
        _ => Some(plus(accepted, ASKED_AGAIN)).filter(|end| *end > view.now()),
    };
    Some(Step::Wait(WaitStep::Hold {
        problem: Problem::retry(
            Reason::RevokeBlocked,
            "LaunchDarkly still accepts a key that was revoked; delete its token at LaunchDarkly by hand",
        ),
        until,
    }))
}

/// A key that is to end and that the operator itself uses: only a person can give the account another credential.
pub(super) fn spare_own_token(view: &View<'_>) -> Option<Step> {
    let mut retiring = view.observed.record.retiring.iter();
    let own = retiring.find(|r| r.ends_at_once() && view.is_credential(&r.token_id))?;
    Some(hold(Problem::user(
        Reason::InUse,
        format!(
            "token {} is the operator's own credential on the account; give the account another credential first",
            own.token_id
        ),
    )))
}
