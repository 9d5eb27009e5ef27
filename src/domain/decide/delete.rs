//! Deletion of the object: nothing is created or published any more, everything of ours goes or is retained, and it ends (I11).

use std::collections::BTreeSet;

use crate::domain::cause::Cause;
use crate::domain::decide::evidence::{Evidence, evidence};
use crate::domain::decide::guards::stay_in_pinned_account;
use crate::domain::decide::pending::resolve_pending;
use crate::domain::decide::publish;
use crate::domain::decide::retire;
use crate::domain::decide::unknown::{Standing, standing, unrecorded};
use crate::domain::decide::view::{View, hold, revision};
use crate::domain::desired::{DeletionPolicy, secret_layout};
use crate::domain::ids::TokenId;
use crate::domain::observed::{Account, Deletion, Feature, PendingCall};
use crate::domain::problem::Problem;
use crate::domain::reason::Reason;
use crate::domain::record::{PendingOperation, RetiringToken};
use crate::domain::secret::{SecretState, other_name};
use crate::domain::step::{CallStep, LookStep, ObjectStep, SecretStep, Step, WaitStep};

/// Winds an object up that is being deleted.
pub(super) fn end_of_life(view: &View<'_>) -> Option<Step> {
    let deletion = view.observed.deletion.as_ref()?;
    if !view.observed.finalizer {
        return Some(Step::Wait(WaitStep::Rest { until: None }));
    }
    if deletion.skip_cleanup {
        return Some(Step::Object(ObjectStep::RemoveFinalizer {
            left_behind: answerable(view),
        }));
    }
    Some(
        wind_up(view, deletion)
            .unwrap_or_else(|obstacle| give_up_in_time(view, deletion, obstacle)),
    )
}

fn wind_up(view: &View<'_>, deletion: &Deletion) -> Result<Step, Step> {
    if let Some(step) = save_kept_key(view, deletion) {
        return if step.is_pause() { Err(step) } else { Ok(step) };
    }
    if let Some(step) = find_pending_create(view, deletion)? {
        return Ok(step);
    }
    if let Some(step) = ask_about_secret(view)? {
        return Ok(step);
    }
    let retain = retains(deletion);
    let ours = ours(view);
    let mut left = ours
        .iter()
        .filter(|id| !view.observed.gone.contains(*id))
        .filter(|id| !(retain && is_left_to_end(view, id)))
        .peekable();
    if left.peek().is_some() {
        view.account()?;
        if let Some(listing) = view.find_own_token() {
            return Ok(listing);
        }
        return match left.find(|id| !view.is_credential(id)) {
            Some(id) => Ok(dispose(view, id.clone(), retain)),
            None => Err(hold(Problem::user(
                Reason::InUse,
                "this token is the operator's own credential on the account; give the account another credential first",
            ))),
        };
    }
    let left_behind = if retain { endless(view) } else { Vec::new() };
    let go = Step::Object(ObjectStep::RemoveFinalizer { left_behind });
    Ok(delete_secrets(view, deletion).unwrap_or(go))
}

/// A kept Secret whose key a reset may have made old gets the new one, or that of another token, before the object goes. What was
/// published is written down first: only then it is known which token it replaced.
fn save_kept_key(view: &View<'_>, deletion: &Deletion) -> Option<Step> {
    let pending = view.observed.record.pending.as_ref()?;
    let saves = retains(deletion) && !view.observed.namespace_terminating;
    if !saves || stay_in_pinned_account(view).is_some() {
        return None;
    }
    if pending.operation == PendingOperation::Reset || pending.recovers_a_key() {
        resolve_pending(view)
    } else {
        publish::recognise(view, pending)
    }
}

/// Whether the key in use is to end, whatever is kept: it was revoked, and no other has taken its place.
fn is_revoked(view: &View<'_>, id: &TokenId) -> bool {
    let record = &view.observed.record;
    let pending = record.pending.as_ref();
    let begun = pending.is_some_and(|intent| intent.cause == Cause::Revoke);
    let in_use = record.token.as_ref().is_some_and(|token| token.id == *id);
    in_use && (begun || !view.unhandled(view.revokes()).is_empty())
}

