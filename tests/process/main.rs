//! The real program on a real API server, under the rights of the shipped manifests. What becomes of two of them is in
//! `tests/high_availability`.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "helpers of tests may fail like tests"
)]

mod accounts;

use std::fs::{self, File};
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use parking_lot::{Mutex, MutexGuard};
use rig::{
    ControlPlane, ControlPlaneOptions, Operator, OperatorOptions, SimulatorOptions,
    SimulatorProcess, free_port, install, wait,
};
use serde_json::{Value, json};

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

/// How many times each text is in the memory that a process can write, or `None` where it may not be read.
fn copies(process: u32, texts: &[&str]) -> Option<Vec<usize>> {
    let memory = match File::open(format!("/proc/{process}/mem")) {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => return None,
        opened => opened.unwrap(),
    };
    let maps = fs::read_to_string(format!("/proc/{process}/maps")).unwrap();
    let mut found = vec![0; texts.len()];
    for line in maps.lines().filter(|line| line.contains(" rw")) {
        let (start, end) = line.split_once(' ').unwrap().0.split_once('-').unwrap();
        let address = |text| u64::from_str_radix(text, 16).unwrap();
        let (mut at, end) = (address(start), address(end));
        let mut bytes = vec![0; 4 << 20];
        // A region may be gone by now.
        while let Ok(read) = memory.read_at(&mut bytes, at) {
            for (text, found) in texts.iter().zip(&mut found) {
                let windows = bytes[..read].windows(text.len());
                *found += windows.filter(|part| *part == text.as_bytes()).count();
            }
            at += read as u64;
            if read == 0 || at >= end {
                break;
            }
        }
    }
    Some(found)
}

#[test]
fn after_everything_is_gone_no_copy_of_a_key_is_in_memory() {
    const NAMESPACE: &str = "forgotten";
    let plane = plane();
    let simulator = SimulatorProcess::start(&SimulatorOptions::default()).unwrap();
    let mut options = OperatorOptions::fast()
        .named("forgetful")
        .allowing(simulator.host());
    options.program = Some(env!("CARGO_BIN_EXE_launchdarkly-token-operator").into());
    let mut operator = Operator::start(&plane, &options).unwrap();
    operator.await_ready(SOON).unwrap();
    plane.kubectl(&["create", "namespace", NAMESPACE]).unwrap();
    let objects = [
        json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "managing-key", "namespace": NAMESPACE},
            "stringData": {"token": simulator.managing_key()},
        }),
        json!({
            "apiVersion": "ldtokens.dev/v1alpha1", "kind": "LaunchDarklyAccount",
            "metadata": {"name": "default", "namespace": NAMESPACE},
            "spec": {"apiUrl": simulator.url(), "credentialsSecretRef": {"name": "managing-key"}},
        }),
        json!({
            "apiVersion": "ldtokens.dev/v1alpha1", "kind": "AccessToken",
            "metadata": {"name": "web", "namespace": NAMESPACE}, "spec": {"role": "reader"},
        }),
    ];
    for object in &objects {
        plane.apply(&object.to_string()).unwrap();
    }
    plane
        .await_ready("accesstoken", NAMESPACE, "web", SOON)
        .unwrap();
    let entry = |name: &str, template: &str| {
        let output = format!("--output=go-template={template}");
        let arguments = ["get", "secret", name, "--namespace", NAMESPACE, &output];
        plane.kubectl(&arguments).unwrap()
    };
    let texts = ["web", "managing-key"].map(|name| {
        [
            entry(name, "{{.data.token}}"),
            entry(name, "{{.data.token | base64decode}}"),
        ]
    });
    let texts: Vec<&str> = texts.iter().flatten().map(String::as_str).collect();
    let process = operator.id().unwrap();
    let Some(held) = copies(process, &texts) else {
        println!("left out: who is not root may not read the memory of the operator");
        return end(operator);
    };
    // The search finds what is there: the keys that are in use.
    assert!(held[1] > 0 && held[3] > 0, "{held:?}");
    for object in objects.iter().rev() {
        let kind = object["kind"].as_str().unwrap();
        let name = object["metadata"]["name"].as_str().unwrap();
        let arguments = ["delete", kind, name, "--namespace", NAMESPACE];
        plane.kubectl(&arguments).unwrap();
    }
    let gone = wait::until_true(SOON, "no copy to be left", || {
        Ok(copies(process, &texts)
            .unwrap()
            .iter()
            .all(|count| *count == 0))
    });
    let left = copies(process, &texts).unwrap();
    println!(
        "copies of two keys, each in Base64 and as it is: {held:?}, and {left:?} after everything is gone"
    );
    gone.unwrap();
    end(operator);
}

/// The program on an API server that never answers, as somebody who is not root.
struct Unprivileged(Child);

impl Unprivileged {
    const UID: u32 = 65532;

    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let kubeconfig = folder.path().join("kubeconfig");
        let server = format!("http://127.0.0.1:{}", free_port().unwrap());
        let config = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "a",
            "clusters": [{"name": "a", "cluster": {"server": server}}],
            "users": [{"name": "a", "user": {}}],
            "contexts": [{"name": "a", "context": {"cluster": "a", "user": "a"}}],
        });
        fs::write(&kubeconfig, config.to_string()).unwrap();
        let listen = format!("127.0.0.1:{}", free_port().unwrap());
        let mut command = Command::new(env!("CARGO_BIN_EXE_launchdarkly-token-operator"));
        command
            .args([
                "run",
                "--namespace",
                "a",
                "--pod-name",
                "b",
                "--listen",
                &listen,
            ])
            .env("KUBECONFIG", &kubeconfig)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        if fs::metadata("/proc/self").unwrap().uid() == 0 {
            use std::os::unix::fs::PermissionsExt as _;
            fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
            command.uid(Self::UID).gid(Self::UID);
        }
        let process = Self(command.spawn().unwrap());
        let page = format!("http://{listen}/livez");
        wait::until_true(SOON, "the operator to live", || {
            Ok(TcpStream::connect(
                page.trim_start_matches("http://")
                    .trim_end_matches("/livez"),
            )
            .is_ok())
        })
        .unwrap();
        process
    }

    fn file(&self, name: &str) -> String {
        format!("/proc/{}/{name}", self.0.id())
    }
}

impl Drop for Unprivileged {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_memory_of_the_operator_is_neither_dumped_nor_read_by_others_of_its_user() {
    let operator = Unprivileged::start();
    let limits = fs::read_to_string(operator.file("limits")).unwrap();
    let core = limits
        .lines()
        .find(|line| line.starts_with("Max core file size"));
    let sizes: Vec<&str> = core.unwrap().split_whitespace().skip(4).collect();
    assert_eq!(sizes, ["0", "0", "bytes"]);
    // What only its own user and a tracer may open belongs to root: it has no tracer of its own user.
    for name in ["mem", "environ", "maps"] {
        assert_eq!(
            fs::metadata(operator.file(name)).unwrap().uid(),
            0,
            "{name}"
        );
    }
}
