//! What is decided in worlds that are made of the bytes: where the generators of `tests/decide_properties` choose, the next ones say what.

use launchdarkly_token_operator::domain::decide::{decide as chosen, heard, record_at_rest};
use proptest::strategy::{BoxedStrategy, Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::generate::any_world;
use crate::invariants::Case;
use crate::worlds::Given;

thread_local! {
    static WORLDS: BoxedStrategy<Given> = any_world();
}

/// There is a step, the same one each time, that breaks no invariant and is not chosen for ever.
pub fn decide(bytes: &[u8]) {
    let Some(world) = world(bytes) else { return };
    let step = world.decides();
    assert_eq!(world.decides(), step);
    let wish = heard(&world.wish, &world.observed.record);
    let case = Case {
        wish: &wish,
        observed: &world.observed,
        step: &step,
    };
    if let Err(broken) = case.judge() {
        panic!("{broken}\nin {world:#?}");
    }
    let mut after = world.observed.clone();
    if let Some(record) = step.record() {
        after.record = record.clone();
        assert_ne!(chosen(&world.wish, &after), step, "in {world:#?}");
    }
    after.record = record_at_rest(&world.wish, &world.observed);
    let again = record_at_rest(&world.wish, &after);
    assert_eq!(again, after.record, "in {world:#?}");
}

fn world(bytes: &[u8]) -> Option<Given> {
    let config = Config {
        failure_persistence: None,
        max_local_rejects: 64,
        ..Config::default()
    };
    let source = TestRng::from_seed(RngAlgorithm::PassThrough, bytes);
    let mut runner = TestRunner::new_with_rng(config, source);
    let world = WORLDS.with(|worlds| worlds.new_tree(&mut runner));
    Some(world.ok()?.current())
}
