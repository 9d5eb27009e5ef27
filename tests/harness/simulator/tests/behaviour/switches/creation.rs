//! Creation, its limits, and refusals.

use launchdarkly_simulator::{Answer, Call, Simulator};
use serde_json::{Value, json};

use super::{Case, one_operation, profile};
use crate::support::*;

fn not_found(simulator: &Simulator) -> Value {
    get(simulator, "/api/v2/tokens/nothing").json()
}

fn unauthorized(simulator: &Simulator) -> Answer {
    let answer = simulator.call(&Call::new("GET", "/api/v2/tokens"));
    assert_eq!(answer.status, 401);
    answer
}

fn above_limit(simulator: &Simulator) -> (u16, Value) {
    simulator.set_switches(&json!({ "tokenLimit": 1 })).unwrap();
    assert_eq!(
        create_answer(simulator, &json!({ "serviceToken": false })).status,
        201
    );
    let answer = create_answer(simulator, &json!({}));
    (answer.status, answer.json()["code"].clone())
}

fn twins(simulator: &Simulator) -> u16 {
    create(simulator, &json!({}));
    create_answer(simulator, &json!({})).status
}

fn long_description(simulator: &Simulator) -> Answer {
    simulator
        .set_switches(&json!({ "description.maxLength": 5 }))
        .unwrap();
    create_answer(simulator, &json!({ "description": "too long" }))
}

fn identity(simulator: &Simulator, key: &str) -> Value {
    let call = Call::new("GET", "/api/v2/caller-identity").with_key(key);
    simulator.call(&call).json()
}

/// The cases, each with a switch and its value.
pub const CASES: &[Case] = &[
    ("profile", "2026-10", |s| {
        assert_eq!(profile(s), (true, true, 200));
    }),
    ("profile", "2024", |s| {
        assert_eq!(profile(s), (false, false, 200));
        let operation = json!({ "op": "replace", "path": "/expiry", "value": 5 });
        assert_eq!(one_operation(s, &operation).status, 200);
    }),
    ("profile", "reset-removed", |s| {
        assert_eq!(profile(s), (true, true, 404));
    }),
    ("error.id", "present", |s| {
        assert!(not_found(s)["id"].is_string());
        assert!(unauthorized(s).json().get("id").is_none());
    }),
    ("error.id", "absent", |s| {
        assert!(not_found(s).get("id").is_none());
    }),
    ("401.body", "Invalid account ID header", |s| {
        let expected = json!({ "code": "unauthorized", "message": "Invalid account ID header" });
        assert_eq!(unauthorized(s).json(), expected);
    }),
    ("401.body", "Invalid access token", |s| {
        assert_eq!(unauthorized(s).json()["message"], "Invalid access token");
    }),
    ("401.body", "Invalid key", |s| {
        let dead = s.call(&Call::new("GET", "/api/v2/tokens").with_key("api-none"));
        assert_eq!(dead.json()["message"], "Invalid key");
        let bare = s.call(&Call::new("GET", "/api/v2/tokens"));
        assert_eq!(bare.json()["message"], "Invalid account ID header");
    }),
    ("error.code", "present", |s| {
        assert_eq!(not_found(s)["code"], "not_found");
    }),
    ("error.code", "absent", |s| {
        let body = not_found(s);
        assert!(body.get("code").is_none() && body["message"].is_string());
    }),
    ("callerIdentity.tokenId", "always", |s| {
        assert_eq!(identity(s, KEY)["tokenId"], s.tokens()[0].id.as_str());
    }),
    ("callerIdentity.tokenId", "personal-only", |s| {
        let service = identity(s, KEY);
        assert!(service.get("tokenId").is_none() && service.get("memberId").is_none());
        assert_eq!(service["accountId"], s.account_id());
        assert!(identity(s, &personal_key(s))["tokenId"].is_string());
    }),
    ("401.body", "empty", |s| {
        assert!(unauthorized(s).body.is_empty());
    }),
    ("tokenLimit", "number", |s| {
        s.set_switches(&json!({ "tokenLimit": 3 })).unwrap();
        let statuses: Vec<_> = (0..3)
            .map(|_| create_answer(s, &json!({})).status)
            .collect();
        assert_eq!(statuses, [201, 201, 403]);
    }),
    ("tokenLimit.status", "403", |s| {
        assert_eq!(above_limit(s), (403, json!("forbidden")));
    }),
    ("tokenLimit.status", "400", |s| {
        assert_eq!(above_limit(s), (400, json!("invalid_request")));
    }),
    ("tokenLimit.status", "409", |s| {
        assert_eq!(above_limit(s), (409, json!("optimistic_locking_error")));
    }),
    ("nameUnique", "false", |s| assert_eq!(twins(s), 201)),
    ("nameUnique", "true", |s| assert_eq!(twins(s), 409)),
    ("description.maxLength", "number", |s| {
        assert_eq!(long_description(s).json()["description"], "too l");
        s.set_switches(&json!({ "description.maxLength": 0 }))
            .unwrap();
        let token = create(s, &json!({ "description": "x".repeat(5_000) }));
        assert_eq!(token["description"].as_str().unwrap().len(), 5_000);
    }),
    ("description.tooLong", "truncate", |s| {
        assert_eq!(long_description(s).status, 201);
    }),
    ("description.tooLong", "400", |s| {
        assert_eq!(long_description(s).status, 400);
    }),
];
