//! The decision: what to do next for one access token.

mod cut_off;
mod delete;
mod evidence;
mod guards;
mod holds;
mod intent;
mod lost_key;
mod pending;
mod publish;
mod reclaim;
mod reset;
mod restore;
mod retire;
mod revoke;
mod rotate;
mod secret;
mod settings;
mod subject;
mod unknown;
mod view;

pub use intent::replaces_unasked;
pub use rotate::MAX_RESETS_REFUSED;
pub use subject::token_in_question;
pub use view::heard;

use super::observed::Observed;
use super::record::Record;
use crate::domain::desired::Desired;
use crate::domain::problem::Problem;
use crate::domain::step::{Step, StepKind, WaitStep};
use view::View;

/// One question that is asked of every world.
#[derive(Debug, Clone, Copy)]
pub struct Concern {
    /// The name of its function.
    pub name: &'static str,
    /// When it has something to say.
    pub says: &'static str,
    choose: for<'a> fn(&View<'a>) -> Option<Step>,
}

/// Names a concern after its function.
macro_rules! concerns {
    ($($file:ident::$name:ident: $says:literal,)+) => {
        &[$(Concern { name: stringify!($name), says: $says, choose: $file::$name }),+]
    };
}

/// All concerns in the order of their precedence: the first that has something to say wins.
pub const CONCERNS: &[Concern] = concerns![
    delete::end_of_life: "the object is being deleted: wind up",
    guards::stay_in_pinned_account: "the credential is of another account: nothing is written, not even what is under way",
    guards::keep_finalizer: "our finalizer was removed while there are tokens: put it back",
    cut_off::cut_off: "a new cut-off value: every key is to end, before anything else is finished",
    restore::restore_credential: "the key that the account itself is managed with is gone from its Secret, and this process has it: write it again",
    pending::resolve_pending: "a call was announced: finish it, or find out what became of it",
    cut_off::hold_back: "the keys cannot be cut off: say why",
    guards::stay_in_account: "the account cannot be used: hold",
    guards::know_own_token: "LaunchDarkly does not say which token the operator uses itself: the listing tells",
    retire::retire_tokens: "replaced tokens get an end of life, and are deleted when due; after a failure not before its back-off is over",
    retire::clean_found: "a token with our marker that is not recorded: delete it or let it retire; after a failure likewise",
    revoke::ask_revoked_key: "a revoked key that is to be dead by now: ask LaunchDarkly",
    revoke::revoke_whatever_the_spec: "a new revoke value, though the spec is invalid",
    guards::require_valid_spec: "the spec is invalid: hold",
    secret::claim_secret: "the Secret belongs to another owner, or cannot be read: hold",
    reclaim::reclaim_secret: "a Secret of ours knows more than the status: reclaim it",
    revoke::revoke: "a new revoke value",
    guards::stay_suspended: "`spec.suspend`: nothing below, but what the policy would refuse now is said",
    intent::obtain_token: "no token yet: create one",
    lost_key::replace_lost_key: "the key is gone from the Secret, or the token from LaunchDarkly, or it is about to end",
    unknown::leave_shared_token: "another operator with our markers may end the token in use: take one that it does not know",
    rotate::rotate_when_due: "a new trigger value, or the due time",
    settings::align_settings: "edits of the spec, and drift",
    secret::tidy_secret: "the previous key, labels and annotations, a former Secret",
    guards::stay_in_policy: "a token that the policy would refuse now: say so",
    secret::prove_late: "a proof still owed",
    revoke::still_accepted: "a revoked key is not dead",
    revoke::spare_own_token: "a key that is to end is the operator's own",
    retire::still_retiring: "once more: a failure to retire is not passed over in silence",
    retire::still_found: "once more: nor is a failure to clean up",
];

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
pub fn decide(desired: &Result<Desired, Problem>, observed: &Observed) -> Step {
    let desired = heard(desired, &observed.record);
    let view = View::new(&desired, observed);
    let step = CONCERNS.iter().find_map(|concern| (concern.choose)(&view));
    let step = wait_out(&view, step.unwrap_or_else(|| view.rest()));
    revoke::say_blocked(&view, revoke::hurry(&view, step))
}

/// What takes the place of a [chosen](decide) step that begins a call, in a process that is to end; `None` for nothing.
#[must_use]
pub fn instead_of_call(desired: &Result<Desired, Problem>, observed: &Observed) -> Option<Step> {
    let heard = heard(desired, &observed.record);
    pending::drop_unsent(&View::new(&heard, observed))
}

/// The record as it is to stand while nothing is being done: schedule, generation and unknown tokens brought up to date.
#[must_use]
pub fn record_at_rest(desired: &Result<Desired, Problem>, observed: &Observed) -> Record {
    let heard = heard(desired, &observed.record);
    let view = View::new(&heard, observed);
    let mut record = view.record();
    if let Some(unknown) = unknown::unknown(&view) {
        record.unknown_tokens = unknown;
    }
    record
}

/// A step that failed a moment ago is not tried again before its time; while something is waited for, tokens still retire.
fn wait_out(view: &View<'_>, step: Step) -> Step {
    let pause = match view.retry(step.kind()) {
        None if step.is_pause() => step,
        None => return step,
        Some(hold) => {
            let given_up = match hold {
                Step::Wait(WaitStep::Hold { ref problem, .. })
                    if step.kind() != StepKind::RemoveFinalizer =>
                {
                    delete::give_up_on(view, problem.needs_user())
                }
                _ => None,
            };
            match given_up {
                Some(step) => return step,
                None => hold,
            }
        }
    };
    retire::still_retiring(view)
        .filter(|other| view.observed.deletion.is_none() && view.retry(other.kind()).is_none())
        .unwrap_or(pause)
}
