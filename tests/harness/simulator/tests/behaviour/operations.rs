//! The six operations, and what holds in every profile.

use launchdarkly_simulator::Call;
use serde_json::{Value, json};

use crate::support::*;

fn is_object_id(value: &Value) -> bool {
    let text = value.as_str().unwrap_or_default();
    text.len() == 24
        && text
            .chars()
            .all(|c| c.is_ascii_hexdigit() && !c.is_ascii_uppercase())
}

#[test]
fn a_created_token_is_answered_with_201_its_whole_key_and_every_required_field() {
    let simulator = simulator();
    let answer = create_answer(
        &simulator,
        &json!({ "description": "d", "unknownField": 1 }),
    );
    let token = answer.json();
    assert_eq!(answer.status, 201);
    assert_eq!(answer.find_header("content-type"), Some("application/json"));
    for id in ["_id", "ownerId", "memberId"] {
        assert!(is_object_id(&token[id]), "{id}");
    }
    for time in ["creationDate", "lastModified"] {
        assert!(token[time].is_i64(), "{time}");
    }
    assert_eq!(token["lastUsed"], 0);
    assert_eq!(token["role"], "reader");
    assert_eq!(token["customRoleIds"], json!([]));
    assert_eq!(token["inlineRole"], json!([]));
    assert_eq!(token["defaultApiVersion"], 20_240_415);
    assert_eq!(token["_links"]["self"]["href"], path_of(&token));
    assert!(token.get("unknownField").is_none());
    let key = key_of(&token);
    let uuid = uuid::Uuid::parse_str(key.strip_prefix("api-").unwrap()).unwrap();
    assert_eq!((uuid.get_version_num(), key.len()), (4, 40));
    assert_eq!(key, key.to_lowercase());
}

#[test]
fn a_token_is_a_personal_token_unless_asked_otherwise() {
    let simulator = simulator();
    let token = create(&simulator, &json!({ "serviceToken": null }));
    assert_eq!(token["serviceToken"], false);
}

#[test]
fn reads_show_the_last_four_characters_of_the_key() {
    let simulator = simulator();
    let token = create(&simulator, &json!({}));
    let ending = &key_of(&token)[36..];
    assert_eq!(get(&simulator, &path_of(&token)).json()["token"], ending);
    let list = get(&simulator, "/api/v2/tokens").json();
    assert_eq!(list["items"][1]["token"], ending);
    let patched = patch(
        &simulator,
        &token,
        &json!([{ "op": "replace", "path": "/name", "value": "n" }]),
    );
    assert_eq!(
        (patched.status, &patched.json()["token"]),
        (200, &json!(ending))
    );
}

#[test]
fn a_key_works_until_its_token_is_deleted_and_a_second_delete_finds_nothing() {
    let simulator = simulator();
    let token = create(&simulator, &json!({}));
    assert_eq!(status_of_key(&simulator, &key_of(&token)), 200);
    let path = path_of(&token);
    let delete = || simulator.call(&Call::new("DELETE", &path).with_key(KEY));
    let first = delete();
    assert_eq!((first.status, first.body.len()), (204, 0));
    assert_eq!(status_of_key(&simulator, &key_of(&token)), 401);
    assert_eq!((delete().status, get(&simulator, &path).status), (404, 404));
}

#[test]
fn a_reset_without_expiry_ends_the_previous_key_at_once_and_keeps_the_id() {
    let simulator = simulator();
    let token = create(&simulator, &json!({}));
    let answer = reset(&simulator, &token, "");
    assert_eq!((answer.status, &answer.json()["_id"]), (200, &token["_id"]));
    assert_eq!(key_of(&answer.json()).len(), 40);
    assert_eq!(status_of_key(&simulator, &key_of(&token)), 401);
    assert_eq!(status_of_key(&simulator, &key_of(&answer.json())), 200);
}

#[test]
fn a_reset_with_expiry_keeps_the_previous_key_until_then_and_no_longer() {
    let simulator = simulator();
    let token = create(&simulator, &json!({}));
    let until = simulator.now_ms() + 60_000;
    let new = key_of(&reset(&simulator, &token, &format!("?expiry={until}")).json());
    let old = key_of(&token);
    assert_eq!(
        (
            status_of_key(&simulator, &old),
            status_of_key(&simulator, &new)
        ),
        (200, 200)
    );
    simulator.advance_clock(60_000);
    assert_eq!(
        (
            status_of_key(&simulator, &old),
            status_of_key(&simulator, &new)
        ),
        (401, 200)
    );
}

