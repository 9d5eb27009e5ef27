//! The budget (I14): unasked replacements are few, and none begins while many are wanted at once.

use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::{SignedDuration, Timestamp};

use crate::domain::ids::ObjectUid;
use crate::domain::time::plus;

/// Replacements, and requests for them, are counted over this time.
const WINDOW: SignedDuration = SignedDuration::from_mins(10);
/// How many are possible within it, however few objects there are.
const LEAST: usize = 3;
/// The first loss waits this long, so that others with the same cause can make themselves known.
const GATHERING: SignedDuration = SignedDuration::from_secs(1);

/// What one account's objects lost, and what was replaced of it.
#[derive(Debug, Default)]
pub struct ReplacementBudget {
    begun: Vec<(ObjectUid, Timestamp)>,
    wanted: HashMap<ObjectUid, LostKey>,
    counted: HashSet<ObjectUid>,
}

#[derive(Debug)]
struct LostKey {
    first: Timestamp,
    last: Timestamp,
}

/// Whether a replacement may begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allowance {
    /// Yes; it is counted.
    Go,
    /// Perhaps, then: others may want the same.
    Wait(Timestamp),
    /// No: there are too many.
    Stop,
}

/// Why an object that lost its key has to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// More are lost at once than may be replaced: no time ends that, but a person can.
    TooManyAtOnce,
    /// As many as may be were replaced: it goes on as the window passes.
    UsedUp,
}

impl ReplacementBudget {
    /// What holds up those that wait; `None` where nobody waits, or none has to.
    pub fn hold(&mut self, objects: usize, now: Timestamp) -> Option<Hold> {
        if self.left(objects, now) > 0 || !self.wanted.iter().any(|loss| self.waits(loss)) {
            return None;
        }
        Some(if self.most_at_once() > allowed(objects) {
            Hold::TooManyAtOnce
        } else {
            Hold::UsedUp
        })
    }

    /// Whether the replacement of a lost key has not begun.
    fn waits(&self, (object, loss): (&ObjectUid, &LostKey)) -> bool {
        let begun = |(known, at): &(ObjectUid, Timestamp)| known == object && *at >= loss.first;
        !self.begun.iter().any(begun)
    }

    /// How many may still begin; none while more are wanted than may.
    pub fn left(&mut self, objects: usize, now: Timestamp) -> usize {
        self.forget_old(now);
        let allowed = allowed(objects);
        if self.most_at_once() > allowed {
            return 0;
        }
        allowed.saturating_sub(self.begun.len())
    }

    /// Asks for one replacement.
    pub fn ask(&mut self, object: &ObjectUid, objects: usize, now: Timestamp) -> Allowance {
        self.want(object, now);
        if self.left(objects, now) == 0 {
            return Allowance::Stop;
        }
        let gathered = self
            .wanted
            .values()
            .map(|loss| plus(loss.first, GATHERING))
            .min();
        // Where no more can be lost than may be replaced there is nothing to wait for.
        let too_many_possible = objects > allowed(objects);
        if let Some(gathered) = gathered.filter(|gathered| too_many_possible && *gathered > now) {
            return Allowance::Wait(gathered);
        }
        self.begun.push((object.clone(), now));
        Allowance::Go
    }

    /// A replacement that was counted for an object did not begin after all, or had no effect.
    pub fn give_back(&mut self, object: &ObjectUid) {
        let newest = self.begun.iter().rposition(|(known, _)| known == object);
        if let Some(newest) = newest {
            self.begun.remove(newest);
        }
    }

    /// Notes that an object wants a replacement; true if that is news.
    pub fn want(&mut self, object: &ObjectUid, now: Timestamp) -> bool {
        let first = self.wanted.get(object).map(|loss| loss.first);
        let loss = LostKey {
            first: first.unwrap_or(now),
            last: now,
        };
        self.wanted.insert(object.clone(), loss);
        first.is_none()
    }

    /// Notes that an object wants none; true if that is news.
    pub fn content(&mut self, object: &ObjectUid) -> bool {
        self.wanted.remove(object).is_some()
    }

    /// Counts what an object's history says that an earlier process replaced, once.
    pub fn remember(&mut self, object: &ObjectUid, replaced: impl Iterator<Item = Timestamp>) {
        if self.counted.insert(object.clone()) {
            let begun = replaced.map(|at| (object.clone(), at));
            self.begun.extend(begun);
        }
    }

