//! The Kubernetes side of what is read and written, behind a trait with a fake in the tests.

mod credential;
mod error;
mod events;
mod finalizer;
mod kube;
mod left_behind;
mod managed;
mod metadata;
pub mod pages;
mod rbac;
mod received;
pub mod secret;
mod shown;

use std::future::Future;

pub use credential::{CredentialEntry, CredentialRef};
pub use error::ClusterError;
pub use kube::KubeCluster;
pub use managed::Managed;
pub use rbac::OptIn;
pub use received::{FromParts, Received};
pub use shown::Shown;

use crate::api::AccessToken;
use crate::domain::account::handler::{ControllerRef, LeaseReading};
use crate::domain::record::Identity;
use crate::domain::secret::SecretRevision;
use secret::manifest::SecretManifest;
use secret::snapshot::SecretSnapshot;

/// What an object's namespace says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NamespaceFacts {
    /// Its labels.
    pub labels: std::collections::BTreeMap<String, String>,
    /// Whether it is being deleted.
    pub terminating: bool,
}

/// A thing worth telling the user once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Whether something needs attention.
    pub warning: bool,
    /// A constant word.
    pub reason: &'static str,
    /// What was being done, a constant word.
    pub action: &'static str,
    /// What happened, without anything secret.
    pub note: String,
}

/// Everything that is read from and written to Kubernetes for access tokens and accounts.
///
/// # Guarantees
/// - Every write names the object and the version that it was decided on, and fails with [`ClusterError::Conflict`] on any other.
/// - Before every write the gate is asked (I5).
pub trait Cluster: Clone + Send + Sync + 'static {
    /// Reads an object, past every cache; `namespace` is `None` for a kind of the whole cluster.
    fn read_object<K: Managed>(
        &self,
        namespace: Option<&str>,
        name: &str,
    ) -> impl Future<Output = Result<Option<K>, ClusterError>> + Send;

    /// Puts our finalizer on an object.
    fn add_finalizer<K: Managed>(
        &self,
        object: &K,
    ) -> impl Future<Output = Result<K, ClusterError>> + Send;

    /// Takes our finalizer off an object; one that is gone is as good.
    fn remove_finalizer<K: Managed>(
        &self,
        object: &K,
    ) -> impl Future<Output = Result<(), ClusterError>> + Send;

    /// Replaces the status.
    fn replace_status<K: Managed>(
        &self,
        object: &K,
    ) -> impl Future<Output = Result<K, ClusterError>> + Send;

    /// Reads the Lease that an installation of the operator is known by.
    fn read_lease(
        &self,
        at: &ControllerRef,
    ) -> impl Future<Output = Result<Option<LeaseReading>, ClusterError>> + Send;

    /// Counts the access tokens of all namespaces that name this `ClusterLaunchDarklyAccount` and that our finalizer holds.
    fn count_users(
        &self,
        account: &str,
    ) -> impl Future<Output = Result<usize, ClusterError>> + Send;

    /// Reads a managing key.
    fn read_credential(
        &self,
        at: &CredentialRef,
    ) -> impl Future<Output = Result<CredentialEntry, ClusterError>> + Send;

    /// Reads a Secret by name.
    fn read_secret(
        &self,
        namespace: &str,
        name: &str,
    ) -> impl Future<Output = Result<Option<SecretSnapshot>, ClusterError>> + Send;

    /// Creates a Secret, or applies our entries, labels and annotations to the one that was read.
    ///
    /// With `rehearse` nothing is changed, but everything is checked.
    fn write_secret(
        &self,
        namespace: &str,
        at: &SecretRevision,
        manifest: &SecretManifest,
        rehearse: bool,
    ) -> impl Future<Output = Result<SecretSnapshot, ClusterError>> + Send;

    /// Sets one annotation on the Secret that was read.
    fn annotate_secret(
        &self,
        namespace: &str,
        name: &str,
        at: &SecretRevision,
        annotation: (&str, &str),
    ) -> impl Future<Output = Result<(), ClusterError>> + Send;

    /// Deletes the Secret that was read; one that is gone is as good.
    fn delete_secret(
        &self,
        namespace: &str,
        name: &str,
        at: &SecretRevision,
    ) -> impl Future<Output = Result<(), ClusterError>> + Send;

    /// Reads a namespace.
    fn read_namespace(
        &self,
        name: &str,
    ) -> impl Future<Output = Result<NamespaceFacts, ClusterError>> + Send;

    /// Tells the user; a notice that cannot be delivered is dropped.
    fn notify(&self, object: &AccessToken, notice: Notice) -> impl Future<Output = ()> + Send;

    /// Notes down, where an administrator finds it, what a deleted object left at LaunchDarkly.
    fn report_left_behind(
        &self,
        object: &Identity,
        tokens: &[crate::domain::ids::TokenId],
    ) -> impl Future<Output = Result<(), ClusterError>> + Send;
}
