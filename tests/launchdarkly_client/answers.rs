//! What is read, and how little is insisted on.

use jiff::Timestamp;
use launchdarkly_token_operator::domain::settings::{Effect, Statement};
use launchdarkly_token_operator::launchdarkly::{
    ApiError, CallerIdentity, Deleted, Operation, Overlap, Token, TokensApi,
};
use serde_json::{Value, json};
use wiremock::ResponseTemplate;

use super::support::*;

fn with(mut token: Value, changes: Value) -> Value {
    let Value::Object(changes) = changes else {
        panic!("not an object")
    };
    token.as_object_mut().unwrap().extend(changes);
    token
}

async fn get(body: &Value) -> Result<Token, ApiError> {
    let (_server, client) = server_answering(ok(body)).await;
    client.get(&id()).await.outcome
}

fn unreadable(operation: Operation) -> impl Fn(&ApiError) -> bool {
    move |error| matches!(error, ApiError::Unreadable { operation: found, .. } if *found == operation)
}

#[tokio::test]
async fn a_whole_token_is_read() {
    let body = with(
        shown_token(),
        json!({
            "role": null,
            "customRoleIds": ["5f3b", "5f3a"],
            "inlineRole": [{ "effect": "allow", "resources": ["proj/*"], "actions": ["*"], "notActions": null }],
            "lastUsed": 1_793_000_100_000_i64,
            "expiry": 1_798_761_600_000_i64,
            "somethingNew": { "deep": [1, 2] }
        }),
    );
    let token = get(&body).await.unwrap();
    let ms = |ms| Timestamp::from_millisecond(ms).ok();
    assert_eq!(
        token,
        Token {
            id: id(),
            name: "ci".to_owned(),
            description: "deploys".to_owned(),
            service_token: true,
            role: None,
            custom_role_ids: vec!["5f3b".into(), "5f3a".into()],
            inline_role: vec![Statement {
                effect: Effect::Allow,
                resources: vec!["proj/*".to_owned()],
                not_resources: Vec::new(),
                actions: vec!["*".to_owned()],
                not_actions: Vec::new(),
            }],
            default_api_version: Some(20_240_415),
            creation_time: ms(1_793_000_000_000),
            last_used: ms(1_793_000_100_000),
            expiry: ms(1_798_761_600_000),
            last_four: Some(key(ISSUED).last_four()),
        }
    );
}

#[tokio::test]
async fn null_missing_and_empty_are_the_same() {
    let bare = get(&json!({ "_id": ID })).await.unwrap();
    let nulls = json!({
        "name": null, "description": null, "role": null, "customRoleIds": null, "inlineRole": null,
        "token": null, "serviceToken": null, "defaultApiVersion": null, "creationDate": null,
        "lastUsed": null, "expiry": null
    });
    let empties = json!({
        "name": "", "description": "", "role": "", "customRoleIds": [], "inlineRole": [],
        "serviceToken": false, "lastUsed": 0, "expiry": 0
    });
    for changes in [nulls, empties] {
        assert_eq!(
            get(&with(json!({ "_id": ID }), changes)).await.unwrap(),
            bare
        );
    }
}

#[tokio::test]
async fn numbers_may_be_written_as_text() {
    let texts = json!({
        "creationDate": "1793000000000", "lastUsed": "0", "expiry": " 1798761600000 ", "defaultApiVersion": "20240415"
    });
    let numbers = json!({ "expiry": 1_798_761_600_000_i64 });
    let as_text = get(&with(shown_token(), texts)).await.unwrap();
    assert_eq!(as_text, get(&with(shown_token(), numbers)).await.unwrap());
}

#[tokio::test]
async fn fields_of_an_unexpected_form_count_as_missing() {
    let odd = json!({
        "name": 5, "role": ["reader"], "serviceToken": "yes", "creationDate": { "ms": 1 }, "expiry": [1], "lastUsed": 1.5
    });
    let token = get(&with(shown_token(), odd)).await.unwrap();
    assert_eq!(
        (token.name.as_str(), token.role, token.service_token),
        ("", None, false)
    );
    assert_eq!(
        (token.creation_time, token.expiry, token.last_used),
        (None, None, None)
    );
}

#[tokio::test]
async fn permissions_that_are_not_understood_are_not_guessed() {
    for odd in [
        json!({ "inlineRole": [{ "effect": "maybe", "resources": ["*"], "actions": ["*"] }] }),
        json!({ "inlineRole": [{ "effect": "allow", "resources": "*", "actions": ["*"] }] }),
        json!({ "customRoleIds": [{ "_id": "5f3b" }] }),
    ] {
        let error = get(&with(shown_token(), odd)).await.unwrap_err();
        assert!(unreadable(Operation::Get)(&error), "{error:?}");
    }
}

#[tokio::test]
async fn a_token_without_a_plain_id_is_unreadable() {
    for odd in [
        json!(null),
        json!(""),
        json!(7),
        json!("../x"),
        json!("a".repeat(500)),
    ] {
        let error = get(&with(shown_token(), json!({ "_id": odd })))
            .await
            .unwrap_err();
        assert!(unreadable(Operation::Get)(&error), "{error:?}");
    }
}

