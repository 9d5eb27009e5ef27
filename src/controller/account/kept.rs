//! Tokens that no object answers for any more, by the account object that they were made through: what others made of the same account is
//! nobody else's to read.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::listings::{Listings, View};
use crate::domain::account::AccountKey;
use crate::domain::ids::{Fingerprint, TokenId};

/// Tokens that no object answers for any more.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// Those that deletions gave up.
    left_behind: Made,
    /// Those that were retained a moment ago, which the next listing shows as such.
    retained: Made,
    /// Those of objects that went without cleaning up.
    forsaken: Made,
}

/// Through which account object tokens were made, and since when that is known, on the steady clock.
type Made = BTreeMap<TokenId, (AccountKey, Timestamp)>;

impl Kept {
    pub(super) fn leave_behind(&mut self, account: &AccountKey, token: &TokenId, now: Timestamp) {
        note(&mut self.left_behind, account, token, now);
    }

    pub(super) fn retain(&mut self, account: &AccountKey, token: &TokenId, now: Timestamp) {
        note(&mut self.retained, account, token, now);
    }

    pub(super) fn forsake(&mut self, account: &AccountKey, token: &TokenId, now: Timestamp) {
        note(&mut self.forsaken, account, token, now);
    }

    /// A credential has listed: what that shows need not be remembered, and what it lacks is gone.
    pub(super) fn compare(&mut self, listings: &Listings, key: &Fingerprint) {
        let Some(own) = listings.own(key) else {
            return;
        };
        self.retained.retain(|_, (_, at)| *at >= own.started_at);
        for made in [&mut self.left_behind, &mut self.forsaken] {
            made.retain(|id, (_, at)| *at >= own.started_at || !listings.lack(key, id));
        }
    }

    /// What was left behind of an account object.
    pub(super) fn left_behind(&self, account: &AccountKey) -> BTreeSet<TokenId> {
        of(&self.left_behind, account).cloned().collect()
    }

    /// Through which account object a token was made whose object went without cleaning up.
    pub(super) fn maker(&self, token: &TokenId) -> Option<&AccountKey> {
        self.forsaken.get(token).map(|(account, _)| account)
    }

    /// What is left of an account object on purpose or because it could not be deleted.
    pub(super) fn of(&self, account: &AccountKey, listing: Option<&View>) -> BTreeSet<TokenId> {
        let mark = account.mark();
        let listed = listing.into_iter().flat_map(|it| it.retained(&mark));
        let remembered = of(&self.left_behind, account).chain(of(&self.retained, account));
        remembered.chain(listed).cloned().collect()
    }
}

fn note(made: &mut Made, account: &AccountKey, token: &TokenId, now: Timestamp) {
    made.insert(token.clone(), (account.clone(), now));
}

fn of<'a>(made: &'a Made, account: &'a AccountKey) -> impl Iterator<Item = &'a TokenId> {
    let mine = made.iter().filter(move |(_, (of, _))| of == account);
    mine.map(|(id, _)| id)
}
