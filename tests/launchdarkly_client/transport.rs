//! Trouble on the way: was the request sent at all?

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use launchdarkly_token_operator::gate::AlwaysOpen;
use launchdarkly_token_operator::launchdarkly::{
    AllowedHosts, ApiError, Endpoint, HttpClient, Operation, Options, TokensApi, TransportKind,
};
use wiremock::ResponseTemplate;

use super::support::*;

/// Reads each request, says exactly this, and hangs up. Counts the connections.
fn server_saying(answer: impl Into<Vec<u8>>) -> (String, Arc<AtomicUsize>) {
    let (answer, connections) = (answer.into(), Arc::new(AtomicUsize::new(0)));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let uri = format!("http://{}", listener.local_addr().unwrap());
    let counted = Arc::clone(&connections);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            counted.fetch_add(1, Ordering::SeqCst);
            let mut request = [0; 16 << 10];
            let _ = stream.read(&mut request);
            let _ = stream.write_all(&answer);
        }
    });
    (uri, connections)
}

fn quick(uri: &str) -> HttpClient {
    let options = Options {
        request_timeout: Duration::from_millis(200),
        ..options()
    };
    client_of(uri, options, Arc::new(AlwaysOpen))
}

fn kind_if_uncertain(error: &ApiError) -> Option<TransportKind> {
    match error {
        ApiError::Uncertain { source, .. } => Some(source.kind()),
        _ => None,
    }
}

fn kind_if_not_sent(error: &ApiError) -> Option<TransportKind> {
    match error {
        ApiError::NotSent { source, .. } => Some(source.kind()),
        _ => None,
    }
}

#[tokio::test]
async fn a_connection_that_breaks_without_an_answer_leaves_it_uncertain() {
    for said in ["", "HTTP/1.1 201 Cre", "nonsense\r\n\r\n"] {
        let (uri, connections) = server_saying(said);
        for operation in OPERATIONS {
            let error = attempt(&client(&uri), operation).await.unwrap_err();
            assert_eq!(
                kind_if_uncertain(&error),
                Some(TransportKind::Broken),
                "{operation}: {error:?}"
            );
            assert!(!error.is_definite_refusal());
        }
        assert_eq!(
            connections.load(Ordering::SeqCst),
            OPERATIONS.len(),
            "nothing is repeated"
        );
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_leaves_it_uncertain() {
    let half = issued_token().to_string().split_off(100);
    for said in [
        format!("HTTP/1.1 201 Created\r\ncontent-length: 5000\r\n\r\n{half}"),
        format!("HTTP/1.1 201 Created\r\ntransfer-encoding: chunked\r\n\r\nff\r\n{half}"),
    ] {
        let (uri, _) = server_saying(said);
        for operation in [Operation::Create, Operation::Reset, Operation::Get] {
            let error = attempt(&client(&uri), operation).await.unwrap_err();
            assert_eq!(
                kind_if_uncertain(&error),
                Some(TransportKind::Broken),
                "{error:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_refusal_that_breaks_off_is_a_refusal() {
    let (uri, _) =
        server_saying("HTTP/1.1 400 Bad Request\r\ncontent-length: 500\r\n\r\n{\"code\":");
    let error = attempt(&client(&uri), Operation::Create).await.unwrap_err();
    assert!(error.is_definite_refusal());
    assert_eq!(error.reason(), "Invalid");
}

#[tokio::test]
async fn an_answer_that_takes_too_long_leaves_it_uncertain() {
    let late = ok(&issued_token()).set_delay(Duration::from_secs(30));
    let (server, _) = server_answering(late).await;
    let client = quick(&server.uri());
    for operation in [Operation::Create, Operation::Reset, Operation::Get] {
        let error = attempt(&client, operation).await.unwrap_err();
        assert_eq!(
            kind_if_uncertain(&error),
            Some(TransportKind::Timeout),
            "{error:?}"
        );
        assert!(!error.is_definite_refusal());
    }
}

#[tokio::test]
async fn other_calls_may_take_twice_as_long_as_a_create() {
    let slow = ok(&issued_token()).set_delay(Duration::from_millis(300));
    let (server, _) = server_answering(slow).await;
    let client = quick(&server.uri());
    assert!(attempt(&client, Operation::Create).await.is_err());
    attempt(&client, Operation::Get).await.unwrap();
}

#[tokio::test]
async fn a_body_that_never_ends_is_given_up_at_the_limit() {
    let endless = format!("HTTP/1.1 201 Created\r\n\r\n{}", "x".repeat(3 << 20));
    let (uri, _) = server_saying(endless);
    let error = attempt(&client(&uri), Operation::Create).await.unwrap_err();
    let too_large = ApiError::Unreadable {
        operation: Operation::Create,
        why: "is too large",
    };
    assert_eq!(error, too_large);
}

#[tokio::test]
async fn without_a_connection_nothing_was_sent() {
    let closed = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    for operation in OPERATIONS {
        let error = attempt(&client(&format!("http://{closed}")), operation)
            .await
            .unwrap_err();
        assert_eq!(
            kind_if_not_sent(&error),
            Some(TransportKind::Connect),
            "{operation}: {error:?}"
        );
        assert!(error.is_definite_refusal());
    }
}

#[tokio::test]
async fn without_tls_nothing_was_sent() {
    let (server, _) = server_answering(ResponseTemplate::new(200)).await;
    let client = client(&server.uri().replacen("http", "https", 1));
    let error = attempt(&client, Operation::Create).await.unwrap_err();
    assert_eq!(
        kind_if_not_sent(&error),
        Some(TransportKind::Tls),
        "{error:?}"
    );
    assert!(error.is_definite_refusal());
}

#[tokio::test]
async fn a_host_that_does_not_exist_was_sent_nothing() {
    let allowed = AllowedHosts::new(["nowhere.invalid".parse().unwrap()]);
    let endpoint = Endpoint::parse("https://nowhere.invalid", None, &allowed).unwrap();
    let gate = Arc::new(AlwaysOpen);
    let client = HttpClient::new(endpoint, key(CREDENTIAL), None, line(), options(), gate).unwrap();
    let error = client.create(&new_token()).await.unwrap_err();
    assert!(error.is_definite_refusal(), "{error:?}");
}

#[tokio::test]
async fn a_create_never_travels_on_a_connection_that_may_have_died() {
    let body = issued_token().to_string();
    let kept = format!(
        "HTTP/1.1 201 Created\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let (uri, connections) = server_saying(kept);
    let client = client(&uri);
    for _ in 0..3 {
        client.create(&new_token()).await.unwrap();
    }
    assert_eq!(connections.load(Ordering::SeqCst), 3);
}
