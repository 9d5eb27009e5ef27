//! A token is created.

use crate::demo::stage::{NAMESPACE, SAMPLE, Stage, TOKEN};
use crate::demo::story::{Failed, Story, ensure};

/// How many checks this makes.
pub const CHECKS: usize = 3;

/// Applies the sample and looks at both sides.
pub fn apply(story: &mut Story, stage: &Stage) -> Result<(), Failed> {
    story.chapter("A token is created");
    story.shell(&format!("kubectl apply -f {SAMPLE}"));
    story.check("the AccessToken is Ready", || {
        stage.apply_file(SAMPLE)?;
        stage.await_ready("accesstoken", TOKEN).map(drop)
    })?;
    story.check("LaunchDarkly has exactly one new token", || {
        let tokens = stage.simulator.created_tokens()?;
        ensure(tokens.len() == 1, || format!("it has {tokens:?}"))
    })?;
    let known = story.check(
        "its key is in the Secret, and LaunchDarkly accepts it",
        || {
            let known = stage.known(TOKEN)?;
            stage.accepted(&known.key)?;
            Ok(known)
        },
    )?;
    story.tell(&format!(
        "Secret {} holds {}.",
        known.secret,
        known.masked()
    ));
    let table = story.prepare("the table", || {
        stage
            .plane
            .kubectl(&["get", "accesstokens", "--namespace", NAMESPACE])
    })?;
    story.shell("kubectl get accesstokens");
    table
        .lines()
        .for_each(|line| story.tell(&format!("  {line}")));
    Ok(())
}
