//! What is known of one account on one host, whatever the number of credentials and account objects (I13).

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use parking_lot::{Mutex, MutexGuard};

use crate::controller::account::features::FoundOut;
use crate::controller::account::listings::Listings;
use crate::controller::account::users::Users;
use crate::domain::account::budget::{Allowance, Hold, Population, ReplacementBudget};
use crate::domain::ids::{Fingerprint, ObjectUid, TokenId};
use crate::domain::record::Identity;

/// What is known of one account on one host, whatever the number of credentials and account objects (I13).
#[derive(Debug, Default)]
pub struct AccountState {
    /// Held while the account is listed, so that one listing serves all who wait.
    pub listing_turn: tokio::sync::Mutex<()>,
    /// Held while the account is probed.
    pub probe_turn: tokio::sync::Mutex<()>,
    listings: Mutex<Listings>,
    found_out: Mutex<FoundOut>,
    budget: Mutex<ReplacementBudget>,
    users: Mutex<Vec<Arc<Users>>>,
    orphans: Mutex<Orphans>,
    left_behind: Mutex<BTreeSet<TokenId>>,
    unknown: Mutex<BTreeSet<TokenId>>,
}

/// Tokens that belong to nobody, as the newest listings show them.
#[derive(Debug, Default)]
struct Orphans {
    /// Seen once, by the listing that began then.
    suspects: BTreeSet<TokenId>,
    listed_at: Option<Timestamp>,
    /// Seen twice, once there were two listings.
    confirmed: Option<BTreeSet<TokenId>>,
}

impl AccountState {
    /// What each credential listed.
    pub(in crate::controller) fn listings(&self) -> MutexGuard<'_, Listings> {
        self.listings.lock()
    }

    /// What was found out about resets and the rest.
    pub(in crate::controller) fn found_out(&self) -> MutexGuard<'_, FoundOut> {
        self.found_out.lock()
    }

    /// Which objects use the account, through each account object; the budget is measured by them.
    pub(super) fn set_users(&self, users: Vec<Arc<Users>>) {
        *self.users.lock() = users;
    }

    /// What would hold the replacement of an object's key that nobody asked for (I14).
    pub fn hold(&self, object: &Identity, now: Timestamp) -> Option<Hold> {
        if self.budget().is_idle() {
            return None;
        }
        let all = self.population();
        self.budget().hold(object, &all, now)
    }

    /// What holds objects that lost their keys; `None` if none has to wait.
    pub fn worst_hold(&self, now: Timestamp) -> Option<Hold> {
        if self.budget().is_idle() {
            return None;
        }
        let all = self.population();
        self.budget().worst_hold(&all, now)
    }

    /// Asks whether a replacement nobody asked for may begin.
    pub(in crate::controller) fn request_replacement(
        &self,
        object: &Identity,
        now: Timestamp,
    ) -> Allowance {
        let all = self.population();
        self.budget().ask(object, &all, now)
    }

    /// A replacement that was let through did not begin after all.
    pub fn give_back_unasked(&self, object: &ObjectUid) {
        self.budget().give_back(object);
    }

    /// Notes whether an object waits for such a replacement; true if that is news.
    pub fn note_unasked(&self, object: &Identity, waits: bool, now: Timestamp) -> bool {
        if waits {
            self.budget().want(object, now)
        } else {
            self.budget().content(&object.uid)
        }
    }

    /// Counts what an object's history says that an earlier process replaced.
    pub fn remember_unasked(&self, object: &Identity, replaced: impl Iterator<Item = Timestamp>) {
        self.budget().remember(object, replaced);
    }

    /// Takes in what the newest listing shows: an orphan is what two listings in a row show as one.
    pub fn suspect_orphans(&self, suspects: BTreeSet<TokenId>, listed_at: Timestamp) {
        let mut known = self.orphans.lock();
        if known.listed_at.is_some_and(|at| at >= listed_at) {
            return;
        }
        known.confirmed = known
            .listed_at
            .map(|_| known.suspects.intersection(&suspects).cloned().collect());
        known.suspects = suspects;
        known.listed_at = Some(listed_at);
    }

    /// Tokens that belong to nobody; `None` before there were two listings to say so.
    pub fn orphans(&self) -> Option<BTreeSet<TokenId>> {
        let known = self.orphans.lock();
        known.confirmed.clone()
    }

    /// Notes the tokens that objects of the account tell as unknown.
    pub fn note_unknown(&self, tokens: BTreeSet<TokenId>) {
        *self.unknown.lock() = tokens;
    }

    /// Tokens that carry an object's marker and that it does not know.
    pub fn unknown(&self) -> BTreeSet<TokenId> {
        self.unknown.lock().clone()
    }

    /// Notes tokens whose cleaning up was given up, until an account's status says so.
    pub fn leave_behind(&self, tokens: &[TokenId]) {
        let mut left = self.left_behind.lock();
        left.extend(tokens.iter().cloned());
    }

    /// Tokens whose cleaning up was given up, by this process or as is `known` from elsewhere; without those that neither this
    /// credential nor another one lists any more.
    pub(in crate::controller) fn left_behind(
        &self,
        key: &Fingerprint,
        known: &[TokenId],
    ) -> BTreeSet<TokenId> {
        let (listings, left) = (self.listings(), self.left_behind.lock());
        let all = left.iter().chain(known);
        all.filter(|id| !listings.lack(key, id)).cloned().collect()
    }

    fn population(&self) -> Population {
        let mut population = Population::default();
        for users in self.users.lock().iter() {
            users.add_to(&mut population);
        }
        population
    }

    pub(in crate::controller) fn budget(&self) -> MutexGuard<'_, ReplacementBudget> {
        self.budget.lock()
    }

    #[cfg(test)]
    pub(super) fn objects(&self) -> usize {
        self.population().objects()
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    fn object(name: &str) -> Identity {
        Identity {
            uid: ObjectUid::new(format!("uid-of-{name}")),
            namespace: "team".to_owned(),
            name: name.to_owned(),
        }
    }

    #[test]
    fn losses_that_were_all_made_good_are_no_mass_change_i12() {
        let shared = AccountState::default();
        let users = Arc::<Users>::default();
        for n in 0..60 {
            users.insert(&object(&format!("object-{n}")));
        }
        shared.set_users(vec![users]);
        let (moment, minute) = (SignedDuration::from_secs(2), SignedDuration::from_mins(1));
        let mut now = Timestamp::UNIX_EPOCH;
        for n in 0..3 {
            let object = object(&format!("object-{n}"));
            shared.request_replacement(&object, now);
            let answer = shared.request_replacement(&object, now + moment);
            assert_eq!(answer, Allowance::Go);
            assert_eq!(shared.worst_hold(now + moment), None, "{n} begins");
            shared.note_unasked(&object, false, now + moment);
            now += minute;
        }
        let next = object("object-3");
        assert_eq!(shared.hold(&next, now), Some(Hold::UsedUp));
        assert_eq!(shared.worst_hold(now), None, "nothing waits");
        shared.note_unasked(&next, true, now);
        assert_eq!(shared.worst_hold(now), Some(Hold::UsedUp), "one waits");
    }
}
