//! LaunchDarkly's clock, learned from the `Date` header of its answers.

use std::time::Instant;

use jiff::{SignedDuration, Timestamp};

/// `Date` has whole seconds: the true time is up to this much later.
const GRAIN: SignedDuration = SignedDuration::from_secs(1);

/// What to add to the local clock to get LaunchDarkly's: somewhere between two bounds.
///
/// Each answer allows a range of offsets, about a second wide. Ranges that overlap narrow each other; one that does not
/// means that a clock was set, and replaces what was known.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct RemoteClock {
    earliest: SignedDuration,
    latest: SignedDuration,
    learned: Option<Reading>,
}

/// The local clocks at one moment. Only the wall clock can be set.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading {
    pub(super) wall: Timestamp,
    pub(super) steady: Instant,
}

impl Reading {
    pub(super) fn now() -> Self {
        Self {
            wall: Timestamp::now(),
            steady: Instant::now(),
        }
    }

    /// How far the wall clock was set since an earlier reading.
    fn set_since(&self, earlier: &Self) -> SignedDuration {
        let passed = self.steady.saturating_duration_since(earlier.steady);
        let passed = SignedDuration::try_from(passed).unwrap_or(SignedDuration::MAX);
        self.wall
            .duration_since(earlier.wall)
            .saturating_sub(passed)
    }
}

impl RemoteClock {
    /// Learns from an answer dated `date`, which was made between `sent_at` on the local clock and `received`.
    pub(super) fn learn(&mut self, date: Timestamp, sent_at: Timestamp, received: Reading) {
        let earliest = date.duration_since(received.wall);
        let latest = date.duration_since(sent_at).saturating_add(GRAIN);
        if earliest > latest {
            return; // the local clock was set back meanwhile
        }
        let set = self.set_since_learned(received);
        let (low, high) = (
            self.earliest.saturating_sub(set).max(earliest),
            self.latest.saturating_sub(set).min(latest),
        );
        (self.earliest, self.latest) = if self.learned.is_some() && low <= high {
            (low, high)
        } else {
            (earliest, latest)
        };
        self.learned = Some(received);
    }

    /// Whether anything is known.
    pub(super) fn is_known(&self) -> bool {
        self.learned.is_some()
    }

    /// The best guess; zero as long as nothing is known. Setting the local clock does not move LaunchDarkly's.
    pub(super) fn offset(&self, now: Reading) -> SignedDuration {
        let guess = self.earliest.saturating_add(self.latest) / 2;
        guess.saturating_sub(self.set_since_learned(now))
    }

    /// How long, at most, until LaunchDarkly's clock shows `at`; not positive when it already does.
    pub(super) fn longest_wait_until(&self, at: Timestamp, now: Reading) -> SignedDuration {
        let offset = self.earliest.saturating_sub(self.set_since_learned(now));
        at.duration_since(now.wall) - offset
    }

    fn set_since_learned(&self, now: Reading) -> SignedDuration {
        self.learned
            .map_or(SignedDuration::ZERO, |learned| now.set_since(&learned))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;
    use std::time::Duration;

    use super::*;

    static START: LazyLock<Instant> = LazyLock::new(Instant::now);

    fn at(millisecond: i64) -> Timestamp {
        Timestamp::from_millisecond(1_793_000_000_000 + millisecond).unwrap()
    }

    /// A reading so many milliseconds after the start, of a wall clock that was set by so many.
    fn reading(after: i64, set: i64) -> Reading {
        Reading {
            wall: at(after + set),
            steady: *START + Duration::from_millis(after.unsigned_abs()),
        }
    }

    fn millis(offset: SignedDuration) -> i128 {
        offset.as_millis()
    }

    #[test]
    fn answers_narrow_the_offset_to_less_than_a_second() {
        let mut clock = RemoteClock::default();
        // LaunchDarkly is 90.4 s ahead; requests take 20 ms.
        for sent in [0, 350, 700, 1_590, 2_610] {
            let true_remote = sent + 10 + 90_400;
            let date = at(true_remote / 1_000 * 1_000);
            clock.learn(date, at(sent), reading(sent + 20, 0));
        }
        let ahead = SignedDuration::from_millis(90_400);
        assert!(
            clock.earliest <= ahead && ahead <= clock.latest,
            "{clock:?}"
        );
        assert!(clock.latest - clock.earliest < GRAIN / 2, "{clock:?}");
    }

    #[test]
    fn setting_the_local_clock_does_not_move_the_remote_one() {
        let mut clock = RemoteClock::default();
        clock.learn(at(0), at(0), reading(10, 0));
        let hour = 3_600_000;
        let now = reading(1_000, hour);
        let remote = now.wall.saturating_add(clock.offset(now)).unwrap();
        assert!((remote.as_millisecond() - at(1_495).as_millisecond()).abs() <= 10);
    }

    #[test]
    fn a_remote_clock_that_was_set_is_believed_at_once() {
        let mut clock = RemoteClock::default();
        clock.learn(at(0), at(0), reading(10, 0));
        let now = reading(1_010, 0);
        clock.learn(at(3_600_000), at(1_000), now);
        assert!(
            (millis(clock.offset(now)) - 3_599_495).abs() <= 10,
            "{clock:?}"
        );
    }

    #[test]
    fn nothing_known_means_no_offset() {
        let clock = RemoteClock::default();
        assert_eq!(clock.offset(reading(0, 0)), SignedDuration::ZERO);
    }

    #[test]
    fn a_wait_errs_on_the_long_side() {
        let mut clock = RemoteClock::default();
        clock.learn(at(0), at(0), reading(0, 0));
        assert_eq!(
            millis(clock.longest_wait_until(at(5_000), reading(0, 0))),
            5_000
        );
    }
}
