//! A definition that is older than the operator must not lose an intent without a word (C1).

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, PostParams};
use launchdarkly_token_operator::api::AccessToken;
use launchdarkly_token_operator::cluster::{Cluster as _, ClusterError};
use rig::workspace;
use serde_json::{Value, json};

use crate::stage::{client_of, cluster_of, plane_with};

/// The definition as it would be had `status.pending` no `handles` yet.
fn older_definition() -> Value {
    let text =
        std::fs::read_to_string(workspace::root().join("crds/accesstokens.ldtokens.dev.yaml"))
            .unwrap();
    let current: CustomResourceDefinition = serde_saphyr::from_str(&text).unwrap();
    let mut older = serde_json::to_value(current).unwrap();
    let properties =
        "/spec/versions/0/schema/openAPIV3Schema/properties/status/properties/pending/properties";
    let pending = older
        .pointer_mut(properties)
        .unwrap()
        .as_object_mut()
        .unwrap();
    assert!(pending.remove("handles").is_some());
    older
}

#[tokio::test]
async fn a_status_that_an_older_definition_would_cut_is_refused_whole() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("older.json");
    std::fs::write(&file, older_definition().to_string()).unwrap();
    let plane = tokio::task::spawn_blocking(move || plane_with(&file.display().to_string()))
        .await
        .unwrap();
    let client = client_of(plane.kubeconfig()).await;
    let objects = Api::<AccessToken>::namespaced(client.clone(), "default");
    let new = serde_json::from_value(json!({
        "apiVersion": "ldtokens.dev/v1alpha1", "kind": "AccessToken",
        "metadata": {"name": "ci"}, "spec": {"role": "reader"},
    }))
    .unwrap();
    let mut object = objects.create(&PostParams::default(), &new).await.unwrap();
    let pending = json!({
        "operation": "Create", "attempt": "0a1b2c3d", "cause": "Trigger", "startTime": "2026-11-22T10:00:00Z",
        "holder": "test", "secretName": "ci", "specHash": "v1:0.0", "tokenName": "ci", "handles": ["v1:00000000"],
    });
    object.status.get_or_insert_default().pending = Some(serde_json::from_value(pending).unwrap());
    let answer = cluster_of(client).replace_status(&object).await;
    assert!(matches!(answer, Err(ClusterError::Pruned)), "{answer:?}");
    let stored = objects.get("ci").await.unwrap();
    assert_eq!(stored.status.and_then(|status| status.pending), None);
}