#[tokio::test]
async fn a_create_hands_over_the_key() {
    let created = ResponseTemplate::new(201).set_body_json(issued_token());
    let (_server, client) = server_answering(created).await;
    let issued = client.create(&new_token()).await.unwrap();
    assert_eq!(issued.key.expose(), ISSUED);
    assert_eq!(issued.token.id, id());
    assert_eq!(issued.token.last_four, Some(issued.key.last_four()));
}

#[tokio::test]
async fn a_reset_hands_over_the_key_and_the_id_that_came_back() {
    let other = with(issued_token(), json!({ "_id": "6a1f0c4be4b0a1c3d5e6f7ff" }));
    let (_server, client) = server_answering(ok(&other)).await;
    let reset = client
        .reset(&id(), Overlap::AtLeast(std::time::Duration::from_secs(60)))
        .await
        .unwrap();
    assert_eq!(reset.issued.key.expose(), ISSUED);
    assert_eq!(reset.issued.token.id.as_str(), "6a1f0c4be4b0a1c3d5e6f7ff");
}

#[tokio::test]
async fn a_success_without_the_whole_key_may_have_taken_effect() {
    for shown in [
        json!("1a2b"),
        json!(""),
        json!(null),
        json!("a key"),
        json!("schl\u{fc}ssel"),
    ] {
        let body = with(issued_token(), json!({ "token": shown }));
        let (_server, client) = server_answering(ok(&body)).await;
        for operation in [Operation::Create, Operation::Reset] {
            let error = attempt(&client, operation).await.unwrap_err();
            assert!(unreadable(operation)(&error), "{error:?}");
            assert!(!error.is_definite_refusal());
        }
    }
}

#[tokio::test]
async fn a_success_that_cannot_be_read_may_have_taken_effect() {
    for body in [
        "",
        "{",
        "<html>welcome</html>",
        "[]",
        "null",
        "\"api\"",
        r#"{"_id":"6a1f0c4be4b"#,
    ] {
        let (_server, client) =
            server_answering(ResponseTemplate::new(200).set_body_string(body)).await;
        for operation in OPERATIONS {
            if operation == Operation::Delete {
                continue; // its answer has no body
            }
            match attempt(&client, operation).await {
                Err(error) => {
                    assert!(unreadable(operation)(&error), "{operation}: {error:?}");
                    assert!(!error.is_definite_refusal());
                }
                Ok(()) => panic!("{operation} was read from {body:?}"),
            }
        }
    }
}

#[tokio::test]
async fn an_answer_that_is_too_large_is_not_read() {
    let large = format!("{{\"x\":\"{}\"}}", "x".repeat(1 << 20));
    let (_server, client) =
        server_answering(ResponseTemplate::new(200).set_body_string(large)).await;
    let error = client.get(&id()).await.outcome.unwrap_err();
    assert_eq!(
        error.to_string(),
        "LaunchDarkly's answer to get is too large"
    );
}

#[tokio::test]
async fn a_list_may_be_larger_than_other_answers() {
    let token = with(shown_token(), json!({ "description": "x".repeat(100_000) }));
    let body = json!({ "items": vec![token; 50] });
    let (_server, client) = server_answering(ok(&body)).await;
    assert_eq!(client.list_page(0, 50).await.unwrap().items.len(), 50);
}

#[tokio::test]
async fn deleting_what_is_gone_is_as_good() {
    for (status, expected) in [
        (204, Deleted::Deleted),
        (200, Deleted::Deleted),
        (404, Deleted::AlreadyGone),
    ] {
        let (_server, client) = server_answering(ResponseTemplate::new(status)).await;
        assert_eq!(client.delete(&id()).await.unwrap(), expected);
    }
}

#[tokio::test]
async fn every_part_of_an_identity_may_be_missing() {
    let full = json!({ "accountId": "569f", "tokenId": ID, "serviceToken": true, "scopes": null, "tokenKind": "auth" });
    let expected = CallerIdentity {
        token_name: None,
        account_id: Some("569f".into()),
        token_id: Some(id()),
        service_token: Some(true),
    };
    let nulls = json!({ "accountId": null, "tokenId": null, "serviceToken": null });
    let odd = json!({ "accountId": "a/b", "tokenId": 7, "serviceToken": "true" });
    for (body, expected) in [
        (full, expected),
        (json!({}), CallerIdentity::default()),
        (nulls, CallerIdentity::default()),
        (odd, CallerIdentity::default()),
    ] {
        let (_server, client) = server_answering(ok(&body)).await;
        assert_eq!(client.identify().await.unwrap(), expected);
    }
}

#[tokio::test]
async fn a_role_is_read_with_its_id_and_key() {
    let (_server, client) =
        server_answering(ok(&json!({ "_id": "5f3b", "key": "deployer" }))).await;
    let role = client.role("deployer").await.outcome.unwrap();
    assert_eq!((role.id.as_str(), role.key.as_str()), ("5f3b", "deployer"));
}
