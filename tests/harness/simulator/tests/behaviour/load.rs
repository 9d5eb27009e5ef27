//! Many tokens, many calls.

use serde_json::json;

use crate::support::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_callers_at_once_lose_nothing_among_a_thousand_tokens() {
    let running = running().await;
    running
        .simulator()
        .set_switches(&json!({ "tokenLimit": 5_000 }))
        .unwrap();
    for number in 0..1_000 {
        create(
            running.simulator(),
            &json!({ "name": format!("t{number}") }),
        );
    }
    let workers: Vec<_> = (0..8)
        .map(|worker| tokio::spawn(work(running.url(), worker)))
        .collect();
    for worker in workers {
        worker.await.unwrap();
    }
    assert_eq!(running.simulator().requests(0).len(), 720);
    assert_eq!(running.simulator().tokens().len(), 1_241);
}

async fn work(url: String, worker: usize) {
    let client = client();
    for number in 0..30 {
        let offset = (number * 7 + worker) % 900;
        let list = format!("{url}/api/v2/tokens?limit=50&offset={offset}");
        let identity = format!("{url}/api/v2/caller-identity");
        for target in [list, identity] {
            let answer = client
                .get(target)
                .header("Authorization", KEY)
                .send()
                .await
                .unwrap();
            assert_eq!(answer.status(), 200);
            answer.bytes().await.unwrap();
        }
        let body = json!({ "serviceToken": true, "role": "reader" });
        let post = client
            .post(format!("{url}/api/v2/tokens"))
            .header("Authorization", KEY);
        assert_eq!(post.json(&body).send().await.unwrap().status(), 201);
    }
}
