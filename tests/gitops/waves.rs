//! The samples for Argo CD and Flux, applied as these tools apply them: one wave after the other, each waited for.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use rig::{wait, workspace};
use serde_json::{Value, json};

use crate::documents::{files, is_ours, objects};
use crate::scenes::written;
use crate::stage::{Home, PATIENCE, credential, list, stage};
use crate::verdict::{Verdict, verdicts};

/// The objects in the files of a folder; their LaunchDarkly is the simulator.
fn folder(path: &str) -> Vec<Value> {
    let files = files(&workspace::root().join(path));
    let mut found: Vec<Value> = files.iter().flat_map(|file| read(file)).collect();
    for object in &mut found {
        if is_ours(object) && object["kind"] != "AccessToken" {
            object["spec"]["apiUrl"] = json!(stage().crowded.url());
        }
    }
    found
}

fn read(file: &Path) -> Vec<Value> {
    objects(&fs::read_to_string(file).unwrap())
}

/// Waits until `done` holds for all objects of ours; none may fail meanwhile.
fn wait_for(objects: &[Value], done: (&str, &str)) {
    let ours: Vec<Value> = objects
        .iter()
        .filter(|object| is_ours(object))
        .cloned()
        .collect();
    if ours.is_empty() {
        return;
    }
    let look = || -> Vec<Verdict> {
        let arguments = ["get", "--filename=-", "--output=json"];
        let answer = stage()
            .plane
            .kubectl_with_input(&arguments, &list(&ours))
            .unwrap();
        let answer: Value = serde_json::from_str(&answer).unwrap();
        // One object is shown as itself.
        let one = || vec![answer.clone()];
        verdicts(&answer["items"].as_array().cloned().unwrap_or_else(one))
    };
    wait::until_ok(PATIENCE, "the wave to end", || {
        let verdicts = look();
        assert!(
            verdicts.iter().all(|verdict| verdict.health != "Degraded"),
            "{verdicts:?}"
        );
        if verdicts.iter().all(|verdict| verdict.words() == done) {
            Ok(())
        } else {
            Err(format!("{verdicts:?}"))
        }
    })
    .unwrap();
}

#[test]
fn argo_cds_waves_are_account_token_and_consumer_and_each_becomes_healthy() {
    let home = Home::bare("web");
    home.apply(&credential(
        &stage().crowded,
        "web",
        "launchdarkly-api-key",
        "token",
    ));
    let mut waves: BTreeMap<i32, Vec<Value>> = BTreeMap::new();
    for object in folder("deploy/argocd/app") {
        let wave = &object["metadata"]["annotations"]["argocd.argoproj.io/sync-wave"];
        waves
            .entry(wave.as_str().unwrap().parse().unwrap())
            .or_default()
            .push(object);
    }
    let kinds: Vec<_> = waves
        .values()
        .flatten()
        .map(|object| object["kind"].clone())
        .collect();
    assert_eq!(kinds, ["LaunchDarklyAccount", "AccessToken", "Deployment"]);
    assert_eq!(waves.keys().copied().collect::<Vec<_>>(), [-1, 0, 1]);
    for objects in waves.values() {
        let arguments = ["apply", "--filename=-"];
        stage()
            .plane
            .kubectl_with_input(&arguments, &list(objects))
            .unwrap();
        wait_for(objects, ("Current", "Healthy"));
    }
    let application = &read(&workspace::root().join("deploy/argocd/application.yaml"))[0];
    assert_eq!(application["spec"]["source"]["path"], "deploy/argocd/app");
    let options = application["spec"]["syncPolicy"]["syncOptions"].to_string();
    assert!(
        !options.contains("Replace") && !options.contains("Force"),
        "{options}"
    );
    // The consumer finds its Secret.
    let volumes = &waves[&1][0]["spec"]["template"]["spec"]["volumes"];
    home.get(
        "secret",
        volumes[0]["secret"]["secretName"].as_str().unwrap(),
    );
}

#[test]
fn fluxs_kustomizations_depend_on_each_other_and_each_becomes_current() {
    let file = workspace::root().join("deploy/flux/kustomizations.yaml");
    let plane = &stage().plane;
    let secret = credential(
        &stage().crowded,
        rig::install::NAMESPACE,
        "launchdarkly-api-key",
        "token",
    );
    plane.apply(&secret.to_string()).unwrap();
    let mut done = vec!["launchdarkly-token-operator".to_owned()];
    for kustomization in read(&file) {
        let spec = &kustomization["spec"];
        for needed in spec["dependsOn"].as_array().unwrap() {
            assert!(done.iter().any(|name| needed["name"] == *name), "{needed}");
        }
        assert_eq!(spec["wait"], true);
        assert!(spec["force"].is_null());
        let objects = folder(spec["path"].as_str().unwrap().trim_start_matches("./"));
        // Flux applies namespaces before the rest.
        let (first, rest): (Vec<Value>, Vec<Value>) = objects
            .iter()
            .cloned()
            .partition(|object| object["kind"] == "Namespace");
        let arguments = [
            "apply",
            "--server-side",
            "--field-manager=kustomize-controller",
            "--filename=-",
        ];
        for objects in [first, rest].iter().filter(|objects| !objects.is_empty()) {
            plane
                .kubectl_with_input(&arguments, &list(objects))
                .unwrap();
        }
        wait_for(&objects, ("Current", "Healthy"));
        done.push(
            kustomization["metadata"]["name"]
                .as_str()
                .unwrap()
                .to_owned(),
        );
    }
    assert_eq!(done.len(), 3);
    plane.get("secret", "shop", "launchdarkly-shop").unwrap();
}

#[test]
fn a_token_that_is_applied_before_its_account_and_credential_never_fails() {
    let calm = &stage().calm;
    let namespace = "applied-together";
    let home = Home::bare(namespace);
    let object = |kind: &str, name: &str, spec: Value| {
        json!({
            "apiVersion": "ldtokens.dev/v1alpha1", "kind": kind, "metadata": {"name": name, "namespace": namespace}, "spec": spec,
        })
    };
    let reference = json!({"apiUrl": calm.url(), "credentialsSecretRef": {"name": "managing-key"}});
    let all = [
        object("AccessToken", "web", json!({"role": "reader"})),
        object("LaunchDarklyAccount", "default", reference),
        credential(calm, namespace, "managing-key", "token"),
    ];
    stage().plane.apply(&list(&all)).unwrap();
    home.ready("web");
    let versions = [written(namespace, "web"), written(namespace, "default")].concat();
    for (verdict, version) in verdicts(&versions).iter().zip(&versions) {
        assert_ne!(verdict.kstatus, "Failed", "{version:#}");
    }
}
