//! The fake as the operator sees it.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use kube::ResourceExt as _;
use launchdarkly_token_operator::api::AccessToken;
use launchdarkly_token_operator::cluster::secret::manifest::SecretManifest;
use launchdarkly_token_operator::cluster::secret::snapshot::SecretSnapshot;
use launchdarkly_token_operator::cluster::{
    Cluster, ClusterError, CredentialEntry, CredentialRef, Managed, NamespaceFacts, Notice,
};
use launchdarkly_token_operator::domain::account::handler::{ControllerRef, LeaseReading};
use launchdarkly_token_operator::domain::ids::TokenId;
use launchdarkly_token_operator::domain::record::Identity;
use launchdarkly_token_operator::domain::secret::SecretRevision;
use launchdarkly_token_operator::gate::{AlwaysOpen, Gate};
use launchdarkly_token_operator::runtime::clock::Clock;
use parking_lot::{Mutex, MutexGuard};

use crate::log::{Author, Verb};
use crate::secret::{Manager, Part, StoredSecret, contents};
use crate::store::{Place, Store};

/// What the gate is asked for before a write.
const CALL_TIME: Duration = Duration::from_secs(20);

/// Kubernetes in memory. Clones share everything but gate and rights.
#[derive(Clone)]
pub struct FakeCluster {
    store: Arc<Mutex<Store>>,
    gate: Arc<dyn Gate>,
    forbidden: BTreeSet<Verb>,
}

/// An error that a call gets although nothing is wrong with it.
#[derive(Debug, Clone, Copy)]
pub struct Trouble {
    /// Which call; the first one of its kind.
    pub verb: Verb,
    /// Whether the call takes effect all the same.
    pub when: When,
    /// Makes the error.
    pub error: fn() -> ClusterError,
}

/// When a call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Before it took effect.
    Before,
    /// After it took effect: the answer is lost.
    After,
}

impl fmt::Debug for FakeCluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FakeCluster").finish_non_exhaustive()
    }
}

impl FakeCluster {
    /// An empty cluster whose writes are dated by `clock`.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            store: Arc::new(Mutex::new(Store::new(clock))),
            gate: Arc::new(AlwaysOpen),
            forbidden: BTreeSet::new(),
        }
    }

    /// Another cluster that was restored from a backup of this one: the same access tokens and Secrets, and a life of its own.
    #[must_use]
    pub fn fork(&self) -> Self {
        Self {
            store: Arc::new(Mutex::new(self.store().fork())),
            ..self.clone()
        }
    }

    /// The same cluster, seen by a process with this gate.
    #[must_use]
    pub fn behind(&self, gate: Arc<dyn Gate>) -> Self {
        Self {
            gate,
            ..self.clone()
        }
    }

    /// The same cluster, seen by somebody who may not do these things.
    #[must_use]
    pub fn forbidding(&self, verbs: &[Verb]) -> Self {
        Self {
            forbidden: verbs.iter().copied().collect(),
            ..self.clone()
        }
    }

    /// Lets one call fail.
    pub fn trouble(&self, trouble: Trouble) {
        self.store().troubles.push(trouble);
    }

    pub(crate) fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock()
    }

    fn call<T>(
        &self,
        verb: Verb,
        act: impl FnOnce(&mut Store) -> Result<T, ClusterError>,
    ) -> Result<T, ClusterError> {
        if verb.writes() {
            self.gate.pass(CALL_TIME)?;
        }
        if self.forbidden.contains(&verb) {
            let message = format!("{verb:?} is forbidden");
            return Err(ClusterError::Forbidden { message });
        }
        let mut store = self.store();
        let struck = store.troubles.iter().position(|known| known.verb == verb);
        match struck.map(|at| store.troubles.remove(at)) {
            None => act(&mut store),
            Some(trouble) => {
                if trouble.when == When::After {
                    act(&mut store)?;
                }
                Err((trouble.error)())
            }
        }
    }

    fn finalizers<K: Managed>(
        &self,
        object: &K,
        verb: Verb,
        change: impl FnOnce(&mut Vec<String>),
    ) -> Result<K, ClusterError> {
        self.call(verb, |store| {
            let mut stored = store.same_object(object)?;
            let before = stored.finalizers().to_vec();
            let mut after = object.finalizers().to_vec();
            change(&mut after);
            let adds = after.iter().any(|name| !before.contains(name));
            if adds && stored.meta().deletion_timestamp.is_some() {
                let message = "no new finalizers can be added if the object is being deleted";
                return Err(ClusterError::Invalid {
                    message: message.to_owned(),
                });
            }
            stored.meta_mut().finalizers = (!after.is_empty()).then_some(after);
            Ok(store.keep_object(stored, Author::Operator, verb))
        })
    }

    /// Takes off what an apply leaves of a create or a merge patch: a call of its own.
    fn tidy(&self, place: &Place, manifest: &SecretManifest) -> Result<StoredSecret, ClusterError> {
        self.call(Verb::TidySecret, |store| {
            let stored = store.secrets.get(place).cloned();
            let mut secret = stored.ok_or(ClusterError::NotFound)?;
            let leftovers = manifest.leaves_out(&secret.snapshot().unapplied);
            let labels = fields(Part::Label, leftovers.labels);
            let annotations = fields(Part::Annotation, leftovers.annotations);
            let entries = fields(Part::Entry, leftovers.data);
            let changes = labels.chain(annotations).chain(entries);
            secret.update(
                changes.map(|field| (field, None)).collect(),
                Manager::OperatorUpdate,
            );
            let (author, verb) = (Author::Operator, Verb::TidySecret);
            Ok(store.keep_secret(place.clone(), secret, author, verb))
        })
    }
}

