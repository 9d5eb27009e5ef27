//! The life of a release: installed, upgraded, rolled back and uninstalled by Helm on the real API server, under a working operator.

use crate::release::{PATIENCE, Stage};
use crate::render::{NAME, chart, package};
use crate::secrets;

#[test]
fn a_release_is_installed_upgraded_rolled_back_and_uninstalled_under_a_working_operator() {
    let stage = Stage::new();

    // Installed as it once was.
    stage.helm(&["install", NAME, &package("0.0.2"), "--create-namespace"]);
    assert_eq!(stage.kinds(), 3);
    assert!(!stage.schemas_name_the_kind());
    assert!(stage.lease()["spec"]["holderIdentity"].is_null());
    stage.await_kinds();
    stage.await_rights(&[
        ("get", "secrets", "team-a", true),
        ("patch", "accesstokens.ldtokens.dev", "team-a", true),
        ("create", "deployments.apps", NAME, false),
    ]);
    let mark = stage.plane.audit_mark().unwrap();
    let mut operator = stage.operator("installed");
    stage.token("team-a");
    assert_eq!(stage.refusals(mark), [""; 0]);
    secrets::are_read_by_name_only(&stage.plane, mark, &["managing-key", "web"]);

    // Upgraded: the kinds are new, their objects are the same, and the leader keeps its Lease, though the chart has the Lease too.
    let holder = stage.lease()["spec"]["holderIdentity"].clone();
    assert!(holder.is_string());
    let (before, key) = (stage.identity("team-a"), stage.key("team-a"));
    stage.helm(&["upgrade", NAME, &chart()]);
    assert!(stage.schemas_name_the_kind());
    assert_eq!(stage.identity("team-a"), before);
    assert_eq!(stage.lease()["spec"]["holderIdentity"], holder);
    stage.rotate("team-a");
    assert_ne!(stage.key("team-a"), key);
    assert_eq!(stage.refusals(mark), [""; 0]);

    // Upgraded to fewer rights.
    let narrow = [
        "--set=rbac.secretAccess=PerNamespace",
        "--set=watchNamespaces={team-a,team-b}",
    ];
    stage.helm(&[&["upgrade", NAME, &chart()][..], &narrow].concat());
    assert_eq!(stage.lease()["spec"]["holderIdentity"], holder);
    operator.terminate(PATIENCE).unwrap();
    stage.await_rights(&[
        ("get", "secrets", "team-a", true),
        ("create", "events.events.k8s.io", "team-b", true),
        ("get", "secrets", NAME, true),
        ("list", "secrets", NAME, false),
        ("get", "secrets", "default", false),
        ("create", "secrets", "default", false),
    ]);
    let mark = stage.plane.audit_mark().unwrap();
    let mut operator = stage.operator("narrow");
    stage.token("team-b");
    stage.ready("team-a");
    assert_eq!(stage.refusals(mark), [""; 0]);
    operator.terminate(PATIENCE).unwrap();

    // Rolled back.
    stage.helm(&["rollback", NAME, "1"]);
    assert!(!stage.schemas_name_the_kind());
    assert_eq!(stage.identity("team-a"), before);
    stage.await_rights(&[("get", "secrets", "default", true)]);
    let role = stage
        .plane
        .get("role", "team-a", "launchdarkly-token-operator-secrets");
    assert!(role.is_err(), "a Role of the upgrade is left");
    let mark = stage.plane.audit_mark().unwrap();
    let mut operator = stage.operator("back");
    for namespace in ["team-a", "team-b"] {
        stage.ready(namespace);
        stage
            .plane
            .kubectl(&["delete", "accesstoken", "web", "--namespace", namespace])
            .unwrap();
    }
    assert_eq!(stage.refusals(mark), [""; 0]);
    operator.terminate(PATIENCE).unwrap();

    secrets::helm_tells_no_key(&stage.helm, &stage.simulator);

    // Uninstalled: the kinds stay, and the accounts with them.
    stage.helm(&["uninstall", NAME]);
    assert_eq!(stage.kinds(), 3);
    assert_eq!(
        stage
            .plane
            .client()
            .list("launchdarklyaccounts", "")
            .unwrap()
            .len(),
        2
    );
    for kind in [
        "deployment",
        "lease",
        "serviceaccount",
        "service",
        "networkpolicy",
        "poddisruptionbudget",
    ] {
        assert!(
            stage.plane.get(kind, NAME, NAME).is_err(),
            "a {kind} is left"
        );
    }
    assert!(stage.plane.get("clusterrole", "", NAME).is_err());
}
