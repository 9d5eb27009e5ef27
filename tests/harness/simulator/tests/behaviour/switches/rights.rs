//! What tokens may do, and who may give it to them.

use launchdarkly_simulator::{Answer, Call, Simulator};
use serde_json::{Value, json};

use super::{Case, personal};
use crate::support::*;

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

/// A token that may only create tokens creates an administrator.
fn above_creator(simulator: &Simulator) -> Answer {
    let policy = json!([{ "effect": "allow", "resources": ["service-token/*"], "actions": ["createAccessToken"] }]);
    let maker = create(simulator, &json!({ "role": null, "inlineRole": policy }));
    let body = json!({ "serviceToken": true, "role": "admin" });
    send_as(simulator, &key_of(&maker), "POST", "/api/v2/tokens", &body)
}

/// The cases, each with a switch and its value.
pub const CASES: &[Case] = &[
    ("customRoleIds.post", "keys+ids", |s| {
        assert_eq!(
            created_with_roles(s, &json!(["deployer", role_id(s, "auditor")])),
            201
        );
        assert_eq!(created_with_roles(s, &json!(["nobody"])), 400);
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
        assert_eq!(both_kinds(s).status, 400);
    }),
    ("roleConflict", "first-wins", |s| {
        assert_eq!(both_kinds(s).json()["role"], "writer");
    }),
    ("roleMissing", "400", |s| assert_eq!(no_kind(s).status, 400)),
    ("roleMissing", "reader", |s| {
        assert_eq!(no_kind(s).json()["role"], "reader");
    }),
    ("roleMissing", "creator", |s| {
        assert_eq!(no_kind(s).json()["role"], "admin");
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
        assert_eq!(above_creator(s).status, 403);
    }),
    ("rightsAboveCreator", "400", |s| {
        assert_eq!(above_creator(s).status, 400);
    }),
    ("plan.customRoles", "true", |s| {
        assert_eq!(created_with_roles(s, &json!(["auditor"])), 201);
    }),
    ("plan.customRoles", "false", |s| {
        assert_eq!(created_with_roles(s, &json!(["auditor"])), 403);
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
        assert_eq!(create_answer(s, &json!({})).status, 201);
    }),
    ("plan.serviceTokens", "false", |s| {
        assert_eq!(create_answer(s, &json!({})).status, 403);
    }),
];
