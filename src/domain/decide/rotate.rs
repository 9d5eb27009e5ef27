//! Rotation on schedule, on request, and revocation.

use jiff::SignedDuration;

use super::intend::{Need, intend};
use super::view::{View, hold};
use crate::domain::cause::Cause;
use crate::domain::desired::Strategy;
use crate::domain::ids::{RequestHash, TokenId};
use crate::domain::observed::{Feature, Remote, Source};
use crate::domain::reason::Reason;
use crate::domain::record::{Intent, MAX_RETIRING, Operation};
use crate::domain::step::{Step, StepKind};

/// A reset needs at least this much grace: below it, publishing may take longer than the old key lives.
const MIN_RESET_GRACE: SignedDuration = SignedDuration::from_mins(1);

/// A new revoke value: a new key is published, then every older one is killed. Room is made first.
pub(super) fn revoke(view: &View<'_>) -> Option<Step> {
    let observed = view.observed;
    let rotation = &view.desired()?.rotation;
    let requests = unhandled(view, &rotation.revokes);
    if requests.is_empty() || observed.record.token.is_none() {
        return None;
    }
    // One that cannot be deleted now does not keep the new key from being made, while there is room for one more.
    let passed_over = view.setback(StepKind::DeleteToken).is_some()
        && observed.record.retiring.len() < MAX_RETIRING;
    if let Some(retiring) = observed
        .record
        .retiring
        .iter()
        .find(|r| !observed.gone.contains(&r.token_id) && !view.is_credential(&r.token_id))
        .filter(|_| !passed_over)
    {
        return Some(Step::DeleteToken {
            token_id: retiring.token_id.clone(),
            urgent: true,
        });
    }
    let handles = requests
        .into_iter()
        .chain(unhandled(view, &rotation.triggers))
        .collect();
    let no_room = view.setback(StepKind::CreateToken);
    let in_use = observed.record.token.as_ref()?;
    let operation = match &no_room {
        Some(_) if may_revoke(view, &in_use.id) => Operation::Reset,
        Some(Step::Hold {
            terminal: true,
            message,
            ..
        }) => {
            return Some(hold(
                Reason::RevokeBlocked,
                format!(
                    "the key is not revoked yet: no token can be created to take its place ({message})"
                ),
                true,
            ));
        }
        Some(_) | None => Operation::Create,
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

/// Whether a reset of this token cuts no key that somebody may still use: not the operator's own, none in its grace, and none
/// of a token whose history was lost, which may have been reset a moment ago (I5, I6).
pub(super) fn may_reset(view: &View<'_>, token_id: &TokenId) -> bool {
    let available = view
        .account()
        .is_ok_and(|account| account.reset == Feature::Available);
    available && may_be_reset(view, token_id)
}

fn may_be_reset(view: &View<'_>, token_id: &TokenId) -> bool {
    let last = view.observed.record.history.first();
    let taken_over = last.is_some_and(|entry| entry.cause == Cause::Adopted);
    !view.in_grace() && !view.is_credential(token_id) && !taken_over
}

/// Whether a reset may kill this token's key: that it leaves the old one alive for a while is not needed for that.
pub(super) fn may_revoke(view: &View<'_>, token_id: &TokenId) -> bool {
    let possible = view
        .account()
        .is_ok_and(|account| account.reset != Feature::Unavailable);
    possible && may_be_reset(view, token_id)
}

/// A revocation does not wait for a call that was not made yet. A lost key's replacement does: its need shows nowhere else.
pub(super) fn overtakes(view: &View<'_>, intent: &Intent) -> bool {
    let revokes = view.desired().map(|desired| &desired.rotation.revokes);
    let asked = revokes.is_some_and(|revokes| !unhandled(view, revokes).is_empty());
    let waits = matches!(intent.cause, Cause::Revoke | Cause::LostKey);
    asked && !waits && view.observed.record.token.is_some()
}

/// A new trigger value or a due time rotates once (I4).
pub(super) fn rotate_when_due(view: &View<'_>) -> Option<Step> {
    let desired = view.desired()?;
    let rotation = &desired.rotation;
    let triggers = unhandled(view, &rotation.triggers);
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
        && may_be_reset(view, &in_use.id);
    if !by_reset {
        return Some(intend(view, &need));
    }
    Some(match view.account().ok()?.reset {
        Feature::Unknown => Step::ProbeReset {
            service_token: desired.settings.service_token,
        },
        Feature::Unavailable | Feature::Untried => intend(view, &need),
        Feature::Available => reset_if_key_is_known(view, need),
    })
}

/// Whether a trigger value waits to be handled.
pub(super) fn is_asked_for(view: &View<'_>) -> bool {
    view.desired()
        .is_some_and(|desired| !unhandled(view, &desired.rotation.triggers).is_empty())
}

/// A key that was lost is never reset, it is replaced: only a fresh look shows that the Secret's key is the token's (R0).
fn reset_if_key_is_known(view: &View<'_>, need: Need) -> Step {
    let observed = view.observed;
    let Some(token) = &observed.record.token else {
        return view.rest();
    };
    match &observed.remote {
        Remote::Present(facts)
            if facts.source != Source::Listing && is_fresh(view, facts.seen_at) =>
        {
            let published = observed.record.secret.as_ref().map(|s| &s.fingerprint);
            let in_place = view.secret().and_then(|secret| secret.key.as_ref()) == published;
            let known = facts.key_matches == Some(true) && in_place;
            let operation = if known {
                Operation::Reset
            } else {
                Operation::Create
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
        Remote::Present(_) | Remote::Unknown => Step::FetchToken {
            token_id: token.id.clone(),
        },
    }
}

/// Whether a look is recent enough to act on.
pub(super) fn is_fresh(view: &View<'_>, seen_at: jiff::Timestamp) -> bool {
    view.now().duration_since(seen_at).abs() <= view.observed.timing.settle
}

fn unhandled(view: &View<'_>, requests: &[RequestHash]) -> Vec<RequestHash> {
    requests
        .iter()
        .filter(|request| !view.observed.record.has_handled(request))
        .cloned()
        .collect()
}
