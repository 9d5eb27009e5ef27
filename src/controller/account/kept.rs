//! Tokens that no object answers for any more, by the account object that they were made through: what others made of the same account is
//! nobody else's to read.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use jiff::Timestamp;

use super::listings::{Listings, View};
use crate::domain::account::AccountKey;
use crate::domain::ids::{AccountMark, Fingerprint, TokenId};

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

type Made = BTreeMap<TokenId, Note>;

/// Through which account object a token was made.
#[derive(Debug, Clone)]
struct Note {
    account: AccountKey,
    /// The credential that could see it.
    seen_by: Fingerprint,
    /// Since when that is known, on the steady clock.
    at: Timestamp,
}

/// Why no object answers for a token any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    LeftBehind,
    Retained,
    /// Its object went without cleaning up.
    Forsaken,
}

impl Kept {
    pub(super) fn note(
        &mut self,
        why: Why,
        (account, seen_by): (&AccountKey, &Fingerprint),
        token: &TokenId,
        at: Timestamp,
    ) {
        let made = match why {
            Why::LeftBehind => &mut self.left_behind,
            Why::Retained => &mut self.retained,
            Why::Forsaken => &mut self.forsaken,
        };
        let note = Note {
            account: account.clone(),
            seen_by: seen_by.clone(),
            at,
        };
        made.insert(token.clone(), note);
    }

    /// A credential has listed: what that shows need not be remembered, and what it lacks is gone. It says nothing of what another one that
    /// is still `in_use` could see.
    pub(super) fn compare(
        &mut self,
        listings: &Listings,
        key: &Fingerprint,
        in_use: &HashSet<Fingerprint>,
    ) {
        let Some(own) = listings.own(key) else {
            return;
        };
        let told = |note: &Note| {
            let sees = note.seen_by == *key || !in_use.contains(&note.seen_by);
            sees && note.at < own.started_at
        };
        self.retained.retain(|_, note| !told(note));
        for made in [&mut self.left_behind, &mut self.forsaken] {
            made.retain(|id, note| !(told(note) && listings.lack(key, id)));
        }
    }

    /// What was left behind of an account object.
    pub(super) fn left_behind(&self, account: &AccountKey) -> BTreeSet<TokenId> {
        of(&self.left_behind, account).cloned().collect()
    }

    /// Through which account object a token was made whose object went without cleaning up.
    pub(super) fn maker(&self, token: &TokenId) -> Option<&AccountKey> {
        self.forsaken.get(token).map(|note| &note.account)
    }

    /// What is left of an account object, on purpose or not.
    pub(super) fn of(
        &self,
        account: &AccountKey,
        mark: &AccountMark,
        listing: Option<&View>,
    ) -> BTreeSet<TokenId> {
        let listed = listing.into_iter().flat_map(|it| it.retained(mark));
        let all = [&self.left_behind, &self.retained, &self.forsaken];
        let remembered = all.into_iter().flat_map(|made| of(made, account));
        remembered.chain(listed).cloned().collect()
    }
}

fn of<'a>(made: &'a Made, account: &'a AccountKey) -> impl Iterator<Item = &'a TokenId> {
    let mine = made
        .iter()
        .filter(move |(_, note)| note.account == *account);
    mine.map(|(id, _)| id)
}
