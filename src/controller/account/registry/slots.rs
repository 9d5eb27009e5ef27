//! What objects have at an account, and whether there is room for more (I9).

use std::collections::{BTreeSet, HashSet};

use jiff::Timestamp;

use super::Accounts;
use crate::controller::account::kept::Why;
use crate::controller::account::users::Usage;
use crate::domain::account::AccountKey;
use crate::domain::ids::{ObjectUid, TokenId};
use crate::domain::policy::{AccountPolicy, Refusal};
use crate::domain::record::Identity;
use crate::launchdarkly::TokensApi;

impl<L: TokensApi> Accounts<L> {
    /// Notes what an object has that has a token already.
    pub fn occupy(&self, key: &AccountKey, object: &Identity, usage: Usage) {
        let limit = self.limit(key);
        let news = self.change(key, |account| {
            let is_full = || limit.is_some_and(|(max, kept)| account.users.tokens() + kept >= max);
            let before = is_full();
            account.users.insert(object, usage) || before != is_full()
        });
        // Nothing is done with an account that another installation handles.
        if news && !self.is_left(key) {
            self.signal();
        }
    }

    /// How many tokens there are of an account object: those that objects answer for, and those that nobody does any more.
    pub fn tokens(&self, key: &AccountKey) -> usize {
        let kept = self.kept(key);
        let accounts = self.by_key.read();
        accounts
            .get(key)
            .map_or(kept, |account| account.users.tokens() + kept)
    }

    /// The most tokens that an account's policy allows, if it says so, and how many of them nobody answers for any more.
    fn limit(&self, key: &AccountKey) -> Option<(usize, usize)> {
        let max = self.get(key)?.policy.max_tokens?;
        Some((max, self.kept(key)))
    }

    /// How many tokens of an account object no object answers for any more.
    fn kept(&self, key: &AccountKey) -> usize {
        let entry = self.get(key);
        let session = entry.as_ref().and_then(|it| it.state.newest_session());
        let mark = key.mark(&self.installation);
        let kept = session.map(|session| session.state.kept(key, &mark, &session.key));
        let nobodys = kept.into_iter().flatten();
        nobodys.filter(|id| !self.claims.is_claimed(id)).count()
    }

    /// Whether there are tokens of an account object that no object answers for any more.
    pub(in crate::controller) fn has_kept(&self, key: &AccountKey) -> bool {
        self.kept(key) > 0
    }

    /// Whether an object has a slot, or `policy` has room for it.
    ///
    /// # Errors
    /// The refusal.
    pub fn has_room(
        &self,
        key: &AccountKey,
        object: &ObjectUid,
        policy: &AccountPolicy,
    ) -> Result<(), Refusal> {
        if policy.max_tokens.is_none() || self.uses(key, object) {
            return Ok(());
        }
        policy.has_room(self.tokens(key))
    }

    /// Whether an object has a slot.
    pub fn uses(&self, key: &AccountKey, object: &ObjectUid) -> bool {
        let accounts = self.by_key.read();
        accounts
            .get(key)
            .is_some_and(|account| account.users.contains(object))
    }

    /// Takes a slot for an object, under one lock, if `policy` has room for it (I9); whether it had none before.
    ///
    /// # Errors
    /// The refusal.
    pub fn reserve(
        &self,
        key: &AccountKey,
        object: &Identity,
        policy: &AccountPolicy,
    ) -> Result<bool, Refusal> {
        let kept = policy.max_tokens.map_or(0, |_| self.kept(key));
        let taken = self.change(key, |account| {
            if account.users.contains(&object.uid) {
                return Ok(false);
            }
            policy.has_room(account.users.tokens() + kept)?;
            Ok(account.users.insert(object, Usage::default()))
        })?;
        if taken {
            self.signal();
        }
        Ok(taken)
    }

    /// Gives back a slot that was reserved for what did not begin after all.
    pub fn give_back(&self, key: &AccountKey, object: &ObjectUid) {
        if self.change(key, |account| account.users.remove(object)) {
            self.signal();
        }
    }

    /// An object is gone: what it recorded to the last is nobody's any more, and goes unless it was cleaned up.
    fn forsake(&self, object: &ObjectUid, now: Timestamp) {
        let tokens = self.claims.forget(object);
        let accounts = self.by_key.read();
        let used = accounts.iter().filter(|(_, it)| it.users.contains(object));
        for (key, account) in used {
            let session = account.entry().and_then(|it| it.state.newest_session());
            if let Some(session) = session {
                let made = (key, &session.key);
                session.state.keep(Why::Forsaken, made, &tokens, now);
            }
        }
    }

    /// Gives the slots of an object back that is gone.
    pub fn release(&self, object: &ObjectUid, now: Timestamp) {
        self.forsake(object, now);
        let mut accounts = self.by_key.write();
        let released = accounts
            .values_mut()
            .filter(|account| account.users.remove(object))
            .count();
        if released > 0 {
            self.settle(&mut accounts);
            drop(accounts);
            self.signal();
        }
    }

    /// Notes tokens of an account object whose cleaning up was given up.
    pub fn leave_behind(&self, key: &AccountKey, tokens: &[TokenId], now: Timestamp) {
        self.keep(Why::LeftBehind, key, tokens, now);
    }

    /// Notes a token of an account object that was retained.
    pub fn retain_token(&self, key: &AccountKey, token: &TokenId, now: Timestamp) {
        self.keep(Why::Retained, key, std::slice::from_ref(token), now);
    }

    fn keep(&self, why: Why, key: &AccountKey, tokens: &[TokenId], now: Timestamp) {
        let entry = self.get(key);
        if let Some(session) = entry.as_ref().and_then(|it| it.state.newest_session()) {
            let made = (key, &session.key);
            session.state.keep(why, made, tokens, now);
            self.signal();
        }
    }

    /// Forgets objects that are gone. Tokens that they recorded to the last are nobody's any more.
    pub fn retain(&self, living: &HashSet<ObjectUid>, now: Timestamp) {
        for object in self.claims.gone(living) {
            self.forsake(&object, now);
        }
        for state in self.states.lock().values() {
            state.budget().retain(living);
        }
        let mut accounts = self.by_key.write();
        for account in accounts.values_mut() {
            account.users.retain(living);
        }
        self.settle(&mut accounts);
    }

    /// The tokens with markers of an account's objects that these do not know.
    pub fn unknown(&self, key: &AccountKey) -> BTreeSet<TokenId> {
        let accounts = self.by_key.read();
        let account = accounts.get(key);
        account.map_or_else(BTreeSet::new, |account| account.users.unknown())
    }

    /// How many objects use an account.
    pub fn users(&self, key: &AccountKey) -> usize {
        let accounts = self.by_key.read();
        accounts.get(key).map_or(0, |account| account.users.len())
    }
}

#[cfg(test)]
mod tests;
