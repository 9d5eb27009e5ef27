//! What tests see of the simulated LaunchDarkly.
#![expect(clippy::unwrap_used, reason = "helpers of tests may fail like tests")]

use std::time::Duration;

use rig::{SimulatorOptions, SimulatorProcess};
use serde_json::json;

fn start(options: &SimulatorOptions) -> SimulatorProcess {
    SimulatorProcess::start(options).unwrap()
}

#[test]
fn keys_are_accepted_until_they_expire_and_shown_masked() {
    let simulator = start(&SimulatorOptions::default());
    assert_eq!(
        simulator.call_with_key(simulator.managing_key()).unwrap(),
        200
    );
    assert_eq!(simulator.call_with_key("api-no-such-key").unwrap(), 401);

    simulator
        .admin(
            "POST",
            "/tokens",
            &json!({"name": "brief", "role": "reader"}),
        )
        .unwrap();
    let tokens = simulator.tokens().unwrap();
    let token = tokens.iter().find(|token| token.name == "brief").unwrap();
    let key = &token.valid_keys().next().unwrap().value;
    assert_eq!(simulator.call_with_key(key).unwrap(), 200);
    assert!(!format!("{tokens:?}").contains(key));

    let now = simulator.admin("GET", "/clock", &json!(null)).unwrap()["now"]
        .as_i64()
        .unwrap();
    simulator
        .patch_token(&token.id, &json!({"expiry": now + 60_000}))
        .unwrap();
    assert_eq!(simulator.call_with_key(key).unwrap(), 200);
    simulator.advance_clock(Duration::from_secs(61)).unwrap();
    assert_eq!(simulator.call_with_key(key).unwrap(), 401);
}

#[test]
fn everything_is_recorded_and_can_be_made_to_fail() {
    let simulator = start(&SimulatorOptions::default());
    simulator
        .fault(&json!({"kind": "status", "status": 503, "count": 1}))
        .unwrap();
    assert_eq!(simulator.call_with_key("any").unwrap(), 503);
    simulator
        .fault(&json!({"kind": "drop-before", "count": 0}))
        .unwrap();
    assert!(simulator.call_with_key("any").is_err());
    simulator.clear_faults().unwrap();
    assert_eq!(simulator.call_with_key("any").unwrap(), 401);

    let calls = simulator.requests(0).unwrap();
    assert_eq!(calls.len(), 3);
    let last = calls[2]["seq"].as_u64().unwrap();
    assert!(simulator.requests(last).unwrap().is_empty());

    assert!(
        !simulator.history(0).unwrap().is_empty(),
        "the managing token has a history"
    );
    simulator.set_switches(&json!({"list.lag": 500})).unwrap();
    assert_eq!(simulator.switches().unwrap()["list.lag"], 500);
}

#[test]
fn it_serves_https_with_a_ca_of_its_own() {
    let simulator = start(&SimulatorOptions {
        tls: true,
        ..SimulatorOptions::default()
    });
    assert!(simulator.url().starts_with("https://"));
    assert!(simulator.ca().unwrap().contains("BEGIN CERTIFICATE"));
    assert_eq!(
        simulator.call_with_key(simulator.managing_key()).unwrap(),
        200
    );
}
