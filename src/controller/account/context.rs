//! What reconciling accounts needs, and what is remembered of their credentials.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;

use crate::cluster::Cluster;
use crate::controller::account::registry::{Accounts, Availability, Session};
use crate::domain::account::AccountKey;
use crate::domain::ids::Fingerprint;
use crate::domain::problem::Problem;
use crate::launchdarkly::{AllowedHosts, Connect};
use crate::runtime::clock::Clock;

/// What reconciling accounts needs.
pub struct AccountContext<C, D: Connect> {
    /// Kubernetes.
    pub cluster: C,
    /// LaunchDarkly.
    pub connect: D,
    /// Where access tokens find the accounts.
    pub accounts: Arc<Accounts<D::Api>>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// How accounts are treated.
    pub settings: AccountSettings,
    known: Mutex<HashMap<AccountKey, Known<D::Api>>>,
}

/// How accounts are treated.
#[derive(Debug, Clone)]
pub struct AccountSettings {
    /// Where the credentials of accounts of the whole cluster are.
    pub own_namespace: String,
    /// The hosts that may see a key.
    pub allowed_hosts: AllowedHosts,
    /// How often a credential that does not work is tried.
    pub retry_every: SignedDuration,
    /// How long an account may wait for what is applied together with it.
    pub settle: SignedDuration,
    /// Whether each namespace decides for itself if the operator may read its Secrets.
    pub by_consent: bool,
}

/// What was found out about a credential.
#[derive(Clone)]
pub(in crate::controller) struct Known<L> {
    pub(super) fingerprint: Fingerprint,
    pub(super) generation: i64,
    pub(super) checked_at: Timestamp,
    pub(super) finding: Result<Session<L>, Problem>,
}

impl<C: Cluster, D: Connect> AccountContext<C, D> {
    /// A context that remembers nothing yet.
    pub fn new(
        cluster: C,
        connect: D,
        accounts: Arc<Accounts<D::Api>>,
        clock: Arc<dyn Clock>,
        settings: AccountSettings,
    ) -> Self {
        Self {
            cluster,
            connect,
            accounts,
            clock,
            settings,
            known: Mutex::default(),
        }
    }

    /// A call with the credential was answered 401: what is known of it no longer counts.
    pub fn doubt(&self, key: &AccountKey) {
        let mut known = self.known.lock();
        if let Some(known) = known.get_mut(key).filter(|known| known.finding.is_ok()) {
            known.checked_at = Timestamp::MIN;
        }
    }

    pub(in crate::controller) fn known(&self, key: &AccountKey) -> Option<Known<D::Api>> {
        self.known.lock().get(key).cloned()
    }

    pub(in crate::controller) fn remember(&self, key: &AccountKey, known: Known<D::Api>) {
        self.known.lock().insert(key.clone(), known);
    }

    /// Forgets the credentials of accounts that are no longer there. What it forgets too early is asked again.
    pub(in crate::controller) fn forget_gone(&self) {
        let mut known = self.known.lock();
        known.retain(|key, _| self.accounts.get(key).is_some());
    }

    pub(in crate::controller) fn forget(&self, key: &AccountKey) {
        self.known.lock().remove(key);
        let entry = self.accounts.get(key);
        if let Some(Availability::Usable(session)) = entry.as_deref().map(|entry| &entry.state) {
            session.state.set_objects(key, 0);
        }
        self.accounts.remove(key);
    }
}
