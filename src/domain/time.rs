//! The clocks, ours and LaunchDarkly's, and times as they are shown: in whole seconds.

use jiff::{RoundMode, SignedDuration, Timestamp, TimestampRound, Unit};

/// What the clocks say now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Clocks {
    /// This machine's wall clock.
    pub local: Timestamp,
    /// LaunchDarkly's clock: the local one plus the offset learned from its `Date` header.
    pub remote: Timestamp,
    /// The earliest that LaunchDarkly's clock may show: a date that it sent once counts here before another one confirms it.
    pub remote_earliest: Timestamp,
    /// The latest that it may show, likewise.
    pub remote_latest: Timestamp,
    /// The steady clock of this process, which nobody can set: what it remembers is dated by it.
    pub steady: Timestamp,
}

/// What to add to the local clock to get LaunchDarkly's: nothing as long as nothing is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RemoteOffset {
    /// The least that it may be: a date that nothing confirms yet counts too.
    pub earliest: SignedDuration,
    /// By the best guess.
    pub likely: SignedDuration,
    /// The most that it may be, likewise.
    pub latest: SignedDuration,
}

impl RemoteOffset {
    /// One that nobody doubts.
    #[must_use]
    pub fn certain(offset: SignedDuration) -> Self {
        Self {
            earliest: offset,
            likely: offset,
            latest: offset,
        }
    }
}

impl Clocks {
    /// Clocks that agree.
    #[must_use]
    pub fn agreeing(now: Timestamp) -> Self {
        Self {
            local: now,
            remote: now,
            remote_earliest: now,
            remote_latest: now,
            steady: now,
        }
    }

    /// This machine's clocks, and LaunchDarkly's, which is so far from the local one.
    #[must_use]
    pub fn new(local: Timestamp, steady: Timestamp, remote: RemoteOffset) -> Self {
        Self {
            local,
            remote: moved(local, remote.likely),
            remote_earliest: moved(local, remote.earliest),
            remote_latest: moved(local, remote.latest),
            steady,
        }
    }

    /// A time on the steady clock as the local one shows it: a clock that was set since then shows it as if it had been right.
    #[must_use]
    pub fn shown(&self, steady: Timestamp) -> Timestamp {
        moved(steady, self.local.duration_since(self.steady))
    }

    /// A time on the local clock as the steady one shows it.
    #[must_use]
    pub fn steadily(&self, local: Timestamp) -> Timestamp {
        moved(local, self.steady.duration_since(self.local))
    }

    /// Whether something that may end after `time` may end: both clocks have passed it.
    #[must_use]
    pub fn passed(&self, time: Timestamp) -> bool {
        self.local.min(self.remote_earliest) > time
    }

    /// The later of the two, for what must live until a time counted from now.
    #[must_use]
    pub fn later(&self) -> Timestamp {
        self.local.max(self.remote).max(self.remote_latest)
    }

    /// When, on the local clock, both clocks will have passed `time`.
    #[must_use]
    pub fn passed_at(&self, time: Timestamp) -> Timestamp {
        let lag = self
            .local
            .duration_since(self.remote_earliest.min(self.local));
        plus(time, lag).max(time)
    }

    /// A time on LaunchDarkly's clock as the local one shows it.
    #[must_use]
    pub fn to_local(&self, remote: Timestamp) -> Timestamp {
        plus(remote, self.local.duration_since(self.remote))
    }

    /// A time on the local clock as LaunchDarkly's clock shows it.
    #[must_use]
    pub fn to_remote(&self, local: Timestamp) -> Timestamp {
        plus(local, self.remote.duration_since(self.local))
    }
}

/// The second in which something happened.
#[must_use]
pub fn whole_second(time: Timestamp) -> Timestamp {
    let second = TimestampRound::new()
        .smallest(Unit::Second)
        .mode(RoundMode::Floor);
    time.round(second).unwrap_or(time)
}

/// The second until which something lasts: upwards, so that nothing ends before it was promised to.
#[must_use]
pub fn whole_second_up(time: Timestamp) -> Timestamp {
    let end = time.checked_add(SignedDuration::from_nanos(999_999_999));
    end.map_or(time, whole_second)
}

/// The end of the second in which something happened, for what has to wait for a while after it.
#[must_use]
pub fn end_of_second(time: Timestamp) -> Timestamp {
    plus(whole_second(time), SignedDuration::from_secs(1))
}

/// What is beyond all times stays there.
fn moved(time: Timestamp, by: SignedDuration) -> Timestamp {
    time.checked_add(by).unwrap_or(time)
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A process that has just started does not know yet which of two clocks is wrong.
    #[test]
    fn nothing_has_passed_before_it_has_by_every_date_that_may_be_right_i3() {
        let now = Timestamp::constant(1_795_348_800, 0);
        let hours = SignedDuration::from_hours;
        for (earliest, likely, latest) in [(-3, 0, 0), (0, 0, 3), (-3, -3, 0), (0, 0, 0)] {
            let offset = RemoteOffset {
                earliest: hours(earliest),
                likely: hours(likely),
                latest: hours(latest),
            };
            let clocks = Clocks::new(now, now, offset);
            for end in -5..5 {
                let time = plus(now, hours(end));
                assert_eq!(clocks.passed(time), end < earliest.min(0));
                let passes = Clocks::new(plus(clocks.passed_at(time), hours(1)), now, offset);
                assert!(passes.passed(time), "{end}");
            }
        }
    }
}
