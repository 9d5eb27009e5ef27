//! The accounts this process can act on, as the account controller keeps them up to date.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};
use tokio::sync::broadcast;

use super::claims::Claims;
pub use super::entry::{Availability, CredentialToken, Entry, Session};
use super::known::{Checked, Known, KnownAccount, Unseen};
use super::left::LeftAccounts;
use crate::controller::account::state::AccountState;
use crate::domain::account::AccountKey;
use crate::domain::account::handler::ControllerRef;
use crate::domain::account::offer::Offer;
use crate::domain::ids::{AccountId, AccountUid, Installation};
use crate::launchdarkly::TokensApi;

mod slots;

type AccountMap<L> = HashMap<AccountKey, KnownAccount<L>>;

/// All accounts, by the name under which access tokens refer to them.
#[derive(Debug)]
pub struct Accounts<L> {
    /// Which cluster our tokens are marked with.
    pub installation: Installation,
    /// Which object answers for which token.
    pub(in crate::controller) claims: Claims,
    by_key: RwLock<AccountMap<L>>,
    /// What all credentials of one account on one host share, whatever the objects that lead there (I13).
    states: Mutex<BTreeMap<(String, AccountId), Arc<AccountState>>>,
    signals: broadcast::Sender<()>,
    left: LeftAccounts,
}

impl<L: TokensApi> Accounts<L> {
    /// No account yet.
    #[must_use]
    pub fn new(installation: Installation) -> Self {
        let (signals, _) = broadcast::channel(64);
        Self {
            installation,
            claims: Claims::default(),
            by_key: RwLock::default(),
            states: Mutex::default(),
            signals,
            left: LeftAccounts::default(),
        }
    }

    /// The account of this name.
    pub fn get(&self, key: &AccountKey) -> Option<Arc<Entry<L>>> {
        self.by_key.read().get(key)?.entry().cloned()
    }

    /// Every account.
    pub fn all(&self) -> Vec<(AccountKey, Arc<Entry<L>>)> {
        let accounts = self.by_key.read();
        accounts
            .iter()
            .filter_map(|(key, account)| Some((key.clone(), Arc::clone(account.entry()?))))
            .collect()
    }

    /// Puts an account in place as it is.
    pub fn put(&self, key: &AccountKey, uid: &AccountUid, entry: Entry<L>) {
        self.change(key, |account| {
            let known = account.of(uid);
            known.offer = None;
            known.entry = Some(Arc::new(entry));
        });
    }

    /// Puts in place what access tokens find of an object.
    pub(in crate::controller) fn publish(&self, key: &AccountKey, uid: &AccountUid, offer: Offer) {
        self.change(key, |account| account.of(uid).publish(offer));
    }

    /// What access tokens find of an object.
    pub(in crate::controller) fn offer(&self, key: &AccountKey, uid: &AccountUid) -> Option<Offer> {
        self.known(key, uid, |known| known.offer.clone())
    }

    /// What was found out about an object's credential.
    pub(in crate::controller) fn checked(
        &self,
        key: &AccountKey,
        uid: &AccountUid,
    ) -> Option<Checked<L>> {
        self.known(key, uid, |known| known.checked.clone())
    }

    /// Remembers what was found out about an object's credential.
    pub(in crate::controller) fn remember(
        &self,
        key: &AccountKey,
        uid: &AccountUid,
        checked: Checked<L>,
    ) {
        self.change(key, |account| account.of(uid).checked = Some(checked));
    }

    fn known<T>(
        &self,
        key: &AccountKey,
        uid: &AccountUid,
        get: impl FnOnce(&Known<L>) -> Option<T>,
    ) -> Option<T> {
        let accounts = self.by_key.read();
        let known = accounts.get(key)?.object.as_ref()?;
        (known.uid == *uid).then(|| get(known))?
    }

    /// A cache has shown this object.
    pub(in crate::controller) fn note_shown(&self, key: &AccountKey, uid: &AccountUid) {
        let mut accounts = self.by_key.write();
        let known = accounts
            .get_mut(key)
            .and_then(|account| account.object.as_mut());
        if let Some(known) = known.filter(|known| known.uid == *uid) {
            known.shown = true;
        }
    }

    /// The object of this name is this one by now: nothing of another serves any more.
    pub(in crate::controller) fn meet(&self, key: &AccountKey, uid: &AccountUid) {
        self.change(key, |account| account.meet(uid));
    }

    /// No object has this name.
    pub(in crate::controller) fn retire(&self, key: &AccountKey) {
        self.change(key, KnownAccount::retire);
    }

    /// This object is gone, as a read shows.
    pub(super) fn retire_object(&self, key: &AccountKey, uid: &AccountUid) {
        // From now on as if a cache had shown it, and does not any more.
        self.note_shown(key, uid);
        self.change(key, |account| {
            if account.object.as_ref().is_some_and(|it| it.uid == *uid) {
                account.retire();
            }
        });
    }

