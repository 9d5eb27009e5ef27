//! What happens to pods, and what must not happen to tokens and keys.

use std::thread;

use rig::{RigError, wait};
use serde_json::{Value, json};

use crate::stage::{NAME, PATIENCE, Stage, stage};

#[test]
fn mounted_keys_are_rotated_and_no_consumer_is_refused() {
    let Some(mut stage) = stage() else { return };
    stage.under_rotation("undisturbed", |_, _| {});
}

#[test]
fn a_leader_that_is_deleted_by_force_in_a_rotation_loses_nothing() {
    let Some(mut stage) = stage() else { return };
    stage.under_rotation("deleted", |stage, leader| {
        stage.kubectl(&[
            "delete",
            "pod",
            &leader.pod,
            "--grace-period=0",
            "--force",
            "--namespace",
            NAME,
        ]);
        stage.another_leads(leader);
        stage.rolled_out(NAME, NAME);
    });
}

#[test]
fn a_leader_that_is_killed_in_a_rotation_loses_nothing_and_is_started_again() {
    let Some(mut stage) = stage() else { return };
    stage.under_rotation("killed", |stage, leader| {
        stage.node.signal(&leader.pod, "KILL").unwrap();
        stage.another_leads(leader);
        stage.started_again(leader);
    });
}

#[test]
fn a_leader_that_is_stopped_past_its_lease_ends_when_it_goes_on_and_loses_nothing() {
    let Some(mut stage) = stage() else { return };
    stage.under_rotation("stopped", |stage, leader| {
        stage.node.signal(&leader.pod, "STOP").unwrap();
        stage.another_leads(leader);
        stage.node.signal(&leader.pod, "CONT").unwrap();
        stage.started_again(leader);
    });
}

#[test]
fn a_drain_takes_one_pod_at_a_time_and_loses_nothing() {
    let Some(mut stage) = stage() else { return };
    stage.under_rotation("drained", |stage, _| {
        let before = stage.pods();
        thread::scope(|scope| {
            let drain = scope.spawn(|| stage.drain());
            // The only node takes no new pod, so the second one must not go.
            let what = "one pod gone and its successor without a node";
            wait::until_true(PATIENCE, what, || {
                let pods = stage.node.plane().client().list("pods", NAME)?;
                let waits = |pod: &&Value| {
                    pod["status"]["phase"] == "Pending" && pod["spec"]["nodeName"].is_null()
                };
                Ok(pods.iter().filter(waits).count() == 1 && pods.len() == 2)
            })
            .unwrap();
            let mut stays = stage.pods();
            stays.retain(|pod| before.contains(pod));
            assert_eq!(stays.len(), 1);
            let refusal = format!("{:?}", stage.evict(&stays[0]).unwrap_err());
            assert!(refusal.contains("disruption budget"), "{refusal}");
            stage.kubectl(&["uncordon", "node"]);
            drain.join().unwrap();
        });
        stage.rolled_out(NAME, NAME);
        assert!(stage.pods().iter().all(|pod| !before.contains(pod)));
    });
}

/// The process that leads.
pub struct Leader {
    pub pod: String,
    /// The name it has in the Lease, which no other process ever has.
    identity: String,
    /// How often its pod's container had been started again.
    restarts: i64,
}

impl Stage {
    /// The operator's pods that are not about to end.
    pub fn pods(&self) -> Vec<String> {
        let pods = self.node.plane().client().list("pods", NAME).unwrap();
        let living = pods
            .iter()
            .filter(|pod| pod["metadata"]["deletionTimestamp"].is_null());
        living
            .filter_map(|pod| pod["metadata"]["name"].as_str().map(str::to_owned))
            .collect()
    }

    /// Who leads; every test ends with a leader that lives.
    pub fn leader(&self) -> Leader {
        wait::until(PATIENCE, "a leader", || {
            let identity = self.holder()?;
            let Some((pod, _)) = identity.rsplit_once('_') else {
                return Ok(None);
            };
            let restarts = self.restarts(pod)?;
            Ok(Some(Leader {
                pod: pod.to_owned(),
                identity: identity.clone(),
                restarts,
            }))
        })
        .unwrap()
    }

    /// Who holds the Lease: the pod's name and a nonce, or nothing.
    fn holder(&self) -> Result<String, RigError> {
        let lease = self.node.plane().get("lease", NAME, NAME)?;
        Ok(lease["spec"]["holderIdentity"]
            .as_str()
            .unwrap_or_default()
            .to_owned())
    }

    fn another_leads(&self, former: &Leader) {
        wait::until_true(
            PATIENCE,
            &format!("another leader than {}", former.identity),
            || {
                let holder = self.holder()?;
                Ok(!holder.is_empty() && holder != former.identity)
            },
        )
        .unwrap();
    }

    fn restarts(&self, pod: &str) -> Result<i64, RigError> {
        let pod = self.node.plane().get("pod", NAME, pod)?;
        let status = &pod["status"]["containerStatuses"][0];
        status["restartCount"]
            .as_i64()
            .ok_or_else(|| RigError::Unexpected(format!("no container: {pod}")))
    }

    /// Waits until the container of a former leader was started again, and all pods are ready.
    fn started_again(&self, former: &Leader) {
        let what = format!("{} to be started again", former.pod);
        wait::until_true(PATIENCE, &what, || {
            Ok(self.restarts(&former.pod)? > former.restarts)
        })
        .unwrap();
        self.rolled_out(NAME, NAME);
    }

    /// Drains the node of the operator's pods, as an administrator does.
    fn drain(&self) {
        let limit = format!("--timeout={}s", PATIENCE.as_secs());
        let selector = format!("--pod-selector=app.kubernetes.io/name={NAME}");
        self.kubectl(&["drain", "node", &selector, &limit]);
    }

    /// Asks for the eviction of one pod.
    fn evict(&self, pod: &str) -> Result<String, RigError> {
        let metadata = json!({"name": pod, "namespace": NAME});
        let eviction = json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": metadata});
        let path = format!("/api/v1/namespaces/{NAME}/pods/{pod}/eviction");
        let create = ["create", "--raw", &path, "-f", "-"];
        self.node
            .plane()
            .kubectl_with_input(&create, &eviction.to_string())
    }
}
