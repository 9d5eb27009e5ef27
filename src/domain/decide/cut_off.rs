//! A leak that is worse than an outage: every key of the object ends, and a successor follows when nothing is in its way.

use super::intent::abandon_pending;
use super::publish;
use super::reclaim::reclaim_secret;
use super::subject::token_to_reclaim;
use super::view::{View, hold};
use crate::domain::cause::Cause;
use crate::domain::ids::TokenId;
use crate::domain::observed::PendingCall;
use crate::domain::problem::Problem;
use crate::domain::reason::Reason;
use crate::domain::record::{MAX_ABANDONED, RetiringToken};
use crate::domain::revocation::cut_off_waits;
use crate::domain::step::{RecordStep, Step};

/// A new cut-off value: all tokens of the object are written down for their end first, one in hand included.
pub(super) fn cut_off(view: &View<'_>) -> Option<Step> {
    if !cut_off_waits(view.observed, &view.observed.record) {
        return None;
    }
    // A key that is published and not recorded yet, or not any more, is one of them.
    let pending = view.observed.record.pending.as_ref();
    let published = match pending {
        Some(intent) => publish::recognise(view, intent),
        None => reclaim_secret(view),
    };
    // Where nobody can tell now whether it is, that is found out later: until then the value counts as not handled.
    let is_open =
        published.is_some() || view.account().is_err() && token_to_reclaim(view.observed).is_some();
    if let Some(step) =
        published.filter(|step| !step.is_pause() && view.retry(step.kind()).is_none())
    {
        return Some(step);
    }
    let tokens = tokens(view);
    let ending = |r: &RetiringToken| r.cause == Cause::CutOff;
    if is_open && tokens.is_empty() && view.observed.record.retiring.iter().all(ending) {
        return None;
    }
    if let Some(listing) = view.find_own_token().filter(|_| !tokens.is_empty()) {
        return view.retry(listing.kind()).is_none().then_some(listing);
    }
    let spared = tokens.iter().any(|id| view.is_credential(id));
    (!spared).then(|| end_all(view, tokens, is_open))
}

/// What keeps the keys from being cut off; a call under way is finished all the same.
pub(super) fn hold_back(view: &View<'_>) -> Option<Step> {
    if !cut_off_waits(view.observed, &view.observed.record) {
        return None;
    }
    let tokens = tokens(view);
    let message = if view.find_own_token().is_some() {
        "it is not known which token is the operator's own credential on the account, since LaunchDarkly's listing cannot be read".to_owned()
    } else {
        let own = tokens.iter().find(|id| view.is_credential(id))?;
        format!(
            "token {own} is the operator's own credential on the account; give the account another credential first"
        )
    };
    let message = format!("the keys are not cut off: {message}");
    Some(hold(Problem::user(Reason::InUse, message)))
}

/// A call that is `open` goes on until it is known which token it made.
fn end_all(view: &View<'_>, tokens: Vec<TokenId>, open: bool) -> Step {
    let mut record = view.record();
    let now = view.now();
    for retiring in &mut record.retiring {
        retiring.cause = Cause::CutOff;
        retiring.retirement_time = retiring.retirement_time.min(now);
    }
    if !open {
        abandon_pending(&mut record);
        // Without room the oldest is forgotten: a token of it would be told as unknown.
        let excess = record.abandoned.len().saturating_sub(MAX_ABANDONED);
        record.abandoned.drain(..excess);
        record.pending = None;
    }
    record.token = None;
    for token_id in tokens {
        record.retire(RetiringToken {
            token_id,
            cause: Cause::CutOff,
            retirement_time: now,
        });
    }
    record.rotation.next = None;
    record.rotation.previous_key_expiration_time = None;
    // What is still asked for and was handled must not be forgotten for others.
    let handled = view.requests().filter(|it| record.has_handled(it));
    let mut handled: Vec<_> = handled.cloned().collect();
    handled.extend(view.observed.cut_offs.iter().filter(|_| !open).cloned());
    record.remember_handled(&handled);
    Step::Record(RecordStep::RecordCutOff(Box::new(record)))
}

/// Every token that the object answers for and that is not known to be gone.
fn tokens(view: &View<'_>) -> Vec<TokenId> {
    let held = match &view.observed.call {
        PendingCall::Held { token_id, .. } => Some(token_id),
        PendingCall::Empty | PendingCall::Armed(_) | PendingCall::Refused(_) => None,
    };
    let record = &view.observed.record;
    let in_use = record.token.as_ref().map(|token| &token.id);
    let mut tokens: Vec<TokenId> = in_use.into_iter().chain(held).cloned().collect();
    tokens.dedup();
    tokens.retain(|id| !view.observed.gone.contains(id));
    tokens
}