impl Cluster for FakeCluster {
    async fn read_object<K: Managed>(
        &self,
        namespace: Option<&str>,
        name: &str,
    ) -> Result<Option<K>, ClusterError> {
        self.call(Verb::ReadObject, |store| {
            let place = at(namespace.unwrap_or_default(), name);
            Ok(store.objects.get(&place).cloned())
        })
    }

    async fn add_finalizer<K: Managed>(&self, object: &K) -> Result<K, ClusterError> {
        self.finalizers(object, Verb::AddFinalizer, |finalizers| {
            finalizers.retain(|name| name != K::FINALIZER);
            finalizers.push(K::FINALIZER.to_owned());
        })
    }

    async fn remove_finalizer<K: Managed>(&self, object: &K) -> Result<(), ClusterError> {
        let removed = self.finalizers(object, Verb::RemoveFinalizer, |finalizers| {
            finalizers.retain(|name| name != K::FINALIZER);
        });
        match removed {
            Ok(_) | Err(ClusterError::NotFound) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn replace_status<K: Managed>(&self, object: &K) -> Result<K, ClusterError> {
        self.call(Verb::ReplaceStatus, |store| {
            let mut stored = store.same_object(object)?;
            *stored.status_mut() = object.status().cloned();
            Ok(store.keep_object(stored, Author::Operator, Verb::ReplaceStatus))
        })
    }

    async fn read_lease(&self, at: &ControllerRef) -> Result<Option<LeaseReading>, ClusterError> {
        self.call(Verb::ReadLease, |store| Ok(store.leases.get(at).cloned()))
    }

    async fn count_users(&self, account: &str) -> Result<usize, ClusterError> {
        self.call(Verb::CountUsers, |store| Ok(store.users_of(account)))
    }

    async fn read_credential(&self, from: &CredentialRef) -> Result<CredentialEntry, ClusterError> {
        self.call(Verb::ReadCredential, |store| {
            let secret = store.secrets.get(&at(&from.namespace, &from.name));
            Ok(match secret {
                None => CredentialEntry::NoSecret,
                Some(secret) => {
                    let entry = (Part::Entry, from.entry.clone());
                    CredentialEntry::of_entry(secret.contents.get(&entry).map(Vec::as_slice))
                }
            })
        })
    }

    async fn read_secret(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<Option<SecretSnapshot>, ClusterError> {
        self.call(Verb::ReadSecret, |store| {
            let stored = store.secrets.get(&at(namespace, name));
            Ok(stored.map(StoredSecret::snapshot))
        })
    }

    async fn write_secret(
        &self,
        namespace: &str,
        revision: &SecretRevision,
        manifest: &SecretManifest,
        rehearse: bool,
    ) -> Result<SecretSnapshot, ClusterError> {
        let verb = match revision {
            SecretRevision::Absent => Verb::CreateSecret,
            SecretRevision::Exactly { .. } => Verb::ApplySecret,
        };
        let place = at(namespace, &manifest.name);
        let written = self.call(verb, |store| {
            let secret = if let Some(mut stored) = store.same_secret(&place, revision)? {
                stored.apply(&contents(manifest));
                stored
            } else {
                store.admits(namespace)?;
                let uid = store.fresh_uid();
                StoredSecret::create(uid, contents(manifest), Manager::OperatorUpdate)
            };
            if rehearse {
                return Ok(secret);
            }
            Ok(store.keep_secret(place.clone(), secret, Author::Operator, verb))
        })?;
        let leaves_something = verb == Verb::ApplySecret
            && !rehearse
            && !manifest
                .leaves_out(&written.snapshot().unapplied)
                .is_empty();
        Ok(if leaves_something {
            self.tidy(&place, manifest)?.snapshot()
        } else {
            written.snapshot()
        })
    }

    async fn annotate_secret(
        &self,
        namespace: &str,
        name: &str,
        revision: &SecretRevision,
        annotation: (&str, &str),
    ) -> Result<(), ClusterError> {
        self.call(Verb::AnnotateSecret, |store| {
            let place = at(namespace, name);
            if !store.secrets.contains_key(&place) {
                return Err(ClusterError::NotFound);
            }
            let stored = store.same_secret(&place, revision)?;
            let mut secret = stored.ok_or(ClusterError::NotFound)?;
            let field = (Part::Annotation, annotation.0.to_owned());
            let value = Some(annotation.1.as_bytes().to_vec());
            secret.update([(field, value)].into(), Manager::OperatorUpdate);
            store.keep_secret(place, secret, Author::Operator, Verb::AnnotateSecret);
            Ok(())
        })
    }

    async fn delete_secret(
        &self,
        namespace: &str,
        name: &str,
        revision: &SecretRevision,
    ) -> Result<(), ClusterError> {
        self.call(Verb::DeleteSecret, |store| {
            let place = at(namespace, name);
            if store.secrets.contains_key(&place) && *revision != SecretRevision::Absent {
                store.same_secret(&place, revision)?;
                store.drop_secret(&place, Author::Operator, Verb::DeleteSecret);
            }
            Ok(())
        })
    }

    async fn read_namespace(&self, name: &str) -> Result<NamespaceFacts, ClusterError> {
        self.call(Verb::ReadNamespace, |store| store.namespace(name).cloned())
    }

    async fn notify(&self, object: &AccessToken, notice: Notice) {
        let name = object.metadata.name.clone().unwrap_or_default();
        // One that cannot be delivered is dropped.
        let _ = self.call(Verb::Notify, |store| {
            store.notices.push((name, notice));
            Ok(())
        });
    }

    async fn report_left_behind(
        &self,
        object: &Identity,
        tokens: &[TokenId],
    ) -> Result<(), ClusterError> {
        self.call(Verb::ReportLeftBehind, |store| {
            store.left_behind.push((object.clone(), tokens.to_vec()));
            Ok(())
        })
    }
}

fn fields(part: Part, names: BTreeSet<String>) -> impl Iterator<Item = (Part, String)> {
    names.into_iter().map(move |name| (part, name))
}

fn at(namespace: &str, name: &str) -> Place {
    (namespace.to_owned(), name.to_owned())
}
