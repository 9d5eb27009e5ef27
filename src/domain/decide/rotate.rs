//! Rotation on schedule and on request.

use super::intent::{Need, intend};
use super::reset::may_be_reset;
use super::view::View;
use crate::domain::cause::Cause;
use crate::domain::desired::Strategy;
use crate::domain::observed::{Feature, Remote, Source};
use crate::domain::record::PendingOperation;
use crate::domain::step::{CallStep, LookStep, Step};
use jiff::SignedDuration;

/// A reset needs at least this much grace: below it, publishing may take longer than the previous key lives.
const MIN_RESET_GRACE: SignedDuration = SignedDuration::from_mins(1);

/// A reset that was refused as often as this is not asked for again: that rotation goes by replacement.
pub const MAX_RESETS_REFUSED: u32 = 2;

/// A new trigger value or a due time rotates once (I4).
pub(super) fn rotate_when_due(view: &View<'_>) -> Option<Step> {
    let desired = view.desired()?;
    let rotation = &desired.rotation;
    let triggers = view.unhandled(&rotation.triggers);
    let record = view.record();
    let due = record.rotation.next.is_some_and(|next| next <= view.now());
    let in_grace = view.in_grace();
    let cause = match (triggers.is_empty(), due) {
        (false, _) => Cause::Trigger,
        // The grace is at most four fifths of the interval, so this wait ends before long.
        (true, true) if in_grace => return None,
        (true, true) => Cause::Schedule,
        (true, false) => return None,
    };
    let need = Need {
        handles: triggers,
        ..Need::create(cause)
    };
    let in_use = view.observed.record.token.as_ref()?;
    let by_reset = rotation.strategy == Strategy::Reset
        && rotation.grace >= MIN_RESET_GRACE
        && view.observed.resets_refused < MAX_RESETS_REFUSED
        && may_be_reset(view, &in_use.id);
    if !by_reset {
        return Some(intend(view, &need));
    }
    Some(match view.account().ok()?.reset {
        Feature::Unknown => Step::Call(CallStep::ProbeReset {
            service_token: desired.settings.service_token,
        }),
        Feature::Unavailable | Feature::Untried => intend(view, &need),
        Feature::Available => reset_if_key_is_known(view, need),
    })
}

/// Whether a trigger value waits to be handled.
pub(super) fn is_asked_for(view: &View<'_>) -> bool {
    view.desired()
        .is_some_and(|desired| !view.unhandled(&desired.rotation.triggers).is_empty())
}

/// A key that was lost is never reset, it is replaced: only a fresh look shows that the Secret's key is the token's (R0).
fn reset_if_key_is_known(view: &View<'_>, need: Need) -> Step {
    let observed = view.observed;
    let Some(token) = &observed.record.token else {
        return view.rest();
    };
    match &observed.remote {
        Remote::Present(facts)
            if facts.source != Source::Listing && view.is_fresh(facts.seen_at) =>
        {
            let published = observed.record.secret.as_ref().map(|s| &s.fingerprint);
            let in_place = view.secret().and_then(|secret| secret.key.as_ref()) == published;
            let known = facts.key_matches == Some(true) && in_place;
            let operation = if known {
                PendingOperation::Reset
            } else {
                PendingOperation::Create
            };
            intend(view, &Need { operation, ..need })
        }
        Remote::Absent {
            confirmed: true, ..
        } => intend(view, &need),
        // The second look comes a settle time after the first.
        Remote::Absent {
            confirmed: false, ..
        } => view.rest(),
        Remote::Present(_) | Remote::Unknown => Step::Look(LookStep::FetchToken {
            token_id: token.id.clone(),
        }),
    }
}
