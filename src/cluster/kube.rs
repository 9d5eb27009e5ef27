//! The real Kubernetes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, ObjectReference, Secret};
use kube::api::{
    Api, DeleteParams, ListParams, Patch, PatchParams, PostParams, Preconditions,
    ValidationDirective,
};
use kube::runtime::events::{Event, EventType, Recorder, Reporter};
use kube::{Client, Resource};
use serde_json::json;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::api::AccessToken;
use crate::api::FIELD_MANAGER;
use crate::cluster::events;
use crate::cluster::finalizer::{self, Change};
use crate::cluster::left_behind;
use crate::cluster::managed::{Managed, status_request};
use crate::cluster::pages;
use crate::cluster::received::Received;
use crate::cluster::secret::ReceivedSecret;
use crate::cluster::secret::manifest::SecretManifest;
use crate::cluster::secret::snapshot::SecretSnapshot;
use crate::cluster::{
    Cluster, ClusterError, CredentialEntry, CredentialRef, NamespaceFacts, Notice, OptIn,
};
use crate::domain::account::AccountKey;
use crate::domain::account::handler::{ControllerRef, LeaseReading};
use crate::domain::ids::TokenId;
use crate::domain::record::Identity;
use crate::domain::secret::SecretRevision;
use crate::gate::Gate;

/// How many answers to reads are taken in at once: each can be the one and a half MiB that the API server takes for an object.
const READS: usize = 8;

/// Reads and writes through the API server.
#[derive(Clone)]
pub struct KubeCluster {
    client: Client,
    gate: Arc<dyn Gate>,
    recorder: Recorder,
    own_namespace: Arc<str>,
    call_time: Duration,
    opt_in: Option<OptIn>,
    reads: Arc<Semaphore>,
}

impl KubeCluster {
    /// `call_time` is how long a write may take: the lease must outlast it.
    #[must_use]
    pub fn new(
        client: Client,
        gate: Arc<dyn Gate>,
        own_namespace: &str,
        instance: &str,
        call_time: Duration,
    ) -> Self {
        let reporter = Reporter {
            controller: FIELD_MANAGER.into(),
            instance: Some(instance.to_owned()),
        };
        let recorder = Recorder::new(client.clone(), reporter);
        Self {
            client,
            gate,
            recorder,
            own_namespace: own_namespace.into(),
            call_time,
            opt_in: None,
            reads: Arc::new(Semaphore::new(READS)),
        }
    }

    /// For namespaces that let the operator at their Secrets one by one: a refusal says how.
    #[must_use]
    pub fn where_opted_in(mut self, opt_in: Option<OptIn>) -> Self {
        self.opt_in = opt_in;
        self
    }

    fn secrets(&self, namespace: &str) -> Api<ReceivedSecret> {
        Api::namespaced(self.client.clone(), namespace)
    }

    /// What went wrong with a Secret.
    fn refused(&self, namespace: &str, error: kube::Error) -> ClusterError {
        let advice = match (&error, &self.opt_in) {
            (kube::Error::Api(status), Some(opt_in)) => {
                Some(opt_in.advice(namespace, &status.message))
            }
            _ => None,
        };
        match (ClusterError::from(error), advice) {
            (ClusterError::Forbidden { .. }, Some(advice)) => ClusterError::NotOptedIn { advice },
            (error, _) => error,
        }
    }

    /// Waits for its turn to read.
    async fn take_turn(&self) -> Option<SemaphorePermit<'_>> {
        // It is never closed.
        self.reads.acquire().await.ok()
    }

    fn pass_gate(&self) -> Result<(), ClusterError> {
        Ok(self.gate.pass(self.call_time)?)
    }

    /// Takes off what a create or a merge patch of ours wrote and an apply left: applying removes only what was applied.
    async fn drop_leftovers(
        &self,
        namespace: &str,
        written: SecretSnapshot,
        manifest: &SecretManifest,
    ) -> Result<SecretSnapshot, ClusterError> {
        let leftovers = manifest.leaves_out(&written.unapplied);
        if leftovers.is_empty() {
            return Ok(written);
        }
        let none = |names: &BTreeSet<String>| -> BTreeMap<String, Option<()>> {
            names.iter().map(|name| (name.clone(), None)).collect()
        };
        self.pass_gate()?;
        let patch = json!({
            "metadata": {
                "resourceVersion": written.version.as_str(),
                "labels": none(&leftovers.labels), "annotations": none(&leftovers.annotations),
            },
            "data": none(&leftovers.data),
        });
        let params = PatchParams {
            field_manager: Some(FIELD_MANAGER.to_owned()),
            ..PatchParams::default()
        };
        let written = self
            .secrets(namespace)
            .patch(&manifest.name, &params, &Patch::Merge(patch))
            .await;
        Ok(written
            .map_err(|error| self.refused(namespace, error))?
            .try_into()?)
    }
}

