//! Mutations of the decision and of the world: each must break a property, or the properties are worth nothing.

use launchdarkly_token_operator::domain::decide::decide;
use launchdarkly_token_operator::domain::desired::Desired;
use launchdarkly_token_operator::domain::ids::TokenId;
use launchdarkly_token_operator::domain::observed::Observed;
use launchdarkly_token_operator::domain::problem::Problem;
use launchdarkly_token_operator::domain::secret::SecretRevision;
use launchdarkly_token_operator::domain::secret::SecretState;
use launchdarkly_token_operator::domain::step::{CallStep, RecordStep, SecretStep, Step, WaitStep};
use stateright::{Checker, HasDiscoveries, Model};

use super::edits::Edit;
use super::execute::Fate;
use super::properties::{
    COMES_RIGHT, DUE_ONCE, KEY_AT_REST, NO_BLIND_CALL, NO_DEAD_KEY, NO_OUTAGE, NO_RESET_AGAIN,
    NO_RESET_IN_GRACE, NOTHING_FOREIGN, REQUESTED_ONCE, SECRET_STAYS,
};
use super::scenarios::{applied, settled, spec};
use super::system::System;
use crate::decide_properties::mutants::{resetting_again, without_intent, without_proof};

/// Each property has a counterexample in the story.
#[track_caller]
fn breaks(system: System, properties: &[&'static str]) {
    let checker = system
        .checker()
        .threads(2)
        .finish_when(HasDiscoveries::AllOf(properties.iter().copied().collect()))
        .spawn_bfs()
        .join();
    let found = checker.discoveries();
    println!(
        "{} states, broken: {:?}",
        checker.unique_state_count(),
        found.keys()
    );
    for property in properties {
        assert!(found.contains_key(property), "{property} holds");
    }
}

#[test]
fn without_intents_tokens_leak() {
    let system = applied(spec()).deciding(without_intent).faults(1);
    breaks(system, &[COMES_RIGHT, NO_BLIND_CALL]);
}

#[test]
fn without_proof_a_dead_key_is_published() {
    let system = applied(spec()).deciding(without_proof);
    let system = system.failing_by(&[Fate::DeadKey]).faults(1);
    breaks(system, &[KEY_AT_REST, NO_OUTAGE, NO_DEAD_KEY]);
}

#[test]
fn a_reset_that_is_repeated_cuts_the_key_in_use() {
    let system = settled(spec()).deciding(resetting_again);
    let system = system.faults(1).edits(&[Edit::Trigger]);
    breaks(system, &[NO_OUTAGE, NO_RESET_AGAIN, NO_RESET_IN_GRACE]);
}

#[test]
fn a_write_that_is_not_fenced_brings_a_dead_key_back() {
    let system = settled(spec().replacing()).unfenced();
    let system = system.pauses(1).waits(1).edits(&[Edit::Trigger]);
    breaks(system, &[NO_OUTAGE, NO_DEAD_KEY]);
}

/// A Secret into which a predecessor may still write is not touched first.
fn without_touching(desired: &Result<Desired, Problem>, observed: &Observed) -> Step {
    let mut trusting = observed.clone();
    if let (SecretState::Ours(secret), Some(pending)) =
        (&mut trusting.secret, &observed.record.pending)
    {
        secret.marks.fence = Some(pending.attempt.clone());
    }
    decide(desired, &trusting)
}

#[test]
fn a_predecessor_that_is_not_fenced_off_publishes_what_was_given_up() {
    let system = settled(spec().replacing()).deciding(without_touching);
    let system = system.pauses(1).waits(2).edits(&[Edit::Trigger]);
    breaks(system, &[NO_OUTAGE]);
}

/// Handled requests are forgotten.
fn forgetful(desired: &Result<Desired, Problem>, observed: &Observed) -> Step {
    match decide(desired, observed) {
        Step::Record(RecordStep::RecordPublication(mut record)) => {
            record.rotation.handled.clear();
            Step::Record(RecordStep::RecordPublication(record))
        }
        step => step,
    }
}

#[test]
fn a_trigger_that_is_not_noted_rotates_again() {
    let system = settled(spec()).deciding(forgetful).edits(&[Edit::Trigger]);
    breaks(system, &[REQUESTED_ONCE]);
}

/// The due time stays what it was.
fn late_already(desired: &Result<Desired, Problem>, observed: &Observed) -> Step {
    match decide(desired, observed) {
        Step::Record(RecordStep::RecordPublication(mut record)) => {
            record.rotation.next = observed.record.rotation.next;
            Step::Record(RecordStep::RecordPublication(record))
        }
        step => step,
    }
}

#[test]
fn a_due_time_that_is_not_moved_on_rotates_again() {
    let system = settled(spec().scheduled().replacing()).deciding(late_already);
    breaks(system.waits(4), &[DUE_ONCE]);
}

/// A replaced token is deleted as soon as the new key is in the Secret.
fn without_grace(desired: &Result<Desired, Problem>, observed: &Observed) -> Step {
    match decide(desired, observed) {
        Step::Record(RecordStep::RecordPublication(mut record)) => {
            for retiring in &mut record.retiring {
                retiring.retirement_time =
                    observed.clocks.local - jiff::SignedDuration::from_secs(1);
            }
            Step::Record(RecordStep::RecordPublication(record))
        }
        step => step,
    }
}

#[test]
fn without_a_grace_consumers_are_refused() {
    let system = settled(spec().replacing()).deciding(without_grace);
    breaks(system.edits(&[Edit::Trigger]), &[NO_OUTAGE]);
}

/// Tokens that turn up are overlooked.
fn without_looking(desired: &Result<Desired, Problem>, observed: &Observed) -> Step {
    let blind = Observed {
        found: Vec::new(),
        ..observed.clone()
    };
    decide(desired, &blind)
}

#[test]
fn without_looking_for_lost_creates_tokens_leak() {
    let system = applied(spec()).deciding(without_looking).faults(1);
    breaks(system, &[COMES_RIGHT]);
}

/// The Secret is taken for a former one.
fn tidying_too_much(desired: &Result<Desired, Problem>, observed: &Observed) -> Step {
    match (
        decide(desired, observed),
        &observed.record.secret,
        &observed.secret,
    ) {
        (Step::Wait(WaitStep::Rest { .. }), Some(recorded), SecretState::Ours(secret)) => {
            Step::Secret(SecretStep::DeleteSecret {
                name: recorded.name.clone(),
                at: SecretRevision::Exactly {
                    uid: secret.uid.clone(),
                    version: secret.version.clone(),
                },
            })
        }
        (step, _, _) => step,
    }
}

#[test]
fn a_secret_in_use_that_is_tidied_away_is_noticed() {
    breaks(settled(spec()).deciding(tidying_too_much), &[SECRET_STAYS]);
}

/// Whatever is called as ours is called is taken for ours.
fn judging_by_the_name(desired: &Result<Desired, Problem>, observed: &Observed) -> Step {
    match decide(desired, observed) {
        Step::Wait(WaitStep::Rest { .. }) => Step::Call(CallStep::DeleteToken {
            token_id: TokenId::new("neighbour"),
            urgent: false,
        }),
        step => step,
    }
}

#[test]
fn a_token_that_only_has_the_name_is_not_ours() {
    breaks(
        settled(spec()).deciding(judging_by_the_name),
        &[NOTHING_FOREIGN],
    );
}
