//! The memory of the real program while somebody fills a namespace with all that the API server takes.
#![expect(clippy::unwrap_used, reason = "helpers of tests may fail like tests")]

use std::collections::BTreeMap;
use std::time::Duration;

use rig::{ControlPlane, ControlPlaneOptions, Operator, OperatorOptions, wait};
use serde_json::{Value, json};

const NAMESPACE: &str = "greedy";
/// Objects of a kind with large metadata.
const LARGE: usize = 20;
/// Accounts, which are small.
const ACCOUNTS: usize = 50;
/// What the process may have at most, the debug build included.
const MOST_MIB: u64 = 128;
/// Long enough for a slow machine.
const SOON: Duration = Duration::from_secs(120);

/// Labels of this many bytes in all. Short ones take the most room in memory, long ones the most room in an answer: half of each.
fn labels(bytes: usize) -> BTreeMap<String, String> {
    let long = (0..bytes / 2 / 72).map(|n| (format!("long-{n:05}"), "v".repeat(60)));
    let short = (0..bytes / 2 / 10).map(|n| (format!("s{n:05}"), String::new()));
    long.chain(short).collect()
}

fn metadata(name: &str, labels: &BTreeMap<String, String>) -> Value {
    let annotation = "a".repeat(200 << 10);
    json!({"name": name, "namespace": NAMESPACE, "labels": labels, "annotations": {"example.com/note": annotation}})
}

/// Makes objects, a few at a time.
fn make(plane: &ControlPlane, objects: impl Iterator<Item = Value>) {
    let objects: Vec<Value> = objects.collect();
    for few in objects.chunks(20) {
        let list = json!({"apiVersion": "v1", "kind": "List", "items": few});
        plane
            .kubectl_with_input(&["create", "-f", "-"], &list.to_string())
            .unwrap();
    }
}

fn secrets() -> impl Iterator<Item = Value> {
    let mut labels = labels(400 << 10);
    let ours = (
        "app.kubernetes.io/managed-by",
        "launchdarkly-token-operator",
    );
    labels.insert(ours.0.into(), ours.1.into());
    (0..LARGE).map(move |n| {
        let metadata = metadata(&format!("large-{n}"), &labels);
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": metadata})
    })
}

/// All name the same large Secret.
fn tokens() -> impl Iterator<Item = Value> {
    let labels = labels(400 << 10);
    (0..LARGE).map(move |n| {
        let metadata = metadata(&format!("large-{n}"), &labels);
        json!({
            "apiVersion": "ldtokens.dev/v1alpha1", "kind": "AccessToken", "metadata": metadata,
            "spec": {"role": "reader", "secret": {"name": "large-0"}},
        })
    })
}

fn accounts() -> impl Iterator<Item = Value> {
    (0..ACCOUNTS).map(|n| {
        json!({
            "apiVersion": "ldtokens.dev/v1alpha1", "kind": "LaunchDarklyAccount",
            "metadata": {"name": format!("account-{n}"), "namespace": NAMESPACE},
            "spec": {"credentialsSecretRef": {"name": "managing-key"}},
        })
    })
}

/// The most memory that an operator has had that starts, and looks at every object once, in KiB.
fn peak(plane: &ControlPlane, name: &str, objects: usize) -> u64 {
    let mut options = OperatorOptions::fast().named(name);
    options.program = Some(env!("CARGO_BIN_EXE_launchdarkly-token-operator").into());
    let mark = plane.audit_mark().unwrap();
    let mut operator = Operator::start(plane, &options).unwrap();
    operator.await_ready(SOON).unwrap();
    // What is watched has been listed before.
    wait::until_true(SOON, "Secrets to be watched", || {
        Ok(plane
            .audit_events_since(mark)?
            .iter()
            .any(|event| event["verb"] == "watch" && event["objectRef"]["resource"] == "secrets"))
    })
    .unwrap();
    wait::until_true(SOON, "every object to be looked at", || {
        let metric = |name: &str| operator.metric(name, &[]);
        let looks = metric("launchdarkly_operator_reconciles_total")?;
        let leads = metric("launchdarkly_operator_leader")?;
        #[expect(clippy::cast_precision_loss, reason = "they are few")]
        Ok(leads > 0.5 && looks >= objects as f64)
    })
    .unwrap();
    let peak = operator.peak_kib().unwrap();
    operator.terminate(SOON).unwrap();
    peak
}

#[test]
fn who_fills_a_namespace_does_not_fill_the_memory_of_the_operator() {
    let plane = ControlPlane::start(ControlPlaneOptions::default()).unwrap();
    // Installs the kinds.
    let alone = peak(&plane, "alone", 0);
    plane.kubectl(&["create", "namespace", NAMESPACE]).unwrap();
    make(&plane, secrets());
    let with_secrets = peak(&plane, "with-secrets", 0);
    make(&plane, tokens());
    let with_tokens = peak(&plane, "with-tokens", LARGE);
    make(&plane, accounts());
    let with_accounts = peak(&plane, "with-accounts", LARGE + ACCOUNTS);
    let peaks = [alone, with_secrets, with_tokens, with_accounts].map(|kib| kib >> 10);
    println!("MiB at most, alone, with Secrets, with AccessTokens, with accounts: {peaks:?}");
    assert!(peaks.iter().all(|peak| *peak < MOST_MIB), "{peaks:?}");
    // What was not taken in is still there.
    let token = plane.get("accesstoken", NAMESPACE, "large-0").unwrap();
    let labels = token["metadata"]["labels"].as_object().unwrap();
    assert!(!token["status"].is_null());
    assert_eq!(labels.len(), self::labels(400 << 10).len());
    // And it is still said whose it is.
    let fields = "--output=jsonpath={.metadata.managedFields}";
    let arguments = ["get", "accesstoken", "large-0", "--namespace", NAMESPACE];
    let arguments = [&arguments[..], &["--show-managed-fields", fields]].concat();
    assert!(plane.kubectl(&arguments).unwrap().contains("f:long-00001"));
}
