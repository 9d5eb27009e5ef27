//! Refusals for going too fast: which calls are repeated, and when.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use launchdarkly_token_operator::gate::AlwaysOpen;
use launchdarkly_token_operator::launchdarkly::{
    AccountLimiter, ApiError, Family, HttpClient, LimiterOptions, Operation, RateLeft, RetryClass,
    TokensApi,
};
use serde_json::json;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::support::*;

/// A refusal whose headers close only the route, and only for an instant.
fn too_fast() -> ResponseTemplate {
    ResponseTemplate::new(429)
        .insert_header("X-Ratelimit-Global-Remaining", "50")
        .insert_header("X-Ratelimit-Route-Remaining", "0")
        .insert_header("X-Ratelimit-Reset", (Timestamp::now().as_millisecond() + 1).to_string())
        .set_body_json(json!({ "code": "rate_limited", "message": "You've exceeded the API rate limit. Try again later." }))
}

async fn refusing_first(times: u64) -> (MockServer, HttpClient) {
    let server = MockServer::start().await;
    Mock::given(any())
        .respond_with(too_fast())
        .up_to_n_times(times)
        .mount(&server)
        .await;
    Mock::given(any())
        .respond_with(ok(&issued_token()))
        .mount(&server)
        .await;
    let client = client(&server.uri());
    (server, client)
}

#[tokio::test]
async fn a_create_or_reset_that_was_refused_is_left_to_the_caller() {
    for operation in [Operation::Create, Operation::Reset] {
        let (server, client) = refusing_first(1).await;
        let error = attempt(&client, operation).await.unwrap_err();
        assert!(error.is_definite_refusal());
        let RetryClass::After(until) = error.retry_class() else {
            panic!("{error:?}")
        };
        assert!(until > Timestamp::now());
        assert_eq!(received(&server).await.len(), 1);
    }
}

#[tokio::test]
async fn what_may_be_repeated_is_repeated_twice_at_most() {
    let (server, client) = refusing_first(1).await;
    client.get(&id()).await.unwrap();
    assert_eq!(received(&server).await.len(), 2);

    let (server, client) = refusing_first(100).await;
    let error = client.delete(&id()).await.unwrap_err();
    assert!(matches!(error, ApiError::RateLimited { .. }));
    assert_eq!(received(&server).await.len(), 3);
}

#[tokio::test]
async fn nothing_is_repeated_after_any_other_trouble() {
    for status in [409, 422, 500, 502, 503] {
        for operation in OPERATIONS {
            let (server, client) = server_answering(ResponseTemplate::new(status)).await;
            attempt(&client, operation).await.unwrap_err();
            assert_eq!(received(&server).await.len(), 1, "{status} to {operation}");
        }
    }
}

#[tokio::test]
async fn a_repetition_waits_as_long_as_it_was_told() {
    let server = MockServer::start().await;
    let refusal = ResponseTemplate::new(429).insert_header("Retry-After", "1");
    Mock::given(any())
        .respond_with(refusal)
        .up_to_n_times(1)
        .mount(&server)
        .await;
    Mock::given(any())
        .respond_with(ok(&shown_token()))
        .mount(&server)
        .await;
    let begun = Instant::now();
    client(&server.uri()).get(&id()).await.unwrap();
    assert!(begun.elapsed() >= Duration::from_secs(1));
}

#[tokio::test]
async fn what_is_left_of_the_limits_can_be_seen() {
    let answer = ok(&shown_token())
        .insert_header("X-Ratelimit-Global-Limit", "300")
        .insert_header("X-Ratelimit-Global-Remaining", "299")
        .insert_header(
            "X-Ratelimit-Reset",
            (Timestamp::now().as_millisecond() + 9_000).to_string(),
        );
    let (_server, client) = server_answering(answer).await;
    client.get(&id()).await.unwrap();
    let left = client.limiter().rate_left();
    let expected = RateLeft {
        family: Family::Global,
        limit: Some(300),
        remaining: 299,
    };
    assert_eq!(left, [expected]);
}

#[tokio::test]
async fn every_request_is_told_to_the_observer() {
    let (_server, unobserved) = server_answering(ResponseTemplate::new(404)).await;
    let tally = Arc::new(Tally::default());
    let line = AccountLimiter::new(LimiterOptions::default(), Arc::<Tally>::clone(&tally));
    let client = unobserved.identified(line, None);
    client.get(&id()).await.unwrap_err();
    client.delete(&id()).await.unwrap();
    let silent = client_of("http://127.0.0.1:9", options(), Arc::new(AlwaysOpen));
    silent.get(&id()).await.unwrap_err();
    let seen = tally.0.lock().unwrap().clone();
    assert_eq!(
        seen,
        [
            (Operation::Get, "NotFound"),
            (Operation::Delete, "NotFound")
        ]
    );
}
