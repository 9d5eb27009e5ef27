//! The accounts this process can act on, as the account controller keeps them up to date.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use jiff::{SignedDuration, Timestamp};

use crate::api::Reason;
use crate::api::account::AllowedNamespaces;
use crate::domain::names::{AccountId, Installation, ObjectUid, TokenId};
use crate::domain::observed::Feature;
use crate::domain::policy::{AccountPolicy, Refusal};
use crate::launchdarkly::{Listing, TokensApi};

/// The window of the brake (I14).
const BRAKE_WINDOW: SignedDuration = SignedDuration::from_mins(10);
/// How many replacements nobody asked for are always possible within it.
const BRAKE_LEAST: usize = 3;

/// Which account object.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AccountKey {
    /// A `LaunchDarklyAccount`.
    Namespaced {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
    /// A `ClusterLaunchDarklyAccount`.
    Cluster {
        /// Its name.
        name: String,
    },
}

/// An account object as the controllers use it.
#[derive(Debug, Clone)]
pub struct Entry<L> {
    /// Whether calls can be made.
    pub state: State<L>,
    /// What may be asked for.
    pub policy: AccountPolicy,
    /// Who may ask; `None` for a namespaced account, which serves its own namespace.
    pub allowed_namespaces: Option<AllowedNamespaces>,
}

/// Whether calls can be made on an account.
#[derive(Debug, Clone)]
pub enum State<L> {
    /// Yes.
    Usable(Session<L>),
    /// No.
    Unusable {
        /// Why.
        reason: Reason,
        /// What to change.
        message: String,
        /// Whether waiting alone may help.
        transient: bool,
        /// The last credential that worked: deletions still use it while it does.
        last: Option<Session<L>>,
    },
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
    pub shared: Arc<Shared>,
}

/// What is known of one account on one host, whatever the number of credentials and account objects (I13).
#[derive(Debug, Default)]
pub struct Shared {
    /// Held while the account is listed, so that one listing serves all who wait.
    pub listing_turn: tokio::sync::Mutex<()>,
    /// Held while the account is probed.
    pub probe_turn: tokio::sync::Mutex<()>,
    listing: RwLock<Option<Arc<Listing>>>,
    features: RwLock<Features>,
    replacements: Mutex<Vec<Timestamp>>,
    objects: Mutex<usize>,
}

/// What was found out about this instance of LaunchDarkly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Features {
    /// Whether a reset leaves the old key alive.
    pub reset: Feature,
    /// Whether tokens have an `expiry`.
    pub expiry: Feature,
    /// When that was tried.
    pub probed_at: Option<Timestamp>,
    /// How often in a row the reset route was refused.
    pub reset_refusals: u32,
}

impl Default for Features {
    fn default() -> Self {
        Self {
            reset: Feature::Unknown,
            expiry: Feature::Unknown,
            probed_at: None,
            reset_refusals: 0,
        }
    }
}

/// An instance that could not reset is tried again after this long.
const REPROBE_AFTER: SignedDuration = SignedDuration::from_hours(24);

