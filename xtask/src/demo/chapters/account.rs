//! An account is connected.

use rig::install;
use serde_json::json;

use crate::demo::stage::Stage;
use crate::demo::story::{Failed, Story};

const SAMPLE: &str = "deploy/samples/account.yaml";

/// How many checks this makes.
pub const CHECKS: usize = 1;

/// Stores the managing key, and applies the sample of an account, which points to it.
pub fn connect(story: &mut Story, stage: &Stage) -> Result<(), Failed> {
    story.chapter("An account is connected");
    story.tell("A Secret in the operator's namespace holds the key that may manage tokens.");
    story.prepare("the managing key is stored", || {
        stage.apply(&credential(stage.simulator.managing_key()))
    })?;
    story.shell(&format!("kubectl apply -f {SAMPLE}"));
    story.tell("(with the address of the simulation)");
    story.check("the account is Ready: its key works", || {
        let address = json!({"spec": {"apiUrl": stage.simulator.url()}});
        stage.apply_file_with(SAMPLE, &address)?;
        stage
            .await_ready("clusterlaunchdarklyaccount", "default")
            .map(drop)
    })
}

fn credential(key: &str) -> String {
    json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "launchdarkly-api-key", "namespace": install::NAMESPACE},
        "stringData": {"token": key},
    })
    .to_string()
}