impl Cluster for KubeCluster {
    async fn read_object<K: Managed>(
        &self,
        namespace: Option<&str>,
        name: &str,
    ) -> Result<Option<K>, ClusterError> {
        let _turn = self.take_turn().await;
        let read = K::api(self.client.clone(), namespace).get_opt(name).await?;
        Ok(read.map(|Received(object)| object))
    }

    async fn add_finalizer<K: Managed>(&self, object: &K) -> Result<K, ClusterError> {
        self.pass_gate()?;
        Ok(finalizer::patch(&self.client, object, Change::Add).await?)
    }

    async fn remove_finalizer<K: Managed>(&self, object: &K) -> Result<(), ClusterError> {
        self.pass_gate()?;
        let patched = finalizer::patch(&self.client, object, Change::Remove).await;
        match patched.map_err(ClusterError::from) {
            Ok(_) | Err(ClusterError::NotFound) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn replace_status<K: Managed>(&self, object: &K) -> Result<K, ClusterError> {
        self.pass_gate()?;
        let request = status_request(object)?;
        let Received(written) = self.client.request::<Received<K>>(request).await?;
        if object.is_kept_by(&written) {
            Ok(written)
        } else {
            Err(ClusterError::Pruned)
        }
    }

    async fn read_lease(&self, at: &ControllerRef) -> Result<Option<LeaseReading>, ClusterError> {
        let leases = Api::<Lease>::namespaced(self.client.clone(), &at.namespace);
        Ok(leases.get_opt(&at.name).await?.map(|lease| reading(&lease)))
    }

    async fn count_users(&self, account: &str) -> Result<usize, ClusterError> {
        let named = ListParams::default().fields(&format!("spec.accountRef.name={account}"));
        let everywhere = Api::<Received<AccessToken>>::all(self.client.clone());
        let key = AccountKey::Cluster {
            name: account.to_owned(),
        };
        let uses = |Received(token): Received<AccessToken>| {
            (token.has_finalizer() && token.account_key() == key).then_some(())
        };
        Ok(pages::list(&everywhere, named, uses).await?.len())
    }

    async fn read_credential(&self, at: &CredentialRef) -> Result<CredentialEntry, ClusterError> {
        let _turn = self.take_turn().await;
        let read = self.secrets(&at.namespace).get_opt(&at.name).await;
        let secret = read.map_err(|error| {
            if at.by_consent {
                self.refused(&at.namespace, error)
            } else {
                error.into()
            }
        })?;
        Ok(match secret {
            None => CredentialEntry::NoSecret,
            Some(secret) => CredentialEntry::of_entry(secret.entry(&at.entry)?),
        })
    }

    async fn read_secret(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<Option<SecretSnapshot>, ClusterError> {
        let _turn = self.take_turn().await;
        let read = self.secrets(namespace).get_opt(name).await;
        let secret = read.map_err(|error| self.refused(namespace, error))?;
        Ok(secret.map(SecretSnapshot::try_from).transpose()?)
    }

    async fn write_secret(
        &self,
        namespace: &str,
        at: &SecretRevision,
        manifest: &SecretManifest,
        rehearse: bool,
    ) -> Result<SecretSnapshot, ClusterError> {
        self.pass_gate()?;
        let api = self.secrets(namespace);
        let mut secret = manifest.to_secret(namespace);
        match at {
            // A create fails where an apply would take a foreign Secret over.
            SecretRevision::Absent => {
                let params = PostParams {
                    dry_run: rehearse,
                    field_manager: Some(FIELD_MANAGER.to_owned()),
                };
                let url = Secret::url_path(&(), Some(namespace));
                let body = serde_json::to_vec(&secret).map_err(kube::Error::SerdeError)?;
                let request = kube::core::Request::new(url)
                    .create(&params, body)
                    .map_err(kube::Error::BuildRequest)?;
                let created = self.client.request::<ReceivedSecret>(request).await;
                Ok(created
                    .map_err(|error| self.refused(namespace, error))?
                    .try_into()?)
            }
            SecretRevision::Exactly { uid, version } => {
                secret.metadata.uid = Some(uid.to_string());
                secret.metadata.resource_version = Some(version.to_string());
                let params = PatchParams {
                    dry_run: rehearse,
                    force: true,
                    field_manager: Some(FIELD_MANAGER.to_owned()),
                    field_validation: Some(ValidationDirective::Strict),
                };
                let written = api
                    .patch(&manifest.name, &params, &Patch::Apply(&secret))
                    .await
                    .map_err(|error| self.refused(namespace, error))?;
                let written = written.try_into()?;
                if rehearse {
                    return Ok(written);
                }
                self.drop_leftovers(namespace, written, manifest).await
            }
        }
    }

    async fn annotate_secret(
        &self,
        namespace: &str,
        name: &str,
        at: &SecretRevision,
        annotation: (&str, &str),
    ) -> Result<(), ClusterError> {
        self.pass_gate()?;
        let SecretRevision::Exactly { uid, version } = at else {
            return Err(ClusterError::NotFound);
        };
        let patch = json!({"metadata": {
            "uid": uid.as_str(), "resourceVersion": version.as_str(), "annotations": {annotation.0: annotation.1},
        }});
        let params = PatchParams {
            field_manager: Some(FIELD_MANAGER.to_owned()),
            ..PatchParams::default()
        };
        self.secrets(namespace)
            .patch(name, &params, &Patch::Merge(patch))
            .await
            .map_err(|error| self.refused(namespace, error))?;
        Ok(())
    }

    async fn delete_secret(
        &self,
        namespace: &str,
        name: &str,
        at: &SecretRevision,
    ) -> Result<(), ClusterError> {
        self.pass_gate()?;
        let SecretRevision::Exactly { uid, version } = at else {
            return Ok(());
        };
        let params = DeleteParams {
            preconditions: Some(Preconditions {
                uid: Some(uid.to_string()),
                resource_version: Some(version.to_string()),
            }),
            ..DeleteParams::default()
        };
        match self
            .secrets(namespace)
            .delete(name, &params)
            .await
            .map_err(|error| self.refused(namespace, error))
        {
            Ok(_) | Err(ClusterError::NotFound) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn read_namespace(&self, name: &str) -> Result<NamespaceFacts, ClusterError> {
        let namespace = Api::<Namespace>::all(self.client.clone()).get(name).await?;
        Ok(NamespaceFacts {
            terminating: namespace.metadata.deletion_timestamp.is_some(),
            labels: namespace.metadata.labels.unwrap_or_default(),
        })
    }

    async fn notify(&self, object: &AccessToken, notice: Notice) {
        let event = Event {
            type_: if notice.warning {
                EventType::Warning
            } else {
                EventType::Normal
            },
            reason: notice.reason.to_owned(),
            note: Some(events::note(notice.note)),
            action: notice.action.to_owned(),
            secondary: None,
        };
        let about: ObjectReference = object.object_ref(&());
        if self.pass_gate().is_err() {
            return;
        }
        if let Err(error) = self.recorder.publish(&event, &about).await {
            tracing::debug!(%error, "an event could not be published");
        }
    }

    async fn report_left_behind(
        &self,
        object: &Identity,
        tokens: &[TokenId],
    ) -> Result<(), ClusterError> {
        self.pass_gate()?;
        let api = Api::<ConfigMap>::namespaced(self.client.clone(), &self.own_namespace);
        left_behind::report(&api, object, tokens).await
    }
}

/// What a Lease says of its holder. One without a holder but with times was emptied by somebody else: its holder may still act.
fn reading(lease: &Lease) -> LeaseReading {
    let metadata = &lease.metadata;
    let spec = lease.spec.clone().unwrap_or_default();
    let named = spec.holder_identity.is_some_and(|name| !name.is_empty());
    let held = named || spec.renew_time.is_some() || spec.acquire_time.is_some();
    let seconds = spec.lease_duration_seconds.unwrap_or_default();
    LeaseReading {
        uid: metadata.uid.clone().unwrap_or_default(),
        version: metadata.resource_version.clone().unwrap_or_default(),
        duration: held.then(|| Duration::from_secs(u64::try_from(seconds).unwrap_or_default())),
    }
}
