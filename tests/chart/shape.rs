//! What must hold for every render, whatever the values: over all value files and several versions of Kubernetes.

use std::thread;

use clap::Parser as _;
use launchdarkly_token_operator::runtime::args::{Cli, Command, RunArgs};
use rig::Helm;
use serde_json::Value;

use crate::render::{VERSIONS, chart, objects, of_kind, template, title, value_file, value_files};

#[test]
fn the_linter_has_nothing_to_say_about_any_value_file() {
    let helm = Helm::offline().unwrap();
    for values in value_files() {
        let file = value_file(&values);
        let said = helm.run(&["lint", "--strict", &chart(), "--values", &file]);
        let said = said.unwrap();
        assert!(
            !said.contains("[WARNING]") && !said.contains("[ERROR]"),
            "{values}: {said}"
        );
    }
}

#[test]
fn every_render_holds_together_and_is_the_same_every_time() {
    let files = value_files();
    assert!(files.len() >= 12, "{files:?}");
    thread::scope(|scope| {
        for part in files.chunks(files.len().div_ceil(2)) {
            scope.spawn(move || {
                let helm = Helm::offline().unwrap();
                for values in part {
                    let [first, rest @ ..] = &VERSIONS;
                    let text = template(&helm, values, first);
                    // Nothing depends on the version, so that what is reviewed is what is applied.
                    for version in [first].into_iter().chain(rest) {
                        let again = template(&helm, values, version);
                        assert_eq!(text, again, "{values} on {version}");
                    }
                    check(values, &objects(&text));
                }
            });
        }
    });
}

fn check(values: &str, objects: &[Value]) {
    let deployments = of_kind(objects, "Deployment");
    assert_eq!(deployments.len(), 1, "{values}");
    let pod = &deployments[0]["spec"]["template"];
    selectors_find_the_pods(values, objects, pod);
    rights_reach_the_pods(values, objects, pod);
    flags_are_valid(values, objects, pod);
    for object in objects {
        let labels = &object["metadata"]["labels"];
        let title = title(object);
        assert_eq!(
            labels["app.kubernetes.io/managed-by"], "Helm",
            "{values}: {title}"
        );
        assert_eq!(
            labels["app.kubernetes.io/instance"], "my",
            "{values}: {title}"
        );
        let hook = &object["metadata"]["annotations"]["helm.sh/hook"];
        assert!(hook.is_null(), "{values}: {title} is a hook");
        let kind = object["kind"].as_str().unwrap();
        assert!(
            !["Job", "Secret", "Pod"].contains(&kind),
            "{values}: {title}"
        );
    }
    if let Some(chosen) = values.strip_prefix("crds-") {
        let kept = of_kind(objects, "CustomResourceDefinition");
        assert_eq!(kept.len(), if chosen == "elsewhere" { 0 } else { 3 });
    }
}

fn selectors_find_the_pods(values: &str, objects: &[Value], pod: &Value) {
    let labels = pod["metadata"]["labels"].as_object().unwrap();
    let mut seen = 0;
    for object in objects {
        let spec = &object["spec"];
        let selector = match object["kind"].as_str().unwrap() {
            "Service" => &spec["selector"],
            "NetworkPolicy" => &spec["podSelector"]["matchLabels"],
            "Deployment" | "PodDisruptionBudget" | "PodMonitor" => &spec["selector"]["matchLabels"],
            "ServiceMonitor" => {
                let service = of_kind(objects, "Service")[0];
                for (label, value) in spec["selector"]["matchLabels"].as_object().unwrap() {
                    assert_eq!(service["metadata"]["labels"][label], *value, "{values}");
                }
                continue;
            }
            _ => continue,
        };
        let selector = selector.as_object().unwrap();
        assert_eq!(selector.len(), 2, "{values}: {}", title(object));
        for (label, value) in selector {
            assert_eq!(
                labels.get(label),
                Some(value),
                "{values}: {}",
                title(object)
            );
        }
        seen += 1;
    }
    assert!(seen >= 2, "{values}");
}

fn rights_reach_the_pods(values: &str, objects: &[Value], pod: &Value) {
    let account = &pod["spec"]["serviceAccountName"];
    let made = of_kind(objects, "ServiceAccount");
    assert!(
        made.iter().all(|one| one["metadata"]["name"] == *account),
        "{values}"
    );
    for binding in ["RoleBinding", "ClusterRoleBinding"] {
        for binding in of_kind(objects, binding) {
            let subjects = binding["subjects"].as_array().unwrap();
            assert_eq!(subjects.len(), 1, "{values}");
            assert_eq!(subjects[0]["name"], *account, "{values}");
            assert_eq!(subjects[0]["namespace"], "operators", "{values}");
            let role = &binding["roleRef"];
            let exists = of_kind(objects, role["kind"].as_str().unwrap())
                .iter()
                .any(|one| {
                    one["metadata"]["name"] == role["name"]
                        && one["metadata"]["namespace"] == binding["metadata"]["namespace"]
                });
            assert!(
                exists,
                "{values}: {} binds what is not there",
                title(binding)
            );
        }
    }
    for role in ["Role", "ClusterRole"] {
        for role in of_kind(objects, role) {
            assert!(
                !role["rules"].to_string().contains('*'),
                "{values}: {}",
                title(role)
            );
        }
    }
}

