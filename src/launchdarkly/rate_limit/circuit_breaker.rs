//! An account whose calls all fail costs one call an interval, not one an object (I13).

use std::time::Duration;

use tokio::time::Instant;

/// So many failures in a row, whatever was asked for, are no accident of single calls.
const FAILURES: u32 = 5;
/// How long nothing leaves at first; twice as long after every further failure.
const FIRST_REST: Duration = Duration::from_secs(1);
/// How long nothing leaves at most: users should not wait much longer than the outage lasts.
const LONGEST_REST: Duration = Duration::from_secs(60);

/// Whether LaunchDarkly fails whatever it is asked.
#[derive(Debug, Default)]
pub(super) struct CircuitBreaker {
    failures: u32,
    rest_until: Option<Instant>,
}

impl CircuitBreaker {
    /// Whether the last calls failed, so that only one at a time should be made.
    pub(super) fn is_on(&self) -> bool {
        self.rest_until.is_some()
    }

    /// Until when no call should be made.
    pub(super) fn lasts_until(&self, now: Instant) -> Option<Instant> {
        self.rest_until.filter(|until| *until > now)
    }

    /// LaunchDarkly answered, whatever it said.
    pub(super) fn over(&mut self) {
        *self = Self::default();
    }

    /// A call failed: no answer, or none that makes sense.
    pub(super) fn failed(&mut self, now: Instant, jittered: impl Fn(Duration) -> Duration) {
        self.failures = self.failures.saturating_add(1);
        let Some(beyond) = self.failures.checked_sub(FAILURES) else {
            return;
        };
        let rest = FIRST_REST.saturating_mul(1 << beyond.min(6));
        self.rest_until = Some(now + jittered(rest.min(LONGEST_REST)));
    }
}
