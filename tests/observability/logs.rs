//! The log of a running operator.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::stage::{TEAM, stage};

#[test]
fn a_log_line_of_a_reconcile_says_which_object_and_which_reconcile() {
    let logs = stage().operator.logs();
    let lines: Vec<Value> = logs
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let published = |line: &&Value| line["message"] == "key published" && line["name"] == "web";
    let published: Vec<_> = lines.iter().filter(published).collect();
    assert!(published.len() >= 2, "{logs}");
    let mut reconciles = BTreeSet::new();
    for line in published {
        assert_eq!(line["controller"], "AccessToken", "{line}");
        assert_eq!(line["kind"], "AccessToken", "{line}");
        assert_eq!(line["namespace"], TEAM, "{line}");
        assert!(
            line["generation"].as_i64().is_some_and(|g| g >= 1),
            "{line}"
        );
        assert_eq!(line["level"], "INFO", "{line}");
        reconciles.insert(line["reconcile_id"].as_str().unwrap());
        let time = line["timestamp"].as_str().unwrap();
        assert!(time.ends_with('Z') && time.contains('T'), "{line}");
    }
    assert!(
        reconciles.len() >= 2,
        "each reconcile has an ID of its own: {reconciles:?}"
    );
}
