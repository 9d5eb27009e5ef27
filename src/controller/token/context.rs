//! What reconciling needs: connections, settings, and what this process remembers.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use parking_lot::Mutex;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

use crate::cluster::secret::snapshot::SecretSnapshot;
use crate::cluster::{Cluster, ClusterError, NamespaceFacts};
use crate::controller::account::registry::Accounts;
use crate::controller::token::memory::ObjectMemory;
use crate::controller::token::secret_changes::SecretChanges;
use crate::domain::account::handler::ThisInstallation;
use crate::domain::ids::ObjectUid;
use crate::domain::observed::Timing;
use crate::launchdarkly::TokensApi;
use crate::runtime::clock::Clock;
use crate::runtime::metrics::Metrics;

/// How long a Secret that was read is believed without a sign that it changed.
const SECRET_BELIEVED: Duration = Duration::from_secs(300);
/// What a namespace says is believed this long.
const NAMESPACE_BELIEVED: Duration = Duration::from_secs(10);

/// What reconciling needs.
pub struct Context<C, L> {
    /// Kubernetes.
    pub cluster: C,
    /// LaunchDarkly accounts.
    pub accounts: Arc<Accounts<L>>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Counts.
    pub metrics: Metrics,
    /// The operator's waiting times.
    pub timing: Timing,
    /// This process, as it signs intents.
    pub holder: String,
    /// This installation, which leaves the objects of others alone.
    pub(in crate::controller) installation: ThisInstallation,
    /// Cancelled as soon as the process is to end: no new call is begun then.
    pub draining: CancellationToken,
    secret_believed: Duration,
    secret_changes: Mutex<SecretChanges>,
    memories: Mutex<HashMap<ObjectUid, Arc<tokio::sync::Mutex<ObjectMemory>>>>,
    namespaces: Mutex<HashMap<String, (Duration, NamespaceFacts)>>,
}

impl<C: Cluster, L: TokensApi> Context<C, L> {
    /// A context that remembers nothing yet.
    pub fn new(
        cluster: C,
        accounts: Arc<Accounts<L>>,
        clock: Arc<dyn Clock>,
        metrics: Metrics,
        timing: Timing,
        holder: String,
    ) -> Self {
        Self {
            cluster,
            accounts,
            clock,
            metrics,
            timing,
            holder,
            installation: ThisInstallation::default(),
            draining: CancellationToken::new(),
            secret_believed: SECRET_BELIEVED,
            secret_changes: Mutex::default(),
            memories: Mutex::default(),
            namespaces: Mutex::default(),
        }
    }

    /// For one installation of several.
    #[must_use]
    pub fn of_installation(mut self, installation: ThisInstallation) -> Self {
        self.installation = installation;
        self
    }

    /// For an operator that does not watch Secrets: one that was read longer ago than this is read again at the next reconcile.
    #[must_use]
    pub fn believing_secrets_for(mut self, time: Duration) -> Self {
        self.secret_believed = time;
        self
    }

    /// Whether any object's key is in hand and not yet published: a process that ends waits for them.
    pub fn holds_keys(&self) -> bool {
        let memories = self.memories.lock();
        // A memory that is in use belongs to an object that is being worked on.
        memories
            .values()
            .any(|memory| memory.try_lock().map_or(true, |memory| memory.holds_key()))
    }

    /// Whether this object's key is in hand and not yet published.
    pub fn holds_key_of(&self, uid: &ObjectUid) -> bool {
        self.memory(uid)
            .try_lock()
            .is_ok_and(|memory| memory.holds_key())
    }

    /// Whether this process announced a call for this object that it certainly did not send.
    pub fn has_unsent_call(&self, uid: &ObjectUid) -> bool {
        let memory = self.memories.lock().get(uid).cloned();
        memory.is_some_and(|memory| {
            memory
                .try_lock()
                .is_ok_and(|memory| memory.facts.call.is_unsent())
        })
    }

    /// A Secret was changed by somebody, us included: it is read again unless this version is the one that is known.
    pub fn touch_secret(&self, namespace: &str, name: &str, version: Option<String>) {
        let mut secret_changes = self.secret_changes.lock();
        secret_changes.note(namespace, name, version, self.clock.since_boot());
    }

    /// Forgets the Secrets that may have changed since they were read.
    pub(in crate::controller) fn forget_changed_secrets(
        &self,
        namespace: &str,
        memory: &mut ObjectMemory,
    ) {
        let now = self.clock.since_boot();
        let mut secret_changes = self.secret_changes.lock();
        memory.secrets.retain(|known| {
            let version = known
                .snapshot
                .as_ref()
                .map(|snapshot| snapshot.version.as_str());
            let changed = secret_changes.take(namespace, &known.name, version);
            // Only Secrets with our label are watched: any other may have changed without a sign.
            let watched = known
                .snapshot
                .as_ref()
                .is_none_or(SecretSnapshot::is_labelled_ours);
            watched && !changed && now.saturating_sub(known.read_at) < self.secret_believed
        });
    }

    pub(in crate::controller) fn memory(
        &self,
        uid: &ObjectUid,
    ) -> Arc<tokio::sync::Mutex<ObjectMemory>> {
        let mut memories = self.memories.lock();
        Arc::clone(memories.entry(uid.clone()).or_default())
    }

    /// Forgets objects that went without a last reconcile, as those do whose finalizer was taken away by hand, and what is too old to
    /// matter.
    pub(in crate::controller) fn forget_gone(&self, living: &HashSet<ObjectUid>) {
        self.accounts.retain(living, self.clock.steady());
        let now = self.clock.since_boot();
        self.secret_changes
            .lock()
            .forget_before(now.saturating_sub(self.secret_believed));
        self.namespaces
            .lock()
            .retain(|_, (at, _)| now.saturating_sub(*at) < NAMESPACE_BELIEVED);
        let mut memories = self.memories.lock();
        // Whoever still works on one holds it.
        memories.retain(|uid, memory| living.contains(uid) || Arc::strong_count(memory) > 1);
    }

    pub(in crate::controller) fn forget(&self, uid: &ObjectUid) {
        self.memories.lock().remove(uid);
    }

    /// What a namespace says, read at most every few seconds.
    pub(in crate::controller) async fn namespace(
        &self,
        name: &str,
    ) -> Result<NamespaceFacts, ClusterError> {
        let now = self.clock.since_boot();
        let known = self.namespaces.lock().get(name).cloned();
        if let Some((at, facts)) =
            known.filter(|(at, _)| now.saturating_sub(*at) < NAMESPACE_BELIEVED)
        {
            let _ = at;
            return Ok(facts);
        }
        let facts = self.cluster.read_namespace(name).await?;
        let mut namespaces = self.namespaces.lock();
        namespaces.insert(name.to_owned(), (now, facts.clone()));
        Ok(facts)
    }
}