fn flags_are_valid(values: &str, objects: &[Value], pod: &Value) {
    let container = &pod["spec"]["containers"][0];
    let given = run_args(container);
    given.validate().unwrap();
    let lease = &of_kind(objects, "Lease")[0];
    assert_eq!(
        given.leadership.lease_name, lease["metadata"]["name"],
        "{values}"
    );
    assert!(lease["spec"].is_null(), "{values}: the Lease is not free");
    for role in of_kind(objects, "Role") {
        for rule in role["rules"].as_array().unwrap() {
            if rule["resources"][0] == "leases" && rule["verbs"][0] != "create" {
                assert_eq!(
                    rule["resourceNames"][0], lease["metadata"]["name"],
                    "{values}"
                );
            }
        }
    }
    let port = &container["ports"][0]["containerPort"];
    assert_eq!(*port, given.admin.listen.port(), "{values}");
}

/// The arguments of a container as the program reads them.
pub fn run_args(container: &Value) -> RunArgs {
    let args = container["args"].as_array().unwrap();
    let args = args.iter().map(|arg| arg.as_str().unwrap());
    // The pod's name and namespace come from the environment.
    let line = ["operator"]
        .into_iter()
        .chain(args)
        .chain(["--namespace=given"]);
    let Command::Run(args) = Cli::try_parse_from(line).unwrap().command;
    *args
}

#[test]
fn flags_reach_the_operator_as_they_are_set() {
    let helm = Helm::offline().unwrap();
    let objects = objects(&template(&helm, "flags", VERSIONS[0]));
    let pod = &of_kind(&objects, "Deployment")[0]["spec"]["template"]["spec"];
    let args = run_args(&pod["containers"][0]);
    assert!(args.leadership.paused);
    assert!(!args.admin.metrics_per_object);
    assert_eq!(args.leadership.lease_duration.as_secs(), 60);
    assert_eq!(args.scope.concurrency, 64);
    assert_eq!(args.timing.request_timeout.as_secs(), 5);
    assert_eq!(args.timing.settle_time.as_secs(), 30);
    assert_eq!(args.timing.publication_margin.as_secs(), 600);
    assert_eq!(args.timing.drift_interval.as_secs(), 150);
    assert_eq!(args.timing.deletion_give_up_after.as_secs(), 1200);
    assert_eq!(args.log.log_level, "info,kube=debug");
    let collector = args.traces.endpoint().unwrap().unwrap();
    assert_eq!(collector.as_str(), "https://traces.example.com/v1/traces");
    assert!((args.remote.rate_limit_headroom - 0.5).abs() < f64::EPSILON);
    let hosts: Vec<_> = args.remote.allowed_hosts().into_iter().collect();
    assert_eq!(hosts, ["app.launchdarkly.com", "launchdarkly.example.com"]);
    let schema = std::fs::read_to_string(format!("{}/values.schema.json", chart())).unwrap();
    let schema: Value = serde_json::from_str(&schema).unwrap();
    let known = schema["properties"]["flags"]["properties"]
        .as_object()
        .unwrap();
    let set = pod["containers"][0]["args"].to_string();
    for flag in known.keys() {
        assert!(
            set.contains(&format!("--{flag}=")),
            "values/flags.yaml lacks {flag}"
        );
    }
}

#[test]
fn the_class_of_a_release_reaches_the_operator_and_the_accounts_that_name_none() {
    let helm = Helm::offline().unwrap();
    let objects = objects(&template(&helm, "class", VERSIONS[0]));
    let pod = &of_kind(&objects, "Deployment")[0]["spec"]["template"]["spec"];
    let args = run_args(&pod["containers"][0]);
    assert_eq!(args.scope.class(), Some("blue"));
    let accounts = of_kind(&objects, "ClusterLaunchDarklyAccount");
    let classes = accounts
        .iter()
        .map(|account| account["spec"]["controllerClass"].as_str().unwrap());
    assert_eq!(classes.collect::<Vec<_>>(), ["blue", "green"]);
}

/// The ports that the pods may speak to beside DNS.
fn egress_ports(values: &[&str]) -> Vec<i64> {
    let helm = Helm::offline().unwrap();
    let chart = chart();
    let mut arguments = vec!["template", "operator", &chart];
    for value in values {
        arguments.extend(["--set", *value]);
    }
    let text = helm.run(&arguments).unwrap();
    let objects = objects(&text);
    let policy = of_kind(&objects, "NetworkPolicy")[0];
    let ports = policy["spec"]["egress"][1]["ports"].as_array().unwrap();
    ports.iter().filter_map(|it| it["port"].as_i64()).collect()
}

#[test]
fn the_pods_may_speak_to_the_collector_of_traces_and_no_port_is_named_twice() {
    assert_eq!(egress_ports(&[]), [443, 6443]);
    let to = |url: &str| egress_ports(&[&format!("flags.otlp-endpoint={url}")]);
    assert_eq!(to("http://collector.observability:4318"), [443, 6443, 4318]);
    assert_eq!(to("https://traces.example.com"), [443, 6443]);
    assert_eq!(to("http://[2001:db8::1]/otlp"), [443, 6443, 80]);
    assert_eq!(
        egress_ports(&["flags.otlp-traces-endpoint=http://127.0.0.1:9000/v1/traces"]),
        [443, 6443, 9000]
    );
}
