//! JSON Patch as the token endpoint takes it.

use serde_json::{Value, json};

use crate::support::*;

fn statement(action: &str) -> Value {
    json!({ "effect": "allow", "resources": ["proj/*"], "actions": [action] })
}

#[test]
fn names_descriptions_and_expiries_are_replaced() {
    let simulator = simulator();
    let token = create(&simulator, &json!({}));
    let expiry = simulator.now_ms() + 60_000;
    let answer = patch(
        &simulator,
        &token,
        &json!([
            { "op": "replace", "path": "/name", "value": "n" },
            { "op": "replace", "path": "/description", "value": "d" },
            { "op": "add", "path": "/expiry", "value": expiry },
        ]),
    );
    let patched = answer.json();
    assert_eq!(
        (answer.status, &patched["name"], &patched["description"]),
        (200, &json!("n"), &json!("d"))
    );
    assert_eq!(
        (&patched["expiry"], &patched["_id"]),
        (&json!(expiry), &token["_id"])
    );
    let again = get(&simulator, &path_of(&token)).json();
    assert_eq!(again, patched);
}

#[test]
fn a_personal_token_goes_from_a_role_to_an_inline_role_in_one_patch() {
    let simulator = simulator();
    let token = create(&simulator, &json!({ "serviceToken": false }));
    let answer = patch(
        &simulator,
        &token,
        &json!([
            { "op": "replace", "path": "/name", "value": "n" },
            { "op": "remove", "path": "/role" },
            { "op": "replace", "path": "/inlineRole", "value": [statement("updateOn")] },
        ]),
    );
    let patched = answer.json();
    assert_eq!((answer.status, patched.get("role")), (200, None));
    assert_eq!(patched["inlineRole"], json!([statement("updateOn")]));
}

#[test]
fn one_failing_operation_undoes_the_others() {
    let simulator = simulator();
    let token = create(&simulator, &json!({}));
    let answer = patch(
        &simulator,
        &token,
        &json!([
            { "op": "replace", "path": "/name", "value": "n" },
            { "op": "remove", "path": "/description" },
        ]),
    );
    assert_eq!(answer.status, 422);
    assert_eq!(get(&simulator, &path_of(&token)).json()["name"], "ci");
}

#[test]
fn a_test_guards_the_operations_after_it() {
    let simulator = simulator();
    let token = create(&simulator, &json!({}));
    let guarded = |modified: &Value| {
        patch(
            &simulator,
            &token,
            &json!([
                { "op": "test", "path": "/lastModified", "value": modified },
                { "op": "replace", "path": "/name", "value": "n" },
            ]),
        )
    };
    assert_eq!(guarded(&json!(1)).status, 422);
    // Other resources have a version to test, tokens have none.
    let version = json!([{ "op": "test", "path": "/version", "value": 1 }]);
    assert_eq!(patch(&simulator, &token, &version).status, 422);
    assert_eq!(guarded(&token["lastModified"]).status, 200);
}

#[test]
fn members_of_arrays_are_reached_by_their_index() {
    let simulator = simulator();
    let role = json!([statement("a"), statement("b")]);
    let over = json!({ "serviceToken": false, "role": null, "inlineRole": role });
    let token = create(&simulator, &over);
    let answer = patch(
        &simulator,
        &token,
        &json!([
            { "op": "add", "path": "/inlineRole/-", "value": statement("c") },
            { "op": "remove", "path": "/inlineRole/0" },
            { "op": "replace", "path": "/inlineRole/0/actions/0", "value": "z" },
        ]),
    );
    assert_eq!(
        answer.json()["inlineRole"],
        json!([statement("z"), statement("c")])
    );
    for path in ["/inlineRole/9", "/inlineRole/x", "/name/0"] {
        let answer = patch(
            &simulator,
            &token,
            &json!([{ "op": "add", "path": path, "value": "v" }]),
        );
        assert_eq!(answer.status, 422, "{path}");
    }
}

#[test]
fn values_are_moved_and_copied() {
    let simulator = simulator();
    let token = create(&simulator, &json!({ "description": "d" }));
    let copied = json!([{ "op": "copy", "from": "/description", "path": "/name" }]);
    assert_eq!(patch(&simulator, &token, &copied).json()["name"], "d");
    let moved = json!([{ "op": "move", "from": "/description", "path": "/name" }]);
    assert!(
        patch(&simulator, &token, &moved)
            .json()
            .get("description")
            .is_none()
    );
    assert_eq!(patch(&simulator, &token, &moved).status, 422);
    let theft = json!([{ "op": "move", "from": "/_id", "path": "/name" }]);
    assert_eq!(patch(&simulator, &token, &theft).status, 400);
}

