//! Who may do what, and how a refusal names what is missing.

use launchdarkly_simulator::{Answer, Call, Simulator};
use serde_json::{Value, json};

use crate::support::*;

/// The key of a new service token with this inline role.
fn key_with(simulator: &Simulator, statements: &Value) -> String {
    key_of(&create(
        simulator,
        &json!({ "role": null, "inlineRole": statements }),
    ))
}

/// The answers to creating, renaming, describing, expiring, resetting and deleting a token.
fn attempts(simulator: &Simulator, key: &str, service: bool) -> Vec<(&'static str, Answer)> {
    let target = create(simulator, &json!({ "serviceToken": service }));
    let path = path_of(&target);
    let new = json!({ "name": "n", "serviceToken": service, "role": "reader" });
    let expiry = simulator.now_ms() + 60_000;
    let set = |member: &str, value: Value| {
        let operation = json!([{ "op": "add", "path": format!("/{member}"), "value": value }]);
        send_as(simulator, key, "PATCH", &path, &operation)
    };
    vec![
        (
            "createAccessToken",
            send_as(simulator, key, "POST", "/api/v2/tokens", &new),
        ),
        ("updateAccessTokenName", set("name", json!("other"))),
        (
            "updateAccessTokenDescription",
            set("description", json!("d")),
        ),
        ("updateAccessTokenExpiry", set("expiry", json!(expiry))),
        (
            "resetAccessToken",
            send_as(simulator, key, "POST", &format!("{path}/reset"), &json!({})),
        ),
        (
            "deleteAccessToken",
            simulator.call(&Call::new("DELETE", &path).with_key(key)),
        ),
    ]
}

