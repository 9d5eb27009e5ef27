//! Patches, expiries and resets.

use launchdarkly_simulator::{Call, Simulator};
use serde_json::json;

use super::{Case, one_operation, profile};
use crate::support::*;

fn cleared_expiry(simulator: &Simulator) -> Vec<u16> {
    let expiry = simulator.now_ms() + 60_000;
    let mut statuses = Vec::new();
    for operation in [
        json!({ "op": "remove", "path": "/expiry" }),
        json!({ "op": "replace", "path": "/expiry", "value": null }),
        json!({ "op": "replace", "path": "/expiry", "value": 0 }),
    ] {
        let token = create(simulator, &json!({ "expiry": expiry }));
        let answer = patch(simulator, &token, &json!([operation]));
        assert!(answer.status != 200 || answer.json().get("expiry").is_none());
        statuses.push(answer.status);
    }
    statuses
}

fn eleven_years(simulator: &Simulator) -> u16 {
    let expiry = simulator.now_ms() + 11 * 366 * 86_400_000;
    create_answer(simulator, &json!({ "expiry": expiry })).status
}

/// Whether an expired token is found, is listed, and counts against a limit of two.
fn expired(simulator: &Simulator) -> (u16, bool, u16) {
    simulator.set_switches(&json!({ "tokenLimit": 2 })).unwrap();
    let token = create(simulator, &json!({ "expiry": simulator.now_ms() + 60_000 }));
    simulator.advance_clock(60_000);
    let found = get(simulator, &path_of(&token)).status;
    let list = get(simulator, "/api/v2/tokens").json();
    (
        found,
        list["totalCount"] == 2,
        create_answer(simulator, &json!({})).status,
    )
}

fn form_reset(simulator: &Simulator) -> u16 {
    let token = create(simulator, &json!({}));
    let call = Call::new("POST", &format!("{}/reset", path_of(&token))).with_key(KEY);
    let form = call.header("Content-Type", "application/x-www-form-urlencoded");
    assert_eq!(reset(simulator, &token, "").status, 200);
    simulator.call(&form).status
}

/// For how many seconds the previous key lives on when the query says 100 and the body 200.
fn overlap(simulator: &Simulator, query: bool, body: bool) -> i64 {
    let token = create(simulator, &json!({}));
    let now = simulator.now_ms();
    let query = if query {
        format!("?expiry={}", now + 100_000)
    } else {
        String::new()
    };
    let body = if body {
        json!({ "expiry": now + 200_000 })
    } else {
        json!({})
    };
    send(
        simulator,
        "POST",
        &format!("{}/reset{query}", path_of(&token)),
        &body,
    );
    let old = simulator.tokens().pop().unwrap().keys[0].clone();
    old.expiry.map_or(0, |expiry| (expiry - now) / 1000)
}

/// Which of three keys work after two resets with overlap.
fn after_two_resets(simulator: &Simulator) -> Vec<u16> {
    let token = create(simulator, &json!({}));
    let query = format!("?expiry={}", simulator.now_ms() + 60_000);
    let second = reset(simulator, &token, &query).json();
    let third = reset(simulator, &token, &query).json();
    let keys = [token, second, third].map(|token| key_of(&token));
    keys.iter()
        .map(|key| status_of_key(simulator, key))
        .collect()
}

/// The cases, each with a switch and its value.
pub const CASES: &[Case] = &[
    ("patch.removeMissing", "422", |s| {
        assert_eq!(
            one_operation(s, &json!({ "op": "remove", "path": "/inlineRole" })).status,
            422
        );
    }),
    ("patch.removeMissing", "accept", |s| {
        assert_eq!(
            one_operation(s, &json!({ "op": "remove", "path": "/inlineRole" })).status,
            200
        );
    }),
    ("patch.unknownPath", "ignore", |s| {
        assert_eq!(
            one_operation(s, &json!({ "op": "add", "path": "/x", "value": 1 })).status,
            200
        );
    }),
    ("patch.unknownPath", "422", |s| {
        assert_eq!(
            one_operation(s, &json!({ "op": "add", "path": "/x", "value": 1 })).status,
            422
        );
    }),
    ("patch.testFail", "422", |s| {
        let operation = json!({ "op": "test", "path": "/name", "value": "other" });
        assert_eq!(one_operation(s, &operation).json()["code"], "patch_failed");
    }),
    ("patch.testFail", "409", |s| {
        let operation = json!({ "op": "test", "path": "/name", "value": "other" });
        assert_eq!(
            one_operation(s, &operation).json()["code"],
            "optimistic_locking_error"
        );
    }),
    ("expiry.clear", "400", |s| {
        assert_eq!(cleared_expiry(s), [400, 400, 400]);
    }),
    ("expiry.clear", "allow", |s| {
        assert_eq!(cleared_expiry(s), [200, 200, 200]);
    }),
    ("expiry.max", "ten-years", |s| {
        assert_eq!(eleven_years(s), 400);
    }),
    ("expiry.max", "none", |s| assert_eq!(eleven_years(s), 201)),
    ("expiredToken", "listed", |s| {
        assert_eq!(expired(s), (200, true, 403));
    }),
    ("expiredToken", "gone", |s| {
        assert_eq!(expired(s), (404, false, 201));
    }),
    ("reset.contentType", "lenient", |s| {
        assert_eq!(form_reset(s), 200);
    }),
    ("reset.contentType", "400", |s| {
        assert_eq!(form_reset(s), 400);
    }),
    ("reset.contentType", "415", |s| {
        assert_eq!(form_reset(s), 415);
    }),
    ("reset.expirySource", "query", |s| {
        assert_eq!((overlap(s, true, true), overlap(s, false, true)), (100, 0));
    }),
    ("reset.expirySource", "body", |s| {
        assert_eq!((overlap(s, true, true), overlap(s, true, false)), (200, 0));
    }),
    ("reset.expirySource", "either", |s| {
        assert_eq!(
            (overlap(s, true, true), overlap(s, false, true)),
            (100, 200)
        );
    }),
    ("reset.previousKeys", "one", |s| {
        assert_eq!(after_two_resets(s), [401, 200, 200]);
    }),
    ("reset.previousKeys", "many", |s| {
        assert_eq!(after_two_resets(s), [200, 200, 200]);
    }),
    ("reset.removedStatus", "404", |s| {
        s.set_switches(&json!({ "profile": "reset-removed" }))
            .unwrap();
        assert_eq!(profile(s).2, 404);
    }),
    ("reset.removedStatus", "410", |s| {
        s.set_switches(&json!({ "profile": "reset-removed" }))
            .unwrap();
        assert_eq!(profile(s).2, 410);
    }),
];
