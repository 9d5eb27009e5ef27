//! The decision: what to do next for one access token.

mod delete;
mod evidence;
mod intend;
mod pending;
mod publish;
mod reclaim;
mod retire;
mod rotate;
mod secret;
mod settings;
mod view;

pub use evidence::token_in_question;
pub use intend::replaces_unasked;
pub use view::{Wish, heard};

use super::observed::Observed;
use super::record::Record;
use crate::domain::step::{Step, StepKind};
use view::View;

/// Chooses the next step for one access token.
///
/// # Guarantees
/// - Total: every observed world has a step. Deterministic: same input, same step.
/// - An unfinished call is resolved before anything else is begun (I5).
/// - No step makes a key invalid that a consumer may still hold (I3).
/// - Nothing is created before an intent is recorded, and nothing above the account's policy (I5, I9).
///
/// # Assumes
/// `observed` was read after the last effect of this process, and carries how fresh each part is.
#[must_use]
pub fn decide(wish: &Wish, observed: &Observed) -> Step {
    let wish = heard(wish, &observed.record);
    let view = View::new(&wish, observed);
    let ready = |step: &Step| view.setback(step.kind()).is_none();
    let step = delete::end_of_life(&view)
        .or_else(|| view.stay_in_pinned_account())
        .or_else(|| view.keep_finalizer())
        .or_else(|| pending::resolve_pending(&view))
        .or_else(|| view.stay_in_account())
        .or_else(|| retire::retire_tokens(&view).filter(ready))
        .or_else(|| retire::clean_found(&view).filter(ready))
        .or_else(|| view.understand_wish())
        .or_else(|| secret::claim_secret(&view))
        .or_else(|| reclaim::trust_secret(&view))
        .or_else(|| rotate::revoke(&view))
        .or_else(|| view.stay_suspended())
        .or_else(|| intend::obtain_token(&view))
        .or_else(|| secret::replace_lost_key(&view))
        .or_else(|| rotate::rotate_when_due(&view))
        .or_else(|| settings::align_settings(&view))
        .or_else(|| secret::tidy_secret(&view))
        .or_else(|| view.stay_in_policy())
        .or_else(|| secret::prove_late(&view))
        // What could not be cleaned up a moment ago keeps nothing else waiting, but is not passed over in silence.
        .or_else(|| retire::retire_tokens(&view))
        .or_else(|| retire::clean_found(&view))
        .unwrap_or_else(|| view.rest());
    wait_out(&view, step)
}

/// The record as it is to stand while nothing is being done: schedule and generation brought up to date.
#[must_use]
pub fn record_at_rest(wish: &Wish, observed: &Observed) -> Record {
    View::new(&heard(wish, &observed.record), observed).record()
}

/// A step that failed a moment ago is not tried again before its time; while something is waited for, tokens still retire.
fn wait_out(view: &View<'_>, step: Step) -> Step {
    let pause = match view.setback(step.kind()) {
        None if step.is_pause() => step,
        None => return step,
        Some(hold) => {
            let given_up = match hold {
                Step::Hold { terminal, .. } if step.kind() != StepKind::RemoveFinalizer => {
                    delete::give_up_on(view, terminal)
                }
                _ => None,
            };
            match given_up {
                Some(step) => return step,
                None => hold,
            }
        }
    };
    retire::retire_tokens(view)
        .filter(|other| view.observed.deletion.is_none() && view.setback(other.kind()).is_none())
        .unwrap_or(pause)
}
