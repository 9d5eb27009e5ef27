//! The real program on a real API server, under the rights of the shipped manifests. What becomes of two of them is in
//! `tests/high_availability`.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "helpers of tests may fail like tests"
)]

use std::sync::LazyLock;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use rig::{ControlPlane, ControlPlaneOptions, Operator, OperatorOptions, install, wait};
use serde_json::Value;

const LEASE: &str = "launchdarkly-token-operator";
/// Three lease durations of three seconds, and a slow machine.
const SOON: Duration = Duration::from_secs(30);

/// One control plane for all tests of this file, which take turns: there is one Lease.
static PLANE: LazyLock<Mutex<ControlPlane>> = LazyLock::new(|| {
    Mutex::new(ControlPlane::start(ControlPlaneOptions::default()).expect("a control plane"))
});

fn plane() -> MutexGuard<'static, ControlPlane> {
    PLANE.lock()
}

fn start(plane: &ControlPlane, name: &str, more: &[(&str, &str)]) -> Operator {
    let mut options = OperatorOptions::fast().named(name);
    options.program = Some(env!("CARGO_BIN_EXE_launchdarkly-token-operator").into());
    let options = more
        .iter()
        .fold(options, |options, (flag, value)| options.flag(flag, value));
    let mut operator = Operator::start(plane, &options).unwrap();
    operator.await_ready(SOON).unwrap();
    operator
}

fn leads(operator: &Operator) -> bool {
    operator
        .metric("launchdarkly_operator_leader", &[])
        .unwrap()
        > 0.5
}

fn await_leader(operator: &Operator) {
    wait::until_true(SOON, "the operator to lead", || Ok(leads(operator))).unwrap();
}

fn holder(plane: &ControlPlane) -> Option<String> {
    let lease = plane.get("lease", install::NAMESPACE, LEASE).unwrap();
    lease["spec"]["holderIdentity"].as_str().map(str::to_owned)
}

fn end(mut operator: Operator) {
    assert_eq!(operator.terminate(SOON).unwrap().code(), Some(0));
}

#[test]
fn applying_the_manifests_again_takes_nothing_from_the_leader() {
    let plane = plane();
    let leader = start(&plane, "unmoved", &[]);
    await_leader(&leader);
    let before = holder(&plane);
    let manifests = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/install.yaml");
    plane.kubectl(&["apply", "-f", manifests]).unwrap();
    plane
        .kubectl(&[
            "apply",
            "--server-side",
            "--force-conflicts",
            "-f",
            manifests,
        ])
        .unwrap();
    assert_eq!(holder(&plane), before);
    assert!(leads(&leader));
    plane
        .kubectl(&[
            "delete",
            "deployment",
            LEASE,
            "--namespace",
            install::NAMESPACE,
        ])
        .unwrap();
    end(leader);
}

#[test]
fn a_paused_operator_is_ready_and_writes_nothing() {
    let plane = plane();
    let mark = plane.audit_mark().unwrap();
    let paused = start(&plane, "paused", &[("--paused", "true")]);
    assert!(!leads(&paused));
    end(paused);
    let writes = asked_by_operators(&plane, mark)
        .into_iter()
        .filter(|event| !["get", "list", "watch"].contains(&event["verb"].as_str().unwrap()));
    assert_eq!(writes.collect::<Vec<_>>(), Vec::<Value>::new());
}

#[test]
fn the_shipped_rights_are_enough() {
    let plane = plane();
    let mark = plane.audit_mark().unwrap();
    let operator = start(&plane, "modest", &[]);
    await_leader(&operator);
    end(operator);
    for event in asked_by_operators(&plane, mark) {
        assert_ne!(event["responseStatus"]["code"], 403, "{event:#}");
    }
}

/// What operators asked the API server since `mark`.
fn asked_by_operators(plane: &ControlPlane, mark: u64) -> Vec<Value> {
    let account = format!(
        "system:serviceaccount:{}:{}",
        install::NAMESPACE,
        install::SERVICE_ACCOUNT
    );
    let mut events = plane.audit_events_since(mark).unwrap();
    events.retain(|event| event["user"]["username"] == account.as_str());
    assert!(!events.is_empty());
    events
}

#[test]
fn the_samples_are_accepted() {
    let plane = plane();
    // Installs the kinds.
    end(start(&plane, "installed", &[]));
    let samples = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/samples");
    let said = plane
        .kubectl(&[
            "apply",
            "--dry-run=server",
            "--validate=strict",
            "-f",
            samples,
        ])
        .unwrap();
    assert!(
        said.lines().count() >= 5 && !said.contains("Warning"),
        "{said}"
    );
}
