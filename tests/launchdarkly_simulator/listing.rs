//! Listing while others delete tokens: what slips from one page to the one that was read already is listed all the same (I1).

use launchdarkly_simulator::Fault;
use launchdarkly_simulator::state::changes::Actor;

use super::*;

/// How long a page is held up: long enough that a deletion comes before it.
const HELD_UP_MS: u64 = 400;

/// An account with so many tokens, the managing one among them, and the limits out of the way.
async fn crowd(tokens: usize) -> (Running, HttpClient) {
    let (running, client) = with_switches(json!({
        "rateLimits.global": 0, "rateLimits.route": 0, "rateLimits.token": 0
    }))
    .await;
    for _ in 1..tokens {
        client.create(&wish(reader())).await.unwrap();
    }
    (running, client)
}

fn pages(running: &Running) -> usize {
    let requests = running.simulator().requests(0);
    let listed = |entry: &&launchdarkly_simulator::journal::Entry| {
        entry.method == "GET" && entry.route == "/api/v2/tokens"
    };
    requests.iter().filter(listed).count()
}

/// Lists with the second page held up, and these tokens deleted before it.
async fn listed_while_deleting(
    running: &Running,
    client: &HttpClient,
    deleted: &[usize],
) -> BTreeSet<String> {
    let delay = json!({
        "method": "GET", "route": "/api/v2/tokens", "nth": 2, "kind": "delay", "delayMs": HELD_UP_MS
    });
    let delay: Fault = serde_json::from_value(delay).unwrap();
    running.simulator().add_fault(delay);
    let deletion = async {
        let first_page = async {
            while pages(running) == 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), first_page)
            .await
            .unwrap();
        for index in deleted {
            running.simulator().world().delete(*index, Actor::Admin);
        }
    };
    let (listing, ()) = tokio::join!(client.list_all(), deletion);
    let tokens = listing.unwrap().tokens;
    tokens
        .iter()
        .map(|token| token.id.as_str().to_owned())
        .collect()
}

#[tokio::test]
async fn a_token_that_slips_to_a_page_that_was_read_is_listed_all_the_same_i1() {
    for tokens in [51, 52, 120] {
        for deleted in [&[7_usize][..], &[7, 8, 9], &[49]] {
            let (running, client) = crowd(tokens).await;
            let listed = listed_while_deleting(&running, &client, deleted).await;
            for token in running.simulator().tokens() {
                assert!(listed.contains(&token.id), "{} of {tokens}", token.id);
            }
        }
    }
}

#[tokio::test]
async fn pages_that_meet_are_read_once() {
    for (tokens, requests) in [(49, 1), (50, 2), (98, 2), (120, 3)] {
        let (running, client) = crowd(tokens).await;
        let listed = client.list_all().await.unwrap().tokens;
        assert_eq!((listed.len(), pages(&running)), (tokens, requests));
    }
}
