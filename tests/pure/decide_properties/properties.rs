//! Properties of `decide` on generated worlds.

use std::collections::BTreeMap;

use launchdarkly_token_operator::domain::decide::{decide, heard, record_at_rest};
use launchdarkly_token_operator::domain::step::StepKind;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use strum::IntoEnumIterator as _;

use crate::decide_properties::generate::any_world;
use crate::decide_properties::invariants::{ALL, Case};
use crate::decide_properties::worlds::Given;

/// The same worlds in every run; `PROPTEST_CASES` and `PROPTEST_RNG_SEED` ask for more, and for others.
pub fn on_many_worlds(cases: u32, mut holds: impl FnMut(&Given) -> Result<(), TestCaseError>) {
    let given = Config::default();
    let config = Config {
        cases: cases.max(given.cases),
        rng_seed: match given.rng_seed {
            RngSeed::Random => RngSeed::Fixed(20_261_122),
            RngSeed::Fixed(seed) => RngSeed::Fixed(seed),
        },
        failure_persistence: None,
        ..given
    };
    let holds = std::cell::RefCell::new(&mut holds);
    let outcome = TestRunner::new(config).run(&any_world(), |world| holds.borrow_mut()(&world));
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
}

#[test]
fn every_world_has_a_step_and_the_same_one_each_time() {
    on_many_worlds(1_000, |world| {
        prop_assert_eq!(world.decides(), world.decides());
        Ok(())
    });
}

#[test]
fn no_step_breaks_an_invariant_and_every_step_is_chosen_somewhere() {
    let mut counts: BTreeMap<StepKind, u32> = StepKind::iter().map(|kind| (kind, 0)).collect();
    on_many_worlds(12_000, |world| {
        let step = world.decides();
        *counts.entry(step.kind()).or_default() += 1;
        let desired = heard(&world.desired, &world.observed.record);
        let case = Case {
            desired: &desired,
            observed: &world.observed,
            step: &step,
        };
        case.judge().map_err(TestCaseError::fail)
    });
    println!("{counts:#?}");
    let never: Vec<_> = counts.iter().filter(|(_, count)| **count == 0).collect();
    assert!(never.is_empty(), "never chosen: {never:?}");
}

/// A step that writes the record, chosen again on that very record, would be chosen for ever.
#[test]
fn a_record_is_never_written_twice() {
    on_many_worlds(4_000, |world| {
        let step = world.decides();
        let Some(record) = step.record() else {
            return Ok(());
        };
        let mut after = world.observed.clone();
        after.record = record.clone();
        prop_assert_ne!(decide(&world.desired, &after), step);
        Ok(())
    });
}

/// What is written while nothing is to be done is written once (I8).
#[test]
fn a_record_at_rest_stays_as_it_is() {
    on_many_worlds(2_000, |world| {
        let record = record_at_rest(&world.desired, &world.observed);
        let mut after = world.observed.clone();
        after.record = record.clone();
        prop_assert_eq!(record_at_rest(&world.desired, &after), record);
        Ok(())
    });
}

#[test]
fn every_invariant_is_named_after_its_number() {
    for (name, _) in ALL {
        println!("{name}");
    }
    for number in [
        "I2", "I3", "I4", "I5", "I6", "I9", "I10", "I11", "I12", "I14",
    ] {
        let named = |name: &str| name.split(' ').next() == Some(number);
        assert!(ALL.iter().any(|(name, _)| named(name)), "{number}");
    }
}
