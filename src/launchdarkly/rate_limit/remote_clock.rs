//! LaunchDarkly's clock, learned from the `Date` header of its answers.

use jiff::{SignedDuration, Timestamp};

use crate::clock::Moment;
use crate::domain::time::RemoteOffset;

/// `Date` has whole seconds: the true time is up to this much later.
const GRAIN: SignedDuration = SignedDuration::from_secs(1);

/// A date that is further than this from what is known needs a second one that confirms it.
const ODD: SignedDuration = SignedDuration::from_mins(1);

/// What must live until a time is counted from no later than this after LaunchDarkly's own time.
const FURTHEST: SignedDuration = SignedDuration::from_hours(24);

/// What LaunchDarkly's clock showed when this machine's boot-time clock began: somewhere between two bounds. Setting the wall clock
/// does not move it.
///
/// Each answer allows a range about a second wide. Ranges that overlap narrow each other. A date far from what is known (from the local
/// clock, as long as nothing is) may be a cache's: it counts when the next date that is as far off has moved on with the boot-time
/// clock, which a cache that repeats itself does not do.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct RemoteClock {
    known: Option<Sighting>,
    /// A date far from what is known.
    odd: Option<Sighting>,
}

/// A date, and the range that it allows.
#[derive(Debug, Clone, Copy)]
struct Sighting {
    date: Timestamp,
    earliest: SignedDuration,
    latest: SignedDuration,
}

/// LaunchDarkly's time now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::launchdarkly) struct RemoteTime {
    /// The earliest that it may be: by a date that nothing confirms yet, or by the best guess.
    pub(in crate::launchdarkly) earliest: Timestamp,
    /// By the best guess.
    pub(in crate::launchdarkly) likely: Timestamp,
    /// The latest that it may be, by any clock, this machine's included.
    pub(in crate::launchdarkly) latest: Timestamp,
}

#[cfg(any(test, feature = "fuzzing"))]
impl RemoteTime {
    /// All clocks agree.
    pub(in crate::launchdarkly) fn agreed(at: Timestamp) -> Self {
        Self {
            earliest: at,
            likely: at,
            latest: at,
        }
    }
}

impl Sighting {
    /// Of an answer that was made between these moments.
    fn new(date: Timestamp, sent: Moment, received: Moment) -> Self {
        let date_there = since_epoch(date);
        Self {
            date,
            earliest: date_there.saturating_sub(boot(received)),
            latest: date_there.saturating_add(GRAIN).saturating_sub(boot(sent)),
        }
    }

    /// What both allow.
    fn common(&self, other: &Self) -> Option<Self> {
        let both = Self {
            date: self.date.max(other.date),
            earliest: self.earliest.max(other.earliest),
            latest: self.latest.min(other.latest),
        };
        (both.earliest <= both.latest).then_some(both)
    }

    /// Whether what it allows is far from all between two bounds.
    fn is_odd(&self, (earliest, latest): (SignedDuration, SignedDuration)) -> bool {
        self.earliest.saturating_sub(latest) > ODD || earliest.saturating_sub(self.latest) > ODD
    }

    /// LaunchDarkly's time at a moment.
    fn at(&self, now: Moment) -> Timestamp {
        let guess = self.earliest.saturating_add(self.latest) / 2;
        at_epoch(guess.saturating_add(boot(now)))
    }
}

impl RemoteClock {
    /// Learns from an answer of the API dated `date`, which was made between these moments.
    pub(super) fn learn(&mut self, date: Timestamp, sent: Moment, received: Moment) {
        let seen = Sighting::new(date, sent, received);
        let local = since_epoch(received.wall).saturating_sub(boot(received));
        let bounds = self
            .known
            .map_or((local, local), |known| (known.earliest, known.latest));
        if seen.is_odd(bounds) {
            self.doubt(seen);
            return;
        }
        self.known = match self.known {
            None => Some(seen),
            Some(known) => match known.common(&seen) {
                None if seen.date <= known.date => return, // repeated by a cache
                narrower => Some(narrower.unwrap_or(seen)),
            },
        };
        self.odd = None;
    }

    /// Keeps a date that is far off until another one confirms it.
    fn doubt(&mut self, seen: Sighting) {
        match self.odd.and_then(|odd| Some((odd, odd.common(&seen)?))) {
            None => self.odd = Some(seen),
            Some((odd, both)) if seen.date > odd.date => {
                (self.known, self.odd) = (Some(both), None);
            }
            Some(_) => {} // within the same second: not confirmed yet
        }
    }

    /// Whether anything is known.
    pub(super) fn is_known(&self) -> bool {
        self.known.is_some()
    }

