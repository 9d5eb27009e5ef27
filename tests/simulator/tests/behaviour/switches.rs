//! Every value of every switch has a case here that shows its effect. A value without one fails.

use std::collections::BTreeSet;

use launchdarkly_simulator::{Answer, Call, Simulator, Switches};
use serde_json::{Value, json};

use crate::support::*;

type Case = (&'static str, &'static str, fn(&Simulator));

/// The statement of most cases.
fn statement() -> Value {
    json!({ "effect": "allow", "resources": ["proj/b", "proj/a"], "actions": ["z", "a"] })
}

fn role_id(simulator: &Simulator, key: &str) -> Value {
    get(simulator, &format!("/api/v2/roles/{key}")).json()["_id"].clone()
}

fn created_with_roles(simulator: &Simulator, names: &Value) -> u16 {
    create_answer(simulator, &json!({ "role": null, "customRoleIds": names })).status
}

fn personal(simulator: &Simulator) -> Value {
    create(simulator, &json!({ "serviceToken": false }))
}

fn patched_with_roles(simulator: &Simulator, names: &Value) -> u16 {
    let token = personal(simulator);
    let operations = json!([
        { "op": "remove", "path": "/role" },
        { "op": "replace", "path": "/customRoleIds", "value": names },
    ]);
    patch(simulator, &token, &operations).status
}

fn both_kinds(simulator: &Simulator) -> Answer {
    create_answer(
        simulator,
        &json!({ "role": "writer", "inlineRole": [statement()] }),
    )
}

fn no_kind(simulator: &Simulator) -> Answer {
    create_answer(simulator, &json!({ "role": null }))
}

fn service_policy_patch(simulator: &Simulator) -> Answer {
    let token = create(simulator, &json!({}));
    let operations = json!([
        { "op": "replace", "path": "/name", "value": "renamed" },
        { "op": "replace", "path": "/role", "value": "admin" },
    ]);
    patch(simulator, &token, &operations)
}

/// A writer creates an administrator.
fn above_creator(simulator: &Simulator) -> Answer {
    let writer = key_of(&create(simulator, &json!({ "role": "writer" })));
    let body = json!({ "serviceToken": true, "role": "admin" });
    send_as(simulator, &writer, "POST", "/api/v2/tokens", &body)
}

fn one_operation(simulator: &Simulator, operation: Value) -> Answer {
    let token = personal(simulator);
    patch(simulator, &token, &json!([operation]))
}

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
    let token = create(simulator, &json!({ "expiry": simulator.now_ms() + 1_000 }));
    simulator.advance_clock(1_000);
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

/// For how many seconds the old key lives on when the query says 100 and the body 200.
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

fn id_after_reset(simulator: &Simulator) -> (bool, u16) {
    let token = create(simulator, &json!({}));
    let answer = reset(simulator, &token, "").json();
    (
        answer["_id"] == token["_id"],
        get(simulator, &path_of(&token)).status,
    )
}

fn page_of(simulator: &Simulator, limit: usize) -> Answer {
    for _ in simulator.tokens().len()..150 {
        create(simulator, &json!({}));
    }
    get(simulator, &format!("/api/v2/tokens?limit={limit}"))
}

fn items(answer: &Answer) -> Vec<Value> {
    answer.json()["items"]
        .as_array()
        .cloned()
        .unwrap_or_default()
}

/// The positions of the creation order as three listings show them.
fn orders(simulator: &Simulator) -> Vec<Vec<Value>> {
    for _ in 0..20 {
        create(simulator, &json!({}));
    }
    let order = |_| {
        let shown = items(&get(simulator, "/api/v2/tokens?limit=50"));
        shown.iter().map(|token| token["_id"].clone()).collect()
    };
    (0..3).map(order).collect()
}

fn creation_order(simulator: &Simulator) -> Vec<Value> {
    simulator
        .tokens()
        .into_iter()
        .map(|token| Value::from(token.id))
        .collect()
}

