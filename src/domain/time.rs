//! Two clocks: ours and LaunchDarkly's.

use jiff::{SignedDuration, Timestamp, Unit};

/// What both clocks say now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Clocks {
    /// This machine's wall clock.
    pub local: Timestamp,
    /// LaunchDarkly's clock: the local one plus the offset learned from its `Date` header.
    pub remote: Timestamp,
}

impl Clocks {
    /// Two clocks that agree.
    #[must_use]
    pub fn agreeing(now: Timestamp) -> Self {
        Self {
            local: now,
            remote: now,
        }
    }

    /// Whether something that may end after `time` may end: both clocks have passed it.
    #[must_use]
    pub fn passed(&self, time: Timestamp) -> bool {
        self.local > time && self.remote > time
    }

    /// The later of the two, for what must live until a time counted from now.
    #[must_use]
    pub fn later(&self) -> Timestamp {
        self.local.max(self.remote)
    }

    /// When, on the local clock, both clocks will have passed `time`.
    #[must_use]
    pub fn passed_at(&self, time: Timestamp) -> Timestamp {
        let lag = self.local.duration_since(self.remote.min(self.local));
        plus(time, lag).max(time)
    }

    /// A time on the local clock as LaunchDarkly's clock shows it.
    #[must_use]
    pub fn to_remote(&self, local: Timestamp) -> Timestamp {
        plus(local, self.remote.duration_since(self.local))
    }
}

/// `time + duration`, at most the latest time there is.
#[must_use]
pub fn plus(time: Timestamp, duration: SignedDuration) -> Timestamp {
    time.checked_add(duration).unwrap_or(Timestamp::MAX)
}

/// `time - duration`, at least the earliest time there is.
#[must_use]
pub fn minus(time: Timestamp, duration: SignedDuration) -> Timestamp {
    time.checked_sub(duration).unwrap_or(Timestamp::MIN)
}

/// The second that a time is in, as the API server keeps times.
#[must_use]
pub fn whole_second(time: Timestamp) -> Timestamp {
    time.round(
        jiff::TimestampRound::new()
            .smallest(Unit::Second)
            .mode(jiff::RoundMode::Floor),
    )
    .unwrap_or(time)
}

/// Upwards, so that nothing ends before it was promised to.
#[must_use]
pub fn whole_second_up(time: Timestamp) -> Timestamp {
    time.checked_add(SignedDuration::from_nanos(999_999_999))
        .map_or(time, whole_second)
}
