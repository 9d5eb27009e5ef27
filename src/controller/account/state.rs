//! What is known of one account on one host, whatever the number of credentials and account objects (I13).

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use jiff::Timestamp;
use parking_lot::{Mutex, MutexGuard};

use crate::controller::account::features::FoundOut;
use crate::controller::account::kept::{Kept, Why};
use crate::controller::account::listings::Listings;
use crate::controller::account::users::Users;
use crate::domain::account::AccountKey;
use crate::domain::account::budget::{Allowance, Hold, Population, ReplacementBudget};
use crate::domain::ids::{AccountMark, Fingerprint, ObjectUid, TokenId};
use crate::domain::orphans::is_told_by;
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
    users: Mutex<Vec<(AccountKey, Arc<Users>)>>,
    orphans: Mutex<Orphans>,
    kept: Mutex<Kept>,
}

/// Tokens that belong to nobody, as the newest listings show them.
#[derive(Debug, Default)]
struct Orphans {
    /// Seen once, by the listing that began then.
    suspects: BTreeSet<TokenId>,
    listed_at: Option<Timestamp>,
    /// Seen twice, once there were two listings.
    confirmed: Option<BTreeSet<TokenId>>,
    /// Those of them that no account object tells of, as they were last said in the log.
    untold: BTreeSet<TokenId>,
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
    pub(super) fn set_users(&self, users: Vec<(AccountKey, Arc<Users>)>) {
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

    /// Tokens that belong to nobody, as far as an account object is to tell of them; `None` before there were two listings to say so.
    pub fn orphans(&self, account: &AccountKey, own_namespace: &str) -> Option<BTreeSet<TokenId>> {
        let mut confirmed = self.orphans.lock().confirmed.clone()?;
        let kept = self.kept.lock();
        confirmed.retain(|id| is_told_by(account, kept.maker(id), own_namespace));
        Some(confirmed)
    }

    /// The tokens that belong to nobody and that no account object tells of, if they are others than before.
    pub(in crate::controller) fn untold_orphans(
        &self,
        own_namespace: &str,
    ) -> Option<BTreeSet<TokenId>> {
        let mut known = self.orphans.lock();
        let (kept, users) = (self.kept.lock(), self.users.lock());
        let all: Vec<&AccountKey> = users.iter().map(|(key, _)| key).collect();
        let is_told = |id: &TokenId| {
            let maker = kept.maker(id);
            all.iter().any(|key| is_told_by(key, maker, own_namespace))
        };
        let confirmed = known.confirmed.iter().flatten();
        let untold: BTreeSet<_> = confirmed.filter(|id| !is_told(id)).cloned().collect();
        let is_news = untold != known.untold;
        known.untold.clone_from(&untold);
        is_news.then_some(untold)
    }

    /// How many tokens belong to nobody, whoever made them; `None` before there were two listings to say so.
    pub fn all_orphans(&self) -> Option<usize> {
        let known = self.orphans.lock();
        known.confirmed.as_ref().map(BTreeSet::len)
    }

    /// Notes tokens that no object answers for any more, made through an account object, and visible to a credential.
    pub(super) fn keep(
        &self,
        why: Why,
        made: (&AccountKey, &Fingerprint),
        tokens: &[TokenId],
        now: Timestamp,
    ) {
        let mut kept = self.kept.lock();
        for token in tokens {
            kept.note(why, made, token, now);
        }
    }

    /// A credential has listed, of those that are in use: what is gone need not be remembered.
    pub(super) fn compare_kept(&self, key: &Fingerprint, in_use: &HashSet<Fingerprint>) {
        let (listings, mut kept) = (self.listings(), self.kept.lock());
        kept.compare(&listings, key, in_use);
    }

    /// Tokens made through an account object whose cleaning up was given up.
    pub fn left_behind(&self, account: &AccountKey) -> BTreeSet<TokenId> {
        self.kept.lock().left_behind(account)
    }

    /// Tokens made through an account object that no object answers for any more, on purpose or not.
    pub(super) fn kept(
        &self,
        account: &AccountKey,
        mark: &AccountMark,
        key: &Fingerprint,
    ) -> BTreeSet<TokenId> {
        let view = self.listings().view(key);
        self.kept.lock().of(account, mark, view.as_deref())
    }

    fn population(&self) -> Population {
        let mut population = Population::default();
        for (_, users) in self.users.lock().iter() {
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
    use crate::controller::account::users::Usage;

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
            users.insert(&object(&format!("object-{n}")), Usage::default());
        }
        let account = AccountKey::Cluster {
            name: "default".to_owned(),
        };
        shared.set_users(vec![(account, users)]);
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