/// Whether the list and the read of one token show a new token, before and after the lag; and
/// whether a deleted one still shows.
fn lag(simulator: &Simulator) -> [(bool, bool); 3] {
    simulator
        .set_switches(&json!({ "list.lag": 60_000 }))
        .unwrap();
    let token = create(simulator, &json!({}));
    let seen = || {
        let list = items(&get(simulator, "/api/v2/tokens"));
        let listed = list.iter().any(|other| other["_id"] == token["_id"]);
        (listed, get(simulator, &path_of(&token)).status == 200)
    };
    let fresh = seen();
    simulator.advance_clock(60_000);
    let settled = seen();
    let gone = simulator.call(&Call::new("DELETE", &path_of(&token)).with_key(KEY));
    assert_eq!(gone.status, 204);
    [fresh, settled, seen()]
}

fn second_page(simulator: &Simulator) -> Value {
    for _ in 0..9 {
        create(simulator, &json!({}));
    }
    get(simulator, "/api/v2/tokens?limit=3&offset=3").json()
}

/// `customRoleIds` and `inlineRole` of a token with a base role.
fn empties(simulator: &Simulator) -> (Option<Value>, Option<Value>) {
    let token = create(simulator, &json!({}));
    (
        token.get("customRoleIds").cloned(),
        token.get("inlineRole").cloned(),
    )
}

/// The actions of an inline role at several reads.
fn inline_reads(simulator: &Simulator) -> Vec<Value> {
    let actions = ["z", "b", "y", "a", "x", "c"];
    let role = json!([{ "effect": "allow", "resources": ["proj/*"], "actions": actions }]);
    let token = create(simulator, &json!({ "role": null, "inlineRole": role }));
    (0..10)
        .map(|_| get(simulator, &path_of(&token)).json()["inlineRole"][0]["actions"].clone())
        .collect()
}

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

fn limited(simulator: &Simulator, family: &str) -> Vec<u16> {
    simulator.set_switches(&json!({ family: 2 })).unwrap();
    (0..3)
        .map(|_| get(simulator, "/api/v2/versions").status)
        .collect()
}

fn has_header(simulator: &Simulator, name: &str) -> bool {
    let sizes = json!({ "rateLimits.global": 9, "rateLimits.route": 9, "rateLimits.token": 9 });
    simulator.set_switches(&sizes).unwrap();
    get(simulator, "/api/v2/versions")
        .find_header(name)
        .is_some()
}

fn retry_after(simulator: &Simulator) -> bool {
    simulator
        .set_switches(&json!({ "rateLimits.global": 1 }))
        .unwrap();
    get(simulator, "/api/v2/versions");
    get(simulator, "/api/v2/versions")
        .find_header("Retry-After")
        .is_some()
}

/// `expiry` of a new token, the limit header, and the status of a reset.
fn profile(simulator: &Simulator) -> (bool, bool, u16) {
    let token = create(simulator, &json!({ "expiry": simulator.now_ms() + 60_000 }));
    let limits = has_header(simulator, "X-Ratelimit-Global-Limit");
    (
        token.get("expiry").is_some(),
        limits,
        reset(simulator, &token, "").status,
    )
}

