//! An account is connected.

use crate::demo::stage::Stage;
use crate::demo::story::{Failed, Story};

/// How many checks this makes.
pub const CHECKS: usize = 1;

/// Stores the managing key, and points a `LaunchDarklyAccount` to it.
pub fn connect(story: &mut Story, stage: &Stage) -> Result<(), Failed> {
    story.chapter("An account is connected");
    story
        .tell("A Secret holds the key that may manage tokens. A LaunchDarklyAccount points to it.");
    story.check(
        "the account is Ready: the key works, and whose it is is known",
        || {
            stage.apply(&account(
                stage.simulator.url(),
                stage.simulator.managing_key(),
            ))?;
            stage
                .await_ready("launchdarklyaccount", "default")
                .map(drop)
        },
    )
}

fn account(url: &str, key: &str) -> String {
    format!(
        "apiVersion: v1
kind: Secret
metadata: {{name: launchdarkly-api-key}}
stringData: {{token: {key}}}
---
apiVersion: ldtokens.dev/v1alpha1
kind: LaunchDarklyAccount
metadata: {{name: default}}
spec:
  apiUrl: {url}
  credentialsSecretRef: {{name: launchdarkly-api-key}}
"
    )
}
