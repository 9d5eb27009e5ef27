//! Decisions that are wrong on purpose: the generated worlds and the model must each notice them.

use launchdarkly_token_operator::domain::decide::{Wish, decide};
use launchdarkly_token_operator::domain::observed::{Hand, Observed, Proof};
use launchdarkly_token_operator::domain::record::PendingOperation;
use launchdarkly_token_operator::domain::secret::Arrangement;
use launchdarkly_token_operator::domain::step::Step;

/// Calls are made without writing their intent.
pub fn without_intent(wish: &Wish, observed: &Observed) -> Step {
    let step = decide(wish, observed);
    let Step::RecordIntent {
        record,
        arrangement,
        ..
    } = step
    else {
        return step;
    };
    let imagined = Observed {
        record: *record,
        hand: Hand::Armed(arrangement),
        ..observed.clone()
    };
    decide(wish, &imagined)
}

/// A key in hand is taken for proven.
pub fn without_proof(wish: &Wish, observed: &Observed) -> Step {
    let mut believing = observed.clone();
    if let Hand::Held { proof, .. } = &mut believing.hand {
        *proof = Proof::Accepted;
    }
    decide(wish, &believing)
}

/// A reset without an answer is sent again.
pub fn resetting_again(wish: &Wish, observed: &Observed) -> Step {
    let mut hoping = observed.clone();
    let pending = observed.record.pending.as_ref();
    let reset = pending.is_some_and(|pending| pending.operation == PendingOperation::Reset);
    if let (Wish::Valid(desired), Hand::Empty, true) = (wish, &observed.hand, reset) {
        hoping.hand = Hand::Armed(Box::new(Arrangement {
            layout: desired.secret.clone(),
            grace: desired.rotation.grace,
        }));
    }
    decide(wish, &hoping)
}
