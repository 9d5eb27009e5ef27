//! `rbac.opaqueSecretsOnly`: with the operator's rights nobody gets the token of another ServiceAccount.

use std::time::Duration;

use rig::{ControlPlane, ControlPlaneOptions, Helm, wait};
use serde_json::json;

use crate::render::{NAME, chart};

const PATIENCE: Duration = Duration::from_secs(60);

/// What the API server says when a user tries to make a Secret of a type.
fn make(plane: &ControlPlane, user: &str, kind: &str) -> Result<(), String> {
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "type": kind,
        "metadata": {
            "generateName": "tried-", "namespace": "kube-system",
            "annotations": {"kubernetes.io/service-account.name": "default"},
        },
    });
    let create = ["create", "--dry-run=server", "-f", "-", "--as", user];
    let output = plane.client().output(&create, &secret.to_string()).unwrap();
    if output.status.success() {
        return Ok(());
    }
    Err(String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn who_has_the_operators_rights_makes_no_secret_of_another_type() {
    const TOKEN: &str = "kubernetes.io/service-account-token";
    let plane = ControlPlane::start(ControlPlaneOptions::default()).unwrap();
    let helm = Helm::on(&plane).unwrap();
    let (chart, namespace) = (chart(), format!("--namespace={NAME}"));
    let operator = format!("system:serviceaccount:{NAME}:{NAME}");
    helm.run(&["install", NAME, &chart, "--create-namespace", &namespace])
        .unwrap();
    make(&plane, &operator, TOKEN).unwrap();

    let only = "--set=rbac.opaqueSecretsOnly=true";
    helm.run(&["upgrade", NAME, &chart, only, &namespace])
        .unwrap();
    wait::until_true(PATIENCE, "the refusal", || {
        Ok(make(&plane, &operator, TOKEN).is_err())
    })
    .unwrap();
    for kind in [TOKEN, "bootstrap.kubernetes.io/token", "example.com/own"] {
        let refusal = make(&plane, &operator, kind).unwrap_err();
        let says = "the operator makes Secrets of type Opaque only";
        assert!(refusal.contains(says), "{kind}: {refusal}");
    }
    make(&plane, &operator, "Opaque").unwrap();
    make(&plane, "kubernetes-admin", TOKEN).unwrap_or_else(|refusal| {
        assert!(!refusal.contains("Opaque"), "{refusal}");
    });
}
