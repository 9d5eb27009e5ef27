//! Every value of every switch has a case here that shows its effect. A value without one fails.

mod changes;
mod creation;
mod limits;
mod reads;
mod rights;

use std::collections::BTreeSet;

use launchdarkly_simulator::{Answer, Simulator, Switches};
use serde_json::{Value, json};

use crate::support::*;

/// A switch, one of its values (`number` for any), and a check of what that value does.
type Case = (&'static str, &'static str, fn(&Simulator));

fn cases() -> impl Iterator<Item = &'static Case> {
    let files = [
        changes::CASES,
        creation::CASES,
        limits::CASES,
        reads::CASES,
        rights::CASES,
    ];
    files.into_iter().flatten()
}

/// A personal token of the first member's.
pub fn personal(simulator: &Simulator) -> Value {
    create(simulator, &json!({ "serviceToken": false }))
}

/// The answer to a patch of one operation on a new personal token.
pub fn one_operation(simulator: &Simulator, operation: &Value) -> Answer {
    let token = personal(simulator);
    patch(simulator, &token, &json!([operation]))
}

/// Whether an answer under rate limits carries this header.
pub fn has_header(simulator: &Simulator, name: &str) -> bool {
    let sizes = json!({ "rateLimits.global": 9, "rateLimits.route": 9, "rateLimits.token": 9 });
    simulator.set_switches(&sizes).unwrap();
    get(simulator, "/api/v2/versions")
        .find_header(name)
        .is_some()
}

/// `expiry` of a new token, the limit header, and the status of a reset.
pub fn profile(simulator: &Simulator) -> (bool, bool, u16) {
    let token = create(simulator, &json!({ "expiry": simulator.now_ms() + 60_000 }));
    let limits = has_header(simulator, "X-Ratelimit-Global-Limit");
    (
        token.get("expiry").is_some(),
        limits,
        reset(simulator, &token, "").status,
    )
}

#[test]
fn every_value_of_every_switch_has_a_case() {
    let mut missing = BTreeSet::new();
    for (name, values) in Switches::catalogue() {
        for value in values {
            if !cases().any(|(case, of, _)| (*case, *of) == (name, value)) {
                missing.insert((name, value));
            }
        }
    }
    assert!(missing.is_empty(), "no case for {missing:?}");
}

#[test]
fn every_switch_does_what_its_value_says() {
    for (name, value, check) in cases() {
        let simulator = simulator();
        if *value != "number" {
            let mut switches = simulator.switches();
            switches.set_text(&format!("{name}={value}")).unwrap();
            simulator.world().switches = switches;
        }
        eprintln!("{name}={value}");
        check(&simulator);
    }
}

#[test]
fn the_first_value_of_every_choice_is_the_default() {
    let defaults = Switches::default().to_json();
    for (name, values) in Switches::catalogue() {
        if defaults[name].is_string() {
            assert_eq!(defaults[name], values[0], "{name}");
        }
    }
}

#[test]
fn several_switches_are_set_together_or_not_at_all() {
    let simulator = simulator();
    let before = simulator.switches();
    let changes = json!({ "401.body": "empty", "nameUnique": "perhaps" });
    let message = simulator.set_switches(&changes).unwrap_err();
    assert_eq!(
        message,
        "nameUnique cannot be \"perhaps\"; it takes true, false"
    );
    assert_eq!(simulator.switches(), before);
}