    /// LaunchDarkly's time: the local one as long as nothing is known.
    pub(super) fn now(&self, now: Moment) -> RemoteTime {
        let likely = self.known.map_or(now.wall, |known| known.at(now));
        let odd = self.odd.map_or(likely, |odd| odd.at(now));
        let furthest = likely.checked_add(FURTHEST).unwrap_or(Timestamp::MAX);
        RemoteTime {
            earliest: likely.min(odd),
            likely,
            latest: likely.max(now.wall).max(odd).min(furthest),
        }
    }

    /// What to add to the local clock to get LaunchDarkly's.
    pub(super) fn offset(&self, now: Moment) -> RemoteOffset {
        let time = self.now(now);
        RemoteOffset {
            earliest: time.earliest.duration_since(now.wall),
            likely: time.likely.duration_since(now.wall),
            latest: time.latest.duration_since(now.wall),
        }
    }

    /// How long, at most, until LaunchDarkly's clock shows `at`; not positive when it already does.
    pub(super) fn longest_wait_until(&self, at: Timestamp, now: Moment) -> SignedDuration {
        let earliest = self.known.map_or(since_epoch(now.wall), |known| {
            known.earliest.saturating_add(boot(now))
        });
        since_epoch(at).saturating_sub(earliest)
    }
}

fn boot(moment: Moment) -> SignedDuration {
    SignedDuration::try_from(moment.boot).unwrap_or(SignedDuration::MAX)
}

fn since_epoch(time: Timestamp) -> SignedDuration {
    time.duration_since(Timestamp::UNIX_EPOCH)
}

