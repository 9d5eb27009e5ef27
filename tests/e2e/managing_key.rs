//! Managing keys that may little: what they may is used, and what they may not is said.

use rig::{SimulatorProcess, object};
use serde_json::{Value, json};

use crate::stage::{Home, PATIENCE, accepted, refused, stage};

/// The key of a token that somebody made at LaunchDarkly.
fn managing_key(simulator: &SimulatorProcess, token: &Value) -> String {
    let made = simulator.admin("POST", "/tokens", token).unwrap();
    made["keys"][0]["value"].as_str().unwrap().to_owned()
}

/// What `docs/managing-key.md` has for personal tokens.
fn manages_personal_tokens() -> Value {
    json!({
        "effect": "allow", "resources": ["member/*:token/*"],
        "actions": [
            "createAccessToken", "deleteAccessToken", "resetAccessToken", "updateAccessTokenName",
            "updateAccessTokenDescription", "updateAccessTokenExpiry", "updateAccessTokenPolicy",
        ],
    })
}

/// The next so many creates are refused.
fn refuse_creates(simulator: &SimulatorProcess, count: u32) {
    let fault = json!({
        "method": "POST", "route": "/api/v2/tokens", "nth": 1, "count": count, "kind": "status", "status": 403,
    });
    simulator.fault(&fault).unwrap();
}

fn rotate(home: &Home<'_>, value: &str) {
    let change = json!({"spec": {"rotation": {"trigger": value}}});
    home.patch("accesstoken", "web", &change);
}

/// What the account says about resets, once it says something.
fn says_of_reset(home: &Home<'_>, expected: &str) {
    home.touch_account();
    let what = format!("an account whose reset is {expected}");
    home.wait("launchdarklyaccount", "default", &what, |account| {
        let reset = &account["status"]["features"]["reset"];
        if reset == expected {
            Ok(())
        } else {
            Err(reset.to_string())
        }
    });
}

#[test]
fn a_managing_key_that_may_make_personal_tokens_only_resets_them() {
    let personal = &stage().personal;
    let key = managing_key(
        personal,
        &json!({"name": "manager", "serviceToken": false, "inlineRole": [manages_personal_tokens()]}),
    );
    let home = Home::bare("manage-personal");
    home.settle_with(personal, &key);
    home.token(
        "web",
        &json!({"role": "reader", "serviceToken": false, "rotation": {"gracePeriod": "1m"}}),
    );
    let id = home.ready("web")["status"]["token"]["id"].clone();
    let old = home.key("web");
    rotate(&home, "x");
    let new = home.new_key("web", &old);
    assert_eq!(home.ready("web")["status"]["token"]["id"], id);
    accepted(personal, &old);
    accepted(personal, &new);
    says_of_reset(&home, "Available");
    home.remote_count(personal, 1);
}

#[test]
fn a_managing_key_whose_own_secret_is_deleted_is_written_again_and_not_replaced_i2() {
    let calm = &stage().calm;
    let home = Home::at(calm, "manage-own");
    home.token("manager", &json!({"role": "admin"}));
    let before = home.settled("manager");
    let key = home.key("manager");
    home.account(&json!({"apiUrl": calm.url(), "credentialsSecretRef": {"name": "manager"}}));
    let own = &before["status"]["token"]["id"];
    let manages = |account: &Value| {
        object::ready(account)?;
        if account["status"]["credentialTokenId"] == *own {
            Ok(())
        } else {
            Err(account["status"]["credentialTokenId"].to_string())
        }
    };
    home.wait("launchdarklyaccount", "default", "the key in use", manages);
    home.delete("secret", "manager");
    let secret = home.wait("secret", "manager", "the same key again", |secret| {
        if object::secret_entry(secret, "token").as_ref() == Some(&key) {
            Ok(())
        } else {
            Err("another key".to_owned())
        }
    });
    let marks = &secret["metadata"]["annotations"];
    assert_eq!(marks["ldtokens.dev/owned-by"], "manage-own/manager");
    assert_eq!(marks["ldtokens.dev/token-id"], *own);
    home.wait("launchdarklyaccount", "default", "the account", manages);
    home.token("web", &json!({"role": "reader"}));
    home.ready("web");
    let after = home.settled("manager");
    for part in ["token", "history"] {
        assert_eq!(after["status"][part], before["status"][part], "{part}");
    }
    accepted(calm, &key);
    home.remote_count(calm, 2);
}

