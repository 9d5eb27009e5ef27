//! What is known of one account on one host, whatever the number of credentials and account objects (I13).

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use jiff::Timestamp;
use parking_lot::{Mutex, MutexGuard};

use crate::controller::account::features::FoundOut;
use crate::controller::account::listings::Listings;
use crate::domain::account::budget::{Allowance, Hold, ReplacementBudget};
use crate::domain::ids::{Fingerprint, ObjectUid, TokenId};

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
    objects: AtomicUsize,
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

    /// How many objects use the account, through all account objects; the budget is measured by them.
    pub(in crate::controller) fn set_objects(&self, count: usize) {
        self.objects.store(count, Ordering::Relaxed);
    }

    /// How many replacements nobody asked for may still begin in this window (I14).
    pub fn unasked_left(&self, now: Timestamp) -> u32 {
        let left = self.budget().left(self.objects(), now);
        u32::try_from(left).unwrap_or(u32::MAX)
    }

    /// Why objects that lost their keys have to wait; `None` if none has to.
    pub fn held_by_budget(&self, now: Timestamp) -> Option<Hold> {
        let objects = self.objects();
        self.budget().hold(objects, now)
    }

    /// Whether an object that lost its key has to wait.
    pub fn is_held_by_budget(&self, now: Timestamp) -> bool {
        self.held_by_budget(now).is_some()
    }

    /// Asks whether a replacement nobody asked for may begin.
    pub(in crate::controller) fn request_replacement(
        &self,
        object: &ObjectUid,
        now: Timestamp,
    ) -> Allowance {
        let objects = self.objects();
        self.budget().ask(object, objects, now)
    }

    /// A replacement that was let through did not begin after all.
    pub fn give_back_unasked(&self, object: &ObjectUid) {
        self.budget().give_back(object);
    }

    /// Notes whether an object waits for such a replacement; true if that is news.
    pub fn note_unasked(&self, object: &ObjectUid, waits: bool, now: Timestamp) -> bool {
        if waits {
            self.budget().want(object, now)
        } else {
            self.budget().content(object)
        }
    }

    /// Counts what an object's history says that an earlier process replaced.
    pub fn remember_unasked(&self, object: &ObjectUid, replaced: impl Iterator<Item = Timestamp>) {
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

    pub(in crate::controller) fn objects(&self) -> usize {
        self.objects.load(Ordering::Relaxed)
    }

    pub(in crate::controller) fn budget(&self) -> MutexGuard<'_, ReplacementBudget> {
        self.budget.lock()
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    #[test]
    fn losses_that_were_all_made_good_are_no_mass_change_i12() {
        let shared = AccountState::default();
        shared.set_objects(60);
        let (moment, minute) = (SignedDuration::from_secs(2), SignedDuration::from_mins(1));
        let mut now = Timestamp::UNIX_EPOCH;
        for n in 0..3 {
            let object = ObjectUid::new(format!("object-{n}"));
            shared.request_replacement(&object, now);
            let answer = shared.request_replacement(&object, now + moment);
            assert_eq!(answer, Allowance::Go);
            assert!(!shared.is_held_by_budget(now + moment), "{n} begins");
            shared.note_unasked(&object, false, now + moment);
            now += minute;
        }
        assert_eq!(shared.unasked_left(now), 0);
        assert!(!shared.is_held_by_budget(now), "nothing waits");
        let next = ObjectUid::new("next");
        shared.note_unasked(&next, true, now);
        assert!(shared.is_held_by_budget(now), "one waits");
    }
}