/// Replaced tokens are never retained: they have their end.
fn is_left_to_end(view: &View<'_>, id: &TokenId) -> bool {
    let mut retiring = view.observed.record.retiring.iter();
    retiring.any(|r| r.token_id == *id && !r.ends_at_once())
        && (view.observed.life_limited.contains(id) || !ends_by_itself(view))
}

/// Whether a token can be given an end.
fn ends_by_itself(view: &View<'_>) -> bool {
    view.account()
        .is_ok_and(|account| account.expiry != Feature::Unavailable)
}

/// Replaced tokens that nobody will end.
fn endless(view: &View<'_>) -> Vec<TokenId> {
    let observed = view.observed;
    let all = !ends_by_itself(view);
    let retiring = observed.record.retiring.iter().map(|r| &r.token_id);
    let endless = retiring.filter(|id| all || observed.end_refused.contains(*id));
    let alive = endless.filter(|id| !observed.gone.contains(*id));
    alive.cloned().collect()
}

/// After a lost status only the Secret says which token there is.
fn ask_about_secret(view: &View<'_>) -> Result<Option<Step>, Step> {
    let Some(token_id) = token_of_lost_status(view) else {
        return Ok(None);
    };
    match evidence(view, token_id, |_| true) {
        Evidence::Ours | Evidence::Nothing => Ok(None),
        Evidence::Ask(step) if step.is_pause() => Err(step),
        Evidence::Ask(step) => Ok(Some(step)),
    }
}

fn token_of_lost_status<'a>(view: &View<'a>) -> Option<&'a TokenId> {
    let record = &view.observed.record;
    let lost =
        record.token.is_none() && record.pending.is_none() && view.observed.claimed_by.is_none();
    view.token_in_secret()
        .filter(|token_id| lost && !record.claims(token_id))
}

fn retains(deletion: &Deletion) -> bool {
    deletion.policy == DeletionPolicy::Retain
}

fn delete_secrets(view: &View<'_>, deletion: &Deletion) -> Option<Step> {
    if retains(deletion) {
        return None;
    }
    let delete = |name, state: &SecretState| match state {
        SecretState::Ours(secret) => Some(Step::Secret(SecretStep::DeleteSecret {
            name,
            at: revision(secret),
        })),
        SecretState::Absent | SecretState::Foreign { .. } | SecretState::Unreadable(_) => None,
    };
    let record = &view.observed.record;
    let layout = secret_layout(view.desired, view.observed.layout.as_ref(), record);
    let other = other_name(record, &layout);
    delete(layout.name, &view.observed.secret)
        .or_else(|| delete(other?, &view.observed.former_secret))
}

fn dispose(view: &View<'_>, token_id: TokenId, retain: bool) -> Step {
    let record = &view.observed.record;
    let in_secret = view.token_in_secret() == Some(&token_id);
    let replaced = record.retiring.iter().find(|r| r.token_id == token_id);
    let ends_at_once =
        replaced.is_some_and(RetiringToken::ends_at_once) || is_revoked(view, &token_id);
    let kept = in_secret || (record.claims(&token_id) && replaced.is_none());
    if retain && kept && !ends_at_once {
        return Step::Call(CallStep::MarkRetained { token_id });
    }
    let waits = replaced.filter(|r| !view.observed.clocks.passed(r.retirement_time));
    match waits.filter(|_| retain && !ends_at_once) {
        Some(replaced) => Step::Call(CallStep::LimitLife {
            expiry: retire::end_of(view, replaced),
            token_id,
        }),
        None => Step::Call(CallStep::DeleteToken {
            token_id,
            urgent: false,
        }),
    }
}

