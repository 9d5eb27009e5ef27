//! What the tests of this folder share.

use launchdarkly_simulator::state::changes::{Actor, Draft};
use launchdarkly_simulator::state::token::Rights;
use launchdarkly_simulator::{Answer, BaseRole, Call, Config, KeyValue, Running, Simulator};
use serde_json::{Value, json};

/// The managing token's key in every test.
pub const KEY: &str = "api-00000000-0000-4000-8000-00000000000a";

/// The start of every test's configuration: same IDs at each run, no rate limits.
pub fn config() -> Config {
    let mut config = Config::default()
        .seed(7)
        .managing_key(KEY)
        .role("deployer")
        .role("auditor");
    for limit in ["rateLimits.global", "rateLimits.route", "rateLimits.token"] {
        config.switches.set(limit, &json!(0)).unwrap();
    }
    config
}

pub fn simulator() -> Simulator {
    Simulator::new(config())
}

/// A simulator with these switches set.
pub fn with_switches(switches: &Value) -> Simulator {
    let simulator = simulator();
    simulator.set_switches(switches).unwrap();
    simulator
}

pub async fn running() -> Running {
    Simulator::start(config()).await.unwrap()
}

/// Calls as the managing token.
pub fn get(simulator: &Simulator, target: &str) -> Answer {
    simulator.call(&Call::new("GET", target).with_key(KEY))
}

pub fn send(simulator: &Simulator, method: &str, target: &str, body: &Value) -> Answer {
    send_as(simulator, KEY, method, target, body)
}

pub fn send_as(
    simulator: &Simulator,
    key: &str,
    method: &str,
    target: &str,
    body: &Value,
) -> Answer {
    simulator.call(&Call::new(method, target).with_key(key).json(body))
}

/// Creates a reader service token with other fields laid over it; `null` takes a field away. A personal token is made by a
/// personal token, as a service token may not.
pub fn create_answer(simulator: &Simulator, over: &Value) -> Answer {
    let mut body = json!({ "name": "ci", "serviceToken": true, "role": "reader" });
    for (name, value) in over.as_object().unwrap() {
        body[name] = value.clone();
    }
    let key = if body["serviceToken"] == json!(true) {
        KEY.to_owned()
    } else {
        personal_key(simulator)
    };
    send_as(simulator, &key, "POST", "/api/v2/tokens", &body)
}

/// The key of an administrator's personal token, made when it is first needed.
pub fn personal_key(simulator: &Simulator) -> String {
    const PERSONAL_KEY: &str = "api-00000000-0000-4000-8000-00000000000b";
    let mut world = simulator.world();
    if world.tokens.find_key(PERSONAL_KEY).is_none() {
        let draft = Draft {
            name: "personal".to_owned(),
            description: String::new(),
            rights: Rights::Role(BaseRole::Admin),
            expiry: None,
            service: false,
            member_id: world.members[0].id.clone(),
            default_api_version: 20_240_415,
            cap: None,
            key: Some(KeyValue::new(PERSONAL_KEY)),
        };
        world.create(draft, Actor::Admin);
    }
    PERSONAL_KEY.to_owned()
}

pub fn create(simulator: &Simulator, over: &Value) -> Value {
    let answer = create_answer(simulator, over);
    assert_eq!(answer.status, 201, "{}", answer.json());
    answer.json()
}

pub fn path_of(token: &Value) -> String {
    format!("/api/v2/tokens/{}", token["_id"].as_str().unwrap())
}

pub fn key_of(token: &Value) -> String {
    token["token"].as_str().unwrap().to_owned()
}

pub fn patch(simulator: &Simulator, token: &Value, operations: &Value) -> Answer {
    send(simulator, "PATCH", &path_of(token), operations)
}

pub fn reset(simulator: &Simulator, token: &Value, query: &str) -> Answer {
    send(
        simulator,
        "POST",
        &format!("{}/reset{query}", path_of(token)),
        &json!({}),
    )
}

/// The status with which a key is answered.
pub fn status_of_key(simulator: &Simulator, key: &str) -> u16 {
    simulator
        .call(&Call::new("GET", "/api/v2/caller-identity").with_key(key))
        .status
}

/// Begins a rate-limit window, so that no test runs into the next one.
pub fn begin_window(simulator: &Simulator) {
    let length = i64::try_from(simulator.switches().rate_window_ms).unwrap();
    simulator.advance_clock(length - simulator.now_ms() % length);
}

pub fn client() -> reqwest::Client {
    // Fails when another test of this process was first, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().build().unwrap()
}
