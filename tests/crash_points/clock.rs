//! The machine's clock plus what tests let pass at once, and by how much somebody set it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use launchdarkly_token_operator::runtime::clock::{Clock, SystemClock};

/// Runs like the machine's clock, ahead of it.
#[derive(Default)]
pub struct TestClock {
    ahead: AtomicI64,
    /// By how much the wall clock alone is wrong.
    wrong: AtomicI64,
}

impl TestClock {
    pub fn advance(&self, by_ms: i64) {
        self.ahead.fetch_add(by_ms, Ordering::SeqCst);
    }

    /// Sets the wall clock forward or back.
    pub fn set(&self, by_ms: i64) {
        self.wrong.fetch_add(by_ms, Ordering::SeqCst);
    }

    pub fn ahead_ms(&self) -> i64 {
        self.ahead.load(Ordering::SeqCst)
    }

    fn right(&self) -> Timestamp {
        SystemClock.now() + SignedDuration::from_millis(self.ahead_ms())
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        self.right() + SignedDuration::from_millis(self.wrong.load(Ordering::SeqCst))
    }

    fn since_boot(&self) -> Duration {
        let ahead = u64::try_from(self.ahead_ms()).unwrap_or_default();
        SystemClock.since_boot() + Duration::from_millis(ahead)
    }
}

/// The same clock on a machine where nobody sets it: that of the API server.
pub struct RightClock(pub Arc<TestClock>);

impl Clock for RightClock {
    fn now(&self) -> Timestamp {
        self.0.right()
    }

    fn since_boot(&self) -> Duration {
        self.0.since_boot()
    }
}
