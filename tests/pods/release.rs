//! What a release is on a real node: pods that start, one that leads, upgrades and rollbacks.

use std::fs;

use serde_json::{Value, json};

use crate::stage::{NAME, NEXT_TAG, Stage, stage};

#[test]
fn the_pods_run_restricted_and_one_of_them_leads() {
    let Some(stage) = stage() else { return };
    let pods = stage.pods();
    assert_eq!(pods.len(), 2);
    assert!(pods.contains(&stage.leader().pod));
    for pod in pods {
        // What the kernel holds the process to, whatever the manifest says.
        let status = format!("/proc/{}/status", stage.node.process_of(&pod).unwrap());
        let status = fs::read_to_string(status).unwrap();
        for (field, value) in [
            ("Uid", "65532"),
            ("NoNewPrivs", "1"),
            ("Seccomp", "2"),
            ("CapBnd", "0000000000000000"),
        ] {
            let line = status.lines().find(|line| line.starts_with(field)).unwrap();
            assert_eq!(line.split_whitespace().nth(1), Some(value), "{line}");
        }
    }
    stage.all_is_well();
}

#[test]
fn an_upgrade_and_a_rollback_under_rotations_lose_nothing() {
    let Some(mut stage) = stage() else { return };
    stage.under_rotation("upgraded", |stage, _| {
        stage.release(
            "upgrade",
            &json!({"image": {"tag": NEXT_TAG}, "podLabels": {"example.com/round": "second"}}),
        );
        stage.runs(NEXT_TAG);
    });
    stage.under_rotation("rolled-back", |stage, _| {
        stage.helm(&["rollback", NAME]);
        stage.runs(env!("CARGO_PKG_VERSION"));
    });
}

impl Stage {
    /// Asserts that all pods run the image with this tag.
    fn runs(&self, tag: &str) {
        let pods = self.node.plane().client().list("pods", NAME).unwrap();
        let living = |pod: &&Value| pod["metadata"]["deletionTimestamp"].is_null();
        for pod in pods.iter().filter(living) {
            let image = pod["spec"]["containers"][0]["image"].as_str().unwrap();
            assert!(image.ends_with(&format!(":{tag}")), "{image}");
        }
    }
}