const CASES: &[Case] = &[
    ("profile", "2026-10", |s| {
        assert_eq!(profile(s), (true, true, 200))
    }),
    ("profile", "2024", |s| {
        assert_eq!(profile(s), (false, false, 200));
        let operation = json!({ "op": "replace", "path": "/expiry", "value": 5 });
        assert_eq!(one_operation(s, operation).status, 200);
    }),
    ("profile", "reset-removed", |s| {
        assert_eq!(profile(s), (true, true, 404))
    }),
    ("customRoleIds.post", "keys+ids", |s| {
        assert_eq!(
            created_with_roles(s, &json!(["deployer", role_id(s, "auditor")])),
            201
        );
        assert_eq!(created_with_roles(s, &json!(["nobody"])), 400);
    }),
    ("customRoleIds.post", "ids-only", |s| {
        assert_eq!(created_with_roles(s, &json!(["deployer"])), 400);
        assert_eq!(created_with_roles(s, &json!([role_id(s, "auditor")])), 201);
    }),
    ("customRoleIds.post", "keys-only", |s| {
        assert_eq!(created_with_roles(s, &json!(["deployer"])), 201);
        assert_eq!(created_with_roles(s, &json!([role_id(s, "auditor")])), 400);
    }),
    ("customRoleIds.patch", "ids-only", |s| {
        assert_eq!(patched_with_roles(s, &json!([role_id(s, "deployer")])), 200);
        assert_eq!(patched_with_roles(s, &json!(["deployer"])), 400);
    }),
    ("customRoleIds.patch", "keys+ids", |s| {
        assert_eq!(patched_with_roles(s, &json!([role_id(s, "deployer")])), 200);
        assert_eq!(patched_with_roles(s, &json!(["deployer"])), 200);
    }),
    ("roleConflict", "400", |s| {
        assert_eq!(both_kinds(s).status, 400)
    }),
    ("roleConflict", "first-wins", |s| {
        assert_eq!(both_kinds(s).json()["role"], "writer")
    }),
    ("roleMissing", "400", |s| assert_eq!(no_kind(s).status, 400)),
    ("roleMissing", "reader", |s| {
        assert_eq!(no_kind(s).json()["role"], "reader")
    }),
    ("roleMissing", "creator", |s| {
        assert_eq!(no_kind(s).json()["role"], "admin")
    }),
    ("serviceTokenPolicyPatch", "400", |s| {
        assert_eq!(service_policy_patch(s).json()["code"], "invalid_request");
    }),
    ("serviceTokenPolicyPatch", "403", |s| {
        let answer = service_policy_patch(s);
        assert_eq!(answer.status, 403);
        assert_eq!(answer.json()["access"]["action"], "updateAccessTokenPolicy");
    }),
    ("serviceTokenPolicyPatch", "silent", |s| {
        let token = service_policy_patch(s).json();
        assert_eq!(
            (&token["name"], &token["role"]),
            (&json!("renamed"), &json!("reader"))
        );
    }),
    ("rightsAboveCreator", "cap", |s| {
        let admin = above_creator(s);
        assert_eq!(
            (admin.status, &admin.json()["role"]),
            (201, &json!("admin"))
        );
        let others = personal(s);
        // Administrators see everybody's personal tokens; this one does not.
        let key = key_of(&admin.json());
        let call = Call::new("GET", &path_of(&others)).with_key(&key);
        assert_eq!(s.call(&call).status, 404);
    }),
    ("rightsAboveCreator", "403", |s| {
        assert_eq!(above_creator(s).status, 403)
    }),
    ("rightsAboveCreator", "400", |s| {
        assert_eq!(above_creator(s).status, 400)
    }),
    ("patch.replaceMissing", "accept", |s| {
        let operation = json!({ "op": "replace", "path": "/description", "value": "d" });
        assert_eq!(one_operation(s, operation).json()["description"], "d");
    }),
    ("patch.replaceMissing", "422", |s| {
        let operation = json!({ "op": "replace", "path": "/description", "value": "d" });
        assert_eq!(one_operation(s, operation).json()["code"], "patch_failed");
    }),
    ("patch.removeMissing", "422", |s| {
        assert_eq!(
            one_operation(s, json!({ "op": "remove", "path": "/inlineRole" })).status,
            422
        );
    }),
    ("patch.removeMissing", "accept", |s| {
        assert_eq!(
            one_operation(s, json!({ "op": "remove", "path": "/inlineRole" })).status,
            200
        );
    }),
    ("patch.unknownPath", "ignore", |s| {
        assert_eq!(
            one_operation(s, json!({ "op": "add", "path": "/x", "value": 1 })).status,
            200
        );
    }),
    ("patch.unknownPath", "422", |s| {
        assert_eq!(
            one_operation(s, json!({ "op": "add", "path": "/x", "value": 1 })).status,
            422
        );
    }),
    ("patch.testFail", "422", |s| {
        let operation = json!({ "op": "test", "path": "/name", "value": "other" });
        assert_eq!(one_operation(s, operation).json()["code"], "patch_failed");
    }),
    ("patch.testFail", "409", |s| {
        let operation = json!({ "op": "test", "path": "/name", "value": "other" });
        assert_eq!(
            one_operation(s, operation).json()["code"],
            "optimistic_locking_error"
        );
    }),
    ("expiry.clear", "400", |s| {
        assert_eq!(cleared_expiry(s), [400, 400, 400])
    }),
    ("expiry.clear", "allow", |s| {
        assert_eq!(cleared_expiry(s), [200, 200, 200])
    }),
    ("expiry.max", "ten-years", |s| {
        assert_eq!(eleven_years(s), 400)
    }),
    ("expiry.max", "none", |s| assert_eq!(eleven_years(s), 201)),
    ("expiredToken", "listed", |s| {
        assert_eq!(expired(s), (200, true, 403))
    }),
    ("expiredToken", "gone", |s| {
        assert_eq!(expired(s), (404, false, 201))
    }),
    ("reset.contentType", "lenient", |s| {
        assert_eq!(form_reset(s), 200)
    }),
    ("reset.contentType", "400", |s| {
        assert_eq!(form_reset(s), 400)
    }),
    ("reset.contentType", "415", |s| {
        assert_eq!(form_reset(s), 415)
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
    ("reset.oldKeys", "one", |s| {
        assert_eq!(after_two_resets(s), [401, 200, 200])
    }),
    ("reset.oldKeys", "many", |s| {
        assert_eq!(after_two_resets(s), [200, 200, 200])
    }),
    ("reset.changesId", "false", |s| {
        assert_eq!(id_after_reset(s), (true, 200))
    }),
    ("reset.changesId", "true", |s| {
        assert_eq!(id_after_reset(s), (false, 404))
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
    ("list.maxLimit", "clamp", |s| {
        assert_eq!(items(&page_of(s, 120)).len(), 100)
    }),
    ("list.maxLimit", "400", |s| {
        assert_eq!((page_of(s, 101).status, page_of(s, 100).status), (400, 200));
    }),
    ("list.maxLimit", "none", |s| {
        assert_eq!(items(&page_of(s, 120)).len(), 120)
    }),
    ("list.order", "ascending", |s| {
        let orders = orders(s);
        assert!(orders.iter().all(|order| *order == creation_order(s)));
    }),
    ("list.order", "descending", |s| {
        let mut expected = orders(s).remove(0);
        expected.reverse();
        assert_eq!(expected, creation_order(s));
    }),
    ("list.order", "unstable", |s| {
        let orders = orders(s);
        assert!(orders[0] != orders[1] && orders[1] != orders[2]);
    }),
    ("list.lag", "number", |s| {
        s.set_switches(&json!({ "list.lag": 0 })).unwrap();
        let token = create(s, &json!({}));
        assert_eq!(items(&get(s, "/api/v2/tokens")).len(), 2);
        s.set_switches(&json!({ "list.lag": 60_000 })).unwrap();
        patch(
            s,
            &token,
            &json!([{ "op": "replace", "path": "/name", "value": "later" }]),
        );
        s.advance_clock(59_000);
        assert_eq!(items(&get(s, "/api/v2/tokens")).len(), 0);
        s.advance_clock(1_000);
        assert_eq!(items(&get(s, "/api/v2/tokens"))[1]["name"], "later");
    }),
    ("list.lagFor", "list", |s| {
        assert_eq!(lag(s), [(false, true), (true, true), (true, false)]);
    }),
    ("list.lagFor", "get", |s| {
        assert_eq!(lag(s), [(true, false), (true, true), (false, true)]);
    }),
    ("list.lagFor", "both", |s| {
        assert_eq!(lag(s), [(false, false), (true, true), (true, true)]);
    }),
    ("list.totalCount", "total", |s| {
        assert_eq!(second_page(s)["totalCount"], 10)
    }),
    ("list.totalCount", "page", |s| {
        assert_eq!(second_page(s)["totalCount"], 3)
    }),
    ("list.totalCount", "absent", |s| {
        assert!(second_page(s).get("totalCount").is_none())
    }),
    ("list.links", "self+paging", |s| {
        let links = second_page(s)["_links"].clone();
        let href = |name: &str| links[name]["href"].as_str().unwrap_or_default().to_owned();
        for (name, offset) in [
            ("self", 3),
            ("next", 6),
            ("prev", 0),
            ("first", 0),
            ("last", 9),
        ] {
            assert_eq!(
                href(name),
                format!("/api/v2/tokens?limit=3&offset={offset}")
            );
        }
    }),
    ("list.links", "self", |s| {
        let links = second_page(s)["_links"].clone();
        assert_eq!(
            links.as_object().unwrap().keys().collect::<Vec<_>>(),
            ["self"]
        );
    }),
    ("list.links", "none", |s| {
        assert!(second_page(s).get("_links").is_none())
    }),
    ("arrays.empty", "[]", |s| {
        assert_eq!(empties(s), (Some(json!([])), Some(json!([]))))
    }),
    ("arrays.empty", "omitted", |s| {
        assert_eq!(empties(s), (None, None))
    }),
    ("arrays.empty", "null", |s| {
        assert_eq!(empties(s), (Some(json!(null)), Some(json!(null))))
    }),
    ("inlineRole.normalise", "as-sent", |s| {
        let sent = json!(["z", "b", "y", "a", "x", "c"]);
        assert!(inline_reads(s).iter().all(|actions| *actions == sent));
    }),
    ("inlineRole.normalise", "sorted", |s| {
        let sorted = json!(["a", "b", "c", "x", "y", "z"]);
        assert!(inline_reads(s).iter().all(|actions| *actions == sorted));
    }),
    ("inlineRole.normalise", "shuffled", |s| {
        let reads = inline_reads(s);
        assert!(reads.iter().any(|actions| *actions != reads[0]));
    }),
    ("error.id", "present", |s| {
        assert!(not_found(s)["id"].is_string());
        assert!(unauthorized(s).json().get("id").is_none());
    }),
    ("error.id", "absent", |s| {
        assert!(not_found(s).get("id").is_none())
    }),
    ("401.body", "Invalid account ID header", |s| {
        let expected = json!({ "code": "unauthorized", "message": "Invalid account ID header" });
        assert_eq!(unauthorized(s).json(), expected);
    }),
    ("401.body", "Invalid access token", |s| {
        assert_eq!(unauthorized(s).json()["message"], "Invalid access token");
    }),
    ("401.body", "empty", |s| {
        assert!(unauthorized(s).body.is_empty())
    }),
    ("tokenLimit", "number", |s| {
        s.set_switches(&json!({ "tokenLimit": 3 })).unwrap();
        let statuses: Vec<_> = (0..3)
            .map(|_| create_answer(s, &json!({})).status)
            .collect();
        assert_eq!(statuses, [201, 201, 403]);
    }),
    ("tokenLimit.status", "403", |s| {
        assert_eq!(above_limit(s), (403, json!("forbidden")))
    }),
    ("tokenLimit.status", "400", |s| {
        assert_eq!(above_limit(s), (400, json!("invalid_request")))
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
        assert_eq!(long_description(s).status, 201)
    }),
    ("description.tooLong", "400", |s| {
        assert_eq!(long_description(s).status, 400)
    }),
    ("personalByServiceToken", "member", |s| {
        assert_eq!(personal(s)["memberId"], s.tokens()[0].member_id.as_str());
    }),
    ("personalByServiceToken", "400", |s| {
        assert_eq!(
            create_answer(s, &json!({ "serviceToken": false })).status,
            400
        );
    }),
    ("plan.customRoles", "true", |s| {
        assert_eq!(created_with_roles(s, &json!(["auditor"])), 201)
    }),
    ("plan.customRoles", "false", |s| {
        assert_eq!(created_with_roles(s, &json!(["auditor"])), 403)
    }),
    ("plan.inlineRoles", "true", |s| {
        assert_eq!(
            create_answer(s, &json!({ "role": null, "inlineRole": [statement()] })).status,
            201
        );
    }),
    ("plan.inlineRoles", "false", |s| {
        assert_eq!(
            create_answer(s, &json!({ "role": null, "inlineRole": [statement()] })).status,
            403
        );
    }),
    ("plan.serviceTokens", "true", |s| {
        assert_eq!(create_answer(s, &json!({})).status, 201)
    }),
    ("plan.serviceTokens", "false", |s| {
        assert_eq!(create_answer(s, &json!({})).status, 403)
    }),
    ("rateLimits.windowMs", "number", |s| {
        s.set_switches(&json!({ "rateLimits.windowMs": 3_600_000 }))
            .unwrap();
        assert_eq!(limited(s, "rateLimits.global"), [200, 200, 429]);
        s.advance_clock(10_000);
        assert_eq!(get(s, "/api/v2/versions").status, 429);
        s.advance_clock(3_600_000);
        assert_eq!(get(s, "/api/v2/versions").status, 200);
    }),
    ("rateLimits.global", "number", |s| {
        assert_eq!(limited(s, "rateLimits.global"), [200, 200, 429])
    }),
    ("rateLimits.route", "number", |s| {
        assert_eq!(limited(s, "rateLimits.route"), [200, 200, 429]);
        assert_eq!(get(s, "/api/v2/roles").status, 200);
    }),
    ("rateLimits.token", "number", |s| {
        let other = key_of(&create(s, &json!({})));
        assert_eq!(limited(s, "rateLimits.token"), [200, 200, 429]);
        assert_eq!(status_of_key(s, &other), 200);
    }),
    ("rateLimits.headers.global", "true", |s| {
        assert!(has_header(s, "X-Ratelimit-Global-Limit"))
    }),
    ("rateLimits.headers.global", "false", |s| {
        assert!(!has_header(s, "X-Ratelimit-Global-Limit"))
    }),
    ("rateLimits.headers.route", "true", |s| {
        assert!(has_header(s, "X-Ratelimit-Route-Limit"))
    }),
    ("rateLimits.headers.route", "false", |s| {
        assert!(!has_header(s, "X-Ratelimit-Route-Limit"))
    }),
    ("rateLimits.headers.token", "true", |s| {
        assert!(has_header(s, "X-Ratelimit-Auth-Token-Limit"))
    }),
    ("rateLimits.headers.token", "false", |s| {
        assert!(!has_header(s, "X-Ratelimit-Auth-Token-Limit"));
        assert!(!has_header(s, "X-Ratelimit-Auth-Token-Reset"));
    }),
    ("rateLimits.headers.retryAfter", "true", |s| {
        assert!(retry_after(s))
    }),
    ("rateLimits.headers.retryAfter", "false", |s| {
        assert!(!retry_after(s))
    }),
];

#[test]
fn every_value_of_every_switch_has_a_case() {
    let mut missing = BTreeSet::new();
    for (name, values) in Switches::catalogue() {
        for value in values {
            if !CASES
                .iter()
                .any(|(case, of, _)| (*case, *of) == (name, value))
            {
                missing.insert((name, value));
            }
        }
    }
    assert!(missing.is_empty(), "no case for {missing:?}");
}

#[test]
fn every_switch_does_what_its_value_says() {
    for (name, value, check) in CASES {
        let simulator = simulator();
        if *value != "number" {
            let mut switches = simulator.switches();
            switches.set_text(&format!("{name}={value}")).unwrap();
            simulator.world().switches = switches;
        }
        eprintln!("{name}={value}");
        check(&simulator);
    }
}

#[test]
fn the_first_value_of_every_choice_is_the_default() {
    let defaults = Switches::default().to_json();
    for (name, values) in Switches::catalogue() {
        if defaults[name].is_string() {
            assert_eq!(defaults[name], values[0], "{name}");
        }
    }
}

#[test]
fn several_switches_are_set_together_or_not_at_all() {
    let simulator = simulator();
    let before = simulator.switches();
    let changes = json!({ "401.body": "empty", "nameUnique": "perhaps" });
    let message = simulator.set_switches(&changes).unwrap_err();
    assert_eq!(
        message,
        "nameUnique cannot be \"perhaps\"; it takes true, false"
    );
    assert_eq!(simulator.switches(), before);
}
