//! The two places where cases run.

use std::collections::BTreeMap;
use std::future::Future;
use std::path::Path;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use fakes::{FakeCluster, Part, Verb};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::object::HasStatus;
use kube::{Client, Config};
use launchdarkly_token_operator::api::{AccessToken, AccountStatus};
use launchdarkly_token_operator::cluster::{
    Cluster, KubeCluster, Managed, NamespaceFacts, Received,
};
use launchdarkly_token_operator::domain::account::handler::{ControllerRef, LeaseReading};
use launchdarkly_token_operator::gate::AlwaysOpen;
use launchdarkly_token_operator::runtime::clock::SystemClock;
use rig::{ControlPlane, ControlPlaneOptions, workspace};
use serde_json::json;

/// A cluster with a namespace of its own for one case, and what others than the operator do there.
pub trait Stage {
    type Cluster: Cluster;

    fn cluster(&self) -> &Self::Cluster;
    /// The same, seen by somebody without rights.
    fn without_rights(&self) -> Self::Cluster;
    fn namespace(&self) -> &str;
    fn create_object(&self, object: AccessToken) -> impl Future<Output = AccessToken>;
    fn delete_object(&self, name: &str) -> impl Future<Output = ()>;
    fn create_account<K: AnyAccount>(&self, account: K) -> impl Future<Output = K>;
    fn delete_account<K: AnyAccount>(&self, name: &str) -> impl Future<Output = ()>;
    /// A Secret with a managing key in the entry `token`.
    fn put_credential(&self, name: &str, key: &str) -> impl Future<Output = ()>;
    /// A Lease that is held for so many seconds, or that nobody holds.
    fn put_lease(&self, name: &str, held: Option<i32>) -> impl Future<Output = ()>;
    /// Another finalizer than ours.
    fn hold_object(&self, name: &str) -> impl Future<Output = AccessToken>;
    /// Sets a label, an annotation and an entry of somebody else's on a Secret, created if there is none.
    fn touch_secret(&self, name: &str) -> impl Future<Output = ()>;
    fn delete_secret(&self, name: &str) -> impl Future<Output = ()>;
    fn label_namespace(&self, name: &str, value: &str) -> impl Future<Output = ()>;
    /// Begins the namespace's deletion; an object with a finalizer keeps it from going.
    fn terminate_namespace(&self) -> impl Future<Output = ()>;
}

/// An account of either kind.
pub trait AnyAccount: Managed + HasStatus<Status = AccountStatus> {}

impl<K: Managed + HasStatus<Status = AccountStatus>> AnyAccount for K {}

/// What somebody else writes into a Secret.
pub const FOREIGN: (&str, &str) = ("theirs", "foreign");

pub struct Fake(FakeCluster);

impl Fake {
    pub fn new() -> Self {
        let cluster = FakeCluster::new(Arc::new(SystemClock));
        cluster.set_namespace("stage", NamespaceFacts::default());
        Self(cluster)
    }
}

impl Stage for Fake {
    type Cluster = FakeCluster;

    fn cluster(&self) -> &FakeCluster {
        &self.0
    }

    fn without_rights(&self) -> FakeCluster {
        self.0.forbidding(&[
            Verb::ReadObject,
            Verb::AddFinalizer,
            Verb::RemoveFinalizer,
            Verb::ReplaceStatus,
            Verb::ReadSecret,
            Verb::ReadCredential,
            Verb::ReadLease,
            Verb::CountUsers,
            Verb::CreateSecret,
            Verb::ApplySecret,
            Verb::AnnotateSecret,
            Verb::DeleteSecret,
            Verb::ReadNamespace,
        ])
    }

