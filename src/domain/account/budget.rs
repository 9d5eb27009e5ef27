//! The brake (I14): replacements nobody asked for are few, and none begins while many are wanted at once.

use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::{SignedDuration, Timestamp};

use crate::domain::ids::ObjectUid;
use crate::domain::time::plus;

/// Replacements are counted, and wishes for them remembered, over this time.
const WINDOW: SignedDuration = SignedDuration::from_mins(10);
/// How many are possible within it, however few objects there are.
const LEAST: usize = 3;
/// The first wish waits this long, so that others with the same cause can make themselves known.
const GATHERING: SignedDuration = SignedDuration::from_secs(1);

/// What one account's objects lost, and what was replaced of it.
#[derive(Debug, Default)]
pub struct Brake {
    begun: Vec<(ObjectUid, Timestamp)>,
    wanted: HashMap<ObjectUid, Wish>,
    counted: HashSet<ObjectUid>,
}

#[derive(Debug)]
struct Wish {
    first: Timestamp,
    last: Timestamp,
}

/// Whether a replacement may begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Yes; it is counted.
    Go,
    /// Perhaps, then: others may want the same.
    Wait(Timestamp),
    /// No: there are too many.
    Stop,
}

impl Brake {
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
    pub fn ask(&mut self, object: &ObjectUid, objects: usize, now: Timestamp) -> Answer {
        self.want(object, now);
        if self.left(objects, now) == 0 {
            return Answer::Stop;
        }
        let gathered = self
            .wanted
            .values()
            .map(|wish| plus(wish.first, GATHERING))
            .min();
        // Where no more can be lost than may be replaced there is nothing to wait for.
        let too_many_possible = objects > allowed(objects);
        if let Some(gathered) = gathered.filter(|gathered| too_many_possible && *gathered > now) {
            return Answer::Wait(gathered);
        }
        self.begun.push((object.clone(), now));
        Answer::Go
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
        let first = self.wanted.get(object).map(|wish| wish.first);
        let wish = Wish {
            first: first.unwrap_or(now),
            last: now,
        };
        self.wanted.insert(object.clone(), wish);
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

    /// Forgets objects that are gone: nobody waits for their keys.
    pub fn retain(&mut self, living: &HashSet<ObjectUid>) {
        self.wanted.retain(|object, _| living.contains(object));
        self.counted.retain(|object| living.contains(object));
    }

    /// How many of those that wait lost their keys within a minute or two of each other: losses one by one, held up by the
    /// count alone, are not taken for one great loss.
    fn most_at_once(&self) -> usize {
        let mut minutes: BTreeMap<i64, usize> = BTreeMap::new();
        for wish in self.wanted.values() {
            *minutes
                .entry(wish.first.as_second().div_euclid(60))
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
        self.wanted.retain(|_, wish| recent(wish.last));
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
        let mut brake = Brake::default();
        assert_eq!(brake.ask(&object(1), 10, NOON), Answer::Wait(after(1)));
        assert_eq!(brake.ask(&object(1), 10, after(1)), Answer::Go);
        assert_eq!(brake.left(10, after(1)), 2);
    }

    #[test]
    fn where_few_objects_are_nothing_is_waited_for() {
        let mut brake = Brake::default();
        assert_eq!(brake.ask(&object(1), 3, NOON), Answer::Go);
    }

    #[test]
    fn more_losses_at_once_than_may_be_replaced_mean_none() {
        let mut brake = Brake::default();
        for n in 0..4 {
            brake.ask(&object(n), 10, NOON);
        }
        for n in 0..4 {
            assert_eq!(brake.ask(&object(n), 10, after(2)), Answer::Stop);
        }
        assert_eq!(brake.left(10, after(2)), 0);
    }

    #[test]
    fn objects_that_found_their_keys_again_hold_the_others_up_no_more() {
        let mut brake = Brake::default();
        for n in 0..4 {
            brake.ask(&object(n), 10, NOON);
        }
        brake.content(&object(0));
        assert_eq!(brake.ask(&object(1), 10, after(2)), Answer::Go);
    }

    #[test]
    fn one_object_in_twenty_may_be_replaced_where_there_are_many() {
        let mut brake = Brake::default();
        for n in 0..10 {
            brake.ask(&object(n), 200, NOON);
        }
        let answers = (0..10).map(|n| brake.ask(&object(n), 200, after(2)));
        assert!(answers.into_iter().all(|answer| answer == Answer::Go));
        assert_eq!(brake.ask(&object(10), 200, after(3)), Answer::Stop);
    }

    #[test]
    fn what_failed_to_begin_does_not_wait_again() {
        let mut brake = Brake::default();
        brake.ask(&object(1), 10, NOON);
        assert_eq!(brake.ask(&object(1), 10, after(1)), Answer::Go);
        brake.give_back(&object(1));
        assert_eq!(brake.ask(&object(1), 10, after(2)), Answer::Go);
        assert_eq!(brake.left(10, after(2)), 2);
    }

    #[test]
    fn what_an_earlier_process_replaced_counts_once() {
        let mut brake = Brake::default();
        brake.remember(&object(1), [NOON, NOON].into_iter());
        brake.remember(&object(1), [NOON, NOON].into_iter());
        assert_eq!(brake.left(10, after(60)), 1);
    }

    #[test]
    fn losses_one_by_one_are_no_great_loss() {
        let mut brake = Brake::default();
        brake.remember(&object(0), [NOON, NOON, NOON].into_iter());
        for n in 1..=4 {
            let asked = brake.ask(&object(n), 10, after(i64::try_from(n).unwrap() * 150 - 100));
            assert_eq!(asked, Answer::Stop);
        }
        assert_eq!(brake.ask(&object(1), 10, after(600)), Answer::Go);
    }

    #[test]
    fn objects_that_are_gone_hold_nobody_up() {
        let mut brake = Brake::default();
        for n in 0..4 {
            brake.ask(&object(n), 10, NOON);
        }
        brake.retain(&HashSet::from([object(1)]));
        assert_eq!(brake.ask(&object(1), 10, after(2)), Answer::Go);
    }

    #[test]
    fn the_window_passes() {
        let mut brake = Brake::default();
        brake.remember(&object(1), [NOON, NOON, NOON].into_iter());
        assert_eq!(brake.left(10, after(599)), 0);
        assert_eq!(brake.left(10, after(600)), 3);
    }
}
