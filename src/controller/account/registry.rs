//! The accounts this process can act on, as the account controller keeps them up to date.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use crate::controller::account::state::AccountState;
use crate::domain::account::AccountKey;
use crate::domain::ids::{AccountId, Installation, ObjectUid, TokenId};
use crate::domain::namespaces::AdmittedNamespaces;
use crate::domain::policy::{AccountPolicy, Refusal};
use crate::domain::problem::Problem;
use crate::domain::reason::Reason;
use crate::launchdarkly::TokensApi;

/// An account object as the controllers use it.
#[derive(Debug, Clone)]
pub struct Entry<L> {
    /// Whether calls can be made.
    pub state: Availability<L>,
    /// What may be asked for.
    pub policy: AccountPolicy,
    /// Who may ask; `None` for a namespaced account, which serves its own namespace.
    pub allowed_namespaces: Option<AdmittedNamespaces>,
}

impl<L> Entry<L> {
    /// An account whose spec makes no sense lets nobody do anything.
    pub(in crate::controller) fn closed(state: Availability<L>) -> Self {
        Self {
            state,
            policy: AccountPolicy::closed(),
            allowed_namespaces: Some(AdmittedNamespaces::default()),
        }
    }
}

/// Whether calls can be made on an account.
#[derive(Debug, Clone)]
pub enum Availability<L> {
    /// Yes.
    Usable(Session<L>),
    /// No.
    Unusable {
        /// Why, as its objects say it.
        problem: Problem,
        /// Why, as it says itself.
        own_reason: Reason,
        /// The last credential that worked: deletions still use it while it does.
        last: Option<Session<L>>,
    },
}

impl<L> Availability<L> {
    /// The newest credential that worked.
    pub(in crate::controller) fn newest_session(&self) -> Option<&Session<L>> {
        match self {
            Self::Usable(session) => Some(session),
            Self::Unusable { last, .. } => last.as_ref(),
        }
    }
}

/// A credential whose identity was checked, and the account behind it (I10).
#[derive(Debug, Clone)]
pub struct Session<L> {
    /// Calls with these very credential bytes.
    pub api: L,
    /// The account behind the credential.
    pub account_id: AccountId,
    /// The token that the credential is.
    pub credential: Option<TokenId>,
    /// What all credentials of the account share.
    pub state: Arc<AccountState>,
}

/// Why accounts should be looked at before their time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccountSignal {
    /// A call with this account's credential was answered 401.
    Doubt(AccountKey),
    /// What a status says may have changed: who uses an account, or whether its budget is on (I14).
    Status,
}

/// All accounts, by the object that names them.
#[derive(Debug)]
pub struct Accounts<L> {
    /// Which cluster our tokens are marked with.
    pub installation: Installation,
    entries: RwLock<HashMap<AccountKey, Arc<Entry<L>>>>,
    shared: Mutex<BTreeMap<(String, AccountId), Arc<AccountState>>>,
    slots: Mutex<HashMap<AccountKey, HashSet<ObjectUid>>>,
    signals: tokio::sync::broadcast::Sender<AccountSignal>,
}

impl<L: TokensApi> Accounts<L> {
    /// No account yet.
    #[must_use]
    pub fn new(installation: Installation) -> Self {
        let (signals, _) = tokio::sync::broadcast::channel(64);
        Self {
            installation,
            entries: RwLock::default(),
            shared: Mutex::default(),
            slots: Mutex::default(),
            signals,
        }
    }

    /// The account of an object.
    pub fn get(&self, key: &AccountKey) -> Option<Arc<Entry<L>>> {
        self.entries
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(key)
            .cloned()
    }

    /// Puts an account in place.
    pub fn put(&self, key: AccountKey, entry: Entry<L>) {
        self.entries
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(key, Arc::new(entry));
    }

    /// Accounts whose object is gone can no longer be asked for anything new; their last good credential still serves for
    /// deletions while objects refer to it. Those that nobody refers to are forgotten.
    pub fn retire_gone(&self, is_gone: impl Fn(&AccountKey) -> bool) {
        for (key, entry) in self.all() {
            if !is_gone(&key) {
                continue;
            }
            if self.users(&key) == 0 {
                if let Availability::Usable(session) = &entry.state {
                    session.state.set_objects(&key, 0);
                }
                self.remove(&key);
                continue;
            }
            let Availability::Usable(session) = &entry.state else {
                continue;
            };
            let state = Availability::Unusable {
                problem: Problem::user(
                    Reason::AccountNotFound,
                    "the account was deleted; create it again",
                ),
                own_reason: Reason::AccountNotFound,
                last: Some(session.clone()),
            };
            self.put(
                key,
                Entry {
                    state,
                    ..(*entry).clone()
                },
            );
        }
    }

    /// Takes an account away.
    pub fn remove(&self, key: &AccountKey) {
        self.entries
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(key);
    }

    /// Every account.
    pub fn all(&self) -> Vec<(AccountKey, Arc<Entry<L>>)> {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        entries
            .iter()
            .map(|(key, entry)| (key.clone(), Arc::clone(entry)))
            .collect()
    }

    /// What all credentials of one account on one host share.
    pub fn account_state(&self, host: &str, account: &AccountId) -> Arc<AccountState> {
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(
            shared
                .entry((host.to_owned(), account.clone()))
                .or_default(),
        )
    }