    /// Accounts that no cache has shown so far, and those that are left to others: that a cache does not show them proves nothing.
    pub fn unseen(&self) -> Vec<Unseen> {
        let left = self.left.all().into_iter();
        let left = left.map(|key| Unseen { key, uid: None });
        let accounts = self.by_key.read();
        let unseen = accounts.iter().filter_map(|(key, account)| {
            let known = account.object.as_ref().filter(|known| !known.shown)?;
            let (key, uid) = (key.clone(), Some(known.uid.clone()));
            Some(Unseen { key, uid })
        });
        unseen.chain(left).collect()
    }

    /// Forgets an object and all that is known of it; those who use an account of this name stay its users.
    pub fn forget(&self, key: &AccountKey, uid: &AccountUid) {
        self.change(key, |account| {
            account.object.take_if(|known| known.uid == *uid);
        });
    }

    /// Another installation handles an account: all that is known of it is forgotten; true if that is news.
    pub(in crate::controller) fn leave(
        &self,
        key: &AccountKey,
        uid: &AccountUid,
        to: Option<ControllerRef>,
    ) -> bool {
        self.forget(key, uid);
        self.left.leave(key, to)
    }

    /// This installation handles an account by now; true if that is news.
    pub(in crate::controller) fn take_up(&self, key: &AccountKey) -> bool {
        self.left.take_up(key)
    }

    /// An account that another installation handled is gone.
    pub(in crate::controller) fn forget_left(&self, key: &AccountKey) {
        self.left.gone(key);
    }

    /// Whether another installation handles an account.
    pub fn is_left(&self, key: &AccountKey) -> bool {
        self.left.contains(key)
    }

    /// How many accounts are left to other installations of our own class.
    pub fn left_to_rivals(&self) -> usize {
        self.left.to_rivals()
    }

    /// Accounts whose object is gone can no longer be asked for anything new; their last good credential still serves for
    /// deletions while objects refer to it. Those that nobody refers to are forgotten.
    pub fn retire_gone(&self, is_shown: impl Fn(&AccountKey, &AccountUid) -> bool) {
        let mut accounts = self.by_key.write();
        for (key, account) in accounts.iter_mut() {
            let known = account.object.as_ref();
            if known.is_some_and(|known| known.shown && !is_shown(key, &known.uid)) {
                account.retire();
            }
        }
        self.settle(&mut accounts);
    }

    /// What all credentials of one account on one host share.
    pub fn account_state(&self, host: &str, account: &AccountId) -> Arc<AccountState> {
        let mut states = self.states.lock();
        let state = states.entry((host.to_owned(), account.clone()));
        Arc::clone(state.or_default())
    }

    /// A call was answered 401: the credential is looked at again at once.
    pub fn doubt(&self, key: &AccountKey) {
        self.change(key, |account| {
            let object = account.object.as_mut();
            if let Some(checked) = object.and_then(|known| known.checked.as_mut()) {
                checked.finding.doubt();
            }
        });
        self.signal();
    }

    /// The Secret of a credential was written: accounts are looked at before their time.
    pub(in crate::controller) fn credential_written(&self) {
        self.signal();
    }

    /// The budget of an account came on: its status is to say so.
    pub fn budget_changed(&self) {
        self.signal();
    }

    /// Tells when accounts should be looked at before their time: a credential is in doubt, or what a status says may have changed,
    /// as who uses an account, or whether its budget is on (I14).
    pub fn signals(&self) -> broadcast::Receiver<()> {
        self.signals.subscribe()
    }

    fn signal(&self) {
        // Nobody listening means that nobody needs to know.
        let _ = self.signals.send(());
    }

    fn change<T>(&self, key: &AccountKey, change: impl FnOnce(&mut KnownAccount<L>) -> T) -> T {
        let mut accounts = self.by_key.write();
        let changed = change(accounts.entry(key.clone()).or_default());
        self.settle(&mut accounts);
        changed
    }

    /// Drops what is empty, and tells the budget of each account which objects it is for, through all account objects.
    fn settle(&self, accounts: &mut AccountMap<L>) {
        accounts.retain(|_, account| account.object.is_some() || !account.users.is_empty());
        let mut users: HashMap<*const AccountState, Vec<_>> = HashMap::new();
        for (key, account) in accounts.iter() {
            let session = account.entry().and_then(|it| it.state.newest_session());
            if let Some(session) = session {
                let through = users.entry(Arc::as_ptr(&session.state)).or_default();
                through.push((key.clone(), Arc::clone(&account.users)));
            }
        }
        for state in self.states.lock().values() {
            state.set_users(users.remove(&Arc::as_ptr(state)).unwrap_or_default());
        }
    }
}

#[cfg(test)]
mod tests;