#[test]
fn an_expired_token_is_refused_and_the_date_header_follows_the_clock() {
    let simulator = simulator();
    let expiry = simulator.now_ms() + 10_000_000;
    let token = create(&simulator, &json!({ "expiry": expiry }));
    assert_eq!(token["expiry"], expiry);
    assert_eq!(status_of_key(&simulator, &key_of(&token)), 200);
    let before = get(&simulator, "/api/v2/versions");
    simulator.advance_clock(10_000_000);
    let after = get(&simulator, "/api/v2/versions");
    assert_eq!(status_of_key(&simulator, &key_of(&token)), 401);
    let date = |answer: &launchdarkly_simulator::Answer| {
        httpdate::parse_http_date(answer.find_header("Date").unwrap()).unwrap()
    };
    let passed = date(&after)
        .duration_since(date(&before))
        .unwrap()
        .as_secs();
    assert!((9_999..=10_010).contains(&passed), "{passed}");
}

#[test]
fn use_sets_last_used_and_changes_set_last_modified() {
    let simulator = simulator();
    let token = create(&simulator, &json!({}));
    let seen = || get(&simulator, &path_of(&token)).json();
    simulator.advance_clock(5_000);
    status_of_key(&simulator, &key_of(&token));
    let used = seen();
    assert!(used["lastUsed"].as_i64() >= Some(token["creationDate"].as_i64().unwrap() + 5_000));
    assert_eq!(used["lastModified"], token["lastModified"]);
    reset(&simulator, &token, "");
    let modified = seen()["lastModified"].as_i64();
    assert!(modified >= Some(token["lastModified"].as_i64().unwrap() + 5_000));
}

#[test]
fn unknown_and_malformed_ids_are_answered_with_404() {
    let simulator = simulator();
    for id in ["000000000000000000000000", "x", "%20"] {
        let answer = get(&simulator, &format!("/api/v2/tokens/{id}"));
        assert_eq!(
            (answer.status, &answer.json()["code"]),
            (404, &json!("not_found")),
            "{id}"
        );
    }
    assert_eq!(get(&simulator, "/api/v2/nothing").status, 404);
    assert_eq!(
        send(&simulator, "PUT", "/api/v2/tokens", &json!({})).status,
        405
    );
}

#[test]
fn missing_wrong_and_bearer_credentials_are_answered_with_401() {
    let simulator = simulator();
    let call = Call::new("GET", "/api/v2/tokens");
    assert_eq!(simulator.call(&call).status, 401);
    assert_eq!(
        simulator
            .call(&call.clone().with_key("api-nonsense"))
            .status,
        401
    );
    let bearer = simulator.call(&call.with_key(&format!("Bearer {KEY}")));
    assert_eq!(
        (bearer.status, &bearer.json()["code"]),
        (401, &json!("invalid_token"))
    );
}

#[test]
fn post_can_stand_for_patch_and_delete() {
    let simulator = simulator();
    let token = create(&simulator, &json!({}));
    let tunnel = |verb: &str, body: &Value| {
        let call = Call::new("POST", &path_of(&token)).with_key(KEY).json(body);
        simulator.call(&call.header("x-http-method-override", verb))
    };
    let patched = tunnel(
        "PATCH",
        &json!([{ "op": "replace", "path": "/name", "value": "n" }]),
    );
    assert_eq!(
        (patched.status, &patched.json()["name"]),
        (200, &json!("n"))
    );
    assert_eq!(tunnel("DELETE", &json!({})).status, 204);
}

#[test]
fn the_list_has_pages_and_tells_the_next_one() {
    let simulator = simulator();
    for number in 0..59 {
        create(&simulator, &json!({ "name": format!("t{number}") }));
    }
    let first = get(&simulator, "/api/v2/tokens").json();
    assert_eq!(first["items"].as_array().unwrap().len(), 25);
    assert_eq!(first["totalCount"], 60);
    let mut next = first["_links"]["next"]["href"].as_str().map(str::to_owned);
    let mut seen = 25;
    while let Some(href) = next {
        let page = get(&simulator, &href).json();
        seen += page["items"].as_array().unwrap().len();
        next = page["_links"]["next"]["href"].as_str().map(str::to_owned);
    }
    assert_eq!(seen, 60);
    let old = Call::new("GET", "/api/v2/tokens")
        .with_key(KEY)
        .header("LD-API-Version", "20220603");
    assert_eq!(
        simulator.call(&old).json()["items"]
            .as_array()
            .unwrap()
            .len(),
        60
    );
    assert_eq!(get(&simulator, "/api/v2/tokens?limit=x").status, 400);
}

