//! However its user ends, a control plane leaves no process behind.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "helpers of tests may fail like tests"
)]

use std::io::{BufRead, BufReader};
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use rig::{ControlPlane, ControlPlaneOptions, Source, wait};

const SOON: Duration = Duration::from_secs(20);

#[test]
fn dropping_it_ends_every_process_and_removes_its_files() {
    let Some(plane) = start() else { return };
    let processes = family(plane.supervisor_id().unwrap());
    let directory = plane.directory().to_owned();
    assert_eq!(
        processes.len(),
        4,
        "supervisor, etcd, API server, controller manager"
    );
    drop(plane);
    assert_gone(&processes, &directory);
}

#[test]
fn a_panic_ends_every_process() {
    let Some(plane) = start() else { return };
    let processes = family(plane.supervisor_id().unwrap());
    let directory = plane.directory().to_owned();
    let result = panic::catch_unwind(AssertUnwindSafe(move || {
        let _held = plane;
        panic!("on purpose");
    }));
    assert!(result.is_err());
    assert_gone(&processes, &directory);
}

#[test]
fn kill_9_of_the_supervisor_ends_its_children() {
    let Some(plane) = start() else { return };
    let processes = family(plane.supervisor_id().unwrap());
    kill("KILL", processes[0]);
    wait_gone(&processes);
}

#[test]
fn ctrl_c_ends_every_process_and_removes_its_files() {
    let Some(plane) = start() else { return };
    let processes = family(plane.supervisor_id().unwrap());
    kill("INT", processes[0]);
    assert_gone(&processes, plane.directory());
}

#[test]
fn kill_9_of_the_program_that_started_it_ends_every_process() {
    if Source::named().is_some() {
        return;
    }
    let mut program = Command::new(env!("CARGO_BIN_EXE_control-plane"))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // Held to the end: a program that cannot print any more would end by itself.
    let mut lines = BufReader::new(program.stdout.take().unwrap()).lines();
    let first_line = lines.next().expect("a line").unwrap();
    let supervisor = first_line
        .strip_prefix("process ")
        .expect("a process id")
        .parse()
        .unwrap();
    let processes = family(supervisor);

    program.kill().unwrap();
    program.wait().unwrap();
    wait_gone(&processes);
}

/// Our own, or nothing where another control plane is named: its processes are not ours to judge.
fn start() -> Option<ControlPlane> {
    let ours = Source::named().is_none();
    ours.then(|| ControlPlane::start(ControlPlaneOptions::default()).expect("a control plane"))
}

/// The process and its children.
fn family(parent: u32) -> Vec<u32> {
    let children = processes()
        .into_iter()
        .filter(|process| process.parent == parent);
    std::iter::once(parent)
        .chain(children.map(|child| child.id))
        .collect()
}

struct Running {
    id: u32,
    parent: u32,
}

/// Every process that has not ended; one that only waits to be noticed has.
fn processes() -> Vec<Running> {
    let output = Command::new("ps")
        .args(["-A", "-o", "pid=,ppid=,stat="])
        .output()
        .unwrap();
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            let (id, parent) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
            let ended = words.next()?.starts_with('Z');
            (!ended).then_some(Running { id, parent })
        })
        .collect()
}

fn kill(signal: &str, id: u32) {
    let command = format!("kill -s {signal} {id}");
    assert!(
        Command::new("sh")
            .args(["-c", &command])
            .status()
            .unwrap()
            .success()
    );
}

fn wait_gone(ids: &[u32]) {
    wait::until_ok(SOON, "the end of every process", || {
        let left: Vec<u32> = processes()
            .iter()
            .map(|process| process.id)
            .filter(|id| ids.contains(id))
            .collect();
        if left.is_empty() {
            Ok(())
        } else {
            Err(format!("{left:?} of {ids:?} are left"))
        }
    })
    .unwrap();
}

fn assert_gone(ids: &[u32], directory: &Path) {
    wait_gone(ids);
    assert!(!directory.exists(), "{} is left", directory.display());
}
