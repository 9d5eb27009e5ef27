//! What trouble at LaunchDarkly gets: a constant reason, back-off, and in the end one token, whatever happened in between.

use rig::{object, wait};
use serde_json::{Value, json};

use crate::stage::{Home, PATIENCE, accepted, refused, stage};

/// A create meets a fault: the reason shows with a message, which says what to change unless there is nothing, nothing leaks, and when
/// the fault is gone one token is left.
fn a_create_meets(namespace: &str, fault: &Value, reason: &str, message: &str) {
    let rough = stage().rough();
    let home = Home::at(rough, namespace);
    let mut whole = json!({"method": "POST", "route": "/api/v2/tokens", "nth": 1, "count": 1000});
    whole
        .as_object_mut()
        .unwrap()
        .extend(fault.as_object().unwrap().clone());
    rough.fault(&whole).unwrap();
    home.token("web", &json!({"role": "reader"}));
    let shown = home.reason("web", "Ready", reason);
    assert!(shown.contains(message), "{shown}");
    rough.clear_faults().unwrap();
    home.patch(
        "accesstoken",
        "web",
        &json!({"spec": {"description": "tried again at once"}}),
    );
    home.ready("web");
    accepted(rough, &home.key("web"));
    home.remote_count(rough, 1);
}

#[test]
fn a_401_on_create_is_not_taken_for_more_than_it_is() {
    a_create_meets(
        "remote-401",
        &json!({"kind": "status", "status": 401}),
        "CredentialRejected",
        "may do this, into the account's credential",
    );
}

#[test]
fn a_403_names_the_missing_permission() {
    let body = json!({"code": "forbidden", "message": "no", "access": {"action": "createAccessToken", "resource": "service-token/*"}});
    a_create_meets(
        "remote-403",
        &json!({"kind": "status", "status": 403, "body": body}),
        "Forbidden",
        "createAccessToken on service-token/* (403); give",
    );
}

#[test]
fn a_404_on_create_is_reported() {
    a_create_meets(
        "remote-404",
        &json!({"kind": "status", "status": 404}),
        "NotFound",
        "check spec.apiUrl",
    );
}

#[test]
fn a_422_on_create_is_reported() {
    a_create_meets(
        "remote-422",
        &json!({"kind": "status", "status": 422, "body": {"code": "invalid_request", "message": "no"}}),
        "RequestRejected",
        "change what it names",
    );
}

#[test]
fn a_429_with_a_reset_in_the_past_is_waited_out() {
    let fault = json!({"kind": "status", "status": 429, "headers": {"X-Ratelimit-Reset": "1"}});
    a_create_meets("remote-429", &fault, "RateLimited", "is used up until");
}

#[test]
fn a_500_leaves_no_token_behind() {
    a_create_meets(
        "remote-500",
        &json!({"kind": "status", "status": 500}),
        "LaunchDarklyUnavailable",
        "check network, proxy",
    );
}

#[test]
fn an_html_page_leaves_no_token_behind() {
    let fault = json!({"kind": "status", "status": 502, "body": "<html>bad gateway</html>"});
    a_create_meets("remote-html", &fault, "LaunchDarklyUnavailable", "502");
}

#[test]
fn a_lost_answer_leaves_no_token_behind() {
    let rough = stage().rough();
    let home = Home::at(rough, "remote-lost");
    rough.fault(&json!({"method": "POST", "route": "/api/v2/tokens", "nth": 1, "count": 1, "kind": "drop-after"})).unwrap();
    home.token("web", &json!({"role": "reader"}));
    home.ready("web");
    accepted(rough, &home.key("web"));
    home.remote_count(rough, 1);
}

#[test]
fn a_truncated_answer_leaves_no_token_behind() {
    a_create_meets(
        "remote-truncated",
        &json!({"kind": "truncate"}),
        "LaunchDarklyUnavailable",
        "check network, proxy",
    );
}

#[test]
fn an_answer_that_comes_too_late_leaves_no_token_behind() {
    a_create_meets(
        "remote-late",
        &json!({"kind": "delay", "delayMs": 3000}),
        "LaunchDarklyUnavailable",
        "check network, proxy",
    );
}

