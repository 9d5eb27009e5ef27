//! The release binary with nothing around it but the files of its image.

#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "helpers of tests may fail like tests, and a test that needs root says so without"
)]

use std::fs::{self, Permissions};
use std::io::Read as _;
use std::net::{TcpListener, UdpSocket};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command};
use std::time::Duration;
use std::{io, thread};

use operator_image::{PROGRAM, Program, USER, unpack};
use rig::{build, image, wait, workspace};
use tempfile::TempDir;

const SOON: Duration = Duration::from_secs(30);

#[test]
fn the_archive_has_the_binary_that_the_tests_run_and_the_name_that_the_chart_asks_for() {
    let archive = fs::read(build::image().unwrap()).unwrap();
    let mut table = String::new();
    let mut blobs = 0;
    for entry in tar::Archive::new(&archive[..]).entries().unwrap() {
        let mut entry = entry.unwrap();
        let path = entry.path().unwrap().display().to_string();
        blobs += usize::from(path.starts_with("blobs/sha256/") && !path.ends_with('/'));
        if path == "manifest.json" {
            entry.read_to_string(&mut table).unwrap();
        }
    }
    assert_eq!(blobs, 3, "manifest, configuration and layer");
    let named = format!("\"{}:{}\"", image::NAME, image::VERSION);
    assert!(table.contains(&named), "{table}");
    assert!(archive.len() < 12_000_000, "{} bytes", archive.len());
}

#[test]
fn the_binary_names_no_folder_of_the_machine_that_built_it() {
    let program = fs::read(build::operator().unwrap()).unwrap();
    let root = workspace::root();
    let home = std::env::home_dir().unwrap();
    for folder in [root, home.join(".cargo")] {
        let name = folder.display().to_string();
        let found = program
            .windows(name.len())
            .any(|part| part == name.as_bytes());
        assert!(!found, "{name}");
    }
    let source = b"/cargo/registry/src/";
    assert!(
        program.windows(source.len()).any(|part| part == source),
        "panic messages name files still"
    );
}

#[test]
fn the_binary_runs_in_its_image_as_somebody_without_rights() {
    let Some(root) = root() else { return };
    let output = chroot(root.path()).arg("--version").output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{output:?}");
    assert!(said.contains(image::VERSION), "{said}");
}

#[test]
fn names_are_found_in_the_hosts_file_and_by_dns() {
    let Some(root) = root() else { return };
    // In a container the runtime writes both files. The address is one that nobody else listens on.
    let dns = UdpSocket::bind(("127.91.7.53", 53)).unwrap();
    fs::write(root.path().join("etc/hosts"), "127.0.0.1 by-hosts.test\n").unwrap();
    fs::write(
        root.path().join("etc/resolv.conf"),
        "nameserver 127.91.7.53\n",
    )
    .unwrap();
    thread::spawn(move || answer(&dns));
    for host in ["by-hosts.test", "by-dns.test"] {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        server.set_nonblocking(true).unwrap();
        let port = server.local_addr().unwrap().port();
        let config = format!(
            r#"{{"apiVersion": "v1", "kind": "Config", "current-context": "c",
                "clusters": [{{"name": "c", "cluster": {{"server": "http://{host}:{port}"}}}}],
                "contexts": [{{"name": "c", "context": {{"cluster": "c", "user": "u"}}}}],
                "users": [{{"name": "u", "user": {{}}}}]}}"#
        );
        fs::write(root.path().join("kubeconfig"), config).unwrap();
        let log = root.path().join("log");
        let output = fs::File::create(&log).unwrap();
        let operator = chroot(root.path())
            .args([
                "run",
                "--namespace=a",
                "--pod-name=b",
                "--listen=127.0.0.1:0",
            ])
            .env("KUBECONFIG", "/kubeconfig")
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            .spawn()
            .unwrap();
        let _operator = Ended(operator);
        wait::until_true(SOON, &format!("a connection to {host}"), || {
            Ok(server.accept().is_ok())
        })
        .unwrap_or_else(|error| panic!("{error:?}\n{}", fs::read_to_string(&log).unwrap()));
    }
}

struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill().and_then(|()| self.0.wait());
    }
}

/// The files of the image in a folder of their own; nothing without root, who alone may change the root
/// directory of a process.
fn root() -> Option<TempDir> {
    let folder = TempDir::new().unwrap();
    let program = Program::read(&build::operator().unwrap()).unwrap();
    unpack(&program, folder.path()).unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    let possible = Command::new("chroot")
        .arg(folder.path())
        .arg(PROGRAM)
        .arg("--version")
        .output();
    if possible.is_ok_and(|output| output.status.success()) {
        return Some(folder);
    }
    eprintln!("left out: only root can start the binary in its image here");
    None
}

/// The entry point as the image runs it, with an empty environment.
fn chroot(root: &Path) -> Command {
    let mut command = Command::new("chroot");
    command
        .arg(format!("--userspec={USER}"))
        .arg(root)
        .arg(PROGRAM);
    for (name, _) in std::env::vars_os() {
        if name != "PATH" {
            command.env_remove(name);
        }
    }
    command
}

/// Answers every question for an IPv4 address with 127.0.0.1, and others with nothing.
fn answer(dns: &UdpSocket) -> io::Result<()> {
    let mut packet = [0; 512];
    loop {
        let (length, from) = dns.recv_from(&mut packet)?;
        // Header of 12 bytes, one name that ends with an empty label, type and class.
        let name = packet[12..length]
            .iter()
            .position(|byte| *byte == 0)
            .unwrap();
        let question = &packet[12..12 + name + 5];
        let asks_ipv4 = question[name + 1..name + 3] == [0, 1];
        let mut reply = packet[..2].to_vec();
        reply.extend([0x81, 0x80, 0, 1, 0, u8::from(asks_ipv4), 0, 0, 0, 0]);
        reply.extend(question);
        if asks_ipv4 {
            reply.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1]);
        }
        dns.send_to(&reply, from)?;
    }
}
