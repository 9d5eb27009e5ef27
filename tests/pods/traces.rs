//! However a node ends, it leaves nothing behind.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use rig::{Node, NodeOptions, wait};

use crate::stage::{PATIENCE, stage};

#[test]
fn a_node_leaves_no_process_no_file_and_no_control_group_behind() {
    // Not beside the other tests: two nodes are much for a small machine.
    let Some(_alone) = stage() else { return };

    // Its keeper is killed.
    let node = Node::start(&NodeOptions::default()).unwrap();
    let directory = node.directory().to_owned();
    let family = family(&node);
    kill(node.keeper_id());
    await_end(&family);
    drop(node);
    fs::remove_dir_all(directory).unwrap();

    // It is asked to end while a pod runs.
    let node = Node::start(&NodeOptions::default()).unwrap();
    run_a_pod(&node);
    let directory = node.directory().to_owned();
    let (family, groups) = (self::family(&node), control_groups(&node));
    assert!(!groups.is_empty());
    drop(node);
    await_end(&family);
    assert!(groups.iter().all(|group| !group.exists()), "{groups:?}");
    assert!(!directory.exists());
}

fn run_a_pod(node: &Node) {
    let plane = node.plane();
    let account = || plane.get("serviceaccount", "default", "default").map(Some);
    wait::until(PATIENCE, "the default service account", account).unwrap();
    plane
        .kubectl(&[
            "run",
            "quiet",
            "--image=localhost/pause:1",
            "--image-pull-policy=Never",
        ])
        .unwrap();
    plane
        .kubectl(&[
            "wait",
            "--for=condition=Ready",
            "pod/quiet",
            "--timeout=60s",
        ])
        .unwrap();
}

/// The keeper and all its descendants: the components, and what runs in pods.
fn family(node: &Node) -> Vec<u32> {
    let all = processes();
    let mut family = vec![node.keeper_id()];
    let mut seen = 0;
    while seen < family.len() {
        let parent = family[seen];
        family.extend(all.iter().filter(|(_, of)| *of == parent).map(|(id, _)| id));
        seen += 1;
    }
    assert!(family.len() > 7, "{family:?}");
    family
}

/// All processes that have not ended, with their parents.
fn processes() -> Vec<(u32, u32)> {
    let ids = fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let parent = |id: u32| {
        let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
        let field = |name: &str| {
            status
                .lines()
                .find_map(|line| line.strip_prefix(name))
                .map(str::trim)
        };
        let lives = !field("State:")?.starts_with('Z');
        lives.then_some((id, field("PPid:")?.parse().ok()?))
    };
    ids.filter_map(parent).collect()
}

fn await_end(family: &[u32]) {
    wait::until_ok(PATIENCE, "the end of all processes", || {
        let left: Vec<(u32, u32)> = processes()
            .into_iter()
            .filter(|(id, _)| family.contains(id))
            .collect();
        if left.is_empty() {
            Ok(())
        } else {
            Err(format!("{left:?} are left"))
        }
    })
    .unwrap();
}

/// The control groups of the containers that run, in every hierarchy.
fn control_groups(node: &Node) -> Vec<PathBuf> {
    let containers = node
        .directory()
        .join("containerd/state/io.containerd.runtime.v2.task/k8s.io");
    let containers: Vec<_> = fs::read_dir(containers)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    let root = Path::new("/sys/fs/cgroup");
    let hierarchies = fs::read_dir(root)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    hierarchies
        .chain([root.to_owned()])
        .flat_map(|hierarchy| {
            containers
                .iter()
                .map(move |container| hierarchy.join("k8s.io").join(container))
        })
        .filter(|group| group.exists())
        .collect()
}

fn kill(process: u32) {
    let status = Command::new("sh")
        .args(["-c", &format!("kill -9 {process}")])
        .status();
    assert!(status.unwrap().success());
}
