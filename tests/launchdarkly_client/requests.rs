//! What is sent.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use launchdarkly_token_operator::domain::settings::{BaseRole, Effect, Statement};
use launchdarkly_token_operator::launchdarkly::{
    HttpClient, Member, NewToken, Operation, Overlap, PatchOp, ResolvedGrant, TokensApi,
};
use serde_json::{Value, json};
use wiremock::{MockServer, Request};

use super::support::*;

async fn one_request(server: &MockServer) -> Request {
    let mut requests = received(server).await;
    assert_eq!(requests.len(), 1);
    requests.remove(0)
}

fn header<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
    request
        .headers
        .get(name)
        .map(|value| value.to_str().unwrap())
}

async fn sent(operation: Operation) -> Request {
    let (server, client) = server_answering(ok(&issued_token())).await;
    let _ = attempt(&client, operation).await;
    one_request(&server).await
}

async fn created(new: &NewToken) -> Value {
    let (server, client) = server_answering(ok(&issued_token())).await;
    client.create(new).await.unwrap();
    one_request(&server).await.body_json().unwrap()
}

#[tokio::test]
async fn every_call_names_itself_its_credential_and_the_api_version() {
    for operation in OPERATIONS {
        let request = sent(operation).await;
        assert_eq!(
            header(&request, "authorization"),
            Some(CREDENTIAL),
            "{operation}"
        );
        assert_eq!(
            header(&request, "ld-api-version"),
            Some("20240415"),
            "{operation}"
        );
        assert_eq!(
            header(&request, "accept"),
            Some("application/json"),
            "{operation}"
        );
        let agent = header(&request, "user-agent").unwrap();
        assert!(
            agent.starts_with("launchdarkly-token-operator/"),
            "{operation}"
        );
    }
}

#[tokio::test]
async fn every_post_and_patch_says_that_it_is_json() {
    for operation in OPERATIONS {
        let request = sent(operation).await;
        let has_body = ["POST", "PATCH"].contains(&request.method.as_str());
        let expected = has_body.then_some("application/json");
        assert_eq!(header(&request, "content-type"), expected, "{operation}");
        assert_eq!(!request.body.is_empty(), has_body, "{operation}");
    }
}

#[tokio::test]
async fn each_operation_has_its_method_and_path() {
    for (operation, method, path) in [
        (
            Operation::Identify,
            "GET",
            "/api/v2/caller-identity".to_owned(),
        ),
        (Operation::List, "GET", "/api/v2/tokens".to_owned()),
        (Operation::Get, "GET", format!("/api/v2/tokens/{ID}")),
        (Operation::Create, "POST", "/api/v2/tokens".to_owned()),
        (Operation::Patch, "PATCH", format!("/api/v2/tokens/{ID}")),
        (Operation::Delete, "DELETE", format!("/api/v2/tokens/{ID}")),
        (
            Operation::Reset,
            "POST",
            format!("/api/v2/tokens/{ID}/reset"),
        ),
        (Operation::Role, "GET", "/api/v2/roles/deployer".to_owned()),
    ] {
        let request = sent(operation).await;
        assert_eq!(
            (request.method.as_str(), request.url.path()),
            (method, path.as_str())
        );
    }
}

#[tokio::test]
async fn a_page_is_asked_for_by_limit_and_offset() {
    let (server, client) = server_answering(ok(&json!({ "items": [] }))).await;
    client.list_page(100, 50).await.unwrap();
    assert_eq!(
        one_request(&server).await.url.query(),
        Some("limit=50&offset=100")
    );
}

#[tokio::test]
async fn the_path_of_the_base_address_is_kept() {
    let (server, _) = server_answering(ok(&issued_token())).await;
    let client = client(&format!("{}/proxies/ld/", server.uri()));
    client.get(&id()).await.outcome.unwrap();
    let path = format!("/proxies/ld/api/v2/tokens/{ID}");
    assert_eq!(one_request(&server).await.url.path(), path);
}

#[tokio::test]
async fn a_role_key_cannot_leave_its_place_in_the_path() {
    let role = json!({ "_id": ID, "key": "x" });
    for (key, path) in [
        ("a/../b", "/api/v2/roles/a%2F..%2Fb"),
        ("a b?c#d", "/api/v2/roles/a%20b%3Fc%23d"),
    ] {
        let (server, client) = server_answering(ok(&role)).await;
        client.role(key).await.outcome.unwrap();
        assert_eq!(one_request(&server).await.url.path(), path);
    }
}

