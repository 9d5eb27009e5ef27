//! The cluster at the other end of a wire.

use std::any::Any;
use std::sync::Arc;

use fakes::FakeCluster;
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

use crate::wire::{Call, Wire};

#[derive(Clone)]
pub struct WiredCluster {
    pub far: FakeCluster,
    pub wire: Arc<Wire>,
}

impl WiredCluster {
    async fn effect<T>(
        &self,
        name: String,
        call: impl Future<Output = Result<T, ClusterError>>,
    ) -> Result<T, ClusterError> {
        self.wire
            .carry(Call::Effect(name), call, || Err(lost()))
            .await
    }

    async fn look<T>(
        &self,
        call: impl Future<Output = Result<T, ClusterError>>,
    ) -> Result<T, ClusterError> {
        self.wire.carry(Call::Look, call, || Err(lost())).await
    }
}

fn lost() -> ClusterError {
    let broken = std::io::Error::other("the answer was lost");
    ClusterError::Unavailable(Box::new(kube::Error::ReadEvents(broken)))
}

/// What a status is written for, as far as it matters.
fn purpose<K: Managed>(object: &K) -> String {
    let token = (object as &dyn Any).downcast_ref::<AccessToken>();
    let status = token.and_then(|token| token.status.as_ref());
    match status.and_then(|status| status.pending.as_ref()) {
        Some(pending) => format!("status with {} {}", pending.operation, pending.cause),
        None => "status".to_owned(),
    }
}

impl Cluster for WiredCluster {
    async fn read_object<K: Managed>(
        &self,
        namespace: Option<&str>,
        name: &str,
    ) -> Result<Option<K>, ClusterError> {
        self.look(self.far.read_object(namespace, name)).await
    }

    async fn add_finalizer<K: Managed>(&self, object: &K) -> Result<K, ClusterError> {
        let call = self.far.add_finalizer(object);
        self.effect("finalizer".to_owned(), call).await
    }

    async fn remove_finalizer<K: Managed>(&self, object: &K) -> Result<(), ClusterError> {
        let call = self.far.remove_finalizer(object);
        self.effect("no finalizer".to_owned(), call).await
    }

    async fn replace_status<K: Managed>(&self, object: &K) -> Result<K, ClusterError> {
        let call = self.far.replace_status(object);
        self.effect(purpose(object), call).await
    }

    async fn read_lease(&self, at: &ControllerRef) -> Result<Option<LeaseReading>, ClusterError> {
        self.look(self.far.read_lease(at)).await
    }

    async fn count_users(&self, account: &str) -> Result<usize, ClusterError> {
        self.look(self.far.count_users(account)).await
    }

    async fn read_credential(&self, at: &CredentialRef) -> Result<CredentialEntry, ClusterError> {
        self.look(self.far.read_credential(at)).await
    }

    async fn read_secret(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<Option<SecretSnapshot>, ClusterError> {
        self.look(self.far.read_secret(namespace, name)).await
    }

    async fn write_secret(
        &self,
        namespace: &str,
        at: &SecretRevision,
        manifest: &SecretManifest,
        rehearse: bool,
    ) -> Result<SecretSnapshot, ClusterError> {
        let call = self.far.write_secret(namespace, at, manifest, rehearse);
        if rehearse {
            let dry_run = Call::Aside(format!("dry run: secret {}", manifest.name));
            self.wire.carry(dry_run, call, || Err(lost())).await
        } else {
            self.effect(format!("secret {}", manifest.name), call).await
        }
    }

    async fn annotate_secret(
        &self,
        namespace: &str,
        name: &str,
        at: &SecretRevision,
        annotation: (&str, &str),
    ) -> Result<(), ClusterError> {
        let call = self.far.annotate_secret(namespace, name, at, annotation);
        self.effect("fence".to_owned(), call).await
    }

    async fn delete_secret(
        &self,
        namespace: &str,
        name: &str,
        at: &SecretRevision,
    ) -> Result<(), ClusterError> {
        let call = self.far.delete_secret(namespace, name, at);
        self.effect(format!("no secret {name}"), call).await
    }

    async fn read_namespace(&self, name: &str) -> Result<NamespaceFacts, ClusterError> {
        self.look(self.far.read_namespace(name)).await
    }

    async fn notify(&self, object: &AccessToken, notice: Notice) {
        let event = Call::Aside(format!("event: {}", notice.reason));
        let call = self.far.notify(object, notice);
        self.wire.carry(event, call, || ()).await;
    }

    async fn report_left_behind(
        &self,
        object: &Identity,
        tokens: &[TokenId],
    ) -> Result<(), ClusterError> {
        let call = self.far.report_left_behind(object, tokens);
        self.effect("left behind".to_owned(), call).await
    }
}
