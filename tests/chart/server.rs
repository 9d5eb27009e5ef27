//! Every render is accepted by the real API server, which knows every field and judges the pods by Pod Security.

use std::fs;

use rig::{ControlPlane, ControlPlaneOptions, Helm, workspace};
use serde_json::{Value, json};

use crate::monitoring;
use crate::render::{NAME, VERSIONS, objects, template, title, value_files};

/// An API server that knows our kinds and the Prometheus operator's, with the namespaces that the value files name.
fn server() -> ControlPlane {
    let plane = ControlPlane::start(ControlPlaneOptions::default()).unwrap();
    for name in ["operators", NAME, "team-a", "team-b"] {
        let labels = json!({"pod-security.kubernetes.io/warn": "restricted"});
        let metadata = json!({"name": name, "labels": labels});
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata});
        plane.apply(&namespace.to_string()).unwrap();
    }
    let mut kinds = monitoring::definitions();
    for file in fs::read_dir(workspace::root().join("crds")).unwrap() {
        kinds.push(fs::read_to_string(file.unwrap().path()).unwrap());
    }
    let kinds = kinds.join("\n---\n");
    plane.apply(&kinds).unwrap();
    let wait = [
        "wait",
        "--for=condition=Established",
        "--timeout=30s",
        "-f",
        "-",
    ];
    plane.kubectl_with_input(&wait, &kinds).unwrap();
    plane
}

/// What the API server says about objects that are only tried; a warning counts as a refusal.
fn verdict(plane: &ControlPlane, text: &str) -> Result<(), String> {
    let arguments = [
        "apply",
        "--server-side",
        "--dry-run=server",
        "--validate=strict",
        "--force-conflicts",
        "--warnings-as-errors",
        "-f",
        "-",
    ];
    let output = plane.client().output(&arguments, text).unwrap();
    if output.status.success() {
        return Ok(());
    }
    Err(String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn every_render_is_accepted_by_the_api_server_to_the_last_field() {
    let plane = server();
    let helm = Helm::offline().unwrap();
    let mut refused = Vec::new();
    for values in value_files() {
        let text = template(&helm, &values, VERSIONS[2]);
        if let Err(says) = verdict(&plane, &text) {
            refused.push(format!("{values}: {says}"));
        }
    }
    assert!(refused.is_empty(), "{}", refused.join("\n"));
    // The judge judges: one unknown field, one forbidden setting and one wrong value are noticed.
    let text = template(&helm, "monitoring", VERSIONS[2]);
    for (kind, pointer, field, value, says) in [
        (
            "ServiceMonitor",
            "/spec/endpoints/0",
            "intervall",
            json!("1s"),
            "unknown field",
        ),
        (
            "NetworkPolicy",
            "/spec",
            "podSelectors",
            json!({}),
            "unknown field",
        ),
        (
            "Deployment",
            "/spec/template/spec/containers/0/securityContext",
            "allowPrivilegeEscalation",
            json!(true),
            "would violate PodSecurity",
        ),
        (
            "PodDisruptionBudget",
            "/spec",
            "maxUnavailable",
            json!("many"),
            "invalid",
        ),
    ] {
        let mut objects = objects(&text);
        let object = objects.iter_mut().find(|one| one["kind"] == kind).unwrap();
        object.pointer_mut(pointer).unwrap()[field] = value;
        let said = verdict(&plane, &list(&objects)).unwrap_err();
        assert!(
            said.to_lowercase().contains(&says.to_lowercase()),
            "{kind}: {said}"
        );
    }
}

#[test]
fn the_static_manifests_are_accepted_and_kustomize_takes_them_as_a_base() {
    let plane = server();
    let deploy = workspace::root().join("deploy");
    for file in ["install.yaml", "install-namespaced.yaml"] {
        let text = fs::read_to_string(deploy.join(file)).unwrap();
        verdict(&plane, &text).unwrap();
    }
    let folder = deploy.display().to_string();
    let built = objects(&plane.kubectl(&["kustomize", &folder]).unwrap());
    let base = objects(&fs::read_to_string(deploy.join("install.yaml")).unwrap());
    assert_eq!(built.len(), base.len());
    for object in base {
        assert!(built.contains(&object), "{}", title(&object));
    }
}

fn list(objects: &[Value]) -> String {
    json!({"apiVersion": "v1", "kind": "List", "items": objects}).to_string()
}
