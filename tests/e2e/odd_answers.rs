//! Answers that are neither a refusal nor what was asked for: about new keys, patches and resets.

use rig::{ControlPlane, ControlPlaneOptions, Operator, SimulatorProcess, object};
use serde_json::{Value, json};

use crate::stage::{Home, PATIENCE, accepted, patient, stage};

/// Every question about a key but the managing one is answered so.
fn new_keys_meet(simulator: &SimulatorProcess, status: u16) {
    let managing = simulator.managing_key();
    let tokens = simulator.tokens().unwrap();
    let token = tokens
        .iter()
        .find(|token| token.keys.iter().any(|key| key.value == managing));
    let fault = json!({
        "method": "GET", "route": "/api/v2/caller-identity", "count": 0, "exceptCaller": token.unwrap().id,
        "kind": "status", "status": status,
    });
    simulator.fault(&fault).unwrap();
}

#[test]
fn a_new_key_that_stays_refused_is_never_published() {
    let rough = stage().rough();
    let home = Home::at(rough, "odd-refused");
    new_keys_meet(rough, 401);
    home.token("web", &json!({"role": "reader"}));
    let message = home.reason("web", "Ready", "Recovering");
    assert!(message.contains("does not accept the new key"), "{message}");
    let since = rough.history(0).unwrap().len();
    home.wait("accesstoken", "web", "another token's turn", |_| {
        let history = rough.history(0).map_err(|error| format!("{error:?}"))?;
        let new = &history[since..];
        if new
            .iter()
            .any(|event| event.to_string().contains("deleted"))
        {
            Ok(())
        } else {
            Err(format!("{} events", new.len()))
        }
    });
    let published = stage().plane.get("secret", "odd-refused", "web");
    assert!(published.is_err(), "there is a Secret");
    rough.clear_faults().unwrap();
    home.try_again_until_ready("web");
    accepted(rough, &home.key("web"));
    home.remote_count(rough, 1);
}

#[test]
fn a_key_that_nobody_can_prove_is_published_and_said_to_be_unproven() {
    let rough = stage().rough();
    let home = Home::at(rough, "odd-unproven");
    new_keys_meet(rough, 503);
    home.token("web", &json!({"role": "reader"}));
    home.reason("web", "Ready", "Unproven");
    object::ready(&home.get("accesstoken", "web")).unwrap();
    rough.clear_faults().unwrap();
    accepted(rough, &home.key("web"));
    home.patch(
        "accesstoken",
        "web",
        &json!({"spec": {"description": "looked at again"}}),
    );
    home.reason("web", "Ready", "Available");
    home.remote_count(rough, 1);
}

#[test]
fn a_patch_that_no_longer_fits_is_made_anew() {
    let rough = stage().rough();
    let home = Home::at(rough, "odd-patch");
    home.token("web", &json!({"role": "reader"}));
    home.ready("web");
    let key = home.key("web");
    let body = json!({"code": "patch_failed", "message": "test failed"});
    rough
        .fault(&json!({"method": "PATCH", "route": "/api/v2/tokens/{id}", "count": 0, "kind": "status", "status": 422, "body": body}))
        .unwrap();
    home.patch(
        "accesstoken",
        "web",
        &json!({"spec": {"description": "new"}}),
    );
    let message = home.reason("web", "TokenSynced", "RequestRejected");
    assert!(message.contains("could not apply the patch"), "{message}");
    rough.clear_faults().unwrap();
    home.ready("web");
    assert!(home.remote(rough)[0].description.starts_with("new ["));
    assert_eq!(home.key("web"), key);
}

