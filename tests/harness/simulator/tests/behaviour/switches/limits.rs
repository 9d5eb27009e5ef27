//! Rate limits and their headers.

use launchdarkly_simulator::Simulator;
use serde_json::json;

use super::{Case, has_header};
use crate::support::*;

fn limited(simulator: &Simulator, family: &str) -> Vec<u16> {
    simulator.set_switches(&json!({ family: 2 })).unwrap();
    begin_window(simulator);
    (0..3)
        .map(|_| get(simulator, "/api/v2/versions").status)
        .collect()
}

fn retry_after(simulator: &Simulator) -> bool {
    simulator
        .set_switches(&json!({ "rateLimits.global": 1 }))
        .unwrap();
    begin_window(simulator);
    get(simulator, "/api/v2/versions");
    get(simulator, "/api/v2/versions")
        .find_header("Retry-After")
        .is_some()
}

/// The cases, each with a switch and its value.
pub const CASES: &[Case] = &[
    ("rateLimits.windowMs", "number", |s| {
        s.set_switches(&json!({ "rateLimits.windowMs": 3_600_000 }))
            .unwrap();
        assert_eq!(limited(s, "rateLimits.global"), [200, 200, 429]);
        s.advance_clock(10_000);
        assert_eq!(get(s, "/api/v2/versions").status, 429);
        s.advance_clock(3_600_000);
        assert_eq!(get(s, "/api/v2/versions").status, 200);
    }),
    ("rateLimits.global", "number", |s| {
        assert_eq!(limited(s, "rateLimits.global"), [200, 200, 429]);
    }),
    ("rateLimits.route", "number", |s| {
        assert_eq!(limited(s, "rateLimits.route"), [200, 200, 429]);
        assert_eq!(get(s, "/api/v2/roles").status, 200);
    }),
    ("rateLimits.token", "number", |s| {
        let other = key_of(&create(s, &json!({})));
        assert_eq!(limited(s, "rateLimits.token"), [200, 200, 429]);
        assert_eq!(status_of_key(s, &other), 200);
    }),
    ("rateLimits.headers.global", "true", |s| {
        assert!(has_header(s, "X-Ratelimit-Global-Limit"));
    }),
    ("rateLimits.headers.global", "false", |s| {
        assert!(!has_header(s, "X-Ratelimit-Global-Limit"));
    }),
    ("rateLimits.headers.route", "true", |s| {
        assert!(has_header(s, "X-Ratelimit-Route-Limit"));
    }),
    ("rateLimits.headers.route", "false", |s| {
        assert!(!has_header(s, "X-Ratelimit-Route-Limit"));
    }),
    ("rateLimits.headers.token", "true", |s| {
        assert!(has_header(s, "X-Ratelimit-Auth-Token-Limit"));
    }),
    ("rateLimits.headers.token", "false", |s| {
        assert!(!has_header(s, "X-Ratelimit-Auth-Token-Limit"));
        assert!(!has_header(s, "X-Ratelimit-Auth-Token-Reset"));
    }),
    ("rateLimits.headers.retryAfter", "true", |s| {
        assert!(retry_after(s));
    }),
    ("rateLimits.headers.retryAfter", "false", |s| {
        assert!(!retry_after(s));
    }),
];
