//! Mutations of the decision: each must break an invariant on the generated worlds, or the invariants are worth nothing.

use launchdarkly_token_operator::domain::decide::decide;
use launchdarkly_token_operator::domain::desired::Desired;
use launchdarkly_token_operator::domain::observed::{Account, Observed};
use launchdarkly_token_operator::domain::problem::Problem;
use launchdarkly_token_operator::domain::record::AbandonedAttempt;
use launchdarkly_token_operator::domain::secret::SecretRevision;
use launchdarkly_token_operator::domain::step::{SecretStep, Step};
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::{Config, RngSeed, TestRunner};

use crate::decide_properties::generate::any_world;
use crate::decide_properties::invariants::{ALL, Case};
use crate::decide_properties::mutants::{resetting_again, without_intent, without_proof};

/// Some world shows that the mutation breaks this invariant.
#[track_caller]
fn breaks(mutated: fn(&Result<Desired, Problem>, &Observed) -> Step, invariant: &str) {
    let mut runner = TestRunner::new(Config {
        rng_seed: RngSeed::Fixed(20_261_122),
        ..Config::default()
    });
    let (_, holds) = ALL.iter().find(|(name, _)| *name == invariant).unwrap();
    let worlds = any_world();
    let found = (0..10_000).any(|_| {
        let world = worlds.new_tree(&mut runner).unwrap().current();
        let step = mutated(&world.desired, &world.observed);
        let case = Case {
            desired: &world.desired,
            observed: &world.observed,
            step: &step,
        };
        holds(&case).is_err()
    });
    assert!(found, "{invariant} holds");
}

#[test]
fn without_intents_i5_is_broken() {
    breaks(without_intent, "I5 no call without its intent");
}

#[test]
fn without_proof_i2_is_broken() {
    breaks(without_proof, "I2 only a key that may work is published");
}

#[test]
fn with_a_reset_that_is_repeated_i5_is_broken() {
    breaks(resetting_again, "I5 no call without its intent");
}

#[test]
fn without_fencing_i6_is_broken() {
    breaks(
        |desired, observed| {
            let mut step = decide(desired, observed);
            if let Step::Secret(SecretStep::PublishKey { plan, .. }) = &mut step {
                plan.at = SecretRevision::Absent;
            }
            step
        },
        "I6 a Secret is written as it was read, and ours",
    );
}

#[test]
fn without_the_budget_i14_is_broken() {
    breaks(
        |desired, observed| {
            let mut unbounded = observed.clone();
            if let Account::Usable(facts) = &mut unbounded.account {
                facts.held_by_budget = None;
            }
            decide(desired, &unbounded)
        },
        "I14 unasked replacements are within the budget",
    );
}

#[test]
fn with_markers_that_are_believed_i6_is_broken() {
    breaks(
        |desired, observed| {
            let mut believing = observed.clone();
            let found = observed.found.iter();
            believing
                .record
                .abandoned
                .extend(found.map(|found| AbandonedAttempt {
                    attempt: found.attempt.clone(),
                    start_time: observed.clocks.local,
                }));
            decide(desired, &believing)
        },
        "I6 a marker alone is no reason to end a token",
    );
}