#[test]
fn a_success_that_is_a_web_page_leaves_no_token_behind() {
    a_create_meets(
        "remote-page",
        &json!({"kind": "status", "status": 200, "body": "<html>sign in</html>", "handled": true}),
        "UnexpectedAnswer",
        "what stands between",
    );
}

#[test]
fn a_conflict_on_create_is_looked_into_before_anything_is_repeated() {
    a_create_meets(
        "remote-409",
        &json!({"kind": "status", "status": 409}),
        "Conflict",
        "a conflict on create",
    );
}

#[test]
fn what_worked_before_keeps_working_while_launchdarkly_refuses() {
    let rough = stage().rough();
    let home = Home::at(rough, "remote-kept");
    home.token(
        "web",
        &json!({"role": "reader", "rotation": {"strategy": "Replace"}}),
    );
    home.ready("web");
    let key = home.key("web");
    rough
        .fault(&json!({"method": "POST", "route": "/api/v2/tokens", "count": 0, "kind": "status", "status": 403}))
        .unwrap();
    home.patch(
        "accesstoken",
        "web",
        &json!({"spec": {"rotation": {"trigger": "x"}}}),
    );
    home.reason("web", "Ready", "RotationDelayed");
    home.reason("web", "TokenSynced", "Forbidden");
    object::ready(&home.get("accesstoken", "web")).unwrap();
    assert_eq!(home.key("web"), key);
    accepted(rough, &key);
    rough.clear_faults().unwrap();
    home.patch(
        "accesstoken",
        "web",
        &json!({"spec": {"description": "tried again at once"}}),
    );
    home.new_key("web", &key);
    accepted(rough, &key);
}

#[test]
fn an_instance_that_ignores_expiry_is_told_of_and_costs_nobody_a_key() {
    let dateless = &stage().dateless;
    let home = Home::at(dateless, "remote-dateless");
    let rotation = json!({"strategy": "Replace", "gracePeriod": "20s"});
    home.token("web", &json!({"role": "reader", "rotation": rotation}));
    home.ready("web");
    let old = home.key("web");
    home.patch(
        "accesstoken",
        "web",
        &json!({"spec": {"rotation": {"trigger": "x"}}}),
    );
    let new = home.new_key("web", &old);
    let note = home.event("web", "ExpiryIgnored");
    assert!(note.contains("deleted at their time"), "{note}");
    accepted(dateless, &old);
    accepted(dateless, &new);
    home.touch_account();
    home.wait(
        "launchdarklyaccount",
        "default",
        "the account to say so",
        |account| {
            let expiry = &account["status"]["features"]["expiry"];
            if expiry == "Unavailable" {
                Ok(())
            } else {
                Err(expiry.to_string())
            }
        },
    );
    home.remote_count(dateless, 1);
    refused(dateless, &old);
    accepted(dateless, &new);
}

#[test]
fn a_clock_that_differs_is_told_of() {
    let home = Home::at(&stage().ahead, "remote-ahead");
    home.token("web", &json!({"role": "reader"}));
    home.ready("web");
    // A clock so far off is believed when an answer of another second confirms it.
    let told = wait::until_ok(PATIENCE, "ClockSkew", || {
        home.touch_account();
        let account = home.get("launchdarklyaccount", "default");
        object::condition(&account, "ClockSkew").ok_or("no such condition")
    });
    let told = told.unwrap();
    assert_eq!(told.reason, "ClockSkew");
    assert!(told.message.contains("synchronise"), "{}", told.message);
}

#[test]
fn a_reset_whose_answer_was_lost_never_resets_again_and_cuts_nobody_off() {
    let rough = stage().rough();
    let home = Home::at(rough, "remote-reset");
    home.token(
        "web",
        &json!({"role": "reader", "rotation": {"gracePeriod": "1m"}}),
    );
    home.ready("web");
    let old = home.key("web");
    // The probe is the account's first reset; the fault is for the second.
    rough.fault(&json!({"method": "POST", "route": "/api/v2/tokens/{id}/reset", "nth": 2, "count": 1, "kind": "drop-after"})).unwrap();
    home.patch(
        "accesstoken",
        "web",
        &json!({"spec": {"rotation": {"trigger": "x"}}}),
    );
    let new = home.new_key("web", &old);
    accepted(rough, &old);
    accepted(rough, &new);
    let token = home.ready("web");
    assert_eq!(token["status"]["history"][0]["cause"], "LostKey");
}

