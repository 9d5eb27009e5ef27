//! The key is rotated.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rig::{RigError, object};
use serde_json::json;

use crate::demo::stage::{Known, NAMESPACE, Stage};
use crate::demo::story::{Failed, Story, ensure};

/// A token that is rotated every month, and whenever its trigger is changed.
pub const SAMPLE: &str = "deploy/samples/rotation.yaml";
/// Its name.
pub const ROTATED: &str = "flag-exporter";

/// How many checks this makes.
pub const CHECKS: usize = 6;

/// Asks for a rotation and watches the previous key to its end.
pub fn trigger(story: &mut Story, stage: &Stage) -> Result<(), Failed> {
    story.chapter("A key is rotated");
    story.shell(&format!("kubectl apply -f {SAMPLE}"));
    let old = story.check("a token with a rotation schedule is Ready", || {
        stage.apply_file(SAMPLE)?;
        stage.await_ready("accesstoken", ROTATED)?;
        stage.known(ROTATED)
    })?;
    let calls = story.prepare("LaunchDarkly counts its calls", || stage.last_call())?;
    story.patch(ROTATED, &json!({"rotation": {"trigger": "audit"}}));
    let new = story.check("the Secret holds a new key of the same token", || {
        stage.patch(ROTATED, &json!({"rotation": {"trigger": "audit"}}))?;
        let new = stage.await_new_key(ROTATED, &old)?;
        ensure(new.token_id == old.token_id, || {
            "it is the key of another token".into()
        })?;
        Ok(new)
    })?;
    story.tell(&format!(
        "{} was followed by {}.",
        old.masked(),
        new.masked()
    ));
    story.check(
        "it was tried on a throw-away token first, which is gone again",
        || {
            let resets = stage.calls(calls, "POST", "/api/v2/tokens/{id}/reset")?;
            ensure(resets == 2, || {
                format!("there were {resets} resets instead of 2")
            })?;
            let deleted = stage.calls(calls, "DELETE", "/api/v2/tokens/{id}")?;
            ensure(deleted == 1, || {
                format!("there were {deleted} deletions instead of 1")
            })
        },
    )?;
    story.check(
        "the Secret holds the previous key as well, as the sample asks",
        || {
            let secret = stage.plane.get("secret", NAMESPACE, &new.secret)?;
            let previous = object::secret_entry(&secret, "previous-token");
            ensure(previous.as_ref() == Some(&old.key), || {
                "previous-token is another".into()
            })
        },
    )?;
    story.check("during the grace period both keys work", || {
        stage.accepted(&old.key)?;
        stage.accepted(&new.key)
    })?;
    story.tell("LaunchDarkly's clock is put forward, to the end of the grace period.");
    story.check("the previous key is refused, the new one works", || {
        stage
            .simulator
            .advance_clock(time_left(stage, &old)? + Duration::from_secs(1))?;
        stage.refused(&old.key)?;
        stage.accepted(&new.key)
    })
}

/// How long the previous key has left. The simulator's clock has not been moved so far.
fn time_left(stage: &Stage, old: &Known) -> Result<Duration, RigError> {
    let token = stage.remote(&old.token_id)?;
    let key = token.keys.iter().find(|key| key.value == old.key);
    let expiry = key
        .and_then(|key| key.expiry)
        .and_then(|expiry| u64::try_from(expiry).ok());
    let expiry =
        expiry.ok_or_else(|| RigError::Unexpected("the previous key never expires".into()))?;
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Ok(Duration::from_millis(expiry).saturating_sub(now))
}
