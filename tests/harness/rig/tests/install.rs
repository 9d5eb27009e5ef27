//! The manifests, as they are installed for tests.

use std::time::Duration;

use rig::{ControlPlane, ControlPlaneOptions, install, wait};

#[test]
fn the_operator_gets_the_rights_of_its_manifests_and_no_more() {
    let plane = ControlPlane::start(ControlPlaneOptions::default()).unwrap();
    install::install(&plane).unwrap();
    install::install(&plane).expect("installing twice does no harm");

    let deployments = plane
        .client()
        .list("deployments", install::NAMESPACE)
        .unwrap();
    assert!(
        deployments.is_empty(),
        "here the operator is a process: {deployments:?}"
    );
    plane
        .get("lease", install::NAMESPACE, install::NAMESPACE)
        .unwrap();

    let kubeconfig = install::service_account_kubeconfig(&plane).unwrap();
    let operator = plane.client().with_kubeconfig(&kubeconfig);
    let may = |verb: &str, resource: &str| {
        let answer = operator.output(
            &["auth", "can-i", verb, resource, "--namespace=default"],
            "",
        );
        answer.unwrap().status.success()
    };
    // The API server learns of new roles by a watch of its own, so a grant takes a moment to count.
    let granted = || Ok(may("create", "secrets") && may("patch", "accesstokens.ldtokens.dev"));
    wait::until_true(Duration::from_secs(30), "the granted rights", granted).unwrap();
    assert!(!may("create", "deployments") && !may("delete", "namespaces"));
    assert!(!may("create", "clusterrolebindings"));
}
