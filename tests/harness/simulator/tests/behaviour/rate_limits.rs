//! Rate limits: windows, families of headers, and the refusal.

use launchdarkly_simulator::{Answer, Call, Simulator};
use serde_json::json;

use crate::support::*;

fn limited(sizes: [u64; 3]) -> Simulator {
    let simulator = with_switches(&json!({
        "rateLimits.global": sizes[0], "rateLimits.route": sizes[1], "rateLimits.token": sizes[2],
    }));
    begin_window(&simulator);
    simulator
}

fn number(answer: &Answer, name: &str) -> i64 {
    answer
        .find_header(name)
        .unwrap_or_else(|| panic!("no {name}"))
        .parse()
        .unwrap()
}

#[test]
fn the_sizes_are_300_100_and_300_until_changed() {
    let switches = launchdarkly_simulator::Switches::default();
    let sizes = [
        switches.rate_global,
        switches.rate_route,
        switches.rate_token,
    ];
    assert_eq!((sizes, switches.rate_window_ms), ([300, 100, 300], 10_000));
}

#[test]
fn every_family_tells_its_size_what_is_left_and_when_the_window_ends() {
    let simulator = limited([5, 4, 3]);
    let first = get(&simulator, "/api/v2/roles");
    let second = get(&simulator, "/api/v2/versions");
    for (family, size, left) in [("Global", 5, 3), ("Route", 4, 3), ("Auth-Token", 3, 1)] {
        assert_eq!(number(&first, &format!("X-Ratelimit-{family}-Limit")), size);
        assert_eq!(
            number(&second, &format!("X-Ratelimit-{family}-Remaining")),
            left
        );
    }
    for name in ["X-Ratelimit-Reset", "X-Ratelimit-Auth-Token-Reset"] {
        let reset = number(&second, name);
        assert_eq!(reset % 10_000, 0);
        assert!((1..=10_000).contains(&(reset - simulator.now_ms())));
    }
}

#[test]
fn a_call_above_a_limit_is_refused_with_429_has_no_effect_and_costs_nothing() {
    let simulator = limited([0, 2, 0]);
    create(&simulator, &json!({}));
    create(&simulator, &json!({}));
    let refused = create_answer(&simulator, &json!({}));
    let message = "You've exceeded the API rate limit. Try again later.";
    assert_eq!(refused.status, 429);
    assert_eq!(
        refused.json(),
        json!({ "code": "rate_limited", "message": message })
    );
    assert_eq!(number(&refused, "X-Ratelimit-Route-Remaining"), 0);
    assert_eq!(simulator.tokens().len(), 3);
    simulator.advance_clock(10_000);
    assert_eq!(create_answer(&simulator, &json!({})).status, 201);
}

#[test]
fn a_route_is_a_pattern_and_a_verb() {
    let simulator = limited([0, 2, 0]);
    let one = create(&simulator, &json!({}));
    let other = create(&simulator, &json!({}));
    assert_eq!(get(&simulator, &path_of(&one)).status, 200);
    assert_eq!(get(&simulator, &path_of(&other)).status, 200);
    assert_eq!(get(&simulator, &path_of(&one)).status, 429);
    assert_eq!(get(&simulator, "/api/v2/tokens").status, 200);
    assert_eq!(
        simulator
            .call(&Call::new("DELETE", &path_of(&one)).with_key(KEY))
            .status,
        204
    );
}

#[test]
fn the_year_2024_had_no_sizes_and_no_token_family() {
    let simulator = limited([2, 2, 1]);
    simulator
        .set_switches(&json!({ "profile": "2024" }))
        .unwrap();
    let answer = get(&simulator, "/api/v2/versions");
    assert_eq!(number(&answer, "X-Ratelimit-Global-Remaining"), 1);
    assert_eq!(number(&answer, "X-Ratelimit-Route-Remaining"), 1);
    assert!(answer.find_header("X-Ratelimit-Reset").is_some());
    for absent in [
        "X-Ratelimit-Global-Limit",
        "X-Ratelimit-Auth-Token-Remaining",
    ] {
        assert!(answer.find_header(absent).is_none(), "{absent}");
    }
    assert_eq!(get(&simulator, "/api/v2/versions").status, 200);
}

#[test]
fn retry_after_counts_the_seconds_to_the_next_window() {
    let simulator = limited([1, 0, 0]);
    simulator
        .set_switches(&json!({ "rateLimits.headers.retryAfter": true }))
        .unwrap();
    assert!(
        get(&simulator, "/api/v2/versions")
            .find_header("Retry-After")
            .is_none()
    );
    let refused = get(&simulator, "/api/v2/versions");
    assert!((1..=10).contains(&number(&refused, "Retry-After")));
}

#[test]
fn calls_without_a_credential_use_nothing_up() {
    let simulator = limited([1, 1, 1]);
    let anonymous = simulator.call(&Call::new("GET", "/api/v2/versions"));
    assert_eq!(anonymous.status, 401);
    assert!(anonymous.find_header("X-Ratelimit-Global-Limit").is_none());
    assert_eq!(get(&simulator, "/api/v2/versions").status, 200);
}