    fn namespace(&self) -> &'static str {
        "stage"
    }

    async fn create_object(&self, object: AccessToken) -> AccessToken {
        self.0.create_object(object).unwrap()
    }

    async fn delete_object(&self, name: &str) {
        self.0.delete_object("stage", name);
    }

    async fn create_account<K: AnyAccount>(&self, account: K) -> K {
        self.0.create_account(account).unwrap()
    }

    async fn delete_account<K: AnyAccount>(&self, name: &str) {
        // Nothing of the whole cluster has a namespace.
        self.0.delete::<K>("stage", name);
        self.0.delete::<K>("", name);
    }

    async fn put_credential(&self, name: &str, key: &str) {
        let entry = ((Part::Entry, "token".to_owned()), key.as_bytes().to_vec());
        self.0.put_secret("stage", name, [entry].into());
    }

    async fn put_lease(&self, name: &str, held: Option<i32>) {
        let at = ControllerRef {
            namespace: "stage".to_owned(),
            name: name.to_owned(),
        };
        let seconds = held.map(|seconds| u64::try_from(seconds).unwrap());
        let lease = LeaseReading {
            uid: format!("uid of {name}"),
            version: seconds.unwrap_or_default().to_string(),
            duration: seconds.map(Duration::from_secs),
        };
        self.0.set_lease(at, Some(lease));
    }

    async fn hold_object(&self, name: &str) -> AccessToken {
        let hold = |object: &mut AccessToken| {
            let finalizers = object.metadata.finalizers.get_or_insert_default();
            finalizers.push("example.com/theirs".to_owned());
        };
        self.0.edit_object("stage", name, hold).unwrap()
    }

    async fn touch_secret(&self, name: &str) {
        let value = FOREIGN.1.as_bytes().to_vec();
        let fields = [Part::Label, Part::Annotation, Part::Entry]
            .map(|part| ((part, FOREIGN.0.to_owned()), value.clone()));
        if self.0.secret("stage", name).is_none() {
            self.0.put_secret("stage", name, fields.into());
        } else {
            let changes = fields.map(|(field, value)| (field, Some(value)));
            self.0.edit_secret("stage", name, changes.into()).unwrap();
        }
    }

    async fn delete_secret(&self, name: &str) {
        self.0.remove_secret("stage", name);
    }

    async fn label_namespace(&self, name: &str, value: &str) {
        let labels = BTreeMap::from([(name.to_owned(), value.to_owned())]);
        let facts = NamespaceFacts {
            labels,
            terminating: false,
        };
        self.0.set_namespace("stage", facts);
    }

    async fn terminate_namespace(&self) {
        let facts = NamespaceFacts {
            terminating: true,
            ..NamespaceFacts::default()
        };
        self.0.set_namespace("stage", facts);
    }
}

/// One control plane for all cases; it ends with the process.
static PLANE: LazyLock<ControlPlane> =
    LazyLock::new(|| plane_with(&workspace::root().join("crds").display().to_string()));

/// A control plane with the definitions in a file or folder.
pub fn plane_with(crds: &str) -> ControlPlane {
    let plane = ControlPlane::start(ControlPlaneOptions::default()).unwrap();
    let established = ["wait", "--for=condition=Established", "--timeout=30s", "-f"];
    plane
        .kubectl(&["apply", "--server-side", "-f", crds])
        .unwrap();
    plane
        .kubectl(&[&established[..], &[crds]].concat())
        .unwrap();
    plane
}

/// A client of the control plane of all cases.
pub async fn client() -> Client {
    // Waits for child processes, which would hold this test's own tasks up.
    let kubeconfig = tokio::task::spawn_blocking(|| PLANE.kubeconfig().to_owned())
        .await
        .unwrap();
    client_of(&kubeconfig).await
}

pub async fn client_of(kubeconfig: &Path) -> Client {
    let kubeconfig = Kubeconfig::read_from(kubeconfig).unwrap();
    let options = KubeConfigOptions::default();
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &options)
        .await
        .unwrap();
    config.default_retry = false;
    Client::try_from(config).unwrap()
}

pub struct Kubernetes {
    client: Client,
    cluster: KubeCluster,
    namespace: String,
}

impl Kubernetes {
    pub async fn stage(case: &str) -> Self {
        let client = client().await;
        let name: String = case.replace('_', "-").chars().take(55).collect();
        let namespace = name.trim_end_matches('-').to_owned();
        let new = serde_json::from_value(json!({"metadata": {"name": namespace}})).unwrap();
        Api::<Namespace>::all(client.clone())
            .create(&PostParams::default(), &new)
            .await
            .unwrap();
        Self {
            cluster: cluster_of(client.clone()),
            client,
            namespace,
        }
    }

    fn objects(&self) -> Api<AccessToken> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    fn secrets(&self) -> Api<Secret> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }
}

pub fn cluster_of(client: Client) -> KubeCluster {
    let gate = Arc::new(AlwaysOpen);
    KubeCluster::new(client, gate, "default", "test", Duration::from_secs(20))
}

