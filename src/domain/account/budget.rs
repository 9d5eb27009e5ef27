//! The budget (I14): unasked replacements are few, and none begins where many are wanted at once.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::domain::ids::ObjectUid;
use crate::domain::record::Identity;
use crate::domain::time::plus;

/// Replacements, and requests for them, are counted over this time.
const WINDOW: SignedDuration = SignedDuration::from_mins(10);
/// How many are possible within it, however few objects there are; and however many, of losses that are old.
const LEAST: usize = 3;
/// A loss waits this long, so that others with the same cause can make themselves known.
const GATHERING: SignedDuration = SignedDuration::from_secs(1);
/// A loss that is as old as this holds nothing up any more: if nobody has looked for its cause by then, nobody will.
const OLD: SignedDuration = SignedDuration::from_hours(1);

/// How many objects of each namespace use an account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Population(BTreeMap<Arc<str>, usize>);

impl Population {
    /// Counts more objects of a namespace.
    pub fn add(&mut self, namespace: &Arc<str>, objects: usize) {
        *self.0.entry(Arc::clone(namespace)).or_default() += objects;
    }

    /// All objects.
    #[must_use]
    pub fn objects(&self) -> usize {
        self.0.values().sum()
    }

    fn of(&self, namespace: &str) -> usize {
        self.0.get(namespace).copied().unwrap_or_default()
    }

    /// Whether so many may lose their keys at once that some would be held.
    fn can_lose_many(&self, namespace: &str) -> bool {
        let exceeds = |all: usize| all > allowed(all);
        exceeds(self.of(namespace)) || (exceeds(self.objects()) && exceeds(self.0.len()))
    }
}

/// What one account's objects lost, and what was replaced of it.
#[derive(Debug, Default)]
pub struct ReplacementBudget {
    begun: Vec<Begun>,
    wanted: HashMap<ObjectUid, LostKey>,
    counted: HashSet<ObjectUid>,
}

#[derive(Debug)]
struct Begun {
    object: ObjectUid,
    namespace: String,
    at: Timestamp,
}

#[derive(Debug)]
struct LostKey {
    namespace: String,
    first: Timestamp,
    last: Timestamp,
}

impl LostKey {
    fn is_old(&self, now: Timestamp) -> bool {
        now.duration_since(self.first) >= OLD
    }
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

/// Why an object that lost its key has to wait, what holds most first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Hold {
    /// More are lost at once in the account, and in more of its namespaces, than may be: the cause is elsewhere.
    Account,
    /// More are lost at once in the object's namespace than may be replaced.
    Namespace,
    /// As many as may be were replaced in the object's namespace: it goes on as the window passes.
    UsedUp,
}

