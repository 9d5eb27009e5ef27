//! LaunchDarkly's clock, learned from the `Date` header of its answers.

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
    known: bool,
}

impl RemoteClock {
    /// Learns from an answer dated `date`, which was made between `sent_at` and `received_at` on the local clock.
    pub(super) fn learn(&mut self, date: Timestamp, sent_at: Timestamp, received_at: Timestamp) {
        let earliest = date.duration_since(received_at);
        let latest = date.duration_since(sent_at).saturating_add(GRAIN);
        if earliest > latest {
            return; // the local clock was set back meanwhile
        }
        let (low, high) = (self.earliest.max(earliest), self.latest.min(latest));
        (self.earliest, self.latest) = if self.known && low <= high {
            (low, high)
        } else {
            (earliest, latest)
        };
        self.known = true;
    }

    /// The best guess; zero as long as nothing is known.
    pub(super) fn offset(&self) -> SignedDuration {
        self.earliest.saturating_add(self.latest) / 2
    }

    /// How long, at most, until LaunchDarkly's clock shows `at`; not positive when it already does.
    pub(super) fn longest_wait_until(&self, at: Timestamp, now: Timestamp) -> SignedDuration {
        at.duration_since(now) - self.earliest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millisecond: i64) -> Timestamp {
        Timestamp::from_millisecond(1_793_000_000_000 + millisecond).unwrap()
    }

    fn millis(offset: SignedDuration) -> i128 {
        offset.as_millis()
    }

    #[test]
    fn answers_narrow_the_offset_to_less_than_a_second() {
        let mut clock = RemoteClock::default();
        // LaunchDarkly is 90.4 s ahead; requests take 20 ms.
        for sent in [0, 350, 700, 590, 1_610] {
            let true_remote = sent + 10 + 90_400;
            clock.learn(at(true_remote / 1_000 * 1_000), at(sent), at(sent + 20));
        }
        let ahead = SignedDuration::from_millis(90_400);
        assert!(
            clock.earliest <= ahead && ahead <= clock.latest,
            "{clock:?}"
        );
        assert!(clock.latest - clock.earliest < GRAIN / 2, "{clock:?}");
    }

    #[test]
    fn a_clock_that_was_set_is_believed_at_once() {
        let mut clock = RemoteClock::default();
        clock.learn(at(0), at(0), at(10));
        clock.learn(at(3_600_000), at(1_000), at(1_010));
        assert!(
            (millis(clock.offset()) - 3_599_500).abs() <= 10,
            "{clock:?}"
        );
    }

    #[test]
    fn nothing_known_means_no_offset() {
        assert_eq!(RemoteClock::default().offset(), SignedDuration::ZERO);
    }

    #[test]
    fn a_wait_errs_on_the_long_side() {
        let mut clock = RemoteClock::default();
        clock.learn(at(0), at(0), at(0));
        assert_eq!(millis(clock.longest_wait_until(at(5_000), at(0))), 5_000);
    }
}