impl Shared {
    /// The newest listing.
    pub fn listing(&self) -> Option<Arc<Listing>> {
        self.listing
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Keeps a listing, unless a newer one is there.
    pub fn keep_listing(&self, listing: Listing) {
        let mut kept = self.listing.write().unwrap_or_else(PoisonError::into_inner);
        if kept
            .as_ref()
            .is_none_or(|known| known.started_at <= listing.started_at)
        {
            *kept = Some(Arc::new(listing));
        }
    }

    /// What was found out; an old refusal counts as unknown, so that it is tried again.
    pub fn features(&self, now: Timestamp) -> Features {
        let mut features = *self.features.read().unwrap_or_else(PoisonError::into_inner);
        let old = features
            .probed_at
            .is_none_or(|at| now.duration_since(at) > REPROBE_AFTER);
        if features.reset == Feature::Unavailable && old {
            features.reset = Feature::Unknown;
        }
        features
    }

    /// Changes what was found out.
    pub fn update_features(&self, change: impl FnOnce(&mut Features)) {
        change(
            &mut self
                .features
                .write()
                .unwrap_or_else(PoisonError::into_inner),
        );
    }

    /// How many objects use the account, which the brake is measured by.
    pub fn set_objects(&self, count: usize) {
        *self.objects.lock().unwrap_or_else(PoisonError::into_inner) = count;
    }

    /// How many replacements nobody asked for may still begin in this window (I14).
    pub fn unasked_left(&self, now: Timestamp) -> u32 {
        let allowed = self.unasked_allowed();
        let used = self.recent_replacements(now).len();
        u32::try_from(allowed.saturating_sub(used)).unwrap_or(u32::MAX)
    }

    /// Takes one of the places that [`Shared::unasked_left`] counts, unless none is left; under one lock, so that objects
    /// which saw the same last place do not all take it.
    pub fn take_unasked(&self, now: Timestamp) -> bool {
        let allowed = self.unasked_allowed();
        let mut begun = self.recent_replacements(now);
        let free = begun.len() < allowed;
        if free {
            begun.push(now);
        }
        free
    }

    /// Gives a place back that was taken at `then`, since nothing began.
    pub fn give_unasked_back(&self, then: Timestamp) {
        let mut begun = self.recent_replacements(then);
        if let Some(place) = begun.iter().position(|at| *at == then) {
            begun.remove(place);
        }
    }

    fn unasked_allowed(&self) -> usize {
        let objects = *self.objects.lock().unwrap_or_else(PoisonError::into_inner);
        BRAKE_LEAST.max(objects.div_ceil(20))
    }

    fn recent_replacements(&self, now: Timestamp) -> std::sync::MutexGuard<'_, Vec<Timestamp>> {
        let mut begun = self
            .replacements
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        begun.retain(|at| now.duration_since(*at) < BRAKE_WINDOW);
        begun
    }
}

/// Why accounts should be looked at before their time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sign {
    /// A call with this account's credential was answered 401.
    Doubt(AccountKey),
    /// An object began or ceased to use an account.
    Users,
}

/// All accounts, by the object that names them.
#[derive(Debug)]
pub struct Accounts<L> {
    /// Which cluster our tokens are marked with.
    pub installation: Installation,
    entries: RwLock<HashMap<AccountKey, Arc<Entry<L>>>>,
    shared: Mutex<BTreeMap<(String, AccountId), Arc<Shared>>>,
    slots: Mutex<HashMap<AccountKey, HashSet<ObjectUid>>>,
    signs: tokio::sync::broadcast::Sender<Sign>,
}

impl<L: TokensApi> Accounts<L> {
    /// No account yet.
    #[must_use]
    pub fn new(installation: Installation) -> Self {
        let (signs, _) = tokio::sync::broadcast::channel(64);
        Self {
            installation,
            entries: RwLock::default(),
            shared: Mutex::default(),
            slots: Mutex::default(),
            signs,
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
    /// deletions while objects refer to it.
    pub fn retire_gone(&self, is_gone: impl Fn(&AccountKey) -> bool) {
        for (key, entry) in self.all() {
            let State::Usable(session) = &entry.state else {
                continue;
            };
            if !is_gone(&key) {
                continue;
            }
            let state = State::Unusable {
                reason: Reason::AccountNotFound,
                message: "the account was deleted; create it again".to_owned(),
                transient: false,
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
    pub fn shared(&self, host: &str, account: &AccountId) -> Arc<Shared> {
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
            self.send(Sign::Users);
        }
    }

    /// Takes a slot for an object, under one lock, if `policy` has room for it (I9).
    ///
    /// # Errors
    /// The refusal.
    pub fn reserve(
        &self,
        key: &AccountKey,
        object: &ObjectUid,
        policy: &AccountPolicy,
    ) -> Result<(), Refusal> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = slots.entry(key.clone()).or_default();
        if !taken.contains(object) {
            policy.has_room(taken.len())?;
            taken.insert(object.clone());
            self.send(Sign::Users);
        }
        Ok(())
    }

    /// Gives an object's slot back.
    pub fn release(&self, object: &ObjectUid) {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        let released = slots
            .values_mut()
            .filter_map(|taken| taken.take(object))
            .count();
        if released > 0 {
            self.send(Sign::Users);
        }
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
        self.send(Sign::Doubt(key.clone()));
    }

    /// Tells why accounts should be looked at before their time.
    pub fn signs(&self) -> tokio::sync::broadcast::Receiver<Sign> {
        self.signs.subscribe()
    }

    fn send(&self, sign: Sign) {
        // Nobody listening means that nobody needs to know.
        let _ = self.signs.send(sign);
    }
}
