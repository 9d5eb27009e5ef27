//! Waiting for something to become true, with a deadline.

use std::fmt::Display;
use std::thread;
use std::time::{Duration, Instant};

use crate::RigError;

/// The pauses between two tries: short at first, for what is nearly there. Most tries start a kubectl, which costs more than what is
/// waited for.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_millis(300);

/// Asks `probe` until it answers `Some`, and returns that.
///
/// An error of the probe counts as "not yet": what is waited for may not exist so far. It is shown if
/// the time runs out.
///
/// # Errors
/// [`RigError::Timeout`], naming `what` was waited for and what was seen last.
pub fn until<T>(
    limit: Duration,
    what: &str,
    mut probe: impl FnMut() -> Result<Option<T>, RigError>,
) -> Result<T, RigError> {
    until_ok(limit, what, || match probe() {
        Ok(Some(found)) => Ok(found),
        Ok(None) => Err("it has not happened".to_owned()),
        Err(error) => Err(format!("{error:?}")),
    })
}

/// Asks `probe` until it answers `Ok`, and returns that; its error tells the state it saw instead.
///
/// # Errors
/// [`RigError::Timeout`], naming `what` was waited for and the last state.
pub fn until_ok<T, E: Display>(
    limit: Duration,
    what: &str,
    mut probe: impl FnMut() -> Result<T, E>,
) -> Result<T, RigError> {
    let deadline = Instant::now() + limit;
    let mut pause = FIRST_PAUSE;
    loop {
        match probe() {
            Ok(found) => return Ok(found),
            Err(state) if Instant::now() >= deadline => {
                return Err(RigError::Timeout {
                    what: what.to_owned(),
                    limit,
                    last: state.to_string(),
                });
            }
            Err(_) => thread::sleep(pause),
        }
        pause = LONGEST_PAUSE.min(pause.mul_f32(1.5));
    }
}

/// Asks `holds` until it says `true`.
///
/// # Errors
/// [`RigError::Timeout`], as [`until`].
pub fn until_true(
    limit: Duration,
    what: &str,
    mut holds: impl FnMut() -> Result<bool, RigError>,
) -> Result<(), RigError> {
    until(limit, what, || Ok(holds()?.then_some(())))
}
