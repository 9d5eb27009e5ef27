//! Accounts that this installation leaves to others.

use std::collections::HashMap;

use parking_lot::RwLock;

use crate::domain::account::AccountKey;
use crate::domain::account::handler::ControllerRef;

/// Accounts that this installation leaves to others.
#[derive(Debug, Default)]
pub(super) struct LeftAccounts(RwLock<HashMap<AccountKey, LeftTo>>);

/// To whom an account is left.
#[derive(Debug, Clone, PartialEq, Eq)]
enum LeftTo {
    /// An installation of another class.
    OtherClass,
    /// One of our own class.
    Rival(ControllerRef),
    /// One of our own class, until the account was gone.
    RivalUntilGone,
}

impl LeftAccounts {
    /// Leaves an account, to a rival where one is named; true if that is news.
    pub(super) fn leave(&self, key: &AccountKey, rival: Option<ControllerRef>) -> bool {
        let to = rival.map_or(LeftTo::OtherClass, LeftTo::Rival);
        let before = self.0.write().insert(key.clone(), to.clone());
        before != Some(to)
    }

    /// This installation handles it by now; true if that is news.
    pub(super) fn take_up(&self, key: &AccountKey) -> bool {
        // Mostly it did before.
        self.contains(key) && self.0.write().remove(key).is_some()
    }

    /// Its object is gone. What its `AccessTokens` remember says whose they are; but of two of one class it was the other's, which has
    /// the last credential.
    pub(super) fn gone(&self, key: &AccountKey) {
        if !self.contains(key) {
            return;
        }
        let mut left = self.0.write();
        match left.remove(key) {
            Some(LeftTo::Rival(_) | LeftTo::RivalUntilGone) => {
                left.insert(key.clone(), LeftTo::RivalUntilGone);
            }
            Some(LeftTo::OtherClass) | None => {}
        }
    }

    /// Those that are not known to be gone.
    pub(super) fn all(&self) -> Vec<AccountKey> {
        let left = self.0.read();
        let there = left.iter().filter(|(_, to)| **to != LeftTo::RivalUntilGone);
        there.map(|(key, _)| key.clone()).collect()
    }

    pub(super) fn contains(&self, key: &AccountKey) -> bool {
        self.0.read().contains_key(key)
    }

    /// How many are left to installations of our own class.
    pub(super) fn to_rivals(&self) -> usize {
        let left = self.0.read();
        let rivals = left.values().filter(|to| matches!(to, LeftTo::Rival(_)));
        rivals.count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_left_until_it_is_taken_up_and_a_rivals_also_when_it_is_gone() {
        let left = LeftAccounts::default();
        let key = |name: &str| AccountKey::Cluster {
            name: name.to_owned(),
        };
        let (theirs, rivals) = (key("theirs"), key("rivals"));
        assert!(left.leave(&theirs, None) && !left.leave(&theirs, None));
        let rival = Some(ControllerRef::default());
        assert!(left.leave(&rivals, rival.clone()) && !left.leave(&rivals, rival));
        assert_eq!(left.to_rivals(), 1);
        for account in [&theirs, &rivals] {
            left.gone(account);
        }
        assert!(!left.contains(&theirs) && left.contains(&rivals));
        assert_eq!(left.to_rivals(), 0);
        assert!(left.take_up(&rivals) && !left.take_up(&rivals));
        assert!(!left.contains(&rivals));
    }
}
