//! Accounts that this installation leaves to others.

use std::collections::HashMap;

use parking_lot::RwLock;

use crate::domain::account::AccountKey;
use crate::domain::account::handler::ControllerRef;

/// Accounts that this installation leaves to others, and to whom of its own class.
#[derive(Debug, Default)]
pub(super) struct LeftAccounts(RwLock<HashMap<AccountKey, Option<ControllerRef>>>);

impl LeftAccounts {
    /// Leaves an account; true if that is news.
    pub(super) fn leave(&self, key: &AccountKey, to: Option<ControllerRef>) -> bool {
        let before = self.0.write().insert(key.clone(), to.clone());
        before != Some(to)
    }

    /// This installation handles it by now; true if that is news.
    pub(super) fn take_up(&self, key: &AccountKey) -> bool {
        // Mostly it did before.
        self.contains(key) && self.0.write().remove(key).is_some()
    }

    /// Its object is gone. What its `AccessTokens` remember says whose they are; but of two of one class it was the other's.
    pub(super) fn gone(&self, key: &AccountKey) {
        if self.0.read().get(key) == Some(&None) {
            self.0.write().remove(key);
        }
    }

    pub(super) fn contains(&self, key: &AccountKey) -> bool {
        self.0.read().contains_key(key)
    }

    /// How many are left to installations of our own class.
    pub(super) fn to_rivals(&self) -> usize {
        self.0.read().values().flatten().count()
    }
}
