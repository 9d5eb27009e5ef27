//! What the Prometheus operator gets.

use std::fs;
use std::path::Path;
use std::process::Command;

use launchdarkly_token_operator::runtime::metrics::{Metrics, TokenState};
use rig::Helm;
use serde_json::Value;

use crate::render::{VERSIONS, objects, of_kind, template};

/// Where the kinds of the Prometheus operator come from, and the checksum of that.
const MODULE: &str = "github.com/prometheus-operator/prometheus-operator@v0.85.0";
const CHECKSUM: &str = "h1:M5xLCLEoaW2IJfnuCwFzzpL+jSVQu3KGT84Pye+fW8s=";

/// The definitions of the kinds that the chart can make, from the Prometheus operator's own sources.
pub fn definitions() -> Vec<String> {
    // In a directory that is no module, so that nothing is added to any.
    let nowhere = tempfile::tempdir().unwrap();
    let output = Command::new("go")
        .args(["mod", "download", "-json", MODULE])
        .current_dir(nowhere.path())
        .envs([
            ("GOWORK", "off"),
            ("GOTOOLCHAIN", "local"),
            ("GOSUMDB", "off"),
        ])
        .output()
        .unwrap();
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(said["Sum"], CHECKSUM, "{said}");
    let folder = Path::new(said["Dir"].as_str().unwrap()).join("example/prometheus-operator-crd");
    ["servicemonitors", "podmonitors", "prometheusrules"]
        .map(|kind| folder.join(format!("monitoring.coreos.com_{kind}.yaml")))
        .map(|path| fs::read_to_string(path).unwrap())
        .to_vec()
}

#[test]
fn the_alerts_ask_for_metrics_that_the_operator_has() {
    let metrics = Metrics::default();
    metrics.set_leader(true);
    metrics.set_tokens(TokenState::Stalled, 1);
    metrics.left_behind();
    let known = metrics.encode().unwrap();
    let helm = Helm::offline().unwrap();
    let objects = objects(&template(&helm, "monitoring", VERSIONS[0]));
    let groups = &of_kind(&objects, "PrometheusRule")[0]["spec"]["groups"];
    let rules = groups[0]["rules"].as_array().unwrap();
    assert_eq!(rules.len(), 3);
    for rule in rules {
        let expression = rule["expr"].as_str().unwrap();
        let (_, rest) = expression.split_once("launchdarkly_operator_").unwrap();
        let (name, rest) = rest.split_once('{').unwrap();
        assert!(
            known.contains(&format!("\nlaunchdarkly_operator_{name}")),
            "{name}"
        );
        // The labels that Prometheus adds for a pod of this release, found by either monitor.
        assert!(rest.contains("namespace=\"operators\""), "{rest}");
        assert!(
            rest.contains("job=~\"(.+/)?my-launchdarkly-token-operator(-metrics)?\""),
            "{rest}"
        );
        for label in ["summary", "description"] {
            assert!(rule["annotations"][label].is_string(), "{rule}");
        }
    }
    let stalled = r#"launchdarkly_operator_tokens{state="stalled"} 1"#;
    assert!(known.contains(stalled) && rules[1].to_string().contains("stalled"));
}