fn refused(attempts: &[(&'static str, Answer)]) -> Vec<&'static str> {
    let refused = attempts.iter().filter(|(_, answer)| answer.status == 403);
    refused.map(|(action, _)| *action).collect()
}

#[test]
fn a_reader_lists_and_reads_and_is_refused_the_rest_with_action_and_resource() {
    let simulator = simulator();
    let reader = create(&simulator, &json!({}));
    let key = key_of(&reader);
    for target in ["/api/v2/tokens".to_owned(), path_of(&reader)] {
        assert_eq!(
            simulator
                .call(&Call::new("GET", &target).with_key(&key))
                .status,
            200
        );
    }
    for (action, answer) in attempts(&simulator, &key, true) {
        let body = answer.json();
        assert_eq!(
            (answer.status, &body["code"]),
            (403, &json!("forbidden")),
            "{action}"
        );
        assert_eq!(
            body["message"],
            "Access to the requested resource was denied"
        );
        assert_eq!(body["reason"]["effect"], "deny");
        assert_eq!(body["access"]["action"], action);
        assert!(
            body["access"]["resource"]
                .as_str()
                .unwrap()
                .starts_with("service-token/")
        );
    }
}

#[test]
fn of_the_base_roles_only_administrators_manage_tokens() {
    let simulator = simulator();
    let admin = key_of(&create(&simulator, &json!({ "role": "admin" })));
    let writer = key_of(&create(&simulator, &json!({ "role": "writer" })));
    assert!(refused(&attempts(&simulator, &admin, true)).is_empty());
    assert_eq!(refused(&attempts(&simulator, &writer, true)).len(), 6);
}

#[test]
fn a_service_token_creates_no_personal_tokens_and_a_personal_token_creates_both() {
    let simulator = simulator();
    let admin = key_of(&create(&simulator, &json!({ "role": "admin" })));
    let made = attempts(&simulator, &admin, false);
    assert_eq!(refused(&made), ["createAccessToken"]);
    let body = made[0].1.json();
    assert_eq!(
        (&body["code"], &body["message"]),
        (
            &json!("forbidden"),
            &json!("Service tokens cannot create personal tokens")
        )
    );
    let personal = personal_key(&simulator);
    for service in [true, false] {
        assert!(refused(&attempts(&simulator, &personal, service)).is_empty());
    }
}

#[test]
fn an_inline_role_permits_what_its_globs_name() {
    let simulator = simulator();
    let smallest = json!([{
        "effect": "allow",
        "resources": ["service-token/*"],
        "actions": ["createAccessToken", "deleteAccessToken", "updateAccessToken*"],
    }]);
    let key = key_with(&simulator, &smallest);
    assert_eq!(
        refused(&attempts(&simulator, &key, true)),
        ["resetAccessToken"]
    );
    let everything_else = json!([{
        "effect": "allow", "resources": null, "notResources": ["member/*:token/*"], "notActions": ["delete*"],
    }]);
    let key = key_with(&simulator, &everything_else);
    assert_eq!(
        refused(&attempts(&simulator, &key, true)),
        ["deleteAccessToken"]
    );
}

#[test]
fn deny_beats_allow_and_the_refusal_names_the_statement() {
    let simulator = simulator();
    let key = key_with(
        &simulator,
        &json!([
            { "effect": "allow", "resources": ["service-token/*"], "actions": ["*"] },
            { "effect": "deny", "resources": ["service-token/*"], "actions": ["deleteAccessToken"] },
        ]),
    );
    let attempts = attempts(&simulator, &key, true);
    assert_eq!(refused(&attempts), ["deleteAccessToken"]);
    let reason = attempts.last().unwrap().1.json()["reason"].clone();
    assert_eq!(reason["actions"], json!(["deleteAccessToken"]));
    assert_eq!(reason["effect"], "deny");
}

#[test]
fn several_custom_roles_add_up_and_follow_their_edits() {
    let simulator = simulator();
    let policy = |action: &str| {
        json!([{
            "effect": "allow", "resources": ["service-token/*"], "actions": [action],
        }])
    };
    for (key, action) in [
        ("maker", "createAccessToken"),
        ("ender", "deleteAccessToken"),
    ] {
        let role = serde_json::from_value(json!({ "key": key, "policy": policy(action) })).unwrap();
        simulator.world().add_role(role);
    }
    let over = json!({ "role": null, "customRoleIds": ["maker", "ender"] });
    let key = key_of(&create(&simulator, &over));
    assert_eq!(refused(&attempts(&simulator, &key, true)).len(), 4);
    for role in &mut simulator.world().roles {
        role.policy = serde_json::from_value(policy("*")).unwrap();
    }
    assert!(refused(&attempts(&simulator, &key, true)).is_empty());
}

#[test]
fn a_token_never_does_more_than_its_creator_could() {
    let simulator = simulator();
    let maker = key_with(
        &simulator,
        &json!([{
            "effect": "allow", "resources": ["service-token/*"], "actions": ["createAccessToken"],
        }]),
    );
    let body = json!({ "serviceToken": true, "role": "admin" });
    let made = send_as(&simulator, &maker, "POST", "/api/v2/tokens", &body);
    assert_eq!((made.status, &made.json()["role"]), (201, &json!("admin")));
    let refused = refused(&attempts(&simulator, &key_of(&made.json()), true)).len();
    assert_eq!(refused, 5);
}

#[test]
fn a_personal_token_never_does_more_than_its_member() {
    let simulator = simulator();
    let token = create(
        &simulator,
        &json!({ "serviceToken": false, "role": "admin" }),
    );
    let key = key_of(&token);
    assert!(refused(&attempts(&simulator, &key, true)).is_empty());
    for member in &mut simulator.world().members {
        member.role = launchdarkly_simulator::BaseRole::Reader;
    }
    assert_eq!(refused(&attempts(&simulator, &key, true)).len(), 6);
}

#[test]
fn a_token_may_act_on_itself() {
    let simulator = simulator();
    let own = create(&simulator, &json!({ "role": "admin" }));
    let key = key_of(&own);
    let new = send_as(
        &simulator,
        &key,
        "POST",
        &format!("{}/reset", path_of(&own)),
        &json!({}),
    );
    assert_eq!((new.status, status_of_key(&simulator, &key)), (200, 401));
    let call = Call::new("DELETE", &path_of(&own)).with_key(&key_of(&new.json()));
    assert_eq!(
        (simulator.call(&call).status, simulator.call(&call).status),
        (204, 401)
    );
}

#[test]
fn a_body_that_is_not_declared_to_be_json_is_refused() {
    let simulator = simulator();
    let mut call = Call::new("POST", "/api/v2/tokens").with_key(KEY);
    call.body = br#"{"role":"reader","serviceToken":true}"#.to_vec();
    assert_eq!(simulator.call(&call).status, 400);
    let broken = call.header("Content-Type", "application/json; charset=utf-8");
    assert_eq!(simulator.call(&broken).status, 201);
    let mut torn = broken;
    torn.body.pop();
    assert_eq!(simulator.call(&torn).status, 400);
}
