//! The chart's alerts, evaluated by a Prometheus that scrapes a running operator.

use std::collections::BTreeSet;

use rig::{Prometheus, RigError, wait};
use serde_json::Value;

use crate::stage::{PATIENCE, rules, stage};

/// The selectors of an expression, wherever they are in its syntax tree, and the labels that it groups or joins by.
pub fn selectors(tree: &Value, found: &mut Vec<Value>, labels: &mut BTreeSet<String>) {
    match tree {
        Value::Object(node) => {
            let kind = node.get("type").and_then(Value::as_str);
            if matches!(kind, Some("vectorSelector" | "matrixSelector")) {
                found.push(tree.clone());
            }
            let matching = node.get("matching").unwrap_or(&Value::Null);
            for list in [node.get("grouping"), matching.get("labels")] {
                let names = list.and_then(Value::as_array).into_iter().flatten();
                labels.extend(names.filter_map(Value::as_str).map(str::to_owned));
            }
            node.values()
                .for_each(|child| selectors(child, found, labels));
        }
        Value::Array(nodes) => nodes
            .iter()
            .for_each(|child| selectors(child, found, labels)),
        _ => {}
    }
}

/// Asserts that Prometheus has every metric of an expression, with every label that it is asked for by, and each label that the
/// expression groups or joins by on at least one of them.
pub fn assert_known(prometheus: &Prometheus, expression: &str) {
    let tree = prometheus
        .ask("parse_query", &[("query", expression)])
        .unwrap();
    let (mut found, mut groups) = (Vec::new(), BTreeSet::new());
    selectors(&tree, &mut found, &mut groups);
    assert!(!found.is_empty(), "{expression} asks for nothing");
    let mut seen = BTreeSet::new();
    for selector in found {
        let metric = selector["name"].as_str().unwrap();
        // The operator may have shown it since the last scrape only.
        let series = wait::until_ok(PATIENCE, expression, || {
            match prometheus.query(metric).unwrap() {
                none if none.is_empty() => Err(format!("{metric} is not there")),
                series => Ok(series),
            }
        })
        .unwrap();
        let of_all: BTreeSet<String> = series
            .iter()
            .flat_map(|one| one["metric"].as_object().unwrap().keys().cloned())
            .collect();
        for matcher in selector["matchers"].as_array().unwrap() {
            let label = matcher["name"].as_str().unwrap();
            assert!(
                of_all.contains(label),
                "{metric} has no {label}: {expression}"
            );
        }
        seen.extend(of_all);
    }
    // A histogram's, of its buckets.
    assert!(groups.is_subset(&seen), "{groups:?} in {expression}");
}

#[test]
fn every_metric_and_label_that_an_alert_asks_for_is_there() {
    let stage = stage();
    for rule in rules()["groups"][0]["rules"].as_array().unwrap() {
        assert_known(&stage.prometheus, rule["expr"].as_str().unwrap());
    }
}

#[test]
fn prometheus_evaluates_every_alert_and_those_fire_whose_time_has_come() {
    let prometheus = &stage().prometheus;
    let state = |name: &str| {
        let answer = prometheus.ask("rules", &[("type", "alert")])?;
        let rules = answer["groups"][0]["rules"].as_array().unwrap().clone();
        for rule in &rules {
            assert_eq!(rule["health"], "ok", "{rule:#}");
        }
        let rule = rules.into_iter().find(|rule| rule["name"] == name);
        Ok::<_, RigError>(rule.unwrap()["state"].as_str().unwrap().to_owned())
    };
    let pending = [
        "LaunchDarklyAccessTokenNotReady",
        "LaunchDarklyCredentialRejected",
    ];
    for alert in pending {
        let seen = || Ok(state(alert)? == "pending");
        wait::until_true(PATIENCE, alert, seen).unwrap();
    }
    for quiet in [
        "LaunchDarklyOperatorNoLeader",
        "LaunchDarklyOperatorAbsent",
        "LaunchDarklyKeyChurn",
        "LaunchDarklyMassChange",
    ] {
        assert_eq!(state(quiet).unwrap(), "inactive", "{quiet}");
    }
}
