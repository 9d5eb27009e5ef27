//! Faults, over real connections.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use launchdarkly_simulator::{Fault, FaultKind, Running};
use serde_json::{Value, json};

use crate::support::*;

const TOKENS: &str = "/api/v2/tokens";

async fn post(running: &Running) -> reqwest::Result<reqwest::Response> {
    client()
        .post(format!("{}{TOKENS}", running.url()))
        .header("Authorization", KEY)
        .json(&json!({ "name": "ci", "serviceToken": true, "role": "reader" }))
        .send()
        .await
}

/// Tokens besides the managing one.
fn made(running: &Running) -> usize {
    running.simulator().tokens().len() - 1
}

#[tokio::test]
async fn drop_before_closes_without_an_answer_and_without_effect() {
    let running = running().await;
    running
        .simulator()
        .add_fault(Fault::new(FaultKind::DropBefore).on("POST", TOKENS));
    post(&running).await.unwrap_err();
    assert_eq!(made(&running), 0);
    let entry = running.simulator().requests(0).pop().unwrap();
    assert_eq!(
        (entry.status, entry.handled, entry.answered),
        (None, false, false)
    );
    assert_eq!(post(&running).await.unwrap().status(), 201);
}

#[tokio::test]
async fn drop_after_takes_effect_and_loses_the_answer() {
    let running = running().await;
    running
        .simulator()
        .add_fault(Fault::new(FaultKind::DropAfter).on("POST", TOKENS));
    post(&running).await.unwrap_err();
    assert_eq!(made(&running), 1);
    let entry = running.simulator().requests(0).pop().unwrap();
    assert_eq!(
        (entry.status, entry.handled, entry.answered),
        (Some(201), true, false)
    );
    assert_eq!(entry.faults, ["drop-after"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reset_resets_the_connection_before_or_after_handling() {
    for handled in [false, true] {
        let running = running().await;
        let mut fault = Fault::new(FaultKind::Reset).on("POST", TOKENS);
        fault.handled = handled;
        running.simulator().add_fault(fault);
        let error = raw_answer(&running).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
        assert_eq!(made(&running), usize::from(handled));
    }
}

/// Sends a create by hand and reads what comes back.
fn raw_answer(running: &Running) -> std::io::Result<String> {
    let mut stream = raw_call(running)?;
    let mut answer = Vec::new();
    // The server goes on serving on the other thread.
    tokio::task::block_in_place(|| stream.read_to_end(&mut answer))?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// Sends a create by hand.
fn raw_call(running: &Running) -> std::io::Result<TcpStream> {
    let body = r#"{"serviceToken":true,"role":"reader"}"#;
    let mut stream = TcpStream::connect(running.address())?;
    write!(
        stream,
        "POST {TOKENS} HTTP/1.1\r\nHost: x\r\nAuthorization: {KEY}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )?;
    Ok(stream)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn truncate_sends_half_of_the_announced_body() {
    let running = running().await;
    running
        .simulator()
        .add_fault(Fault::new(FaultKind::Truncate));
    let answer = raw_answer(&running).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .unwrap();
    assert_eq!(body.len(), length.parse::<usize>().unwrap() / 2, "{head}");
    assert!(head.starts_with("HTTP/1.1 201"), "{head}");
    assert_eq!(made(&running), 1);
}

#[tokio::test]
async fn status_answers_any_status_body_and_headers() {
    let running = running().await;
    let fault: Fault = serde_json::from_value(json!({
        "kind": "status", "route": TOKENS, "status": 502, "body": "<html>Bad Gateway</html>",
    }))
    .unwrap();
    running.simulator().add_fault(fault);
    let answer = post(&running).await.unwrap();
    assert_eq!((answer.status().as_u16(), made(&running)), (502, 0));
    assert_eq!(answer.headers()["content-type"], "text/html");
    assert_eq!(answer.text().await.unwrap(), "<html>Bad Gateway</html>");
    let fault: Fault = serde_json::from_value(json!({
        "kind": "status", "status": 429,
        "headers": { "X-Ratelimit-Reset": "now-5000", "Retry-After": 7 },
    }))
    .unwrap();
    running.simulator().add_fault(fault);
    let answer = post(&running).await.unwrap();
    assert_eq!(answer.headers()["retry-after"], "7");
    let reset: i64 = answer.headers()["x-ratelimit-reset"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!(reset < running.simulator().now_ms() - 4_000);
    let body: Value = answer.json().await.unwrap();
    let message = "You've exceeded the API rate limit. Try again later.";
    assert_eq!(body, json!({ "code": "rate_limited", "message": message }));
}

#[tokio::test]
async fn every_error_code_of_the_api_can_be_answered() {
    let running = running().await;
    for (status, code) in [
        (400, "invalid_request"),
        (401, "unauthorized"),
        (403, "forbidden"),
        (404, "not_found"),
        (405, "method_not_allowed"),
        (409, "optimistic_locking_error"),
        (422, "patch_failed"),
        (429, "rate_limited"),
        (500, "internal_service_error"),
    ] {
        running
            .simulator()
            .add_fault(Fault::new(FaultKind::Status).with_status(status));
        let answer = post(&running).await.unwrap();
        assert_eq!(answer.status().as_u16(), status);
        assert_eq!(answer.json::<Value>().await.unwrap()["code"], code);
    }
}

#[tokio::test]
async fn a_status_can_hide_that_the_call_took_effect() {
    let running = running().await;
    let fault = Fault::new(FaultKind::Status)
        .with_status(500)
        .after_handling();
    running.simulator().add_fault(fault);
    assert_eq!(post(&running).await.unwrap().status(), 500);
    assert_eq!(made(&running), 1);
}

#[tokio::test]
async fn delay_holds_the_call_and_the_call_goes_on_when_the_client_gives_up() {
    let running = running().await;
    let mut fault = Fault::new(FaultKind::Delay).on("POST", TOKENS);
    (fault.min_delay_ms, fault.max_delay_ms) = (Some(200), Some(300));
    running.simulator().add_fault(fault);
    drop(raw_call(&running).unwrap());
    let deadline = Instant::now() + Duration::from_secs(20);
    while running.simulator().requests(0).is_empty() {
        assert!(Instant::now() < deadline, "the delayed call never ended");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let entry = running.simulator().requests(0).remove(0);
    assert!(entry.took_ms >= 200, "{entry:?}");
    assert_eq!((entry.status, made(&running)), (Some(201), 1));
}

#[tokio::test]
async fn a_delayed_answer_comes_after_the_effect() {
    let running = running().await;
    let mut fault = Fault::new(FaultKind::Delay).after_handling();
    fault.delay_ms = Some(300);
    running.simulator().add_fault(fault);
    let begun = Instant::now();
    assert_eq!(post(&running).await.unwrap().status(), 201);
    assert!(begun.elapsed() >= Duration::from_millis(300));
    let entry = running.simulator().requests(0).pop().unwrap();
    let created = running.simulator().tokens().pop().unwrap().creation_date;
    assert!(created + 295 <= entry.wall_at + entry.took_ms, "{entry:?}");
}

#[tokio::test]
async fn faults_count_calls_by_method_route_and_caller() {
    let running = running().await;
    let simulator = running.simulator();
    let conflict = || Fault::new(FaultKind::Status).with_status(409);
    simulator.add_fault(conflict().on("POST", TOKENS).from_nth(2, 2));
    simulator.add_fault(
        conflict()
            .on("DELETE", "/api/v2/tokens/{id}")
            .from_nth(1, 0),
    );
    let mut other = conflict().from_nth(1, 0);
    other.caller = Some("somebody else".to_owned());
    simulator.add_fault(other);
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(post(&running).await.unwrap().status().as_u16());
    }
    assert_eq!(statuses, [201, 409, 409, 201]);
    simulator.clear_faults();
    let managing = simulator.tokens()[0].id.clone();
    let mut spared = conflict().from_nth(1, 0);
    spared.except_caller = Some(managing);
    simulator.add_fault(spared);
    assert_eq!(post(&running).await.unwrap().status(), 201);
}

#[tokio::test]
async fn chance_decides_where_a_probability_is_given() {
    let running = running().await;
    let mut never = Fault::new(FaultKind::Status).from_nth(1, 0);
    never.probability = Some(0.0);
    running.simulator().add_fault(never.clone());
    assert_eq!(post(&running).await.unwrap().status(), 201);
    never.probability = Some(1.0);
    running.simulator().add_fault(never);
    assert_eq!(post(&running).await.unwrap().status(), 500);
}
