//! The spec changes.

use rig::wait;
use serde_json::json;
use std::time::Duration;

use crate::demo::stage::{Stage, TOKEN};
use crate::demo::story::{Failed, Story, ensure};

/// How many checks this makes.
pub const CHECKS: usize = 6;

/// What LaunchDarkly can change in place is changed in place.
pub fn describe(story: &mut Story, stage: &Stage) -> Result<(), Failed> {
    story.chapter("Its description changes");
    let before = story.prepare("the token is known", || stage.known(TOKEN))?;
    let calls = story.prepare("LaunchDarkly counts its calls", || stage.last_call())?;
    let text = "Deploys flags on Fridays, too";
    story.patch(TOKEN, &json!({ "description": text }));
    story.check("the same token has the new description", || {
        stage.patch(TOKEN, &json!({ "description": text }))?;
        wait::until_ok(Duration::from_secs(20), "the new description", || {
            let token = stage.remote(&before.token_id)?;
            ensure(token.description.starts_with(text), || token.description)
        })?;
        stage.await_ready("accesstoken", TOKEN).map(drop)
    })?;
    story.check("that took one PATCH, and the key is the same", || {
        let patches = stage.calls(calls, "PATCH", "/api/v2/tokens/{id}")?;
        ensure(patches == 1, || format!("there were {patches} PATCH calls"))?;
        ensure(stage.known(TOKEN)?.key == before.key, || {
            "the key changed".into()
        })
    })
}

/// What LaunchDarkly cannot change needs another token.
pub fn change_role(story: &mut Story, stage: &Stage) -> Result<(), Failed> {
    story.chapter("Its role changes");
    story.tell("LaunchDarkly cannot change the role of a service token: it gets a successor.");
    let old = story.prepare("the previous key is known", || stage.known(TOKEN))?;
    story.patch(TOKEN, &json!({ "role": "writer" }));
    let new = story.check("the Secret holds the key of a new token", || {
        stage.patch(TOKEN, &json!({ "role": "writer" }))?;
        let new = stage.await_new_key(TOKEN, &old)?;
        ensure(new.token_id != old.token_id, || {
            "it is the same token".into()
        })?;
        Ok(new)
    })?;
    story.tell(&format!(
        "{} was followed by {}.",
        old.masked(),
        new.masked()
    ));
    story.check("the new token is a writer", || {
        let role = stage.remote(&new.token_id)?.role;
        ensure(role.as_deref() == Some("writer"), || {
            format!("its role is {role:?}")
        })
    })?;
    story.check(
        "both keys work: nobody who still uses the previous one is cut off",
        || {
            stage.accepted(&old.key)?;
            stage.accepted(&new.key)
        },
    )?;
    story.check("the old token is noted down for deletion", || {
        let object = stage.await_ready("accesstoken", TOKEN)?;
        let retiring = &object["status"]["retiring"];
        ensure(retiring[0]["tokenId"] == old.token_id.as_str(), || {
            format!("status.retiring is {retiring}")
        })
    })
}