#[tokio::test]
async fn a_proof_is_sent_with_the_key_that_is_proven() {
    let (server, client) = server_answering(ok(&json!({}))).await;
    client.identify_with(&key(ISSUED)).await.outcome.unwrap();
    assert_eq!(
        header(&one_request(&server).await, "authorization"),
        Some(ISSUED)
    );
}

#[tokio::test]
async fn a_create_sends_what_is_asked_for_and_nothing_empty() {
    assert_eq!(
        created(&new_token()).await,
        json!({ "name": "ci", "description": "deploys", "role": "reader", "serviceToken": true })
    );
    let full = NewToken {
        grant: ResolvedGrant::CustomRoles(BTreeSet::from(["b".into(), "a".into()])),
        default_api_version: Some(20_240_415),
        expiry: Timestamp::from_millisecond(1_798_761_600_000).ok(),
        service_token: false,
        ..new_token()
    };
    assert_eq!(
        created(&full).await,
        json!({
            "name": "ci", "description": "deploys", "customRoleIds": ["a", "b"],
            "serviceToken": false, "defaultApiVersion": 20_240_415, "expiry": 1_798_761_600_000_i64
        })
    );
    let statement = Statement {
        effect: Effect::Deny,
        resources: Vec::new(),
        not_resources: vec!["proj/web".to_owned()],
        actions: vec!["*".to_owned()],
        not_actions: Vec::new(),
    };
    let inline = NewToken {
        grant: ResolvedGrant::Inline(vec![statement]),
        ..new_token()
    };
    assert_eq!(
        created(&inline).await["inlineRole"],
        json!([{ "effect": "deny", "notResources": ["proj/web"], "actions": ["*"] }])
    );
    for role in [BaseRole::Reader, BaseRole::Writer, BaseRole::Admin] {
        let body = created(&NewToken {
            grant: ResolvedGrant::Role(role),
            ..new_token()
        })
        .await;
        assert_eq!(body["role"], json!(<&str>::from(role)));
    }
}

#[tokio::test]
async fn a_patch_is_sent_as_a_bare_array() {
    let (server, client) = server_answering(ok(&shown_token())).await;
    let changes = [
        PatchOp::Remove { path: Member::Role },
        PatchOp::Replace {
            path: Member::CustomRoleIds,
            value: json!(["a"]),
        },
        PatchOp::describe("deploys"),
        PatchOp::expire_at(Timestamp::from_millisecond(1_798_761_600_000).unwrap()),
    ];
    client.patch(&id(), &changes).await.outcome.unwrap();
    assert_eq!(
        one_request(&server).await.body_json::<Value>().unwrap(),
        json!([
            { "op": "remove", "path": "/role" },
            { "op": "replace", "path": "/customRoleIds", "value": ["a"] },
            { "op": "replace", "path": "/description", "value": "deploys" },
            { "op": "replace", "path": "/expiry", "value": 1_798_761_600_000_i64 },
        ])
    );
}

async fn reset(client: &HttpClient, server: &MockServer) -> (Timestamp, Timestamp) {
    let reset = client
        .reset(&id(), Overlap::AtLeast(Duration::from_secs(3_600)))
        .await
        .unwrap();
    let request = received(server).await.pop().unwrap();
    let body: Value = request.body_json().unwrap();
    let ms = body["expiry"].as_i64().unwrap();
    assert_eq!(
        request.url.query(),
        Some(format!("expiry={ms}").as_str()),
        "query and body agree"
    );
    (
        Timestamp::from_millisecond(ms).unwrap(),
        reset.previous_key_expiration_time,
    )
}

#[tokio::test]
async fn a_reset_says_until_when_the_previous_key_lives_in_query_and_body() {
    let (server, client) = server_answering(ok(&issued_token())).await;
    let (asked, told) = reset(&client, &server).await;
    assert_eq!(asked, told);
    let expected = Timestamp::now() + SignedDuration::from_hours(1);
    assert!(asked.duration_since(expected).abs() < SignedDuration::from_secs(5));
}
