//! A settled object causes no write and no call of its own (I8).

use std::time::{Duration, Instant};

use serde_json::json;

use crate::stage::{Home, stage};

/// Several drift intervals of five seconds.
const QUIET: Duration = Duration::from_secs(22);

#[test]
fn settled_objects_cause_no_write_through_several_drift_intervals() {
    let home = Home::at(&stage().calm, "quiet");
    for name in ["a", "b", "c"] {
        home.token(
            name,
            &json!({"role": "reader", "rotation": {"interval": "720h"}}),
        );
    }
    for name in ["a", "b", "c"] {
        home.ready(name);
        // The last that is written of a new key.
        home.event(name, "TokenCreated");
    }
    home.in_use();
    let mark = stage().plane.audit_mark().unwrap();
    let versions = || {
        ["a", "b", "c"]
            .map(|name| home.get("accesstoken", name)["metadata"]["resourceVersion"].clone())
    };
    let before = versions();
    let until = Instant::now() + QUIET;
    while Instant::now() < until {
        std::thread::park_timeout(until - Instant::now());
    }
    let writes: Vec<String> = stage()
        .plane
        .audit_events_since(mark)
        .unwrap()
        .iter()
        .filter(|event| {
            matches!(
                event["verb"].as_str(),
                Some("create" | "update" | "patch" | "delete")
            )
        })
        .filter(|event| {
            event["user"]["username"]
                .as_str()
                .unwrap_or_default()
                .contains("launchdarkly-token-operator")
        })
        .filter(|event| {
            event["requestURI"]
                .as_str()
                .unwrap_or_default()
                .contains("/namespaces/quiet/")
        })
        .map(|event| format!("{} {}", event["verb"], event["requestURI"]))
        .collect();
    assert!(writes.is_empty(), "{writes:#?}");
    assert_eq!(before, versions());
}