impl ReplacementBudget {
    /// Whether nothing was lost or replaced of late, so that nothing can be held.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.begun.is_empty() && self.wanted.is_empty()
    }

    /// What would hold the replacement of an object's key.
    pub fn hold(&mut self, object: &Identity, all: &Population, now: Timestamp) -> Option<Hold> {
        self.forget_old(now);
        let namespace = object.namespace.as_str();
        if self.account_is_hit(all, now) {
            return Some(Hold::Account);
        }
        if self.is_hit(namespace, all, now) {
            return Some(Hold::Namespace);
        }
        self.is_used_up(&object.uid, namespace, all, now)
            .then_some(Hold::UsedUp)
    }

    /// What holds those up that wait, of several the one that holds most; `None` where nobody waits, or none has to.
    pub fn worst_hold(&mut self, all: &Population, now: Timestamp) -> Option<Hold> {
        self.forget_old(now);
        let waiting: Vec<_> = self.wanted.iter().filter(|loss| self.waits(loss)).collect();
        if waiting.is_empty() {
            return None;
        }
        if self.account_is_hit(all, now) {
            return Some(Hold::Account);
        }
        let namespaces: BTreeSet<&str> = waiting
            .iter()
            .map(|(_, loss)| loss.namespace.as_str())
            .collect();
        if namespaces.iter().any(|one| self.is_hit(one, all, now)) {
            return Some(Hold::Namespace);
        }
        let used_up = |(object, loss): &(&ObjectUid, &LostKey)| {
            self.is_used_up(object, &loss.namespace, all, now)
        };
        waiting.iter().any(used_up).then_some(Hold::UsedUp)
    }

    /// Whether the replacement of a lost key has not begun.
    fn waits(&self, (object, loss): &(&ObjectUid, &LostKey)) -> bool {
        let begun = |begun: &Begun| begun.object == **object && begun.at >= loss.first;
        !self.begun.iter().any(begun)
    }

    /// Asks for one replacement.
    pub fn ask(&mut self, object: &Identity, all: &Population, now: Timestamp) -> Allowance {
        self.want(object, now);
        if self.hold(object, all, now).is_some() {
            return Allowance::Stop;
        }
        let lost = self.wanted.get(&object.uid).map_or(now, |loss| loss.first);
        let gathered = plus(lost, GATHERING);
        // Where no more can be lost than may be replaced there is nothing to wait for.
        if gathered > now && all.can_lose_many(&object.namespace) {
            return Allowance::Wait(gathered);
        }
        self.begin(object, now);
        Allowance::Go
    }

    /// A replacement that was counted for an object did not begin after all, or had no effect.
    pub fn give_back(&mut self, object: &ObjectUid) {
        let newest = self.begun.iter().rposition(|begun| begun.object == *object);
        if let Some(newest) = newest {
            self.begun.remove(newest);
        }
    }

    /// Notes that an object wants a replacement; true if that is news.
    pub fn want(&mut self, object: &Identity, now: Timestamp) -> bool {
        let first = self.wanted.get(&object.uid).map(|loss| loss.first);
        let loss = LostKey {
            namespace: object.namespace.clone(),
            // A clock that was set back makes no loss one of the future, which would never grow old.
            first: first.unwrap_or(now).min(now),
            last: now,
        };
        self.wanted.insert(object.uid.clone(), loss);
        first.is_none()
    }

    /// Notes that an object wants none; true if that is news.
    pub fn content(&mut self, object: &ObjectUid) -> bool {
        self.wanted.remove(object).is_some()
    }

    /// Counts what an object's history says that an earlier process replaced, once.
    pub fn remember(&mut self, object: &Identity, replaced: impl Iterator<Item = Timestamp>) {
        if self.counted.insert(object.uid.clone()) {
            for at in replaced {
                self.begin(object, at);
            }
        }
    }

    /// Forgets objects that are gone: their keys are not waited for.
    pub fn retain(&mut self, living: &HashSet<ObjectUid>) {
        self.wanted.retain(|object, _| living.contains(object));
        self.counted.retain(|object| living.contains(object));
    }

    fn begin(&mut self, object: &Identity, at: Timestamp) {
        self.begun.push(Begun {
            object: object.uid.clone(),
            namespace: object.namespace.clone(),
            at,
        });
    }

    /// So many losses of one round, from so many namespaces, have one cause, which is none of these namespaces'.
    fn account_is_hit(&self, all: &Population, now: Timestamp) -> bool {
        rounds(self.wanted.values(), now).into_iter().any(|round| {
            let namespaces: BTreeSet<&str> = round.iter().map(|l| l.namespace.as_str()).collect();
            round.len() > allowed(all.objects()) && namespaces.len() > allowed(all.0.len())
        })
    }

    /// More was lost in one round in this namespace than may be replaced there.
    fn is_hit(&self, namespace: &str, all: &Population, now: Timestamp) -> bool {
        let here = self.wanted.values().filter(|l| l.namespace == namespace);
        let allowed = allowed(all.of(namespace));
        rounds(here, now)
            .into_iter()
            .any(|round| round.len() > allowed)
    }

    fn is_used_up(
        &self,
        object: &ObjectUid,
        namespace: &str,
        all: &Population,
        now: Timestamp,
    ) -> bool {
        let is_old = |loss: &LostKey| loss.is_old(now);
        let allowed = if self.wanted.get(object).is_some_and(is_old) {
            LEAST
        } else {
            allowed(all.of(namespace))
        };
        let here = |begun: &&Begun| begun.namespace == namespace;
        self.begun.iter().filter(here).count() >= allowed
    }

    fn forget_old(&mut self, now: Timestamp) {
        // What is dated in the future was written by a clock that stood wrong.
        let recent = |at: Timestamp| now.duration_since(at).abs() < WINDOW;
        self.begun.retain(|begun| recent(begun.at));
        self.wanted.retain(|_, loss| recent(loss.last));
    }
}

/// Losses that were found within a minute or two of each other, those that are old left out: losses one by one, held up by the
/// count alone, are not taken for one great loss.
fn rounds<'a>(losses: impl Iterator<Item = &'a LostKey>, now: Timestamp) -> Vec<Vec<&'a LostKey>> {
    let mut minutes: BTreeMap<i64, Vec<&LostKey>> = BTreeMap::new();
    for loss in losses.filter(|loss| !loss.is_old(now)) {
        let minute = loss.first.as_second().div_euclid(60);
        minutes.entry(minute).or_default().push(loss);
    }
    let with_the_next = |(minute, losses): (&i64, &Vec<&'a LostKey>)| {
        let next = minutes.get(&(minute + 1)).into_iter().flatten();
        losses.iter().chain(next).copied().collect()
    };
    minutes.iter().map(with_the_next).collect()
}

/// Three, or one in twenty.
fn allowed(all: usize) -> usize {
    LEAST.max(all.div_ceil(20))
}

#[cfg(test)]
mod tests;