    /// Forgets objects that are gone: their keys are not waited for.
    pub fn retain(&mut self, living: &HashSet<ObjectUid>) {
        self.wanted.retain(|object, _| living.contains(object));
        self.counted.retain(|object| living.contains(object));
    }

    /// How many of those that wait lost their keys within a minute or two of each other: losses one by one, held up by the
    /// count alone, are not taken for one great loss.
    fn most_at_once(&self) -> usize {
        let mut minutes: BTreeMap<i64, usize> = BTreeMap::new();
        for loss in self.wanted.values() {
            *minutes
                .entry(loss.first.as_second().div_euclid(60))
                .or_default() += 1;
        }
        let with_the_next =
            |(minute, count): (&i64, &usize)| count + minutes.get(&(minute + 1)).unwrap_or(&0);
        minutes.iter().map(with_the_next).max().unwrap_or_default()
    }

    fn forget_old(&mut self, now: Timestamp) {
        // What is dated in the future was written by a clock that stood wrong.
        let recent = |at: Timestamp| now.duration_since(at).abs() < WINDOW;
        self.begun.retain(|(_, at)| recent(*at));
        self.wanted.retain(|_, loss| recent(loss.last));
    }
}

/// Three, or one object in twenty.
fn allowed(objects: usize) -> usize {
    LEAST.max(objects.div_ceil(20))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Timestamp = Timestamp::UNIX_EPOCH;

    fn object(n: usize) -> ObjectUid {
        ObjectUid::new(format!("object-{n}"))
    }

    fn after(seconds: i64) -> Timestamp {
        plus(NOON, SignedDuration::from_secs(seconds))
    }

    #[test]
    fn a_single_loss_is_made_good_after_a_moment() {
        let mut budget = ReplacementBudget::default();
        assert_eq!(budget.ask(&object(1), 10, NOON), Allowance::Wait(after(1)));
        assert_eq!(budget.ask(&object(1), 10, after(1)), Allowance::Go);
        assert_eq!(budget.left(10, after(1)), 2);
    }

    #[test]
    fn where_few_objects_are_nothing_is_waited_for() {
        let mut budget = ReplacementBudget::default();
        assert_eq!(budget.ask(&object(1), 3, NOON), Allowance::Go);
    }

    #[test]
    fn more_losses_at_once_than_may_be_replaced_mean_none() {
        let mut budget = ReplacementBudget::default();
        for n in 0..4 {
            budget.ask(&object(n), 10, NOON);
        }
        for n in 0..4 {
            assert_eq!(budget.ask(&object(n), 10, after(2)), Allowance::Stop);
        }
        assert_eq!(budget.left(10, after(2)), 0);
    }

    #[test]
    fn objects_that_found_their_keys_again_hold_the_others_up_no_more() {
        let mut budget = ReplacementBudget::default();
        for n in 0..4 {
            budget.ask(&object(n), 10, NOON);
        }
        budget.content(&object(0));
        assert_eq!(budget.ask(&object(1), 10, after(2)), Allowance::Go);
    }

    #[test]
    fn one_object_in_twenty_may_be_replaced_where_there_are_many() {
        let mut budget = ReplacementBudget::default();
        for n in 0..10 {
            budget.ask(&object(n), 200, NOON);
        }
        let answers = (0..10).map(|n| budget.ask(&object(n), 200, after(2)));
        assert!(answers.into_iter().all(|answer| answer == Allowance::Go));
        assert_eq!(budget.ask(&object(10), 200, after(3)), Allowance::Stop);
    }

    #[test]
    fn what_failed_to_begin_does_not_wait_again() {
        let mut budget = ReplacementBudget::default();
        budget.ask(&object(1), 10, NOON);
        assert_eq!(budget.ask(&object(1), 10, after(1)), Allowance::Go);
        budget.give_back(&object(1));
        assert_eq!(budget.ask(&object(1), 10, after(2)), Allowance::Go);
        assert_eq!(budget.left(10, after(2)), 2);
    }

    #[test]
    fn what_an_earlier_process_replaced_counts_once() {
        let mut budget = ReplacementBudget::default();
        budget.remember(&object(1), [NOON, NOON].into_iter());
        budget.remember(&object(1), [NOON, NOON].into_iter());
        assert_eq!(budget.left(10, after(60)), 1);
    }

    #[test]
    fn losses_one_by_one_are_no_great_loss() {
        let mut budget = ReplacementBudget::default();
        budget.remember(&object(0), [NOON, NOON, NOON].into_iter());
        for n in 1..=4 {
            let asked = budget.ask(&object(n), 10, after(i64::try_from(n).unwrap() * 150 - 100));
            assert_eq!(asked, Allowance::Stop);
        }
        assert_eq!(budget.ask(&object(1), 10, after(600)), Allowance::Go);
    }

    #[test]
    fn only_what_waits_and_may_not_begin_is_said_to_be_held_i12() {
        // How many lose their keys, how long after each other, how many of them are replaced, and what holds up the others.
        for (lost, seconds_apart, replaced, said) in [
            (0, 0, 0, None),
            (1, 0, 0, None),
            (3, 0, 0, None),
            (3, 0, 2, None),
            (3, 0, 3, None),
            (3, 150, 3, None),
            (4, 0, 0, Some(Hold::TooManyAtOnce)),
            (4, 150, 3, Some(Hold::UsedUp)),
        ] {
            let mut budget = ReplacementBudget::default();
            let mut now = NOON;
            for n in 0..lost {
                now = after(i64::try_from(n).unwrap() * seconds_apart);
                budget.want(&object(n), now);
                if n < replaced && seconds_apart > 0 {
                    now = plus(now, GATHERING);
                    assert_eq!(budget.ask(&object(n), 60, now), Allowance::Go);
                    budget.content(&object(n));
                }
            }
            let at_once = if seconds_apart == 0 { replaced } else { 0 };
            for n in 0..at_once {
                now = after(2);
                // It begins, and is not yet done.
                assert_eq!(budget.ask(&object(n), 60, now), Allowance::Go);
            }
            assert_eq!(
                budget.hold(60, now),
                said,
                "{lost} {seconds_apart} {replaced}"
            );
        }
    }

    #[test]
    fn a_hold_is_named_after_what_ends_it_i12() {
        let mut budget = ReplacementBudget::default();
        budget.remember(&object(0), [NOON, NOON, NOON].into_iter());
        budget.want(&object(1), after(500));
        assert_eq!(budget.hold(60, after(599)), Some(Hold::UsedUp));
        assert_eq!(budget.hold(60, after(600)), None);

        let mut budget = ReplacementBudget::default();
        for minute in 0..60 {
            for n in 0..4 {
                budget.ask(&object(n), 60, after(minute * 60));
            }
            let hold = budget.hold(60, after(minute * 60));
            assert_eq!(hold, Some(Hold::TooManyAtOnce), "no window ends it");
        }
        budget.content(&object(0));
        assert_eq!(budget.hold(60, after(3600)), None);
    }

    #[test]
    fn what_did_not_begin_after_all_waits_again_i12() {
        let mut budget = ReplacementBudget::default();
        budget.remember(&object(0), [NOON, NOON].into_iter());
        budget.want(&object(1), NOON);
        budget.want(&object(2), NOON);
        assert_eq!(budget.ask(&object(1), 60, after(2)), Allowance::Go);
        assert_eq!(budget.hold(60, after(2)), Some(Hold::UsedUp), "the other");
        budget.content(&object(2));
        assert_eq!(budget.hold(60, after(2)), None);
        budget.remember(&object(3), [after(2)].into_iter());
        budget.give_back(&object(1));
        assert_eq!(budget.hold(60, after(2)), Some(Hold::UsedUp));
    }

    #[test]
    fn objects_that_are_gone_hold_nobody_up() {
        let mut budget = ReplacementBudget::default();
        for n in 0..4 {
            budget.ask(&object(n), 10, NOON);
        }
        budget.retain(&HashSet::from([object(1)]));
        assert_eq!(budget.ask(&object(1), 10, after(2)), Allowance::Go);
    }

    #[test]
    fn the_window_passes() {
        let mut budget = ReplacementBudget::default();
        budget.remember(&object(1), [NOON, NOON, NOON].into_iter());
        assert_eq!(budget.left(10, after(599)), 0);
        assert_eq!(budget.left(10, after(600)), 3);
    }
}
