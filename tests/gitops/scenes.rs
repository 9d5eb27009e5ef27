//! Real objects in every state that GitOps tools must tell apart, and every version of them that was ever written.

mod trouble;

use rig::object;
use serde_json::{Value, json};

use crate::album::{Scene, keep};
use crate::stage::{Home, apply, cluster_account, stage};
use crate::verdict::{KINDS, verdicts};

const CURRENT: (&str, &str) = ("Current", "Healthy");
const BUSY: (&str, &str) = ("InProgress", "Progressing");
const FAILED: (&str, &str) = ("Failed", "Degraded");
const ENDING: (&str, &str) = ("Terminating", "Progressing");
const IDLE: (&str, &str) = ("InProgress", "Suspended");

impl Home<'_> {
    /// Waits until a condition has this reason; returns the object that says so.
    fn saying(&self, kind: &str, name: &str, condition: &str, reason: &str) -> Value {
        let what = format!("{condition} of {kind} {name} with reason {reason}");
        self.wait(kind, name, &what, |object| {
            let said = object::condition(object, condition).map(|said| said.reason);
            if said.as_deref() == Some(reason) {
                Ok(())
            } else {
                Err(format!("{}", object["status"]["conditions"]))
            }
        })
    }
}

/// The object that the API server would store.
fn tried(arguments: &[&str], input: &str) -> Value {
    let arguments = [arguments, &["--dry-run=server", "--output=json"]].concat();
    let text = stage().plane.kubectl_with_input(&arguments, input).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// An object in the moment it is made.
fn first_seen(kind: &str, spec: &Value) -> Value {
    let mut metadata = json!({"name": "first-seen"});
    if kind != "ClusterLaunchDarklyAccount" {
        metadata["namespace"] = json!("gitops-states");
    }
    let object = json!({"apiVersion": "ldtokens.dev/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec});
    tried(&["create", "--filename=-"], &object.to_string())
}

fn tokens_where_nothing_goes_wrong(scenes: &mut Vec<Scene>) {
    let home = Home::at(&stage().calm, "gitops-states");
    let foreign = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "foreign-secret"}, "stringData": {"token": "theirs"}});
    home.apply(&foreign);
    let admits = json!({"allowedNamespaces": {"names": ["gitops-states"]}});
    apply(&cluster_account(&stage().calm, "gitops-shared", &admits));
    let shared = json!({"kind": "ClusterLaunchDarklyAccount", "name": "gitops-shared"});
    let replace = json!({"strategy": "Replace", "gracePeriod": "24h"});
    for (name, spec) in [
        (
            "ready",
            json!({"role": "reader", "rotation": {"interval": "720h"}}),
        ),
        ("suspended", json!({"role": "reader"})),
        ("idle", json!({"role": "reader", "suspend": true})),
        ("overlap", json!({"role": "reader", "rotation": replace})),
        ("foreign-secret", json!({"role": "reader"})),
        ("unknown-role", json!({"customRoles": ["nobody-has-this"]})),
        ("policy", json!({"role": "admin", "accountRef": shared})),
    ] {
        home.token(name, &spec);
    }
    for name in ["ready", "suspended", "overlap"] {
        home.ready(name);
    }
    home.patch(
        "accesstoken",
        "suspended",
        &json!({"spec": {"suspend": true}}),
    );
    home.patch(
        "accesstoken",
        "overlap",
        &json!({"spec": {"rotation": {"trigger": "now"}}}),
    );
    let edit = json!({"spec": {"description": "edited"}}).to_string();
    let edited = [
        "patch",
        "accesstoken",
        "ready",
        "--namespace=gitops-states",
        "--type=merge",
        "--patch",
        &edit,
    ];
    home.saying(
        "accesstoken",
        "overlap",
        "OverlapActive",
        "PreviousKeyValid",
    );
    let creating = written("gitops-states", "ready")
        .into_iter()
        .find(|version| {
            object::condition(version, "Ready").is_some_and(|ready| ready.reason == "Creating")
        });
    let mut add = |name, object, expected| scenes.push(Scene::new(name, object, expected));
    add(
        "first-seen",
        first_seen("AccessToken", &json!({"role": "reader"})),
        BUSY,
    );
    add("creating", creating.unwrap(), BUSY);
    add("ready", home.ready("ready"), CURRENT);
    add("edited", tried(&edited, ""), BUSY);
    add("overlap", home.ready("overlap"), CURRENT);
    add(
        "suspended",
        home.saying("accesstoken", "suspended", "Ready", "Suspended"),
        CURRENT,
    );
    add(
        "suspended-before-its-first-key",
        home.saying("accesstoken", "idle", "Ready", "Suspended"),
        IDLE,
    );
    for (name, reason) in [
        ("foreign-secret", "SecretForeign"),
        ("unknown-role", "RoleNotFound"),
        ("policy", "NotAllowedByPolicy"),
    ] {
        add(
            name,
            home.saying("accesstoken", name, "Stalled", reason),
            FAILED,
        );
    }
    add_accounts(scenes, &home);
}

