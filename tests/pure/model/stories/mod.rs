//! The stories: each begins somewhere, lets some things happen, and is explored to its end.

mod begin;
mod end;
mod operators;
mod rotation;
mod surroundings;

use std::fmt::Write as _;
use std::time::Instant;

use launchdarkly_token_operator::domain::step::StepKind;
use stateright::{Checker, Model, Path};
use strum::IntoEnumIterator as _;

use super::properties::{TOLD, judge};
use super::settle;
use super::system::{Event, System, World};

/// Declares stories: `name: at least so many states, among the steps these = where it begins and what may happen;`
macro_rules! stories {
    ($($name:ident: $states:literal, [$($step:ident),*] = $system:expr;)*) => {
        /// The steps that occur in these stories, for certain.
        pub const STEPS: &[&[launchdarkly_token_operator::domain::step::StepKind]] = &[
            $(&[$(launchdarkly_token_operator::domain::step::StepKind::$step),*]),*
        ];

        $(
            #[test]
            fn $name() {
                use launchdarkly_token_operator::domain::step::StepKind;
                super::holds(stringify!($name), &$system, $states, &[$(StepKind::$step),*]);
            }
        )*
    };
}
use stories;

/// Explores a story to its end: every property holds, and the story is as rich as it is said to be.
#[track_caller]
fn holds(name: &str, system: &System, at_least: usize, steps: &[StepKind]) {
    let begun = Instant::now();
    let checker = system.clone().checker().threads(2).spawn_bfs().join();
    let states = checker.unique_state_count();
    println!(
        "{name}: {states} states, depth {}, {:.1} s",
        checker.max_depth(),
        begun.elapsed().as_secs_f64()
    );
    let mut found = checker.discoveries();
    assert!(found.remove(TOLD).is_some(), "{name}: never {TOLD}");
    if let Some((property, path)) = found.into_iter().next() {
        let world = path.last_state().clone();
        panic!(
            "{name}: {property}\nbreaches: {:?}\nwrong: {:?}\nstep: {:?}\nafter:\n{}world: {world:#?}",
            world.ledger.breaches,
            settle::comes_right(system, &world),
            judge(system, &world),
            told(system, path)
        );
    }
    assert!(states >= at_least, "{name}: {states} states");
    let occurs = |kind: &StepKind| system.counts.of(*kind) > 0;
    for kind in StepKind::iter().filter(occurs) {
        println!("  {} {}", kind.as_str(), system.counts.of(kind));
    }
    let missing: Vec<_> = steps.iter().filter(|kind| !occurs(kind)).collect();
    assert!(missing.is_empty(), "{name}: {missing:?} never occur");
}

/// What happened on a path, one line an event.
fn told(system: &System, path: Path<World, Event>) -> String {
    let mut lines = String::new();
    for (world, event) in path.into_vec() {
        let step = system.decide(&world.core).map(|(_, step)| step.kind());
        if let Some(event) = event {
            let written = writeln!(lines, "  {event:?}, when {step:?} is next");
            debug_assert!(written.is_ok());
        }
    }
    lines
}

/// With the stories themselves, which fail if a step that they name never occurs.
#[test]
fn every_step_occurs_in_some_story() {
    let parts = [
        begin::STEPS,
        rotation::STEPS,
        end::STEPS,
        surroundings::STEPS,
        operators::STEPS,
    ];
    let named: Vec<StepKind> = parts
        .into_iter()
        .flatten()
        .copied()
        .flatten()
        .copied()
        .collect();
    // The model's account is managed with a key that is no AccessToken's.
    let occurs = |kind: &StepKind| named.contains(kind) || *kind == StepKind::RestoreSecret;
    let missing: Vec<_> = StepKind::iter().filter(|kind| !occurs(kind)).collect();
    assert!(missing.is_empty(), "in no story: {missing:?}");
}