#[test]
fn a_reset_that_is_refused_twice_goes_by_replacement_and_the_event_says_why() {
    let rough = stage().rough();
    let home = Home::at(rough, "remote-refused");
    let rotation = json!({"gracePeriod": "1m"});
    home.token("web", &json!({"role": "reader", "rotation": rotation}));
    let id = home.ready("web")["status"]["token"]["id"].clone();
    let old = home.key("web");
    // The first reset is that of the throw-away token.
    let fault = json!({
        "method": "POST", "route": "/api/v2/tokens/{id}/reset", "nth": 2, "count": 0, "kind": "status", "status": 400,
    });
    rough.fault(&fault).unwrap();
    rotate(&home, "x");
    let new = home.new_key("web", &old);
    assert_ne!(home.ready("web")["status"]["token"]["id"], id);
    accepted(rough, &old);
    accepted(rough, &new);
    let note = home.event("web", "ResetRefused");
    for said in ["twice", "400", "this rotation goes by replacement"] {
        assert!(note.contains(said), "{said} is not in {note}");
    }
    says_of_reset(&home, "Available");
}

#[test]
fn where_no_throw_away_token_can_be_made_rotations_go_by_replacement_and_the_event_says_why() {
    let strict = &stage().strict;
    let home = Home::at(strict, "manage-strict");
    home.token(
        "web",
        &json!({"role": "reader", "rotation": {"gracePeriod": "1m"}}),
    );
    let id = home.ready("web")["status"]["token"]["id"].clone();
    let old = home.key("web");
    refuse_creates(strict, 1);
    rotate(&home, "x");
    let new = home.new_key("web", &old);
    let other = home.ready("web")["status"]["token"]["id"].clone();
    assert_ne!(other, id);
    accepted(strict, &old);
    accepted(strict, &new);
    let note = home.event("web", "ResetUntried");
    for said in ["throw-away", "403", "this permission", "Replace"] {
        assert!(note.contains(said), "{said} is not in {note}");
    }
    says_of_reset(&home, "Untried");
    // Where nothing can be made a leaked key is still cut off: that takes no previous key that lives on.
    refuse_creates(strict, 1_000);
    let change = json!({"spec": {"rotation": {"revoke": "leak"}}});
    home.patch("accesstoken", "web", &change);
    // Nothing is green for the minute that a reset leaves to the previous key.
    let last = home.new_key_within(2 * PATIENCE, "web", &new);
    assert_eq!(home.ready("web")["status"]["token"]["id"], other);
    refused(strict, &old);
    accepted(strict, &last);
}

#[test]
fn a_managing_key_that_may_not_delete_tokens_resets_a_leaked_key_away_i9() {
    let personal = &stage().personal;
    let mut role = manages_personal_tokens();
    role["actions"] = json!(["createAccessToken", "resetAccessToken"]);
    let key = managing_key(
        personal,
        &json!({"name": "maker", "serviceToken": false, "inlineRole": [role]}),
    );
    let home = Home::bare("manage-undeletable");
    home.settle_with(personal, &key);
    home.token("web", &json!({"role": "reader", "serviceToken": false}));
    home.ready("web");
    let leaked = home.key("web");
    let change = json!({"spec": {"rotation": {"revoke": "leak"}}});
    home.patch("accesstoken", "web", &change);
    home.dies(personal, &leaked);
    refused(personal, &leaked);
    accepted(personal, &home.key("web"));
    // The token itself is left, and that is said.
    home.remote_count(personal, 2);
    let retiring = home.get("accesstoken", "web")["status"]["retiring"].clone();
    assert_eq!(retiring[0]["cause"], "Revoke", "{retiring}");
}
