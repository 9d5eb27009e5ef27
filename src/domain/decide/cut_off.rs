//! A leak that is worse than an outage: every key of the object ends, and a successor follows when nothing is in its way.

use super::intent::abandon_pending;
use super::view::{View, hold};
use crate::domain::cause::Cause;
use crate::domain::ids::TokenId;
use crate::domain::observed::PendingCall;
use crate::domain::problem::Problem;
use crate::domain::reason::Reason;
use crate::domain::record::{MAX_ABANDONED, RetiringToken};
use crate::domain::step::{RecordStep, Step};

/// A new cut-off value: all tokens of the object are written down for their end first, one in hand included.
pub(super) fn cut_off(view: &View<'_>) -> Option<Step> {
    let requests = view.unhandled(&view.observed.cut_offs);
    let tokens = tokens(view);
    if requests.is_empty() || view.observed.deletion.is_some() {
        return None;
    }
    if let Some(listing) = view.find_own_token().filter(|_| !tokens.is_empty())
        && view.retry(listing.kind()).is_none()
    {
        return Some(listing);
    }
    if let Some(own) = tokens.iter().find(|id| view.is_credential(id)) {
        return Some(hold(Problem::user(
            Reason::InUse,
            format!(
                "the keys are not cut off: token {own} is the operator's own credential on the account; give the account another \
                 credential first"
            ),
        )));
    }
    let mut record = view.record();
    let now = view.now();
    for retiring in &mut record.retiring {
        retiring.cause = Cause::CutOff;
        retiring.retirement_time = retiring.retirement_time.min(now);
    }
    abandon_pending(&mut record);
    // Without room the oldest is forgotten: a token of it would be told as unknown.
    let excess = record.abandoned.len().saturating_sub(MAX_ABANDONED);
    record.abandoned.drain(..excess);
    record.pending = None;
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
    record.remember_handled(&requests);
    Some(Step::Record(RecordStep::RecordCutOff(Box::new(record))))
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