#[test]
fn an_instance_without_expiry_and_with_a_gone_reset_rotates_by_replacement() {
    let old_instance = &stage().old;
    old_instance
        .set_switches(&json!({"profile": "reset-removed"}))
        .unwrap();
    let home = Home::at(old_instance, "remote-old");
    home.token(
        "web",
        &json!({"role": "reader", "rotation": {"gracePeriod": "1m"}}),
    );
    let id = home.ready("web")["status"]["token"]["id"].clone();
    let old = home.key("web");
    home.patch(
        "accesstoken",
        "web",
        &json!({"spec": {"rotation": {"trigger": "x"}}}),
    );
    let new = home.new_key("web", &old);
    assert_ne!(home.ready("web")["status"]["token"]["id"], id);
    let note = home.event("web", "ResetUnavailable");
    assert!(note.contains("replacement"), "{note}");
    accepted(old_instance, &old);
    accepted(old_instance, &new);
}

#[test]
fn a_token_that_somebody_deleted_is_replaced() {
    let calm = &stage().calm;
    let home = Home::at(calm, "remote-gone");
    home.token("web", &json!({"role": "reader"}));
    home.ready("web");
    let old = home.key("web");
    // A young token that is not found may just not show yet: it is waited until it is older than that.
    wait::until_ok(PATIENCE, "the deletion to be noticed", || {
        for token in home.remote(calm) {
            let created = token.more["creationDate"].as_i64().unwrap_or_default();
            let now = i64::try_from(
                std::time::SystemTime::now()
                    .duration_since(std::time::UNIX_EPOCH)
                    .unwrap()
                    .as_millis(),
            )
            .unwrap();
            if now - created > 5_000 && home.key("web") == old {
                calm.delete_token(&token.id)
                    .map_err(|error| format!("{error:?}"))?;
            }
        }
        if home.key("web") == old {
            Err("the previous key is there".to_owned())
        } else {
            Ok(())
        }
    })
    .unwrap();
    let token = home.settled("web");
    assert_eq!(token["status"]["history"][0]["cause"], "TokenMissing");
    accepted(calm, &home.key("web"));
    refused(calm, &old);
}

#[test]
fn a_key_that_somebody_reset_is_replaced() {
    let calm = &stage().calm;
    let home = Home::at(calm, "remote-elsewhere");
    home.token("web", &json!({"role": "reader"}));
    home.ready("web");
    let old = home.key("web");
    let id = home.remote(calm)[0].id.clone();
    calm.patch_token(&id, &json!({"newKey": true})).unwrap();
    let new = home.new_key("web", &old);
    accepted(calm, &new);
    assert_eq!(
        home.ready("web")["status"]["history"][0]["cause"],
        "ResetElsewhere"
    );
}

#[test]
fn drift_is_corrected_or_reported_as_the_policy_says() {
    let calm = &stage().calm;
    let home = Home::at(calm, "remote-drift");
    home.token("fix", &json!({"role": "reader", "driftPolicy": "Correct"}));
    home.token("tell", &json!({"role": "reader", "driftPolicy": "Report"}));
    home.ready("fix");
    home.ready("tell");
    for token in home.remote(calm) {
        calm.patch_token(
            &token.id,
            &json!({"name": format!("{}/renamed", home.namespace)}),
        )
        .unwrap();
    }
    let message = home.reason("tell", "TokenSynced", "Drifted");
    assert!(message.contains("name"), "{message}");
    wait::until_ok(PATIENCE, "the name to be put back", || {
        let names: Vec<_> = home
            .remote(calm)
            .into_iter()
            .map(|token| token.name)
            .collect();
        if names.contains(&"remote-drift/fix".to_owned()) {
            Ok(())
        } else {
            Err(names.join(", "))
        }
    })
    .unwrap();
}
