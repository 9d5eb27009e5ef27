//! The program: its files, its flags and its ends.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

fn start(folder: &Path, flags: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_launchdarkly-simulator"))
        .arg("--port-file")
        .arg(folder.join("port"))
        .arg("--key-file")
        .arg(folder.join("key"))
        .args(["--exit-with-stdin", "--seed", "1"])
        .args(flags)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn within_ten_seconds<T>(mut attempt: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        if let Some(found) = attempt() {
            return found;
        }
        assert!(Instant::now() < deadline, "nothing within ten seconds");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn port(folder: &Path) -> u16 {
    within_ten_seconds(|| fs::read_to_string(folder.join("port")).ok())
        .parse()
        .unwrap()
}

#[tokio::test]
async fn it_writes_port_key_and_authority_and_serves_https() {
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    let flags = [
        "--role",
        "deployer",
        "--switch",
        "list.lag=5",
        "--switch",
        "roleMissing=reader",
    ];
    let tls = [
        "--tls-ca-out",
        ca.to_str().unwrap(),
        "--tls-name",
        "launchdarkly.test",
    ];
    let mut child = start(folder.path(), &[&flags[..], &tls].concat());
    let url = format!("https://localhost:{}", port(folder.path()));
    let key = fs::read_to_string(folder.path().join("key")).unwrap();
    let mode = fs::metadata(folder.path().join("key"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!((mode & 0o777, key.len()), (0o600, 40));
    drop(crate::support::client());
    let ca = reqwest::Certificate::from_pem(&fs::read(ca).unwrap()).unwrap();
    let client = reqwest::Client::builder()
        .tls_certs_only([ca])
        .build()
        .unwrap();
    let role = client
        .get(format!("{url}/api/v2/roles/deployer"))
        .header("Authorization", &key);
    assert_eq!(role.send().await.unwrap().status(), 200);
    let switches = client
        .get(format!("{url}/admin/switches"))
        .send()
        .await
        .unwrap();
    let switches: Value = switches.json().await.unwrap();
    assert_eq!(
        (&switches["list.lag"], &switches["roleMissing"]),
        (&5.into(), &"reader".into())
    );
    drop(child.stdin.take());
    assert!(within_ten_seconds(|| child.try_wait().unwrap()).success());
    let mut logged = String::new();
    std::io::Read::read_to_string(&mut child.stderr.take().unwrap(), &mut logged).unwrap();
    std::io::Read::read_to_string(&mut child.stdout.take().unwrap(), &mut logged).unwrap();
    assert!(
        !logged.contains(&key) && logged.contains("API at https://127.0.0.1:"),
        "{logged}"
    );
}

#[test]
fn it_ends_in_order_at_sigterm() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = start(folder.path(), &["--key", "api-chosen"]);
    port(folder.path());
    assert_eq!(
        fs::read_to_string(folder.path().join("key")).unwrap(),
        "api-chosen"
    );
    let kill = Command::new("kill")
        .arg(child.id().to_string())
        .status()
        .unwrap();
    assert!(kill.success());
    assert!(within_ten_seconds(|| child.try_wait().unwrap()).success());
}

#[test]
fn a_wrong_profile_or_switch_ends_it_with_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    for (flags, sentence) in [
        (
            ["--profile", "1999"],
            "profile cannot be \"1999\"; it takes 2026-10, 2024, reset-removed",
        ),
        (
            ["--switch", "list.lag"],
            "list.lag is not of the form name=value",
        ),
        (
            ["--switch", "x=1"],
            "there is no switch x; there are profile",
        ),
    ] {
        let output = start(folder.path(), &flags).wait_with_output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(
            !output.status.success() && said.contains(sentence),
            "{said}"
        );
    }
}
