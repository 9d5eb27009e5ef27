//! What a control plane can come from besides our own binary.
#![expect(clippy::unwrap_used, reason = "helpers of tests may fail like tests")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use rig::{ControlPlane, ControlPlaneOptions, Source, build, wait};

/// A directory like envtest's, whose programs are the subcommands of our own binary.
fn assets(names: &[&str]) -> tempfile::TempDir {
    let binary = build::control_plane().unwrap();
    let directory = tempfile::tempdir().unwrap();
    for name in names {
        let script = format!("#!/bin/sh\nexec '{}' {name} \"$@\"\n", binary.display());
        write_program(&directory.path().join(name), &script);
    }
    directory
}

fn write_program(path: &Path, script: &str) {
    fs::write(path, script).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn separate_programs_make_a_control_plane_too() {
    let assets = assets(&[
        "etcd",
        "kube-apiserver",
        "kube-controller-manager",
        "kubectl",
    ]);
    let plane = ControlPlane::start(ControlPlaneOptions {
        source: Some(Source::Assets(assets.path().to_owned())),
        ..ControlPlaneOptions::default()
    })
    .unwrap();
    let limit = Duration::from_secs(30);
    wait::until(limit, "the controllers", || {
        plane.get("serviceaccount", "default", "default").map(Some)
    })
    .unwrap();
    assert!(!plane.audit_events().unwrap().is_empty());
    let directory = plane.directory().to_owned();
    drop(plane);
    assert!(!directory.exists());
}

#[test]
fn a_program_that_is_missing_is_named() {
    let assets = assets(&["kube-apiserver", "kubectl"]);
    let error = ControlPlane::start(ControlPlaneOptions {
        source: Some(Source::Assets(assets.path().to_owned())),
        deadline: Duration::from_secs(20),
        ..ControlPlaneOptions::default()
    })
    .unwrap_err();
    let text = format!("{error:?}");
    assert!(
        text.contains("KUBEBUILDER_ASSETS") && text.contains("etcd"),
        "{text}"
    );
}

#[test]
fn without_go_the_error_names_both_ways_out() {
    let nothing = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_control-plane"))
        .env("PATH", nothing.path())
        .env("XDG_CACHE_HOME", nothing.path())
        .env_remove("KUBEBUILDER_ASSETS")
        .env_remove("LDTOKENS_TEST_KUBECONFIG")
        .output()
        .unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr);
    for way_out in [
        "install Go",
        "LDTOKENS_TEST_KUBECONFIG=",
        "KUBEBUILDER_ASSETS=",
    ] {
        assert!(said.contains(way_out), "{said}");
    }
}

#[test]
fn a_running_cluster_is_used_as_it_is_and_stays() {
    let plane = ControlPlane::start(ControlPlaneOptions::default()).unwrap();
    let guest = ControlPlane::start(ControlPlaneOptions {
        source: Some(Source::Cluster(plane.kubeconfig().to_owned())),
        ..ControlPlaneOptions::default()
    })
    .unwrap();
    guest.kubectl(&["create", "configmap", "guest"]).unwrap();
    assert!(guest.audit_events().is_err());
    drop(guest);
    plane.get("configmap", "default", "guest").unwrap();
}
