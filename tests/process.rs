//! The real program on a real API server, under the rights of the shipped manifests. What becomes of two of them is in
//! `tests/high_availability`.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "helpers of tests may fail like tests"
)]

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

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

/// As much of a request as a server may take in before it knows what is wanted.
fn half_a_request() -> Vec<u8> {
    let mut request = b"GET /metrics HTTP/1.1\r\nhost: operator\r\nx: ".to_vec();
    request.resize(350 << 10, b'a');
    request
}

/// Whether a probe is answered within a second, as a kubelet asks by default.
fn answers_a_probe(operator: &Operator, path: &str) -> bool {
    const LIMIT: Duration = Duration::from_secs(1);
    let asked = Instant::now();
    let address = operator.url().trim_start_matches("http://").to_owned();
    let Ok(mut stream) = TcpStream::connect_timeout(&address.parse().unwrap(), LIMIT) else {
        return false;
    };
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: operator\r\nconnection: close\r\n\r\n");
    let mut answer = String::new();
    stream.write_all(request.as_bytes()).is_ok()
        && stream.read_to_string(&mut answer).is_ok()
        && answer.starts_with("HTTP/1.1 200")
        && asked.elapsed() < LIMIT
}

#[test]
fn strangers_with_half_sent_requests_neither_fill_the_memory_nor_keep_a_probe_waiting() {
    const STRANGERS: usize = 2000;
    const GROWTH_KIB: u64 = 8 << 10;
    let plane = plane();
    let operator = start(&plane, "besieged", &[("--paused", "true")]);
    let address = operator.url().trim_start_matches("http://").to_owned();
    let before = operator.resident_kib().unwrap();
    let half = half_a_request();
    let mut open = Vec::new();
    let mut most = before;
    for number in 0..STRANGERS {
        let mut stranger = TcpStream::connect(&address).unwrap();
        stranger
            .set_write_timeout(Some(Duration::from_millis(50)))
            .unwrap();
        // Half of them say much, half of them little; a server may hang up on either.
        let said = if number % 2 == 0 {
            &half[..]
        } else {
            &half[..40]
        };
        let _ = stranger.write_all(said);
        open.push(stranger);
        if number % 100 == 99 {
            most = most.max(operator.resident_kib().unwrap());
            for path in ["/livez", "/readyz"] {
                assert!(answers_a_probe(&operator, path), "{path} after {number}");
            }
        }
    }
    println!("{before} KiB before, at most {most} KiB with {STRANGERS} half-sent requests");
    assert!(most < before + GROWTH_KIB, "{before} KiB became {most} KiB");
    drop(open);
    end(operator);
}