#[test]
fn a_patch_that_was_accepted_but_not_applied_is_named_and_not_tried_twice() {
    let rough = stage().rough();
    let home = Home::at(rough, "odd-ignored");
    home.token("web", &json!({"role": "reader"}));
    home.ready("web");
    let id = home.remote(rough)[0].id.clone();
    let tokens = rough.admin("GET", "/tokens", &Value::Null).unwrap();
    let as_it_was = tokens["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|token| token["_id"] == *id);
    let mut as_it_was = as_it_was.unwrap().clone();
    as_it_was.as_object_mut().unwrap().remove("keys");
    rough
        .fault(&json!({"method": "PATCH", "route": "/api/v2/tokens/{id}", "count": 0, "kind": "status", "status": 200, "body": as_it_was}))
        .unwrap();
    home.patch("accesstoken", "web", &json!({"spec": {"name": "other"}}));
    let message = home.reason("web", "Stalled", "NotApplied");
    assert!(message.contains("name"), "{message}");
    accepted(rough, &home.key("web"));
}

#[test]
fn an_instance_whose_resets_cut_the_previous_key_is_told_of() {
    // Not the rough one: what is found out about an instance holds for a day.
    let broken = &stage().broken;
    let home = Home::at(broken, "odd-overlap");
    home.token(
        "web",
        &json!({"role": "reader", "rotation": {"gracePeriod": "1m"}}),
    );
    let id = home.ready("web")["status"]["token"]["id"].clone();
    // Asked with the new key first, then with the previous one.
    broken
        .fault(&json!({"method": "GET", "route": "/api/v2/caller-identity", "caller": id, "nth": 2, "kind": "status", "status": 401}))
        .unwrap();
    let old = home.key("web");
    home.patch(
        "accesstoken",
        "web",
        &json!({"spec": {"rotation": {"trigger": "x"}}}),
    );
    let new = home.new_key("web", &old);
    let note = home.event("web", "OverlapBroken");
    assert!(note.contains("Restart consumers"), "{note}");
    accepted(broken, &new);
}

/// The operator as shipped may read every Secret: on a control plane of its own it is forbidden.
#[test]
fn a_credential_that_may_not_be_read_is_named() {
    let calm = &stage().calm;
    let plane = ControlPlane::start(ControlPlaneOptions::default()).unwrap();
    rig::install::install(&plane).unwrap();
    let name = "launchdarkly-token-operator";
    let mut role = plane.get("clusterrole", "", name).unwrap();
    for rule in role["rules"].as_array_mut().unwrap() {
        if rule["resources"] == json!(["secrets"]) {
            rule["verbs"] = json!(["list", "watch", "create", "patch", "delete"]);
        }
    }
    plane
        .kubectl_with_input(&["replace", "-f", "-"], &role.to_string())
        .unwrap();
    let mut operator = Operator::start(&plane, &patient().allowing(calm.host())).unwrap();
    operator.await_ready(PATIENCE).unwrap();
    let home = Home::on(&plane, "odd-forbidden");
    home.credential(calm.managing_key());
    home.account(&json!({"apiUrl": calm.url(), "credentialsSecretRef": {"name": "managing-key"}}));
    let message = home.reason_of(
        "launchdarklyaccount",
        "default",
        "Stalled",
        "SecretAccessDenied",
    );
    assert!(message.contains("grant it get"), "{message}");
}

#[test]
fn a_token_that_somebody_let_expire_is_replaced() {
    let rough = stage().rough();
    let home = Home::at(rough, "odd-expired");
    rough
        .set_switches(&json!({"expiredToken": "gone"}))
        .unwrap();
    home.token("web", &json!({"role": "reader"}));
    home.ready("web");
    let old = home.key("web");
    let token = &home.remote(rough)[0];
    let created = token.more["creationDate"].as_i64().unwrap();
    // Older than the settle time by then: what is younger might just not show yet.
    rough
        .patch_token(&token.id, &json!({"expiry": created + 6_000}))
        .unwrap();
    let new = home.new_key("web", &old);
    accepted(rough, &new);
    // As soon as it is seen, or when it is gone already.
    let cause = home.ready("web")["status"]["history"][0]["cause"].clone();
    assert!(cause == "Expiring" || cause == "TokenMissing", "{cause}");
    rough
        .set_switches(&json!({"expiredToken": "listed"}))
        .unwrap();
}

#[test]
fn where_descriptions_are_cut_the_users_part_is_shortened_and_never_the_marker() {
    let terse = &stage().terse;
    let home = Home::at(terse, "odd-terse");
    let long = "Deploys flags from CI. ".repeat(8);
    home.token(
        "web",
        &json!({"role": "reader", "description": long.trim()}),
    );
    home.wait("accesstoken", "web", "a token with its marker", |object| {
        object::ready(object)?;
        let shown = home.remote(terse);
        let description = shown.first().map(|token| token.description.clone());
        match description {
            Some(text) if text.ends_with(']') && text.starts_with("Deploys flags") => Ok(()),
            other => Err(format!("{other:?}")),
        }
    });
    home.reason("web", "TokenSynced", "Synced");
}
