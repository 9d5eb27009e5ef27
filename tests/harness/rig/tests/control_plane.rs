//! What the control plane for tests can do.
#![expect(clippy::expect_used, reason = "helpers of tests may fail like tests")]

use std::sync::LazyLock;
use std::time::Duration;

use rig::{ControlPlane, ControlPlaneOptions, Source, wait};

/// One for all tests of this file, which ends with the process. On somebody else's cluster they would
/// prove nothing, and leave things behind.
fn plane() -> Option<&'static ControlPlane> {
    static PLANE: LazyLock<ControlPlane> = LazyLock::new(|| {
        ControlPlane::start(ControlPlaneOptions::default()).expect("a control plane")
    });
    let foreign = matches!(Source::named(), Some(Source::Cluster(_)));
    (!foreign).then(|| &*PLANE)
}

const SOON: Duration = Duration::from_secs(20);

#[test]
fn it_serves_kubectl() {
    let Some(plane) = plane() else { return };
    plane.kubectl(&["create", "namespace", "greeting"]).unwrap();
    plane
        .apply("{apiVersion: v1, kind: ConfigMap, metadata: {name: hello, namespace: greeting}, data: {to: world}}")
        .unwrap();
    let read = plane.get("configmap", "greeting", "hello").unwrap();
    assert_eq!(read["data"]["to"], "world");
    let listed = plane.client().list("configmap", "greeting").unwrap();
    assert!(listed.contains(&read));
}

#[test]
fn a_failed_command_says_what_kubectl_said() {
    let Some(plane) = plane() else { return };
    let error = plane.get("configmap", "default", "nowhere").unwrap_err();
    assert!(
        format!("{error:?}").contains("\"nowhere\" not found"),
        "{error:?}"
    );
}

#[test]
fn a_service_account_has_only_the_rights_it_was_given() {
    let Some(plane) = plane() else { return };
    plane
        .kubectl(&["create", "serviceaccount", "guest"])
        .unwrap();
    let token = plane.kubectl(&["create", "token", "guest"]).unwrap();
    let as_guest =
        |arguments: &[&str]| plane.kubectl(&[&["--token", token.trim()][..], arguments].concat());

    let identity = as_guest(&["auth", "whoami"]).unwrap();
    assert!(
        identity.contains("system:serviceaccount:default:guest"),
        "{identity}"
    );
    let refusal = as_guest(&["get", "secrets"]).unwrap_err();
    assert!(format!("{refusal:?}").contains("forbidden"), "{refusal:?}");

    plane
        .kubectl(&[
            "create",
            "role",
            "reads",
            "--verb=list",
            "--resource=secrets",
        ])
        .unwrap();
    plane
        .kubectl(&[
            "create",
            "rolebinding",
            "guest",
            "--role=reads",
            "--serviceaccount=default:guest",
        ])
        .unwrap();
    wait::until(SOON, "the role to count", || {
        as_guest(&["get", "secrets"]).map(Some)
    })
    .unwrap();
}

#[test]
fn admission_policies_are_enforced() {
    let Some(plane) = plane() else { return };
    plane
        .apply(
            r#"
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: no-blue}
spec:
  matchConstraints:
    resourceRules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [configmaps]}]
  validations: [{expression: "object.metadata.name != 'blue'", message: blue is not welcome}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: no-blue}
spec: {policyName: no-blue, validationActions: [Deny]}
"#,
        )
        .unwrap();
    wait::until_ok(SOON, "the refusal of a blue one", || {
        match plane.kubectl(&["create", "configmap", "blue", "--dry-run=server"]) {
            Err(error) if format!("{error:?}").contains("blue is not welcome") => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .unwrap();
}

#[test]
fn deployments_get_pods_and_leave_nothing_in_a_deleted_namespace() {
    let Some(plane) = plane() else { return };
    plane.kubectl(&["create", "namespace", "brief"]).unwrap();
    plane
        .kubectl(&[
            "create",
            "deployment",
            "web",
            "--image=none",
            "--namespace=brief",
        ])
        .unwrap();
    let pods = || plane.client().list("pods", "brief");
    wait::until_true(SOON, "a pod", || Ok(!pods()?.is_empty())).unwrap();

    plane
        .kubectl(&["delete", "deployment", "web", "--namespace=brief"])
        .unwrap();
    wait::until_true(SOON, "the collection of the pod", || Ok(pods()?.is_empty())).unwrap();

    plane
        .kubectl(&["delete", "namespace", "brief", "--timeout=20s"])
        .unwrap();
}

#[test]
fn the_audit_log_names_who_did_what_and_shows_no_secret() {
    let Some(plane) = plane() else { return };
    let mark = plane.audit_mark().unwrap();
    plane
        .kubectl(&[
            "create",
            "secret",
            "generic",
            "audited",
            "--from-literal=token=canary-in-a-secret",
        ])
        .unwrap();
    let events = plane.audit_events_since(mark).unwrap();
    let written = events
        .iter()
        .find(|event| event["objectRef"]["resource"] == "secrets" && event["verb"] == "create")
        .expect("the write is logged");
    assert_eq!(written["user"]["username"], "admin");

    // Base64, as a body would have it.
    let log = format!("{:?}", plane.audit_events().unwrap());
    assert!(!log.contains("Y2FuYXJ5LWluLWEtc2VjcmV0") && !log.contains("canary-in-a-secret"));
}
