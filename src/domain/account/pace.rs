//! When LaunchDarkly is asked about the next credential: accounts of one namespace wait for each other, so that nobody who makes or
//! edits many of them takes up its time, and ours.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};

use crate::domain::ids::AccountUid;
use crate::domain::time::{minus, plus};

/// How many accounts of one namespace are asked about at once.
const AT_ONCE: i32 = 20;

/// How much later each further one is.
const APART: SignedDuration = SignedDuration::from_millis(500);

/// A place that was not used is forgotten after so long.
const KEPT: SignedDuration = SignedDuration::from_hours(1);

/// Who waits for a check, and until when; all times are on the steady clock.
#[derive(Debug, Default)]
pub struct CheckLine {
    /// When the next place of a namespace would be, were none at once.
    next: HashMap<String, Timestamp>,
    places: HashMap<AccountUid, Timestamp>,
}

impl CheckLine {
    /// When an account's turn comes; `None` before it has a place.
    #[must_use]
    pub fn place(&self, account: &AccountUid) -> Option<Timestamp> {
        self.places.get(account).copied()
    }

    /// Gives an account a place in the line of its namespace. One that has a place keeps it.
    pub fn join(&mut self, namespace: &str, account: &AccountUid, now: Timestamp) {
        if self.places.contains_key(account) {
            return;
        }
        self.next.retain(|_, next| *next > now);
        self.places.retain(|_, at| plus(*at, KEPT) > now);
        let next = self.next.get(namespace).map_or(now, |next| now.max(*next));
        let at = now.max(minus(next, APART.saturating_mul(AT_ONCE - 1)));
        self.next.insert(namespace.to_owned(), plus(next, APART));
        self.places.insert(account.clone(), at);
    }

    /// The account's turn has come, or it is gone.
    pub fn leave(&mut self, account: &AccountUid) {
        self.places.remove(account);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uid(n: usize) -> AccountUid {
        AccountUid::new(format!("uid-{n}"))
    }

    /// How many milliseconds each of some accounts waits that come at the same time.
    fn waits(line: &mut CheckLine, namespace: &str, accounts: std::ops::Range<usize>) -> Vec<i128> {
        let now = Timestamp::UNIX_EPOCH;
        let wait = |n| {
            line.join(namespace, &uid(n), now);
            let at = line.place(&uid(n)).unwrap();
            at.duration_since(now).as_millis()
        };
        accounts.map(wait).collect()
    }

    #[test]
    fn who_comes_with_many_waits_for_their_own_and_nobody_else_does_i13() {
        let mut line = CheckLine::default();
        let many = waits(&mut line, "many", 0..300);
        assert!(many[..20].iter().all(|wait| *wait == 0));
        assert_eq!(many[299], 140_000);
        assert_eq!(waits(&mut line, "few", 300..302), [0, 0]);
        // Who asks again keeps the place.
        assert_eq!(waits(&mut line, "many", 299..300), [140_000]);
    }

    #[test]
    fn an_account_that_is_edited_without_end_is_asked_about_at_the_pace_of_its_namespace_i13() {
        let mut line = CheckLine::default();
        let (mut now, mut checks) = (Timestamp::UNIX_EPOCH, 0);
        for _ in 0..600 {
            line.join("many", &uid(1), now);
            if line.place(&uid(1)).is_some_and(|at| at <= now) {
                line.leave(&uid(1));
                checks += 1;
            }
            now = plus(now, SignedDuration::from_millis(100));
        }
        assert!((100..=140).contains(&checks), "{checks} in a minute");
    }

    #[test]
    fn nothing_is_kept_of_who_is_served_or_gone() {
        let mut line = CheckLine::default();
        let mut now = Timestamp::UNIX_EPOCH;
        for n in 0..50 {
            line.join(&format!("namespace-{n}"), &uid(n), now);
            now = plus(now, SignedDuration::from_hours(2));
        }
        assert_eq!((line.next.len(), line.places.len()), (1, 1));
        line.leave(&uid(49));
        assert!(line.places.is_empty());
    }
}
