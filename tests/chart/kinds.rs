//! The kinds as a part of the release, when they are not to outlive it, and the accounts that need them.

use std::time::{Duration, Instant};

use serde_json::json;

use rig::{ControlPlane, ControlPlaneOptions, Helm, wait, workspace};

use crate::render::{chart, value_file};

/// What Kubernetes' own controllers may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(180);

/// Every change of a kind makes a step that is under way begin again, so they are few.
const BETWEEN_NUDGES: Duration = Duration::from_secs(20);

/// Waits until no kind is left. The API server takes a kind away in steps, and backs off by up to a quarter of an hour when one fails
/// on a busy machine; a change of the kind has it look again at once.
fn await_no_kinds(plane: &ControlPlane) {
    let started = Instant::now();
    let mut nudged = started;
    let gone = wait::until_ok(PATIENCE, "no kinds", || {
        let left = plane
            .client()
            .list("customresourcedefinitions", "")
            .unwrap();
        for kind in &left {
            assert!(
                kind["metadata"]["deletionTimestamp"].is_string(),
                "Helm did not delete {}",
                kind["metadata"]["name"]
            );
            let name = kind["metadata"]["name"].as_str().unwrap_or_default();
            if nudged.elapsed() >= BETWEEN_NUDGES {
                let look = format!("example.com/look=after-{}", started.elapsed().as_secs());
                // It may be gone by now.
                let _ = plane.kubectl(&["annotate", "--overwrite", "crd", name, &look]);
            }
        }
        if nudged.elapsed() >= BETWEEN_NUDGES {
            nudged = Instant::now();
        }
        let states = left
            .iter()
            .map(|kind| kind["status"]["conditions"].to_string());
        let states: Vec<_> = states.collect();
        if left.is_empty() {
            Ok(())
        } else {
            Err(states.join(" "))
        }
    });
    gone.unwrap();
}

#[test]
fn the_kinds_go_with_the_release_if_they_are_not_to_be_kept() {
    let plane = ControlPlane::start(ControlPlaneOptions::default()).unwrap();
    let helm = Helm::on(&plane).unwrap();
    let run = |arguments: &[&str]| {
        helm.run(&[arguments, &["--namespace", "keys"]].concat())
            .unwrap()
    };
    let kinds = || {
        plane
            .client()
            .list("customresourcedefinitions", "")
            .unwrap()
            .len()
    };
    let name = "keys-launchdarkly-token-operator";
    let keep = "--set=crds.keep=false";
    // How Helm applied the Deployment, and how many replicas it wants.
    let applied = || {
        let fields = "--show-managed-fields";
        let get = ["get", "deployment", name, "--namespace=keys", fields];
        let deployment = plane.client().json(&get).unwrap();
        let managers = deployment["metadata"]["managedFields"].as_array().unwrap();
        let by_helm = managers.iter().filter(|one| one["manager"] == "helm");
        let ways: Vec<_> = by_helm.map(|one| one["operation"].clone()).collect();
        (ways, deployment["spec"]["replicas"].clone())
    };
    // The older way of applying, which a release that began with it keeps, and the newer one on request.
    let old_way = "--server-side=false";
    run(&[
        "install",
        "keys",
        &chart(),
        "--create-namespace",
        keep,
        old_way,
    ]);
    assert_eq!(kinds(), 3);
    assert_eq!(applied(), (vec![json!("Update")], json!(2)));
    run(&["upgrade", "keys", &chart(), keep, "--set=replicaCount=3"]);
    assert_eq!(applied(), (vec![json!("Update")], json!(3)));
    let new_way = "--server-side=true";
    run(&[
        "upgrade",
        "keys",
        &chart(),
        keep,
        "--set=replicaCount=4",
        new_way,
    ]);
    assert_eq!(applied(), (vec![json!("Apply")], json!(4)));
    run(&["upgrade", "keys", &chart(), keep, "--set=replicaCount=3"]);
    assert_eq!(applied(), (vec![json!("Apply")], json!(3)));
    run(&["rollback", "keys", "1"]);
    assert_eq!(applied().1, json!(2));
    // Helm's own wait goes on to its end of five minutes where a kind stays for long.
    run(&["uninstall", "keys"]);
    await_no_kinds(&plane);
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
