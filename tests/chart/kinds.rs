//! The kinds as a part of the release, when they are not to outlive it, and the accounts that need them.

use std::time::Duration;

use rig::{ControlPlane, ControlPlaneOptions, Helm, wait, workspace};

use crate::render::{chart, value_file};

const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn the_kinds_go_with_the_release_if_they_are_not_to_be_kept() {
    let plane = ControlPlane::start(ControlPlaneOptions::default()).unwrap();
    let helm = Helm::on(&plane).unwrap();
    let run = |arguments: &[&str]| {
        helm.run(&[arguments, &["--namespace", "keys"]].concat())
            .unwrap()
    };
    let kinds = || {
        let all = plane
            .client()
            .list("customresourcedefinitions", "")
            .unwrap();
        all.len()
    };
    // The older way of applying, too.
    let old_way = "--server-side=false";
    run(&[
        "install",
        "keys",
        &chart(),
        "--create-namespace",
        "--set=crds.keep=false",
        old_way,
    ]);
    assert_eq!(kinds(), 3);
    run(&[
        "upgrade",
        "keys",
        &chart(),
        "--set=crds.keep=false",
        "--set=replicaCount=3",
    ]);
    let name = "keys-launchdarkly-token-operator";
    let deployment = plane.get("deployment", "keys", name).unwrap();
    assert_eq!(deployment["spec"]["replicas"], 3);
    // Helm's own wait can miss that a kind is gone, and goes on to its end of five minutes.
    run(&["uninstall", "keys"]);
    wait::until_true(PATIENCE, "no kinds", || Ok(kinds() == 0)).unwrap();
    // Accounts cannot come with the kinds, and the refusal says so.
    let accounts = value_file("accounts");
    let arguments = [
        "install",
        "keys",
        &chart(),
        "--namespace",
        "keys",
        "--values",
        &accounts,
    ];
    let said = String::from_utf8(helm.output(&arguments).unwrap().stderr).unwrap();
    assert!(said.contains("ensure CRDs are installed first"), "{said}");
    let crds = workspace::root().join("crds").display().to_string();
    plane
        .kubectl(&["apply", "--server-side", "-f", &crds])
        .unwrap();
    let elsewhere = ["--set=crds.enabled=false"];
    wait::until(PATIENCE, "the kinds to be served", || {
        helm.run(&[&arguments[..], &elsewhere].concat()).map(Some)
    })
    .unwrap();
    let account = plane.get("clusterlaunchdarklyaccount", "", "eu").unwrap();
    assert_eq!(account["spec"]["apiUrl"], "https://app.eu.launchdarkly.com");
}
