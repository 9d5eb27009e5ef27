//! Lost calls, refusals, foreign certificates and crowds.

use std::collections::BTreeMap;

use futures::future::join_all;
use launchdarkly_simulator::{Config, Fault};
use launchdarkly_token_operator::launchdarkly::{Member, TransportKind};

use super::*;

fn fault(fault: Value) -> Fault {
    serde_json::from_value(fault).unwrap()
}

#[tokio::test]
async fn a_lost_create_is_uncertain_whether_or_not_it_was_handled() {
    for (kind, handled) in [
        ("drop-before", false),
        ("drop-after", true),
        ("truncate", true),
        ("reset", false),
    ] {
        let (running, client) = with_switches(json!({})).await;
        let before = running.simulator().tokens().len();
        running
            .simulator()
            .add_fault(fault(json!({ "method": "POST", "kind": kind })));
        let error = client.create(&wish(reader())).await.unwrap_err();
        assert!(
            matches!(error, ApiError::Uncertain { .. }),
            "{kind}: {error:?}"
        );
        assert!(!error.is_definite_refusal());
        let made = running.simulator().tokens().len() - before;
        assert_eq!(
            made,
            usize::from(handled),
            "{kind}: sent once, never repeated"
        );
    }
}

#[tokio::test]
async fn a_lost_reset_is_uncertain_and_sent_once() {
    let (running, client) = with_switches(json!({})).await;
    let issued = client.create(&wish(reader())).await.unwrap();
    running
        .simulator()
        .add_fault(fault(json!({ "method": "POST", "kind": "drop-after" })));
    let error = client.reset(&issued.token.id, AN_HOUR).await.unwrap_err();
    assert!(!error.is_definite_refusal());
    let tokens = running.simulator().tokens();
    let token = tokens
        .iter()
        .find(|token| token.id == issued.token.id.as_str())
        .unwrap();
    assert_eq!(token.keys.len(), 2, "one new key");
}

#[tokio::test]
async fn refusals_of_the_instance_are_told_apart() {
    let (running, client) = with_switches(json!({ "tokenLimit": 1 })).await;
    let full = client.create(&wish(reader())).await.unwrap_err();
    assert_eq!(full.reason(), "Forbidden");
    running
        .simulator()
        .set_switches(&json!({ "tokenLimit": 200 }))
        .unwrap();
    let id = client.create(&wish(reader())).await.unwrap().token.id;
    let change = [PatchOp::Replace {
        path: Member::Role,
        value: json!("admin"),
    }];
    for (switch, reason) in [("400", "Invalid"), ("403", "Forbidden")] {
        running
            .simulator()
            .set_switches(&json!({ "serviceTokenPolicyPatch": switch }))
            .unwrap();
        assert_eq!(
            client
                .patch(&id, &change)
                .await
                .outcome
                .unwrap_err()
                .reason(),
            reason
        );
    }
    running
        .simulator()
        .set_switches(&json!({ "serviceTokenPolicyPatch": "silent" }))
        .unwrap();
    let unchanged = client.patch(&id, &change).await.outcome.unwrap();
    let asked = wish(ResolvedGrant::Role(BaseRole::Admin));
    assert_eq!(differences(&asked, &unchanged), ["role"]);
    assert_eq!(
        client.role("nobody").await.outcome.unwrap_err().reason(),
        "NotFound"
    );
}

#[tokio::test]
async fn only_the_authority_of_the_bundle_is_trusted() {
    let running = simulator(Config::default().tls()).await;
    let other = simulator(Config::default().tls()).await;
    client(&running).identify().await.unwrap();
    for ca_bundle in [None, other.ca_pem()] {
        let stranger = client_with_ca(&running, ca_bundle);
        match stranger.create(&wish(reader())).await.unwrap_err() {
            ApiError::NotSent { source, .. } => assert_eq!(source.kind(), TransportKind::Tls),
            error => panic!("{error:?}"),
        }
    }
    assert_eq!(running.simulator().tokens().len(), 1);
}

#[tokio::test]
async fn a_crowd_of_calls_is_never_refused_and_leaves_headroom() {
    const WINDOW: u64 = 1_000;
    let switches = json!({ "rateLimits.windowMs": WINDOW, "rateLimits.route": 20 });
    let (running, client) = with_switches(switches).await;
    let id = client.create(&wish(reader())).await.unwrap().token.id;
    let calls = (0..60).map(|_| client.get(&id));
    for answer in join_all(calls).await {
        answer.outcome.unwrap();
    }
    let mut windows = BTreeMap::new();
    for request in running.simulator().requests(0) {
        assert_ne!(request.status, Some(429));
        if request.method == "GET" {
            *windows
                .entry(request.at.unsigned_abs() / WINDOW)
                .or_insert(0) += 1;
        }
    }
    // 16 by the headroom; a call that arrives as a window ends may be counted in either.
    assert!(windows.values().all(|&calls| calls <= 18), "{windows:?}");
}
