//! The admin interface, over http and https.

use launchdarkly_simulator::{Config, Running, Simulator};
use serde_json::{Value, json};

use crate::support::*;

async fn admin(running: &Running, method: &str, path: &str, body: Value) -> (u16, Value) {
    let url = format!("{}{path}", running.admin_url());
    let request = client().request(method.parse().unwrap(), url);
    let answer = request.body(body.to_string()).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

#[tokio::test]
async fn tokens_show_every_key_with_its_validity_and_expiry() {
    let running = running().await;
    let simulator = running.simulator();
    let token = create(simulator, &json!({ "name": "shown" }));
    let until = simulator.now_ms() + 60_000;
    let new = reset(simulator, &token, &format!("?expiry={until}")).json();
    let (_, tokens) = admin(&running, "GET", "/tokens", json!({})).await;
    let shown = &tokens["items"][1];
    assert_eq!(shown["name"], "shown");
    assert_eq!(shown["keys"][0]["value"], token["token"]);
    assert_eq!(shown["keys"][0]["expiry"], until);
    assert_eq!(shown["keys"][1]["value"], new["token"]);
    assert_eq!(shown["keys"][1]["valid"], true);
    admin(&running, "POST", "/clock", json!({ "advanceMs": 60_000 })).await;
    let (_, tokens) = admin(&running, "GET", "/tokens", json!({})).await;
    assert_eq!(tokens["items"][1]["keys"][0]["valid"], false);
}

#[tokio::test]
async fn tokens_are_created_changed_and_deleted_behind_everybodys_back() {
    let running = running().await;
    let new = json!({ "name": "theirs", "role": "writer", "key": "api-chosen" });
    let (status, token) = admin(&running, "POST", "/tokens", new).await;
    assert_eq!(
        (status, status_of_key(running.simulator(), "api-chosen")),
        (200, 200)
    );
    let path = format!("/tokens/{}", token["_id"].as_str().unwrap());
    let change = json!({
        "name": "renamed", "description": "d", "customRoleIds": ["deployer"], "lastUsed": 5, "newKey": true,
    });
    let (_, changed) = admin(&running, "PATCH", &path, change).await;
    assert_eq!(
        (&changed["name"], &changed["lastUsed"]),
        (&json!("renamed"), &json!(5))
    );
    assert_eq!(
        (
            &changed["role"],
            changed["customRoleIds"].as_array().unwrap().len()
        ),
        (&json!(null), 1)
    );
    assert_eq!(status_of_key(running.simulator(), "api-chosen"), 401);
    let (_, inline) = admin(
        &running,
        "PATCH",
        &path,
        json!({
            "inlineRole": [{ "effect": "allow", "resources": ["proj/*"], "actions": ["*"] }],
        }),
    )
    .await;
    assert_eq!(inline["inlineRole"][0]["effect"], "allow");
    let key = changed["keys"][1]["value"].as_str().unwrap();
    admin(&running, "PATCH", &path, json!({ "expiry": 1 })).await;
    assert_eq!(status_of_key(running.simulator(), key), 401);
    admin(&running, "PATCH", &path, json!({ "expiry": null })).await;
    assert_eq!(status_of_key(running.simulator(), key), 200);
    let (status, _) = admin(&running, "DELETE", &path, json!({})).await;
    assert_eq!(
        (status, status_of_key(running.simulator(), key)),
        (200, 401)
    );
    let (status, _) = admin(&running, "DELETE", &path, json!({})).await;
    assert_eq!(status, 404);
    let (_, ever) = admin(&running, "GET", "/tokens?deleted=true", json!({})).await;
    assert!(ever["items"][1]["deletedAt"].is_i64());
}

#[tokio::test]
async fn roles_are_added_and_removed() {
    let running = running().await;
    let (_, role) = admin(&running, "POST", "/roles", json!({ "key": "fresh" })).await;
    assert_eq!(
        get(running.simulator(), "/api/v2/roles/fresh").json()["_id"],
        role["_id"]
    );
    let (status, _) = admin(&running, "DELETE", "/roles/fresh", json!({})).await;
    assert_eq!(
        (
            status,
            get(running.simulator(), "/api/v2/roles/fresh").status
        ),
        (200, 404)
    );
}

#[tokio::test]
async fn the_journal_names_caller_and_key_but_shows_neither_key() {
    let running = running().await;
    let token = create(running.simulator(), &json!({}));
    let new = reset(running.simulator(), &token, "").json();
    for key in [key_of(&token), key_of(&new), "api-wrong".to_owned()] {
        let url = format!("{}/api/v2/caller-identity?a=b", running.url());
        client()
            .get(url)
            .header("Authorization", key)
            .send()
            .await
            .unwrap();
    }
    let (_, all) = admin(&running, "GET", "/requests", json!({})).await;
    let items = all["items"].as_array().unwrap();
    let used: Vec<_> = items
        .iter()
        .map(|entry| {
            json!([
                entry["caller"],
                entry["callerKey"],
                entry["keyValid"],
                entry["status"]
            ])
        })
        .collect();
    assert_eq!(
        used,
        [
            json!([token["_id"], 0, false, 401]),
            json!([token["_id"], 1, true, 200]),
            json!([null, null, false, 401]),
        ]
    );
    assert_eq!(
        (&items[0]["method"], &items[0]["path"], &items[0]["query"]),
        (
            &json!("GET"),
            &json!("/api/v2/caller-identity"),
            &json!("a=b")
        )
    );
    assert!(!all.to_string().contains("api-"));
    let (_, rest) = admin(&running, "GET", "/requests?since=2", json!({})).await;
    assert_eq!(
        (rest["items"].as_array().unwrap().len(), &rest["last"]),
        (1, &json!(3))
    );
}

#[tokio::test]
async fn the_history_tells_when_keys_were_issued_and_died() {
    let running = running().await;
    let simulator = running.simulator();
    let (_, begun) = admin(&running, "GET", "/history", json!({})).await;
    let token = create(simulator, &json!({}));
    let until = simulator.now_ms() + 60_000;
    reset(simulator, &token, &format!("?expiry={until}"));
    admin(&running, "POST", "/clock", json!({ "advanceMs": 90_000 })).await;
    admin(
        &running,
        "DELETE",
        &format!("/tokens/{}", token["_id"].as_str().unwrap()),
        json!({}),
    )
    .await;
    let (_, history) = admin(
        &running,
        "GET",
        &format!("/history?since={}", begun["last"]),
        json!({}),
    )
    .await;
    let items = history["items"].as_array().unwrap();
    let told: Vec<_> = items
        .iter()
        .map(|event| {
            (
                event["kind"].as_str().unwrap(),
                event["key"].as_i64(),
                event["cause"].as_str(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("token-created", None, None),
            ("key-issued", Some(0), None),
            ("key-issued", Some(1), None),
            ("key-expiry-set", Some(0), None),
            ("key-died", Some(0), Some("expired")),
            ("token-deleted", None, None),
            ("key-died", Some(1), Some("token-deleted")),
        ]
    );
    assert_eq!(
        (&items[4]["at"], &items[3]["expiry"]),
        (&json!(until), &json!(until))
    );
    for (earlier, later) in items.iter().zip(&items[1..]) {
        for name in ["seq", "at", "wallAt"] {
            assert!(
                earlier[name].as_i64() <= later[name].as_i64(),
                "{name} of {later}"
            );
        }
    }
}

#[tokio::test]
async fn switches_and_faults_are_told_and_mistakes_refused() {
    let running = running().await;
    let (_, switches) = admin(&running, "PATCH", "/switches", json!({ "profile": "2024" })).await;
    assert_eq!(switches["profile"], "2024");
    let (status, refused) =
        admin(&running, "PATCH", "/switches", json!({ "profile": "1999" })).await;
    assert_eq!(status, 400);
    assert_eq!(
        refused["message"],
        "profile cannot be \"1999\"; it takes 2026-10, 2024, reset-removed"
    );
    let (status, _) = admin(&running, "PATCH", "/switches", json!({ "profil": "2024" })).await;
    assert_eq!(status, 400);
    let (_, fault) = admin(
        &running,
        "POST",
        "/faults",
        json!({ "kind": "drop-after", "method": "POST", "nth": 3 }),
    )
    .await;
    let (_, faults) = admin(&running, "GET", "/faults", json!({})).await;
    assert_eq!(faults["items"][0]["nth"], 3);
    let (status, _) = admin(
        &running,
        "DELETE",
        &format!("/faults/{}", fault["id"]),
        json!({}),
    )
    .await;
    assert_eq!(status, 200);
    let (status, _) = admin(&running, "POST", "/faults", json!({ "kind": "nonsense" })).await;
    assert_eq!(status, 400);
    let (_, removed) = admin(&running, "DELETE", "/faults", json!({})).await;
    assert_eq!(removed["removed"], 0);
}

#[tokio::test]
async fn a_reset_brings_the_start_back_with_the_same_account_and_key() {
    let running = Simulator::start(Config::default()).await.unwrap();
    let simulator = running.simulator();
    let (account, key) = (simulator.account_id(), running.managing_key());
    simulator
        .set_switches(&json!({ "profile": "2024" }))
        .unwrap();
    simulator.advance_clock(1_000_000);
    let (_, other) = admin(&running, "PATCH", "/account", json!({ "accountId": "x" })).await;
    assert_eq!(
        (&other["accountId"], simulator.account_id().as_str()),
        (&json!("x"), "x")
    );
    admin(&running, "POST", "/reset", json!({})).await;
    assert_eq!(
        (simulator.account_id(), status_of_key(simulator, &key)),
        (account, 200)
    );
    assert_eq!(simulator.switches(), Config::default().switches);
    let (_, clock) = admin(&running, "GET", "/clock", json!({})).await;
    assert_eq!(clock["offsetMs"], 0);
}

#[tokio::test]
async fn https_is_trusted_by_whoever_trusts_its_authority() {
    let running = Simulator::start(config().tls()).await.unwrap();
    let url = format!(
        "https://localhost:{}/api/v2/versions",
        running.address().port()
    );
    client().get(&url).send().await.unwrap_err();
    let ca = reqwest::Certificate::from_pem(running.ca_pem().unwrap().as_bytes()).unwrap();
    let trusting = reqwest::Client::builder()
        .tls_certs_only([ca])
        .build()
        .unwrap();
    for url in [url, format!("{}/api/v2/versions", running.url())] {
        let answer = trusting
            .get(url)
            .header("Authorization", KEY)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 200);
    }
    let (_, tokens) = {
        let answer = trusting
            .get(format!("{}/tokens", running.admin_url()))
            .send()
            .await
            .unwrap();
        (answer.status(), answer.json::<Value>().await.unwrap())
    };
    assert_eq!(tokens["items"].as_array().unwrap().len(), 1);
}
