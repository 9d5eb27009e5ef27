//! The chart as a part of another one.

use std::fs;

use rig::{ControlPlane, ControlPlaneOptions, Helm};
use tempfile::TempDir;

use crate::render::chart;

/// A chart with ours in it, globals that ours does not know, and a condition.
fn parent(helm: &Helm) -> TempDir {
    let parent = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| fs::write(parent.path().join(name), text).unwrap();
    let dependency = "{name: launchdarkly-token-operator, version: 0.1.0, condition: launchdarkly-token-operator.enabled}";
    file(
        "Chart.yaml",
        &format!(
            "{{apiVersion: v2, name: platform, version: 1.0.0, dependencies: [{dependency}]}}"
        ),
    );
    file(
        "values.yaml",
        "global: {cattle: {systemDefaultRegistry: x}, imageRegistry: mirror.example.com}\n\
         launchdarkly-token-operator: {enabled: true, replicaCount: 3}\n",
    );
    let charts = parent.path().join("charts");
    fs::create_dir(&charts).unwrap();
    let to = charts.display().to_string();
    helm.run(&["package", &chart(), "--destination", &to])
        .unwrap();
    parent
}

#[test]
fn a_parent_chart_may_have_globals_of_its_own_and_a_condition() {
    let plane = ControlPlane::start(ControlPlaneOptions::default()).unwrap();
    let helm = Helm::on(&plane).unwrap();
    let parent = parent(&helm);
    let path = parent.path().display().to_string();
    let run = |arguments: &[&str]| {
        let target = ["platform", &path, "--namespace", "platform"];
        helm.run(&[arguments, &target].concat()).unwrap()
    };
    let name = "platform-launchdarkly-token-operator";
    let without = "--set=launchdarkly-token-operator.enabled=false";

    run(&["install", "--create-namespace"]);
    let deployment = plane.get("deployment", "platform", name).unwrap();
    assert_eq!(deployment["spec"]["replicas"], 3);
    assert_eq!(
        deployment["spec"]["template"]["spec"]["containers"][0]["image"],
        "mirror.example.com/launchdarkly-token-operator:0.1.0"
    );
    let kinds = || {
        plane
            .client()
            .list("customresourcedefinitions", "")
            .unwrap()
    };
    assert_eq!(kinds().len(), 3);
    plane.get("clusterrole", "", name).unwrap();

    // Switched off, it leaves the kinds, and all objects of them.
    run(&["upgrade", without]);
    assert!(plane.get("deployment", "platform", name).is_err());
    assert!(plane.get("clusterrole", "", name).is_err());
    assert_eq!(kinds().len(), 3);

    // On again, it takes up the kinds that it left.
    run(&["upgrade", "--reset-values"]);
    plane.get("deployment", "platform", name).unwrap();
    helm.run(&["uninstall", "platform", "--namespace", "platform"])
        .unwrap();
    assert_eq!(kinds().len(), 3);
}