    /// Takes a slot for an object that has a token already.
    pub fn occupy(&self, key: &AccountKey, object: &ObjectUid) {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if slots.entry(key.clone()).or_default().insert(object.clone()) {
            self.send(AccountSignal::Status);
        }
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
        let slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        match slots.get(key) {
            Some(taken) if taken.contains(object) => Ok(()),
            taken => policy.has_room(taken.map_or(0, HashSet::len)),
        }
    }

    /// Takes a slot for an object, under one lock, if `policy` has room for it (I9); whether it had none before.
    ///
    /// # Errors
    /// The refusal.
    pub fn reserve(
        &self,
        key: &AccountKey,
        object: &ObjectUid,
        policy: &AccountPolicy,
    ) -> Result<bool, Refusal> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = slots.entry(key.clone()).or_default();
        if taken.contains(object) {
            return Ok(false);
        }
        policy.has_room(taken.len())?;
        taken.insert(object.clone());
        self.send(AccountSignal::Status);
        Ok(true)
    }

    /// Gives back a slot that was reserved for what did not begin after all.
    pub fn give_back(&self, key: &AccountKey, object: &ObjectUid) {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if slots.get_mut(key).is_some_and(|taken| taken.remove(object)) {
            self.send(AccountSignal::Status);
        }
    }

    /// Gives an object's slots back.
    pub fn release(&self, object: &ObjectUid) {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        let released = slots
            .values_mut()
            .filter_map(|taken| taken.take(object))
            .count();
        if released > 0 {
            self.send(AccountSignal::Status);
        }
    }

    /// Forgets objects that are gone.
    pub fn retain(&self, living: &HashSet<ObjectUid>) {
        let shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        for account in shared.values() {
            account.budget().retain(living);
        }
        drop(shared);
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        slots.retain(|_, taken| {
            taken.retain(|object| living.contains(object));
            !taken.is_empty()
        });
    }

    /// How many objects use an account.
    pub fn users(&self, key: &AccountKey) -> usize {
        self.slots
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(key)
            .map_or(0, HashSet::len)
    }

    /// A call was answered 401: the credential is looked at again at once.
    pub fn doubt(&self, key: &AccountKey) {
        self.send(AccountSignal::Doubt(key.clone()));
    }

    /// The budget of an account came on: its status is to say so.
    pub fn budget_changed(&self) {
        self.send(AccountSignal::Status);
    }

    /// Tells why accounts should be looked at before their time.
    pub fn signals(&self) -> tokio::sync::broadcast::Receiver<AccountSignal> {
        self.signals.subscribe()
    }

    fn send(&self, signal: AccountSignal) {
        // Nobody listening means that nobody needs to know.
        let _ = self.signals.send(signal);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::AlwaysOpen;
    use crate::launchdarkly::{
        AccountLimiter, AllowedHosts, Endpoint, HttpClient, LimiterOptions, Options,
    };
    use crate::redaction::Key;

    fn session(accounts: &Accounts<HttpClient>) -> Session<HttpClient> {
        let hosts = AllowedHosts::new(["127.0.0.1:1".parse().unwrap()]);
        let endpoint = Endpoint::parse("http://127.0.0.1:1", None, &hosts).unwrap();
        let key = Key::from_bytes(b"api-1").unwrap();
        let line = AccountLimiter::new(LimiterOptions::default(), Arc::new(()));
        let options = Options::default();
        let account_id = AccountId::from("account");
        Session {
            api: HttpClient::new(endpoint, key, None, line, options, Arc::new(AlwaysOpen)).unwrap(),
            state: accounts.account_state("127.0.0.1:1", &account_id),
            account_id,
            credential: None,
        }
    }

    fn account(name: &str) -> AccountKey {
        AccountKey::Namespaced {
            namespace: "team-a".into(),
            name: name.into(),
        }
    }

    #[test]
    fn accounts_that_are_gone_are_forgotten_unless_objects_refer_to_them() {
        let accounts = Accounts::<HttpClient>::new("0a1b2c3d".into());
        let unusable = Availability::Unusable {
            problem: Problem::user(Reason::AccountNotReady, ""),
            own_reason: Reason::CredentialRejected,
            last: None,
        };
        for (name, state) in [
            ("used", Availability::Usable(session(&accounts))),
            ("unused", Availability::Usable(session(&accounts))),
            ("unusable", unusable),
            ("there", Availability::Usable(session(&accounts))),
        ] {
            accounts.put(account(name), Entry::closed(state));
        }
        accounts.occupy(&account("used"), &ObjectUid::from("object-1"));

        accounts.retire_gone(|key| *key != account("there"));

        assert!(accounts.get(&account("unused")).is_none());
        assert!(accounts.get(&account("unusable")).is_none());
        let state = |name| accounts.get(&account(name)).unwrap().state.clone();
        assert!(matches!(
            state("used"),
            Availability::Unusable { last: Some(_), .. }
        ));
        assert!(matches!(state("there"), Availability::Usable(_)));

        accounts.retain(&HashSet::new());
        accounts.retire_gone(|key| *key != account("there"));
        assert!(accounts.get(&account("used")).is_none());
        assert_eq!(accounts.all().len(), 1);
    }
}
