//! The accounts this process can act on, as the account controller keeps them up to date.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use jiff::{SignedDuration, Timestamp};

use super::brake::{Answer, Brake};
use crate::api::Reason;
use crate::api::account::AllowedNamespaces;
use crate::domain::marker::{LONGEST_DESCRIPTION, Marker};
use crate::domain::names::{AccountId, Installation, ObjectUid, TokenId};
use crate::domain::observed::Feature;
use crate::domain::policy::{AccountPolicy, Refusal};
use crate::launchdarkly::{Listing, TokensApi};

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

impl<L> Entry<L> {
    /// An account whose spec makes no sense lets nobody do anything.
    pub(super) fn closed(state: State<L>) -> Self {
        Self {
            state,
            policy: AccountPolicy::closed(),
            allowed_namespaces: Some(AllowedNamespaces::default()),
        }
    }
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
    brake: Mutex<Brake>,
    objects: Mutex<HashMap<AccountKey, usize>>,
    orphans: Mutex<Orphans>,
    left_behind: Mutex<BTreeSet<TokenId>>,
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
    /// The longest description it keeps, in characters.
    pub longest_description: usize,
}

impl Default for Features {
    fn default() -> Self {
        Self {
            reset: Feature::Unknown,
            expiry: Feature::Unknown,
            probed_at: None,
            reset_refusals: 0,
            longest_description: LONGEST_DESCRIPTION,
        }
    }
}

/// An instance that could not reset is tried again after this long.
const REPROBE_AFTER: SignedDuration = SignedDuration::from_hours(24);

/// Whether a listing began in the past: another was dated by a clock that stood wrong. Clocks are read one after the other.
pub(super) fn is_believable(started_at: Timestamp, now: Timestamp) -> bool {
    started_at.duration_since(now) < SignedDuration::from_mins(1)
}

impl Shared {
    /// The newest listing.
    pub fn listing(&self) -> Option<Arc<Listing>> {
        self.listing
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Keeps a listing, unless a newer one is there; one from the future was dated by a clock that stood wrong.
    pub fn keep_listing(&self, listing: Listing, now: Timestamp) {
        let mut kept = self.listing.write().unwrap_or_else(PoisonError::into_inner);
        if kept.as_ref().is_none_or(|known| {
            known.started_at <= listing.started_at || !is_believable(known.started_at, now)
        }) {
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

    /// Learns from what came back of a description that was sent: one without its marker was cut.
    pub(super) fn learn_description(&self, came_back: &str) {
        if Marker::parse(came_back).is_none() {
            let length = came_back.chars().count();
            self.update_features(|features| {
                features.longest_description = features.longest_description.min(length);
            });
        }
    }

    /// Notes that the reset route refused: twice in a row means that it is not there for us.
    pub(super) fn note_reset_refusal(&self) -> bool {
        let mut twice = false;
        self.update_features(|features| {
            features.reset_refusals += 1;
            twice = features.reset_refusals >= 2;
        });
        twice
    }

    /// Rotations go by replacement from now on; true if that is news.
    pub(super) fn give_up_reset(&self, now: Timestamp) -> bool {
        let mut news = false;
        self.update_features(|features| {
            news = features.reset != Feature::Unavailable;
            features.reset = Feature::Unavailable;
            features.probed_at = Some(now);
        });
        news
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

    /// How many objects use the account through one account object; the brake is measured by all of them.
    pub fn set_objects(&self, key: &AccountKey, count: usize) {
        self.objects
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(key.clone(), count);
    }

    /// How many replacements nobody asked for may still begin in this window (I14).
    pub fn unasked_left(&self, now: Timestamp) -> u32 {
        let left = self.brake().left(self.objects(), now);
        u32::try_from(left).unwrap_or(u32::MAX)
    }

    /// Asks whether a replacement nobody asked for may begin.
    pub(super) fn ask_brake(&self, object: &ObjectUid, now: Timestamp) -> Answer {
        let objects = self.objects();
        self.brake().ask(object, objects, now)
    }

    /// A replacement that was let through did not begin after all.
    pub fn give_back_unasked(&self, object: &ObjectUid) {
        self.brake().give_back(object);
    }

    /// Notes whether an object waits for such a replacement; true if that is news.
    pub(super) fn note_unasked(&self, object: &ObjectUid, waits: bool, now: Timestamp) -> bool {
        if waits {
            self.brake().want(object, now)
        } else {
            self.brake().content(object)
        }
    }

    /// Counts what an object's history says that an earlier process replaced.
    pub fn remember_unasked(&self, object: &ObjectUid, replaced: impl Iterator<Item = Timestamp>) {
        self.brake().remember(object, replaced);
    }

    /// Takes in what the newest listing shows: an orphan is what two listings in a row show as one.
    pub fn suspect_orphans(&self, suspects: BTreeSet<TokenId>, listed_at: Timestamp) {
        let mut known = self.orphans.lock().unwrap_or_else(PoisonError::into_inner);
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
        let known = self.orphans.lock().unwrap_or_else(PoisonError::into_inner);
        known.confirmed.clone()
    }

    /// Notes tokens whose cleaning up was given up, until an account's status says so.
    pub fn leave_behind(&self, tokens: &[TokenId]) {
        let mut left = self
            .left_behind
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        left.extend(tokens.iter().cloned());
    }

    /// Tokens whose cleaning up was given up by this process.
    pub fn left_behind(&self) -> BTreeSet<TokenId> {
        self.left_behind
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn objects(&self) -> usize {
        let objects = self.objects.lock().unwrap_or_else(PoisonError::into_inner);
        objects.values().sum()
    }

    fn brake(&self) -> MutexGuard<'_, Brake> {
        self.brake.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why accounts should be looked at before their time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sign {
    /// A call with this account's credential was answered 401.
    Doubt(AccountKey),
    /// An object began or ceased to use an account.
    Users,
    /// The brake of an account came on (I14).
    Brake,
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

    /// Forgets objects that are gone.
    pub fn retain(&self, living: &HashSet<ObjectUid>) {
        let shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        for account in shared.values() {
            account.brake().retain(living);
        }
        drop(shared);
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        for taken in slots.values_mut() {
            taken.retain(|object| living.contains(object));
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

    /// The brake of an account came on: its status is to say so.
    pub fn brake_changed(&self) {
        self.send(Sign::Brake);
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
