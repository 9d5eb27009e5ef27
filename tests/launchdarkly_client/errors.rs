//! What a refusal means.

use launchdarkly_token_operator::launchdarkly::{ApiError, Operation, RetryClass};
use serde_json::json;
use wiremock::ResponseTemplate;

use super::support::*;

fn refusal(status: u16, code: &str, message: &str) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_json(json!({ "code": code, "message": message }))
}

async fn error_of(operation: Operation, answer: ResponseTemplate) -> ApiError {
    let (_server, client) = server_answering(answer).await;
    attempt(&client, operation).await.unwrap_err()
}

/// Status, code, the constant reason, whether it certainly had no effect, and what repeating can bring.
const TABLE: [(u16, &str, &str, bool, RetryClass); 20] = [
    (
        400,
        "invalid_request",
        "Invalid",
        true,
        RetryClass::AfterChange,
    ),
    (
        401,
        "unauthorized",
        "Unauthorized",
        true,
        RetryClass::AfterChange,
    ),
    (402, "payment", "Server", false, RetryClass::Soon),
    (403, "forbidden", "Forbidden", true, RetryClass::AfterChange),
    (404, "not_found", "NotFound", true, RetryClass::AfterChange),
    (
        405,
        "method_not_allowed",
        "MethodGone",
        true,
        RetryClass::AfterChange,
    ),
    (406, "odd", "Server", false, RetryClass::Soon),
    (408, "timeout", "Server", false, RetryClass::Soon),
    (
        409,
        "optimistic_locking_error",
        "Conflict",
        false,
        RetryClass::Soon,
    ),
    (410, "gone", "MethodGone", true, RetryClass::AfterChange),
    (413, "too_large", "Invalid", true, RetryClass::AfterChange),
    (415, "bad_type", "Invalid", true, RetryClass::AfterChange),
    (418, "teapot", "Server", false, RetryClass::Soon),
    (422, "patch_failed", "PatchFailed", true, RetryClass::Soon),
    (422, "odd", "Invalid", true, RetryClass::AfterChange),
    (451, "law", "Server", false, RetryClass::Soon),
    (500, "internal", "Server", false, RetryClass::Soon),
    (502, "bad_gateway", "Server", false, RetryClass::Soon),
    (503, "unavailable", "Server", false, RetryClass::Soon),
    (504, "timeout", "Server", false, RetryClass::Soon),
];

#[tokio::test]
async fn each_status_has_one_meaning_for_every_operation() {
    for (status, code, reason, definite, retry) in TABLE {
        for operation in [
            Operation::Create,
            Operation::Get,
            Operation::Reset,
            Operation::Patch,
        ] {
            let error = error_of(operation, refusal(status, code, "why")).await;
            assert_eq!(error.reason(), reason, "{status} to {operation}");
            assert_eq!(
                error.is_definite_refusal(),
                definite,
                "{status} to {operation}"
            );
            assert_eq!(error.retry_class(), retry, "{status} to {operation}");
        }
    }
}

#[tokio::test]
async fn what_launchdarkly_says_is_passed_on() {
    let said = refusal(400, "invalid_request", "unknown role");
    assert_eq!(
        error_of(Operation::Create, said).await.to_string(),
        "LaunchDarkly refused create (400 invalid_request): unknown role"
    );
    let said = refusal(422, "patch_failed", "no such member");
    assert_eq!(
        error_of(Operation::Patch, said).await.to_string(),
        "LaunchDarkly could not apply the patch (422): no such member"
    );
    let said = refusal(409, "optimistic_locking_error", "try again");
    assert_eq!(
        error_of(Operation::Patch, said).await.to_string(),
        "LaunchDarkly reports a conflict on patch (409): try again"
    );
}

#[tokio::test]
async fn a_403_names_the_missing_permission() {
    let answer = ResponseTemplate::new(403).set_body_json(json!({
        "code": "forbidden", "message": "Access to the requested resource was denied", "reason": { "effect": "deny" },
        "access": { "action": "createAccessToken", "resource": "service-token/*" }
    }));
    assert_eq!(
        error_of(Operation::Create, answer).await,
        ApiError::Forbidden {
            action: "createAccessToken".to_owned(),
            resource: "service-token/*".to_owned()
        }
    );
    for bare in [
        ResponseTemplate::new(403),
        ResponseTemplate::new(403).set_body_json(json!({ "access": "denied" })),
        ResponseTemplate::new(403)
            .set_body_json(json!({ "access": { "action": 7, "resource": null } })),
    ] {
        assert_eq!(
            error_of(Operation::Create, bare).await.to_string(),
            "LaunchDarkly refused create on this account (403)"
        );
    }
}

#[tokio::test]
async fn error_bodies_may_be_empty_or_html_or_half() {
    for body in [
        "",
        "<html><h1>Bad gateway</h1></html>",
        "{\"code\":\"inv",
        "null",
        "[1]",
        "\"x\"",
    ] {
        for (status, reason) in [
            (400, "Invalid"),
            (401, "Unauthorized"),
            (403, "Forbidden"),
            (502, "Server"),
        ] {
            let answer = ResponseTemplate::new(status).set_body_string(body);
            assert_eq!(
                error_of(Operation::Create, answer).await.reason(),
                reason,
                "{status} {body}"
            );
        }
    }
}

#[tokio::test]
async fn text_from_outside_is_short_and_on_one_line() {
    let message = format!("first\nsecond\u{7}\r\n{}", "long ".repeat(5_000));
    for answer in [
        refusal(400, &"code ".repeat(1_000), &message),
        ResponseTemplate::new(403)
            .set_body_json(json!({ "access": { "action": message, "resource": message } })),
        refusal(409, "x", &message),
        refusal(422, "patch_failed", &message),
    ] {
        let text = error_of(Operation::Patch, answer).await.to_string();
        assert!(text.chars().count() <= 500, "{}", text.len());
        assert!(!text.chars().any(char::is_control), "{text}");
    }
}

#[tokio::test]
async fn only_effects_are_said_to_may_have_taken_effect() {
    let text = error_of(Operation::Create, ResponseTemplate::new(500))
        .await
        .to_string();
    assert_eq!(
        text,
        "LaunchDarkly answered create with 500; it may have taken effect"
    );
    let text = error_of(Operation::Get, ResponseTemplate::new(500))
        .await
        .to_string();
    assert_eq!(text, "LaunchDarkly answered get with 500");
}

#[tokio::test]
async fn a_lasting_refusal_is_one_that_the_request_itself_is_given() {
    for (status, lasting) in [
        (400, true),
        (401, true),
        (403, true),
        (404, true),
        (405, true),
        (413, true),
        (422, true),
        (429, false),
        (409, false),
        (500, false),
    ] {
        let error = error_of(Operation::Reset, refusal(status, "odd", "no")).await;
        assert_eq!(error.is_lasting_refusal(), lasting, "{status}");
    }
}
