//! What LaunchDarkly says of a key.

use rig::{SimulatorProcess, wait};

use crate::stage::PATIENCE;

/// Asserts that LaunchDarkly accepts a key.
pub fn accepted(simulator: &SimulatorProcess, key: &str) {
    assert_eq!(answer(simulator, key), 200, "the key should be accepted");
}

/// Asserts that LaunchDarkly refuses a key.
pub fn refused(simulator: &SimulatorProcess, key: &str) {
    assert_eq!(answer(simulator, key), 401, "the key should be refused");
}

/// What LaunchDarkly says of a key, once its rate limit lets it say something.
fn answer(simulator: &SimulatorProcess, key: &str) -> u16 {
    wait::until(PATIENCE, "an answer other than 429", || {
        Ok(Some(simulator.call_with_key(key)?).filter(|status| *status != 429))
    })
    .unwrap()
}
