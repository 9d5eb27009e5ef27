//! The operator is killed at the worst moment.

use std::time::Duration;

use rig::{Consumer, wait};
use serde_json::{Value, json};

use crate::demo::stage::{NAMESPACE, Stage};
use crate::demo::story::{Failed, Story, ensure};

/// How many checks this makes.
pub const CHECKS: usize = 6;

/// The token of this chapter.
pub const UNLUCKY: &str = "unlucky";
const RESET: &str = "/api/v2/tokens/{id}/reset";

/// After LaunchDarkly made a new key and before the operator saved it, so that nobody knows the key.
pub fn kill_between_reset_and_save(story: &mut Story, stage: &mut Stage) -> Result<(), Failed> {
    story.chapter("The operator is killed between a reset and the saving of the new key");
    let old = story.check("another token is Ready", || {
        stage.apply(&unlucky().to_string())?;
        stage.await_ready("accesstoken", UNLUCKY)?;
        stage.known(UNLUCKY)
    })?;
    story.tell(&format!(
        "A consumer calls LaunchDarkly with the Secret's key, now {}.",
        old.masked()
    ));
    let pause = Duration::from_millis(200);
    let consumer = Consumer::start(stage.plane.client(), NAMESPACE, &stage.simulator, pause);

    story.prepare("answers to resets are held back", || {
        let fault = json!({
            "method": "POST", "route": RESET, "kind": "delay", "handled": true, "delayMs": 20_000, "count": 0
        });
        stage.simulator.fault(&fault)
    })?;
    story.check(
        "a rotation is asked for, and LaunchDarkly resets the key",
        || {
            stage.patch(UNLUCKY, &json!({"rotation": {"trigger": "now"}}))?;
            wait::until_ok(Duration::from_secs(20), "a second key of the token", || {
                let token = stage.remote(&old.token_id)?;
                ensure(token.keys.len() == 2, || {
                    format!("it has {} key", token.keys.len())
                })
            })
        },
    )?;
    story.check(
        "the operator is killed with -9; the new key is lost with it",
        || {
            stage.operator.kill9()?;
            ensure(stage.known(UNLUCKY)?.key == old.key, || {
                "the new key was saved".into()
            })
        },
    )?;
    let new = story.check(
        "started again, it gives the Secret a key of a new token",
        || {
            stage.simulator.clear_faults()?;
            stage.operator.restart()?;
            let new = stage.await_new_key(UNLUCKY, &old)?;
            ensure(new.token_id != old.token_id, || {
                "it is the same token".into()
            })?;
            stage.accepted(&new.key)?;
            Ok(new)
        },
    )?;
    story.tell(&format!(
        "{} was followed by {}.",
        old.masked(),
        new.masked()
    ));
    story.check(
        "the reset was not repeated: the old token never had a third key",
        || {
            let keys = stage.remote(&old.token_id)?.keys.len();
            ensure(keys == 2, || format!("the old token has had {keys} keys"))
        },
    )?;
    let served = story.check("the consumer was never refused", || {
        let calls = consumer.stop()?;
        let refused = calls.iter().filter(|call| call.refused()).count();
        ensure(refused == 0, || {
            format!("{refused} of {} calls were refused", calls.len())
        })?;
        ensure(calls.len() >= 10, || {
            format!("it made only {} calls", calls.len())
        })?;
        Ok(calls.len())
    })?;
    story.tell(&format!("It called {served} times."));
    Ok(())
}

fn unlucky() -> Value {
    json!({
        "apiVersion": "ldtokens.dev/v1alpha1",
        "kind": "AccessToken",
        "metadata": {"name": UNLUCKY, "namespace": NAMESPACE},
        "spec": {"accountRef": {"kind": "ClusterLaunchDarklyAccount"}, "role": "reader"},
    })
}