/// A create that was announced or given up may have left a token: only a listing tells.
///
/// A listing that began before its effect must have shown may have missed the token.
fn find_pending_create(view: &View<'_>, deletion: &Deletion) -> Result<Option<Step>, Step> {
    let observed = view.observed;
    let pending = observed
        .record
        .pending
        .iter()
        .filter(|p| p.operation == PendingOperation::Create);
    let certain = matches!(
        observed.call,
        PendingCall::Armed(_) | PendingCall::Refused(_) | PendingCall::Held { .. }
    );
    let unresolved = pending.filter(|_| !certain).map(|p| p.start_time);
    let abandoned = observed.record.abandoned.iter().map(|a| a.start_time);
    let Some(last) = unresolved.chain(abandoned).max() else {
        return Ok(None);
    };
    // An intent from the future was written by a clock that stood wrong; nothing is begun once the deletion was asked for.
    let last = if last > view.now() {
        deletion.requested_at
    } else {
        last
    };
    let begun_after = view.shown_by(last);
    if observed
        .listed_at
        .is_some_and(|listed| listed >= begun_after)
    {
        return Ok(None);
    }
    if view.now() < begun_after {
        return Err(Step::Wait(WaitStep::Rest {
            until: Some(begun_after),
        }));
    }
    view.account()?;
    Ok(Some(Step::Look(LookStep::ListTokens { begun_after })))
}

/// Every token that this object answers for.
fn ours(view: &View<'_>) -> BTreeSet<TokenId> {
    let observed = view.observed;
    let held = match &observed.call {
        PendingCall::Held { token_id, .. } => Some(token_id),
        PendingCall::Empty | PendingCall::Armed(_) | PendingCall::Refused(_) => None,
    };
    let found = unrecorded(view)
        .filter(|found| !matches!(standing(view, found), Standing::Unknown | Standing::Idle))
        .map(|found| &found.id);
    let named = token_of_lost_status(view)
        .filter(|token_id| matches!(evidence(view, token_id, |_| true), Evidence::Ours));
    observed
        .record
        .token_ids()
        .chain(held)
        .chain(found)
        .chain(named)
        .cloned()
        .collect()
}

/// What may be left at LaunchDarkly: also what only the Secret says, since saying so destroys nothing.
fn answerable(view: &View<'_>) -> Vec<TokenId> {
    let named = view
        .token_in_secret()
        .filter(|_| view.observed.claimed_by.is_none());
    let mut tokens = ours(view);
    tokens.extend(named.cloned());
    tokens.into_iter().collect()
}

/// A deletion never hangs longer than the stated times; what is left behind is said (I11).
fn give_up_in_time(view: &View<'_>, deletion: &Deletion, obstacle: Step) -> Step {
    let timing = view.observed.timing;
    let transient = matches!(
        &view.observed.account,
        Account::Unusable(problem) if !problem.needs_user()
    );
    let patience = if transient {
        timing.give_up_transient
    } else {
        timing.give_up
    };
    let end = deletion.ends_after(patience, &timing);
    if view.now() >= end {
        return leave_behind(view, deletion);
    }
    match obstacle {
        Step::Wait(WaitStep::Hold { problem, until }) => Step::Wait(WaitStep::Hold {
            problem,
            until: Some(until.map_or(end, |until| until.min(end))),
        }),
        other => other,
    }
}

/// Lets the object go if a failed deletion step has been tried long enough.
pub(super) fn give_up_on(view: &View<'_>, terminal: bool) -> Option<Step> {
    let timing = view.observed.timing;
    let patience = if terminal {
        timing.give_up
    } else {
        timing.give_up_transient
    };
    let deletion = view.observed.deletion.as_ref()?;
    let over = view.now() >= deletion.ends_after(patience, &timing);
    over.then(|| leave_behind(view, deletion))
}

/// Lets the object go although something could not be dealt with. The key goes all the same: nobody would look after it.
fn leave_behind(view: &View<'_>, deletion: &Deletion) -> Step {
    let gone = &view.observed.gone;
    let secrets = delete_secrets(view, deletion).filter(|step| view.retry(step.kind()).is_none());
    secrets.unwrap_or_else(|| {
        Step::Object(ObjectStep::RemoveFinalizer {
            left_behind: answerable(view)
                .into_iter()
                .filter(|id| !gone.contains(id))
                .collect(),
        })
    })
}
