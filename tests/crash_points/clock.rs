//! The machine's clock plus what tests let pass at once.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use launchdarkly_token_operator::runtime::clock::{Clock, SystemClock};

/// Runs like the machine's clock, ahead of it.
#[derive(Default)]
pub struct TestClock(AtomicI64);

impl TestClock {
    pub fn advance(&self, by_ms: i64) {
        self.0.fetch_add(by_ms, Ordering::SeqCst);
    }

    pub fn ahead_ms(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }

    pub fn ahead(&self) -> SignedDuration {
        SignedDuration::from_millis(self.ahead_ms())
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        SystemClock.now() + self.ahead()
    }

    fn since_boot(&self) -> Duration {
        let ahead = u64::try_from(self.ahead_ms()).unwrap_or_default();
        SystemClock.since_boot() + Duration::from_millis(ahead)
    }
}