#[test]
fn what_never_changes_is_refused_with_400() {
    let simulator = simulator();
    let token = create(&simulator, &json!({}));
    for path in [
        "/_id",
        "/memberId",
        "/serviceToken",
        "/defaultApiVersion",
        "/token",
        "/lastUsed",
    ] {
        let answer = patch(
            &simulator,
            &token,
            &json!([{ "op": "replace", "path": path, "value": 1 }]),
        );
        assert_eq!(
            (answer.status, &answer.json()["code"]),
            (400, &json!("invalid_request")),
            "{path}"
        );
    }
}

#[test]
fn a_patch_whose_result_makes_no_token_is_refused_with_400() {
    let simulator = simulator();
    let token = create(&simulator, &json!({ "serviceToken": false }));
    for operations in [
        json!([{ "op": "replace", "path": "/role", "value": "owner" }]),
        json!([{ "op": "remove", "path": "/role" }]),
        json!([{ "op": "add", "path": "/inlineRole", "value": [statement("a")] }]),
        json!([{ "op": "replace", "path": "/expiry", "value": 5 }]),
        json!([{ "op": "replace", "path": "/expiry", "value": "soon" }]),
        json!([{ "op": "replace", "path": "/name", "value": 5 }]),
        json!([{ "op": "shrink", "path": "/name" }]),
        json!([{ "op": "replace", "path": "/name" }]),
        json!([{ "op": "add", "path": "/name" }]),
        json!([{ "op": "test", "path": "/name" }]),
        json!([{ "op": "replace", "path": "name", "value": "n" }]),
        json!({ "name": "n" }),
        json!("n"),
    ] {
        let answer = patch(&simulator, &token, &operations);
        assert_eq!(answer.status, 400, "{operations}");
    }
}

#[test]
fn a_comment_may_come_with_a_patch() {
    let simulator = simulator();
    let token = create(&simulator, &json!({}));
    let commented = json!({
        "comment": "why", "patch": [{ "op": "replace", "path": "/name", "value": "n" }],
    });
    assert_eq!(patch(&simulator, &token, &commented).json()["name"], "n");
}

#[test]
fn statements_that_break_the_rules_are_refused_at_creation() {
    let simulator = simulator();
    for statement in [
        json!({ "effect": "maybe", "resources": ["proj/*"], "actions": ["*"] }),
        json!({ "effect": "allow", "actions": ["*"] }),
        json!({ "effect": "allow", "resources": ["proj/*"] }),
        json!({ "effect": "allow", "resources": ["proj/*"], "notResources": ["proj/a"], "actions": ["*"] }),
        json!({ "effect": "allow", "resources": ["proj/*"], "actions": ["*"], "notActions": ["a"] }),
    ] {
        let answer = create_answer(
            &simulator,
            &json!({ "role": null, "inlineRole": [statement] }),
        );
        assert_eq!(answer.status, 400, "{statement}");
    }
}

#[test]
fn resource_specifiers_are_parsed_and_name_one_kind_a_statement() {
    let simulator = simulator();
    let attempt = |resources: Value| {
        let statement = json!({ "effect": "deny", "notResources": null, "resources": resources, "actions": ["*"] });
        let over = json!({ "role": null, "inlineRole": [statement] });
        let answer = create_answer(&simulator, &over);
        (
            answer.status,
            answer.json()["message"].as_str().map(str::to_owned),
        )
    };
    for unreadable in ["nonsense", "proj/x:*", "*"] {
        let message = "Error parsing resource specifier".to_owned();
        assert_eq!(attempt(json!([unreadable])), (400, Some(message)));
    }
    let mixed =
        "Resource specifiers in a single statement must represent the same kind of resource.";
    assert_eq!(
        attempt(json!(["proj/*", "member/*"])),
        (400, Some(mixed.to_owned()))
    );
    let selected = json!([
        "proj/*:env/*:flag/*",
        "proj/*:env/*;{critical:true}:flag/*;view:x",
        "proj/${roleAttribute/a:b}:env/*:flag/*;tag",
    ]);
    assert_eq!(attempt(selected), (201, None));
}
