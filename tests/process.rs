//! The real program on a real API server, under the rights of the shipped manifests: how it starts, leads and ends.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "helpers of tests may fail like tests"
)]

use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

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
    PLANE.lock().unwrap_or_else(PoisonError::into_inner)
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

/// Returns how long it took until this operator leads.
fn await_leader(operator: &Operator) -> Duration {
    let begun = Instant::now();
    wait::until_true(SOON, "the operator to lead", || Ok(leads(operator))).unwrap();
    begun.elapsed()
}

fn holder(plane: &ControlPlane) -> Option<String> {
    let lease = plane.get("lease", install::NAMESPACE, LEASE).unwrap();
    lease["spec"]["holderIdentity"].as_str().map(str::to_owned)
}

fn end(mut operator: Operator) {
    assert_eq!(operator.terminate(SOON).unwrap().code(), Some(0));
}

#[test]
fn a_killed_leader_is_followed_by_the_standby() {
    let plane = plane();
    let mut first = start(&plane, "killed", &[]);
    await_leader(&first);
    let standby = start(&plane, "standby", &[]);
    assert!(!leads(&standby));
    assert!(holder(&plane).unwrap().starts_with("killed_"));
    first.kill9().unwrap();
    await_leader(&standby);
    assert!(holder(&plane).unwrap().starts_with("standby_"));
    end(standby);
}

#[test]
fn a_leader_that_is_told_to_end_hands_over_at_once() {
    let plane = plane();
    let first = start(&plane, "leaving", &[]);
    await_leader(&first);
    let standby = start(&plane, "following", &[]);
    end(first);
    let waited = await_leader(&standby);
    assert!(waited < Duration::from_secs(2), "{waited:?}");
    end(standby);
    assert_eq!(holder(&plane), None);
}

#[test]
fn a_stopped_leader_ends_when_it_wakes_up_after_another_has_led() {
    let plane = plane();
    let mut stopped = start(&plane, "stopped", &[]);
    await_leader(&stopped);
    let rival = start(&plane, "rival", &[]);
    stopped.stop_process().unwrap();
    await_leader(&rival);
    stopped.cont_process().unwrap();
    assert_eq!(stopped.await_end(SOON).unwrap().code(), Some(3));
    assert!(leads(&rival));
    end(rival);
}

#[test]
fn a_deleted_lease_ends_the_leader_and_the_next_one_makes_it_anew() {
    let plane = plane();
    let mut first = start(&plane, "robbed", &[]);
    await_leader(&first);
    plane
        .kubectl(&["delete", "lease", LEASE, "--namespace", install::NAMESPACE])
        .unwrap();
    assert_eq!(first.await_end(SOON).unwrap().code(), Some(3));
    let next = start(&plane, "next", &[]);
    await_leader(&next);
    end(next);
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
