//! What the Prometheus operator and Grafana get. Whether the operator has the metrics they ask for is seen in tests/observability.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use rig::{Helm, build, workspace};
use serde_json::Value;

use crate::render::{VERSIONS, chart, objects, of_kind, template, value_file};

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

/// The rules that the chart makes with these values besides those of `monitoring.yaml`.
fn rules(sets: &[&str]) -> Vec<Value> {
    let helm = Helm::offline().unwrap();
    let (chart, values) = (chart(), value_file("monitoring"));
    let mut arguments = vec!["template", "my", &chart, "--namespace=operators"];
    arguments.extend(["--values", &values, "--kube-version", VERSIONS[0]]);
    for set in sets {
        arguments.extend(["--set-json", set]);
    }
    let objects = objects(&helm.run(&arguments).unwrap());
    let groups = &of_kind(&objects, "PrometheusRule")[0]["spec"]["groups"];
    groups[0]["rules"].as_array().unwrap().clone()
}

const WITHOUT_OBJECTS: &str = r#"flags={"metrics-per-object": false}"#;

fn names(rules: &[Value]) -> BTreeSet<String> {
    rules.iter().map(|rule| text(&rule["alert"])).collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// All alerts, those with and those without the metrics of single objects.
fn all_rules() -> Vec<Value> {
    let mut rules = rules(&[]);
    let known = names(&rules);
    let others = self::rules(&[WITHOUT_OBJECTS]);
    rules.extend(
        others
            .into_iter()
            .filter(|rule| !known.contains(&text(&rule["alert"]))),
    );
    rules
}

#[test]
fn every_alert_says_what_follows_and_has_a_runbook_and_every_runbook_an_alert() {
    let rules = all_rules();
    let folder = workspace::root().join("docs/runbooks");
    let runbooks: BTreeSet<String> = fs::read_dir(&folder)
        .unwrap()
        .map(|file| {
            file.unwrap()
                .path()
                .file_stem()
                .unwrap()
                .display()
                .to_string()
        })
        .collect();
    assert_eq!(names(&rules), runbooks);
    for rule in &rules {
        let (name, annotations) = (text(&rule["alert"]), &rule["annotations"]);
        assert!(!text(&annotations["summary"]).is_empty(), "{rule}");
        assert!(text(&annotations["description"]).len() > 80, "{rule}");
        let url = text(&annotations["runbook_url"]);
        assert!(url.ends_with(&format!("/docs/runbooks/{name}.md")), "{url}");
        let runbook = fs::read_to_string(folder.join(format!("{name}.md"))).unwrap();
        for part in ["Meaning", "Impact", "Diagnosis", "Mitigation"] {
            assert!(
                runbook.contains(&format!("\n## {part}\n\n")),
                "{name}: {part}"
            );
        }
        for placeholder in ["<job>", "<jobs>", "<leading>", "<threshold>", "<namespace>"] {
            assert!(
                !rule.to_string().contains(placeholder),
                "{placeholder} in {rule}"
            );
        }
    }
}

#[test]
fn single_alerts_can_be_changed_and_a_name_or_threshold_that_there_is_not_is_refused() {
    let rules = rules(&[
        r#"monitoring.prometheusRule.alerts={"LaunchDarklyKeyChurn": {"enabled": false}, "LaunchDarklyApiErrors": {"threshold": 0.5, "for": "1h", "severity": "page"}}"#,
        r#"monitoring.prometheusRule.runbookUrl="https://example.com/books/""#,
    ]);
    assert!(!names(&rules).contains("LaunchDarklyKeyChurn"));
    let changed = rules
        .iter()
        .find(|rule| rule["alert"] == "LaunchDarklyApiErrors");
    let changed = changed.unwrap();
    assert!(text(&changed["expr"]).ends_with("> 0.5"), "{changed}");
    assert_eq!(changed["for"], "1h");
    assert_eq!(changed["labels"]["severity"], "page");
    let url = "https://example.com/books/LaunchDarklyApiErrors.md";
    assert_eq!(changed["annotations"]["runbook_url"], url);

    let refusal = |alerts: &str| {
        let (chart, values) = (chart(), value_file("monitoring"));
        let set = format!("monitoring.prometheusRule.alerts={alerts}");
        let helm = Helm::offline().unwrap();
        let output = helm
            .output(&[
                "template",
                "my",
                &chart,
                "--values",
                &values,
                "--set-json",
                &set,
            ])
            .unwrap();
        assert!(!output.status.success());
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let said = refusal(r#"{"LaunchDarklyKeyChrun": {"enabled": false}}"#);
    assert!(
        said.contains("there is no alert LaunchDarklyKeyChrun"),
        "{said}"
    );
    let said = refusal(r#"{"LaunchDarklyMassChange": {"threshold": 2}}"#);
    assert!(
        said.contains("LaunchDarklyMassChange has no threshold"),
        "{said}"
    );
}

/// Series of a single object have its namespace, so they are told by their job, and by the leader that shows them.
#[test]
fn alerts_are_about_their_own_release() {
    let job = "job=~\"(.+/)?my-launchdarkly-token-operator(-metrics)?\"";
    for rule in all_rules() {
        let expression = text(&rule["expr"]);
        assert!(
            expression.contains("namespace=\"operators\""),
            "{expression}"
        );
        let selectors = expression.matches('{').count();
        assert_eq!(expression.matches(job).count(), selectors, "{expression}");
    }
}

/// A file of rules as Prometheus reads it. The longer annotations are left out where the cases would have to repeat them.
fn rules_file(rules: &[Value], whole: bool) -> String {
    let mut rules = rules.to_vec();
    for rule in rules.iter_mut().filter(|_| !whole) {
        let annotations = rule["annotations"].as_object_mut().unwrap();
        annotations.retain(|name, _| name == "summary");
    }
    // JSON is YAML.
    serde_json::json!({"groups": [{"name": "all", "rules": rules}]}).to_string()
}

fn promtool(folder: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new(build::promtool().unwrap());
    let output = command
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(output.status.success(), "promtool {arguments:?}:\n{said}");
    said
}

#[test]
fn promtool_accepts_the_alerts_and_sees_each_of_them_fire_and_be_silent() {
    let rules = all_rules();
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("whole.yaml"), rules_file(&rules, true)).unwrap();
    promtool(
        folder.path(),
        &["check", "rules", "--lint-fatal", "whole.yaml"],
    );
    fs::write(folder.path().join("rules.yaml"), rules_file(&rules, false)).unwrap();

    let (mut files, mut fire, mut silent) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
    for file in fs::read_dir(workspace::root().join("tests/chart/alerts")).unwrap() {
        let path = file.unwrap().path();
        let name = path.file_name().unwrap().display().to_string();
        let cases = fs::read_to_string(&path).unwrap();
        fs::write(folder.path().join(&name), &cases).unwrap();
        files.push(name);
        let cases: Value = serde_saphyr::from_str(&cases).unwrap();
        for case in cases["tests"].as_array().unwrap() {
            let wanted = &case["alert_rule_test"][0];
            let alert = text(&wanted["alertname"]);
            assert!(text(&case["name"]).starts_with(&alert), "{}", case["name"]);
            if wanted["exp_alerts"].as_array().unwrap().is_empty() {
                silent.insert(alert);
            } else {
                fire.insert(alert);
            }
        }
    }
    assert_eq!(fire, names(&rules), "cases in which alerts fire");
    assert_eq!(silent, names(&rules), "cases in which alerts are silent");
    let arguments = ["test", "rules"].into_iter();
    let arguments: Vec<_> = arguments.chain(files.iter().map(String::as_str)).collect();
    promtool(folder.path(), &arguments);
}

#[test]
fn the_dashboard_is_put_where_grafanas_sidecar_finds_it() {
    let helm = Helm::offline().unwrap();
    let objects = objects(&template(&helm, "monitoring", VERSIONS[0]));
    let maps = of_kind(&objects, "ConfigMap");
    let [map] = maps.as_slice() else {
        panic!("{} ConfigMaps", maps.len());
    };
    assert_eq!(map["metadata"]["labels"]["grafana_dashboard"], "1");
    let file = workspace::root().join("charts/launchdarkly-token-operator/files/dashboard.json");
    let text = fs::read_to_string(file).unwrap();
    let shown = map["data"]["launchdarkly-token-operator.json"]
        .as_str()
        .unwrap();
    assert_eq!(shown.trim_end(), text.trim_end());
    serde_json::from_str::<Value>(&text).unwrap();
}