fn as_somebody() -> PatchParams {
    PatchParams {
        field_manager: Some("somebody".to_owned()),
        ..PatchParams::default()
    }
}

impl Stage for Kubernetes {
    type Cluster = KubeCluster;

    fn cluster(&self) -> &KubeCluster {
        &self.cluster
    }

    fn without_rights(&self) -> KubeCluster {
        let kubeconfig = Kubeconfig::read_from(PLANE.kubeconfig()).unwrap();
        let mut config = futures::executor::block_on(Config::from_custom_kubeconfig(
            kubeconfig,
            &KubeConfigOptions::default(),
        ))
        .unwrap();
        config.auth_info.impersonate = Some("nobody".to_owned());
        config.default_retry = false;
        cluster_of(Client::try_from(config).unwrap())
    }

    fn namespace(&self) -> &str {
        &self.namespace
    }

    async fn create_object(&self, object: AccessToken) -> AccessToken {
        let mut object = object;
        object.metadata.namespace = Some(self.namespace.clone());
        self.objects()
            .create(&PostParams::default(), &object)
            .await
            .unwrap()
    }

    async fn delete_object(&self, name: &str) {
        self.objects()
            .delete(name, &DeleteParams::default())
            .await
            .unwrap();
    }

    async fn create_account<K: AnyAccount>(&self, account: K) -> K {
        let api = K::api(self.client.clone(), Some(&self.namespace));
        let (params, account) = (PostParams::default(), Received(account));
        api.create(&params, &account).await.unwrap().0
    }

    async fn delete_account<K: AnyAccount>(&self, name: &str) {
        let api = K::api(self.client.clone(), Some(&self.namespace));
        api.delete(name, &DeleteParams::default()).await.unwrap();
    }

    async fn put_credential(&self, name: &str, key: &str) {
        let body = json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": {"token": key},
        });
        let secret = serde_json::from_value(body).unwrap();
        self.secrets()
            .create(&PostParams::default(), &secret)
            .await
            .unwrap();
    }

    async fn put_lease(&self, name: &str, held: Option<i32>) {
        let spec = held.map(|seconds| {
            json!({
                "holderIdentity": "operator-1_0a1b2c3d", "leaseDurationSeconds": seconds,
                "acquireTime": "2026-11-22T10:00:00.000000Z", "renewTime": "2026-11-22T10:00:00.000000Z",
            })
        });
        let lease = json!({
            "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": name}, "spec": spec,
        });
        let leases = Api::<Lease>::namespaced(self.client.clone(), &self.namespace);
        let applied = PatchParams::apply("somebody").force();
        leases
            .patch(name, &applied, &Patch::Apply(&lease))
            .await
            .unwrap();
    }

    async fn hold_object(&self, name: &str) -> AccessToken {
        let object = self.objects().get(name).await.unwrap();
        let mut finalizers = object.metadata.finalizers.unwrap_or_default();
        finalizers.push("example.com/theirs".to_owned());
        let patch = Patch::Merge(json!({"metadata": {"finalizers": finalizers}}));
        self.objects()
            .patch(name, &as_somebody(), &patch)
            .await
            .unwrap()
    }

    async fn touch_secret(&self, name: &str) {
        let (field, value) = FOREIGN;
        let body = json!({
            "apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": name, "labels": {field: value}, "annotations": {field: value}},
            "data": {field: "Zm9yZWlnbg=="},
        });
        if self.secrets().get_opt(name).await.unwrap().is_some() {
            let patch = Patch::Merge(body);
            self.secrets()
                .patch(name, &as_somebody(), &patch)
                .await
                .unwrap();
        } else {
            let secret = serde_json::from_value(body).unwrap();
            self.secrets()
                .create(&PostParams::default(), &secret)
                .await
                .unwrap();
        }
    }

    async fn delete_secret(&self, name: &str) {
        self.secrets()
            .delete(name, &DeleteParams::default())
            .await
            .unwrap();
    }

    async fn label_namespace(&self, name: &str, value: &str) {
        let patch = Patch::Merge(json!({"metadata": {"labels": {name: value}}}));
        Api::<Namespace>::all(self.client.clone())
            .patch(&self.namespace, &as_somebody(), &patch)
            .await
            .unwrap();
    }

    async fn terminate_namespace(&self) {
        Api::<Namespace>::all(self.client.clone())
            .delete(&self.namespace, &DeleteParams::default())
            .await
            .unwrap();
    }
}
