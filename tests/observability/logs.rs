//! The log of a running operator.

use std::collections::BTreeSet;

use regex::Regex;
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

/// The line's own time orders lines; the others are read by people.
#[test]
fn a_time_that_a_log_line_speaks_of_is_whole_seconds() {
    let fraction = Regex::new(r":[0-9]{2}\.[0-9]").unwrap();
    for line in stage().operator.logs().lines() {
        let mut fields: serde_json::Map<String, Value> = serde_json::from_str(line).unwrap();
        fields.remove("timestamp");
        let rest = Value::Object(fields).to_string();
        assert!(!fraction.is_match(&rest), "{line}");
    }
}