fn add_accounts(scenes: &mut Vec<Scene>, home: &Home<'_>) {
    let reference = json!({"credentialsSecretRef": {"name": "nowhere"}});
    for kind in &KINDS[1..] {
        scenes.push(Scene::new("first-seen", first_seen(kind, &reference), BUSY));
    }
    let account = home.wait(
        "launchdarklyaccount",
        "default",
        "a Ready account",
        object::ready,
    );
    scenes.push(Scene::new("ready", account, CURRENT));
    let shared = home.wait(
        "clusterlaunchdarklyaccount",
        "gitops-shared",
        "a Ready account",
        object::ready,
    );
    scenes.push(Scene::new("ready", shared, CURRENT));
}

/// Every version of an object that was ever written.
pub fn written(namespace: &str, name: &str) -> Vec<Value> {
    let mut versions = ever_written();
    versions.retain(|version| {
        let metadata = &version["metadata"];
        metadata["namespace"] == namespace && metadata["name"] == name
    });
    versions
}

/// Every version of every object of ours that was ever written, from the audit log.
fn ever_written() -> Vec<Value> {
    let events = stage().plane.audit_events().unwrap();
    let answers = events
        .into_iter()
        .map(|mut event| event["responseObject"].take());
    answers
        .filter(|object| KINDS.iter().any(|kind| object["kind"] == *kind))
        .filter(|object| object["metadata"]["generation"].is_number())
        .collect()
}

#[test]
fn every_state_of_a_real_object_reads_to_flux_and_argo_cd_as_what_it_is() {
    let mut scenes = Vec::new();
    tokens_where_nothing_goes_wrong(&mut scenes);
    trouble::tokens_and_trouble(&mut scenes);
    trouble::deletions(&mut scenes);
    trouble::accounts_and_trouble(&mut scenes);
    trouble::many_losses(&mut scenes);
    let objects: Vec<Value> = scenes.iter().map(|scene| scene.object.clone()).collect();
    let verdicts_of_scenes = verdicts(&objects);
    for (scene, verdict) in scenes.iter().zip(&verdicts_of_scenes) {
        assert_eq!(
            verdict.words(),
            scene.expected,
            "{}: {:#}",
            scene.name,
            scene.object
        );
    }
    keep(&scenes, &verdicts_of_scenes);

    let versions = ever_written();
    assert!(versions.len() > 100, "only {} versions", versions.len());
    for (verdict, version) in verdicts(&versions).iter().zip(&versions) {
        assert!(verdict.agrees(), "{verdict:?} of {version:#}");
        assert!(
            is_known(version),
            "no shape that the table has: {version:#}"
        );
    }
}

/// Whether a version has one of the shapes that `table.rs` judges with every reason.
fn is_known(version: &Value) -> bool {
    let holds = |kind| object::condition(version, kind).is_some_and(|said| said.status == "True");
    let reported = object::condition(version, "Ready").is_some();
    let idle = version["spec"]["suspend"] == true;
    let deleting = version["metadata"]["deletionTimestamp"].is_string();
    match (holds("Ready"), holds("Reconciling"), holds("Stalled")) {
        (true, false, false) | (false, true, false) | (false, false, true) => true,
        (false, false, false) => idle || deleting || !reported,
        _ => false,
    }
}