fn at_epoch(since: SignedDuration) -> Timestamp {
    let bound = if since.is_negative() {
        Timestamp::MIN
    } else {
        Timestamp::MAX
    };
    Timestamp::UNIX_EPOCH.checked_add(since).unwrap_or(bound)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    const HOUR: i64 = 3_600_000;

    fn at(millisecond: i64) -> Timestamp {
        Timestamp::from_millisecond(1_793_000_000_000 + millisecond).unwrap()
    }

    /// A moment so many milliseconds after the start, by a wall clock that was set by so many.
    fn moment(after: i64, set: i64) -> Moment {
        Moment {
            wall: at(after + set),
            boot: Duration::from_millis(after.unsigned_abs()) + Duration::from_secs(500),
        }
    }

    /// An answer that takes 20 ms, from a clock that is so many milliseconds ahead.
    fn hear(clock: &mut RemoteClock, sent: i64, ahead: i64) {
        let date = at((sent + 10 + ahead).div_euclid(1_000) * 1_000);
        clock.learn(date, moment(sent, 0), moment(sent + 20, 0));
    }

    fn ahead(clock: &RemoteClock, after: i64) -> i64 {
        let offset = clock.offset(moment(after, 0)).likely;
        i64::try_from(offset.as_millis()).unwrap()
    }

    #[test]
    fn answers_narrow_the_offset_to_less_than_a_second() {
        let mut clock = RemoteClock::default();
        for sent in [0, 350, 700, 1_590, 2_610] {
            hear(&mut clock, sent, 40_400);
        }
        assert!((ahead(&clock, 3_000) - 40_400).abs() < 250, "{clock:?}");
        let known = clock.known.unwrap();
        assert!(known.latest - known.earliest < GRAIN / 2, "{clock:?}");
    }

    #[test]
    fn setting_the_local_clock_does_not_move_the_remote_one() {
        let mut clock = RemoteClock::default();
        hear(&mut clock, 0, 0);
        let remote = clock.now(moment(1_000, HOUR)).likely;
        assert!((remote.as_millisecond() - at(1_490).as_millisecond()).abs() <= 20);
    }

    #[test]
    fn a_date_that_is_far_off_counts_when_another_one_that_moved_on_confirms_it() {
        let mut clock = RemoteClock::default();
        hear(&mut clock, 0, 0);
        hear(&mut clock, 1_000, 7 * HOUR);
        assert!(ahead(&clock, 1_000).abs() < 1_000, "{clock:?}");
        // In the same second it may be the same answer.
        hear(&mut clock, 1_100, 7 * HOUR);
        assert!(ahead(&clock, 1_100).abs() < 1_000, "{clock:?}");
        hear(&mut clock, 2_100, 7 * HOUR);
        assert!((ahead(&clock, 2_100) - 7 * HOUR).abs() < 1_000, "{clock:?}");
    }

    #[test]
    fn the_first_date_of_all_is_compared_with_the_local_clock() {
        let mut clock = RemoteClock::default();
        hear(&mut clock, 0, -10 * HOUR);
        assert_eq!(ahead(&clock, 10), 0);
        assert!(!clock.is_known());
        hear(&mut clock, 30_000, -10 * HOUR);
        assert!(
            (ahead(&clock, 30_000) + 10 * HOUR).abs() < 1_000,
            "{clock:?}"
        );
    }

    #[test]
    fn a_cache_that_repeats_itself_is_never_believed() {
        let mut clock = RemoteClock::default();
        hear(&mut clock, 0, 0);
        for sent in (1..400).map(|n| n * 700) {
            clock.learn(at(-10 * HOUR), moment(sent, 0), moment(sent + 20, 0));
            // Nor one that grows old little by little.
            clock.learn(at(0), moment(sent, 0), moment(sent + 20, 0));
        }
        assert!(ahead(&clock, 280_000).abs() < 1_000, "{clock:?}");
    }

    #[test]
    fn an_answer_that_agrees_ends_the_doubt() {
        let mut clock = RemoteClock::default();
        for sent in (0..10).map(|n| n * 10_000) {
            hear(&mut clock, sent, -3 * HOUR);
            hear(&mut clock, sent + 5_000, 0);
        }
        assert!(ahead(&clock, 100_000).abs() < 1_000, "{clock:?}");
    }

    #[test]
    fn nothing_known_means_no_offset() {
        assert_eq!(ahead(&RemoteClock::default(), 0), 0);
    }

    /// A process that has just started on a machine whose clock is ahead.
    #[test]
    fn what_may_end_waits_for_a_date_that_nothing_confirms_yet_i3() {
        let mut clock = RemoteClock::default();
        hear(&mut clock, 0, -3 * HOUR);
        let earliest = clock.offset(moment(20, 0)).earliest.as_millis();
        assert!((earliest + i128::from(3 * HOUR)).abs() < 1_000);
        hear(&mut clock, 5_000, 0);
        let earliest = clock.offset(moment(5_020, 0)).earliest.as_millis();
        assert!(earliest.abs() < 1_000, "{clock:?}");
    }

    #[test]
    fn a_wait_errs_on_the_long_side() {
        let mut clock = RemoteClock::default();
        clock.learn(at(0), moment(0, 0), moment(0, 0));
        let wait = clock.longest_wait_until(at(5_000), moment(0, 0));
        assert_eq!(wait.as_millis(), 5_000);
    }

    #[test]
    fn what_must_live_is_counted_from_no_later_than_a_day_after_the_time_there() {
        let mut clock = RemoteClock::default();
        for sent in [0, 5_000] {
            hear(&mut clock, sent, -300 * HOUR);
        }
        let latest = clock.now(moment(6_000, 0)).latest.as_millisecond();
        let expected = at(6_000 - 276 * HOUR).as_millisecond();
        assert!((latest - expected).abs() < 2_000, "{latest} {expected}");
    }

    proptest! {
        /// Whatever dates come, in whatever order, with whatever a wall clock is set to meanwhile.
        #[test]
        fn what_must_live_is_never_counted_from_before_now_i3(
            answers in vec((0_i64..600_000, -80 * HOUR..80 * HOUR, any::<bool>(), -HOUR..HOUR), 0..30),
        ) {
            let mut clock = RemoteClock::default();
            let (mut after, mut last) = (0, 0);
            for (passed, ahead, repeats, set) in answers {
                after += passed;
                last = if repeats { last } else { after + ahead };
                let date = at(last.div_euclid(1_000) * 1_000);
                clock.learn(date, moment(after, set), moment(after + 20, set));
                let now = moment(after + 20, set);
                let time = clock.now(now);
                let day_later = time.likely + FURTHEST;
                prop_assert!(time.latest >= now.wall.min(day_later), "{time:?}");
                prop_assert!(time.latest >= time.likely && time.latest <= day_later);
            }
        }

        /// Where the true clock there is within a day, no single answer in between, however it is dated, brings an end forward.
        #[test]
        fn no_odd_answer_among_true_ones_shortens_a_grace_i3(
            truth in -20 * HOUR..20 * HOUR,
            odd in vec((-1_000 * HOUR..1_000 * HOUR, 0_usize..10), 0..10),
        ) {
            let mut clock = RemoteClock::default();
            let mut after = 0;
            for step in 0..10 {
                for (date, _) in odd.iter().filter(|(_, at)| *at == step).take(1) {
                    clock.learn(at(*date), moment(after, 0), moment(after + 20, 0));
                }
                for _ in 0..2 {
                    after += 2_000;
                    hear(&mut clock, after, truth);
                }
                let now = moment(after, 0);
                let there = at(after + truth);
                let grain = SignedDuration::from_secs(2);
                prop_assert!(clock.now(now).latest >= now.wall.max(there) - grain);
                prop_assert!(clock.now(now).earliest <= there + grain);
            }
        }
    }
}
