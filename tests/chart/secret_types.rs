//! `rbac.opaqueSecretsOnly`: with the operator's rights nobody gets the token of another ServiceAccount.

use std::time::Duration;

use rig::{ControlPlane, ControlPlaneOptions, Helm, RigError, wait};
use serde_json::json;

use crate::render::{NAME, chart};

const PATIENCE: Duration = Duration::from_secs(60);

/// What the API server says when a Secret of a type is to be made; by the administrator, unless a user is named.
fn make(plane: &ControlPlane, kind: &str, by: &[&str]) -> Result<String, RigError> {
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "type": kind,
        "metadata": {
            "generateName": "tried-", "namespace": "kube-system",
            "annotations": {"kubernetes.io/service-account.name": "default"},
        },
    });
    let create = ["create", "--dry-run=server", "-f", "-"];
    plane.kubectl_with_input(&[&create[..], by].concat(), &secret.to_string())
}

#[test]
fn who_has_the_operators_rights_makes_no_secret_of_another_type() {
    const TOKEN: &str = "kubernetes.io/service-account-token";
    let plane = ControlPlane::start(ControlPlaneOptions::default()).unwrap();
    let helm = Helm::on(&plane).unwrap();
    let (chart, namespace) = (chart(), format!("--namespace={NAME}"));
    let user = format!("system:serviceaccount:{NAME}:{NAME}");
    let operator = ["--as", &user];
    helm.run(&["install", NAME, &chart, "--create-namespace", &namespace])
        .unwrap();
    make(&plane, TOKEN, &operator).unwrap();

    let only = "--set=rbac.opaqueSecretsOnly=true";
    helm.run(&["upgrade", NAME, &chart, only, &namespace])
        .unwrap();
    wait::until_true(PATIENCE, "the refusal", || {
        Ok(make(&plane, TOKEN, &operator).is_err())
    })
    .unwrap();
    for kind in [TOKEN, "bootstrap.kubernetes.io/token", "example.com/own"] {
        let refusal = make(&plane, kind, &operator).unwrap_err().to_string();
        let says = "the operator makes Secrets of type Opaque only";
        assert!(refusal.contains(says), "{kind}: {refusal}");
    }
    make(&plane, "Opaque", &operator).unwrap();
    // Others make them as before.
    make(&plane, TOKEN, &[]).unwrap();
}
