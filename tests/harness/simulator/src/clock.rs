//! The simulator's clock: the wall clock plus an offset that tests advance.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Wall-clock time plus an offset. Every expiry, window and `Date` header follows it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Clock {
    offset_ms: i64,
}

impl Clock {
    /// A clock that is `offset_ms` milliseconds ahead of the wall clock (behind it when negative).
    #[must_use]
    pub fn with_offset(offset_ms: i64) -> Self {
        Self { offset_ms }
    }

    /// Milliseconds since the Unix epoch, as the simulator sees them.
    #[must_use]
    pub fn now_ms(self) -> i64 {
        wall_ms().saturating_add(self.offset_ms)
    }

    /// How far this clock is ahead of the wall clock, in milliseconds.
    #[must_use]
    pub fn offset_ms(self) -> i64 {
        self.offset_ms
    }

    /// Moves the clock forward (or back, when negative) by `by_ms` milliseconds.
    pub fn advance(&mut self, by_ms: i64) {
        self.offset_ms = self.offset_ms.saturating_add(by_ms);
    }

    /// The value of a `Date` header now.
    #[must_use]
    pub fn http_date(self) -> String {
        let ms = u64::try_from(self.now_ms()).unwrap_or(0);
        httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_millis(ms))
    }
}

/// Milliseconds since the Unix epoch on the machine's own clock.
#[must_use]
pub fn wall_ms() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|since| i64::try_from(since.as_millis()).ok())
        .unwrap_or(0)
}