#[test]
fn personal_tokens_of_others_show_only_to_administrators_who_ask() {
    let simulator = simulator();
    let personal = create(
        &simulator,
        &json!({ "serviceToken": false, "name": "mine" }),
    );
    let names = |target: &str, key: &str| {
        let answer = simulator
            .call(&Call::new("GET", target).with_key(key))
            .json();
        let items = answer["items"].as_array().unwrap().clone();
        items.iter().any(|token| token["_id"] == personal["_id"])
    };
    let reader = key_of(&create(&simulator, &json!({})));
    assert!(!names("/api/v2/tokens", KEY));
    assert!(names("/api/v2/tokens?showAll=true", KEY));
    let page = get(&simulator, "/api/v2/tokens?showAll=true&limit=1").json();
    assert_eq!(
        page["_links"]["next"]["href"],
        "/api/v2/tokens?showAll=true&limit=1&offset=1"
    );
    assert!(!names("/api/v2/tokens?showAll=true", &reader));
    assert!(names("/api/v2/tokens", &key_of(&personal)));
    let path = path_of(&personal);
    assert_eq!(
        simulator
            .call(&Call::new("GET", &path).with_key(&reader))
            .status,
        404
    );
}

#[test]
fn caller_identity_names_account_and_token() {
    let simulator = simulator();
    let token = create(&simulator, &json!({ "name": "who" }));
    let call = Call::new("GET", "/api/v2/caller-identity").with_key(&key_of(&token));
    let identity = simulator.call(&call).json();
    assert_eq!(identity["accountId"], simulator.account_id());
    assert_eq!(identity["tokenId"], token["_id"]);
    assert_eq!(identity["tokenName"], "who");
    assert_eq!(identity["serviceToken"], true);
}

#[test]
fn roles_are_listed_and_found_by_key_and_by_id() {
    let simulator = simulator();
    let list = get(&simulator, "/api/v2/roles").json();
    assert_eq!(list["totalCount"], 2);
    let first = get(&simulator, "/api/v2/roles?limit=1").json();
    assert_eq!(
        first["_links"]["next"]["href"],
        "/api/v2/roles?limit=1&offset=1"
    );
    let by_key = get(&simulator, "/api/v2/roles/deployer").json();
    let id = by_key["_id"].as_str().unwrap();
    assert_eq!(
        get(&simulator, &format!("/api/v2/roles/{id}")).json(),
        by_key
    );
    assert_eq!(get(&simulator, "/api/v2/roles/nobody").status, 404);
}

#[test]
fn versions_tell_the_version_of_the_call() {
    let simulator = simulator();
    let versions = get(&simulator, "/api/v2/versions").json();
    assert_eq!(versions["currentVersion"], 20_240_415);
    assert_eq!(versions["beta"], false);
    let call = |version: &str| {
        let call = Call::new("GET", "/api/v2/versions").with_key(KEY);
        simulator.call(&call.header("LD-API-Version", version))
    };
    assert_eq!(call("20220603").json()["currentVersion"], 20_220_603);
    assert_eq!(call("beta").json()["beta"], true);
    assert_eq!(call("1").status, 400);
}

#[test]
fn the_audit_log_names_what_was_done_to_which_token() {
    let simulator = simulator();
    let token = create(&simulator, &json!({}));
    reset(&simulator, &token, "");
    simulator.call(&Call::new("DELETE", &path_of(&token)).with_key(KEY));
    let log = get(
        &simulator,
        "/api/v2/auditlog?spec=service-token%2F*&limit=3",
    )
    .json();
    let actions: Vec<_> = log["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["accesses"][0]["action"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(
        actions,
        ["deleteAccessToken", "resetAccessToken", "createAccessToken"]
    );
    let specifier = format!("service-token/{}", token["_id"].as_str().unwrap());
    assert_eq!(log["items"][0]["accesses"][0]["resource"], specifier);
    assert_eq!(log["items"][0]["token"]["name"], "managing token");
    assert_eq!(get(&simulator, "/api/v2/auditlog?limit=21").status, 400);
    let none = get(&simulator, "/api/v2/auditlog?q=nobody").json();
    assert_eq!(none["items"], json!([]));
}

#[test]
fn the_same_seed_gives_the_same_ids_and_keys() {
    let token = || create(&simulator(), &json!({}));
    let (one, other) = (token(), token());
    assert_eq!(
        (&one["_id"], &one["token"]),
        (&other["_id"], &other["token"])
    );
}

#[test]
fn debug_output_never_shows_a_key() {
    let simulator = simulator();
    let token = create_answer(&simulator, &json!({}));
    let call = Call::new("GET", "/").with_key(KEY);
    let shown = format!("{simulator:?} {token:?} {call:?} {:?}", simulator.tokens());
    assert!(!shown.contains("api-0"), "a key shows");
    assert!(!shown.contains(&key_of(&token.json())), "a key shows");
}
