//! Decisions that are wrong on purpose: the generated worlds and the model must each notice them.

use launchdarkly_token_operator::domain::decide::decide;
use launchdarkly_token_operator::domain::desired::Desired;
use launchdarkly_token_operator::domain::observed::{Observed, PendingCall, Proof};
use launchdarkly_token_operator::domain::problem::Problem;
use launchdarkly_token_operator::domain::record::PendingOperation;
use launchdarkly_token_operator::domain::secret::Arrangement;
use launchdarkly_token_operator::domain::step::{RecordStep, Step};

/// Calls are made without writing their intent.
pub fn without_intent(desired: &Result<Desired, Problem>, observed: &Observed) -> Step {
    let step = decide(desired, observed);
    let Step::Record(RecordStep::RecordIntent {
        record,
        arrangement,
        ..
    }) = step
    else {
        return step;
    };
    let imagined = Observed {
        record: *record,
        call: PendingCall::Armed(arrangement),
        ..observed.clone()
    };
    decide(desired, &imagined)
}

/// A key in hand is taken for proven.
pub fn without_proof(desired: &Result<Desired, Problem>, observed: &Observed) -> Step {
    let mut believing = observed.clone();
    if let PendingCall::Held { proof, .. } = &mut believing.call {
        *proof = Proof::Accepted;
    }
    decide(desired, &believing)
}

/// A reset without an answer is sent again.
pub fn resetting_again(desired: &Result<Desired, Problem>, observed: &Observed) -> Step {
    let mut hoping = observed.clone();
    let pending = observed.record.pending.as_ref();
    let reset = pending.is_some_and(|pending| pending.operation == PendingOperation::Reset);
    if let (Ok(desired), PendingCall::Empty, true) = (desired, &observed.call, reset) {
        hoping.call = PendingCall::Armed(Box::new(Arrangement {
            layout: desired.secret.clone(),
            grace: desired.rotation.grace,
        }));
    }
    decide(desired, &hoping)
}
