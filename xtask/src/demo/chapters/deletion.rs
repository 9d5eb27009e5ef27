//! Everything is deleted.

use std::time::Duration;

use rig::wait;

use super::crash::UNLUCKY;
use super::rotation::ROTATED;
use crate::demo::stage::{NAMESPACE, Stage, TOKEN};
use crate::demo::story::{Failed, Story, ensure};

/// How many checks this makes.
pub const CHECKS: usize = 3;

/// Deletes the objects and looks for anything left behind.
pub fn delete(story: &mut Story, stage: &Stage) -> Result<(), Failed> {
    story.chapter("Everything is deleted");
    let known = story.prepare("the last key is known", || stage.known(TOKEN))?;
    story.shell(&format!(
        "kubectl delete accesstokens {TOKEN} {ROTATED} {UNLUCKY}"
    ));
    story.check("the AccessTokens are gone", || {
        let arguments = [
            "delete",
            "accesstokens",
            TOKEN,
            ROTATED,
            UNLUCKY,
            "--namespace",
            NAMESPACE,
        ];
        stage
            .plane
            .kubectl(&[&arguments[..], &["--timeout=45s"]].concat())
            .map(drop)
    })?;
    story.check("their Secrets are gone", || {
        let ours = "app.kubernetes.io/managed-by=launchdarkly-token-operator";
        let arguments = [
            "get",
            "secrets",
            "--namespace",
            NAMESPACE,
            "--selector",
            ours,
        ];
        let left = stage
            .plane
            .kubectl(&[&arguments[..], &["--output=name"]].concat())?;
        ensure(left.is_empty(), || format!("there still is:\n{left}"))
    })?;
    story.check(
        "nothing is left at LaunchDarkly, and the last key is refused",
        || {
            wait::until_ok(Duration::from_secs(20), "an empty list of tokens", || {
                let left = stage.simulator.created_tokens()?;
                ensure(left.is_empty(), || format!("there are {left:?}"))
            })?;
            stage.refused(&known.key)
        },
    )
}
