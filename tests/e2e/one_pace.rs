//! One line and one listing an account (I13), whatever the number of objects and credentials.

use std::time::{Duration, Instant};

use rig::{SimulatorProcess, wait};
use serde_json::{Value, json};

use crate::stage::{Home, PATIENCE, stage};

const OBJECTS: usize = 30;

fn newest(simulator: &SimulatorProcess) -> u64 {
    let calls = simulator.requests(0).unwrap();
    calls
        .last()
        .and_then(|call| call["seq"].as_u64())
        .unwrap_or_default()
}

/// The calls that are made in a while from now on.
fn calls_within(simulator: &SimulatorProcess, span: Duration) -> Vec<Value> {
    let mark = newest(simulator);
    let until = Instant::now() + span;
    while Instant::now() < until {
        std::thread::park_timeout(until - Instant::now());
    }
    simulator.requests(mark).unwrap()
}

#[test]
fn an_account_that_fails_everything_costs_one_call_an_interval_and_not_one_an_object() {
    let failing = &stage().failing;
    let home = Home::at(failing, "pace-outage");
    let calm = &stage().calm;
    let other = Home::at(calm, "pace-elsewhere");
    other.token("web", &json!({"role": "reader"}));
    other.ready("web");
    let elsewhere = other.remote(calm).remove(0);
    let names: Vec<String> = (0..OBJECTS).map(|n| format!("t{n:02}")).collect();
    for name in &names {
        home.token(name, &json!({"role": "reader"}));
    }
    for name in &names {
        home.ready(name);
    }
    failing
        .fault(&json!({"kind": "status", "status": 503, "count": 0}))
        .unwrap();
    let edit = json!({"spec": {"description": "edited during an outage"}});
    for name in &names {
        home.patch("accesstoken", name, &edit);
    }
    home.reason(
        names.last().unwrap(),
        "TokenSynced",
        "LaunchDarklyUnavailable",
    );

    let calls = calls_within(failing, Duration::from_secs(20));
    // Nobody else waits for its listing.
    let drifted = json!({"description": format!("drifted {}", elsewhere.description)});
    calm.patch_token(&elsewhere.id, &drifted).unwrap();
    wait::until_ok(Duration::from_secs(20), "drift of another account", || {
        let now = other.remote(calm);
        let described = now.iter().map(|token| token.description.clone());
        let described = described.collect::<Vec<_>>();
        if described == [elsewhere.description.clone()] {
            Ok(())
        } else {
            Err(format!("{described:?}"))
        }
    })
    .unwrap();

    // It has failed five times by now: after 1, 2, 4, 8 seconds it is tried again.
    println!("{} calls in 20 s of an outage", calls.len());
    assert!(
        calls.len() <= 12,
        "{} calls for {OBJECTS} objects",
        calls.len()
    );
    failing.clear_faults().unwrap();
    // The last try may have been the one after which the next comes in a minute.
    wait::until_ok(2 * PATIENCE, "all edits at LaunchDarkly", || {
        let tokens = failing.created_tokens().map_err(|e| format!("{e:?}"))?;
        let edited = tokens
            .iter()
            .filter(|token| token.description.starts_with("edited"))
            .count();
        if edited == OBJECTS {
            Ok(())
        } else {
            Err(format!("{edited} are"))
        }
    })
    .unwrap();
}

#[test]
fn one_listing_serves_all_account_objects_of_an_account() {
    let shared = &stage().shared;
    let first = Home::at(shared, "pace-first");
    first.token("deputy", &json!({"role": "admin"}));
    first.ready("deputy");
    let second = Home::bare("pace-second");
    second.credential(&first.key("deputy"));
    second.account(
        &json!({"apiUrl": shared.url(), "credentialsSecretRef": {"name": "managing-key"}}),
    );
    for home in [&first, &second] {
        home.token("web", &json!({"role": "reader"}));
        home.ready("web");
        home.in_use();
    }

    let calls = calls_within(shared, Duration::from_secs(22));

    let listings = calls
        .iter()
        .filter(|call| call["method"] == "GET" && call["path"] == "/api/v2/tokens")
        .count();
    println!("{listings} listings in 22 s, one each 5 s wanted");
    assert!((3..=6).contains(&listings), "{listings}: {calls:#?}");
}
