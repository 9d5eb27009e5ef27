//! Refusals that several concerns share.

use super::view::{View, hold};
use crate::domain::problem::Problem;
use crate::domain::reason::Reason;
use crate::domain::record::{MAX_ABANDONED, MAX_RETIRING, Record};
use crate::domain::secret::SecretState;
use crate::domain::step::{LookStep, Step, WaitStep};
use crate::domain::time::{end_of_second, plus};
use jiff::Timestamp;

pub(super) fn role_not_found(role: &str) -> Step {
    hold(Problem::user(
        Reason::RoleNotFound,
        format!(
            "LaunchDarkly has no custom role {role:?}; correct spec.customRoles or create the role"
        ),
    ))
}

/// How many tokens of the account were retained shows any listing of this process.
pub(super) fn any_listing() -> Step {
    Step::Look(LookStep::ListTokens {
        begun_after: Timestamp::MIN,
    })
}

/// A full list of attempts waits for a listing that tells what became of one of them: nothing else would look at it again.
pub(super) fn too_many_abandoned(view: &View<'_>, record: &Record) -> Option<Step> {
    if record.abandoned.len() < MAX_ABANDONED {
        return None;
    }
    let observed = view.observed;
    let settles = observed.timing.settle.saturating_mul(2);
    let told_after = record
        .abandoned
        .iter()
        .map(|a| plus(end_of_second(a.start_time), settles));
    let unlisted = |time: &Timestamp| observed.listed_at.is_none_or(|listed| listed < *time);
    let next = told_after.filter(unlisted).min();
    Some(match next {
        Some(begun_after) if view.now() >= begun_after => {
            Step::Look(LookStep::ListTokens { begun_after })
        }
        until => Step::Wait(WaitStep::Hold {
            problem: Problem::retry(
                Reason::RotationDelayed,
                format!(
                    "{MAX_ABANDONED} create calls had no answer, and no listing has told what became of them; see whether LaunchDarkly can be reached reliably"
                ),
            ),
            until,
        }),
    })
}

/// Nothing but a revocation replaces while three tokens retire.
pub(super) fn too_many_retiring(view: &View<'_>) -> Step {
    let retiring = view.observed.record.retiring.iter();
    Step::Wait(WaitStep::Hold {
        problem: Problem::retry(
            Reason::RotationDelayed,
            format!("{MAX_RETIRING} replaced tokens still wait for the end of their grace"),
        ),
        until: retiring
            .map(|r| view.observed.clocks.passed_at(r.retirement_time))
            .filter(|time| *time >= view.now())
            .min(),
    })
}

/// The target Secret must be absent or ours.
pub(super) fn secret_in_the_way(view: &View<'_>) -> Option<Step> {
    match &view.observed.secret {
        SecretState::Absent | SecretState::Ours(_) => None,
        SecretState::Unreadable(problem) => Some(hold(problem.clone())),
        SecretState::Foreign { owner } => {
            let name = view
                .desired()
                .map_or("", |desired| desired.secret.name.as_str());
            let owner = owner
                .as_ref()
                .map_or_else(String::new, |o| format!(" (it belongs to {o})"));
            Some(hold(Problem::user(
                Reason::SecretForeign,
                format!(
                    "Secret {name:?} exists and is not this AccessToken's{owner}; delete it or choose another spec.secret.name"
                ),
            )))
        }
    }
}
