//! Refusals for going too fast: which calls are repeated, and when.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use launchdarkly_token_operator::clock::{Clock as _, SystemClock};
use launchdarkly_token_operator::gate::AlwaysOpen;
use launchdarkly_token_operator::launchdarkly::{
    AccountLimiter, ApiError, Family, HttpClient, LimiterOptions, Operation, PatchOp, RateLeft,
    RetryClass, TokensApi,
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
    client.get(&id()).await.outcome.unwrap();
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
    client(&server.uri()).get(&id()).await.outcome.unwrap();
    assert!(begun.elapsed() >= Duration::from_secs(1));
}

/// However a call is answered: that nothing is there, or that a key is refused, was seen no earlier either.
#[tokio::test]
async fn an_answer_is_dated_by_when_its_request_left_and_not_by_when_it_was_asked_for() {
    const WAIT: Duration = Duration::from_millis(700);
    for status in [200, 401, 404] {
        let template = ResponseTemplate::new(status).set_body_json(shown_token());
        let (_server, client) = server_answering(template).await;
        let until = || tokio::time::Instant::now() + WAIT;
        let asked = SystemClock.steady();
        client.limiter().pause_until(until());
        let mut sent = vec![client.get(&id()).await.sent];
        client.limiter().pause_until(until());
        sent.push(client.identify_with(&key(ISSUED)).await.sent);
        client.limiter().pause_until(until());
        sent.push(client.role("deployer").await.sent);
        client.limiter().pause_until(until());
        let change = [PatchOp::describe("x")];
        sent.push(client.patch(&id(), &change).await.sent);
        for (number, sent) in (1..).zip(sent) {
            let waited = sent.at.duration_since(asked);
            let expected = SignedDuration::try_from(WAIT * number).unwrap();
            assert!(
                waited >= expected,
                "{status}: {waited} before call {number}"
            );
        }
    }
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
    client.get(&id()).await.outcome.unwrap();
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
    let line = AccountLimiter::new(
        LimiterOptions::default(),
        Arc::<Tally>::clone(&tally),
        Arc::new(SystemClock),
    );
    let client = unobserved.identified(line, None);
    client.get(&id()).await.outcome.unwrap_err();
    client.delete(&id()).await.unwrap();
    let silent = client_of("http://127.0.0.1:9", options(), Arc::new(AlwaysOpen));
    silent.get(&id()).await.outcome.unwrap_err();
    let seen = tally.0.lock().unwrap().clone();
    assert_eq!(
        seen,
        [
            (Operation::Get, "NotFound"),
            (Operation::Delete, "NotFound")
        ]
    );
}
