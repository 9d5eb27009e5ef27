//! What must hold before anything else is thought of.

use jiff::Timestamp;

use super::view::{View, hold};
use crate::domain::durations;
use crate::domain::observed::{Account, Admission};
use crate::domain::problem::Problem;
use crate::domain::reason::Reason;
use crate::domain::step::{ObjectStep, Step, WaitStep};
use crate::domain::time::plus;

/// With another account behind the credential nothing is written anywhere, not even what is under way (I10).
pub(super) fn stay_in_pinned_account(view: &View<'_>) -> Option<Step> {
    let usable = matches!(view.observed.account, Account::Usable(_));
    view.account().err().filter(|_| usable)
}

/// An unusable or wrong account ends the round: no call can be made.
pub(super) fn stay_in_account(view: &View<'_>) -> Option<Step> {
    view.account().err()
}

/// Before a token is ended it must be known that the operator does not use it itself. Where LaunchDarkly does not say, a listing does;
/// while none is to be had, whatever ends no token goes on.
pub(super) fn know_own_token(view: &View<'_>) -> Option<Step> {
    let has_tokens = view.observed.record.token_ids().next().is_some();
    let listing = view.find_own_token().filter(|_| has_tokens)?;
    view.retry(listing.kind()).is_none().then_some(listing)
}

/// An object that answers for tokens must not go without cleaning up, even if our finalizer was removed.
pub(super) fn keep_finalizer(view: &View<'_>) -> Option<Step> {
    let record = &view.observed.record;
    let answers = record.pending.is_some() || record.token_ids().next().is_some();
    (answers && !view.observed.finalizer).then_some(Step::Object(ObjectStep::AddFinalizer))
}

/// An invalid spec ends the round: what worked before goes on working.
pub(super) fn require_valid_spec(view: &View<'_>) -> Option<Step> {
    match view.desired {
        Ok(_) => None,
        Err(problem) => Some(hold(problem.clone())),
    }
}

/// A suspended object is left alone, but a key that the policy does not allow any more is never kept silently (I9).
pub(super) fn stay_suspended(view: &View<'_>) -> Option<Step> {
    let suspended = view.desired().is_some_and(|desired| desired.suspend);
    suspended.then(|| {
        let refused = view.observed.record.token.as_ref();
        let refused = refused.and_then(|_| stay_in_policy(view).or_else(|| too_old(view)));
        let too_old_at = max_age_ends(view).filter(|end| *end > view.now());
        refused.unwrap_or_else(|| {
            Step::Wait(WaitStep::Rest {
                until: view.next_look().into_iter().chain(too_old_at).min(),
            })
        })
    })
}

/// When the key in use is older than the policy allows, where it says so.
fn max_age_ends(view: &View<'_>) -> Option<Timestamp> {
    let max = view.account().ok()?.max_rotation_interval?;
    Some(plus(view.observed.record.rotation.last?, max))
}

/// Suspending an object is no way around the longest interval that the account allows.
fn too_old(view: &View<'_>) -> Option<Step> {
    let max = view.account().ok()?.max_rotation_interval?;
    let over = max_age_ends(view)? <= view.now();
    over.then(|| {
        let message = format!(
            "suspended, and the key was last rotated longer ago than the {} that the account allows; set spec.suspend to false",
            durations::format(max)
        );
        Step::Wait(WaitStep::Hold {
            problem: Problem::user(Reason::NotAllowedByPolicy, message),
            until: view.next_look(),
        })
    })
}

/// A token that an edited policy would no longer allow is kept, but never silently (I9).
pub(super) fn stay_in_policy(view: &View<'_>) -> Option<Step> {
    match &view.account().ok()?.admission {
        Admission::Refused(problem) => Some(Step::Wait(WaitStep::Hold {
            problem: problem.clone(),
            until: view.next_look(),
        })),
        Admission::Granted
        | Admission::NeedsRoles
        | Admission::NeedsListing
        | Admission::NoRoom(_) => None,
    }
}
