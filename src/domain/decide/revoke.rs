//! A leaked key: a new one is published, then every older one ends.

use super::intent::{Need, intend};
use super::reset::may_revoke;
use super::view::{View, hold};
use crate::domain::cause::Cause;
use crate::domain::problem::Problem;
use crate::domain::reason::Reason;
use crate::domain::record::{Intent, MAX_RETIRING, PendingOperation};
use crate::domain::step::{CallStep, Step, StepKind, WaitStep};

/// A new revoke value: a new key is published, then every older one is killed. Room is made first.
pub(super) fn revoke(view: &View<'_>) -> Option<Step> {
    let observed = view.observed;
    let rotation = &view.desired()?.rotation;
    let requests = view.unhandled(&rotation.revokes);
    if requests.is_empty() || observed.record.token.is_none() {
        return None;
    }
    // One that cannot be deleted now does not keep the new key from being made, while there is room for one more.
    let passed_over = view.retry(StepKind::DeleteToken).is_some()
        && observed.record.retiring.len() < MAX_RETIRING;
    if let Some(retiring) = observed
        .record
        .retiring
        .iter()
        .find(|r| !observed.gone.contains(&r.token_id) && !view.is_credential(&r.token_id))
        .filter(|_| !passed_over)
    {
        return Some(Step::Call(CallStep::DeleteToken {
            token_id: retiring.token_id.clone(),
            urgent: true,
        }));
    }
    let handles = requests
        .into_iter()
        .chain(view.unhandled(&rotation.triggers))
        .collect();
    let no_room = view.retry(StepKind::CreateToken);
    let in_use = observed.record.token.as_ref()?;
    let operation = match &no_room {
        Some(_) if may_revoke(view, &in_use.id) => PendingOperation::Reset,
        Some(Step::Wait(WaitStep::Hold { problem, .. })) if problem.needs_user() => {
            return Some(hold(Problem::user(
                Reason::RevokeBlocked,
                format!(
                    "the key is not revoked yet: no token can be created to take its place ({})",
                    problem.message
                ),
            )));
        }
        Some(_) | None => PendingOperation::Create,
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

/// A revocation does not wait for a call that was not made yet. A lost key's replacement does: its need shows nowhere else.
pub(super) fn overtakes(view: &View<'_>, intent: &Intent) -> bool {
    let revokes = view.desired().map(|desired| &desired.rotation.revokes);
    let asked = revokes.is_some_and(|revokes| !view.unhandled(revokes).is_empty());
    let waits = matches!(intent.cause, Cause::Revoke | Cause::LostKey);
    asked && !waits && view.observed.record.token.is_some()
}
