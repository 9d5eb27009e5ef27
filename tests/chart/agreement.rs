//! The chart and the static manifests install the same, except for what is listed here.

use std::collections::BTreeMap;
use std::fs;

use rig::{Helm, workspace};
use serde_json::{Value, json};

use crate::render::{NAME, chart, objects, title};

/// Objects that only one of them has, and why.
const ONLY_IN: [(&str, &str); 6] = [
    // Helm makes the namespace by --create-namespace, without labels of ours.
    ("deploy", "Namespace launchdarkly-token-operator"),
    // The static manifests leave the kinds to crds/, which is applied before.
    (
        "chart",
        "CustomResourceDefinition accesstokens.ldtokens.dev",
    ),
    (
        "chart",
        "CustomResourceDefinition clusterlaunchdarklyaccounts.ldtokens.dev",
    ),
    (
        "chart",
        "CustomResourceDefinition launchdarklyaccounts.ldtokens.dev",
    ),
    // Ports and limits depend on the cluster, which values can follow and a static file cannot.
    (
        "chart",
        "NetworkPolicy launchdarkly-token-operator/launchdarkly-token-operator",
    ),
    (
        "chart",
        "PodDisruptionBudget launchdarkly-token-operator/launchdarkly-token-operator",
    ),
];

/// Labels that Helm's users expect and that mean nothing without Helm.
const CHART_LABELS: [&str; 4] = [
    "app.kubernetes.io/instance",
    "app.kubernetes.io/managed-by",
    "app.kubernetes.io/version",
    "helm.sh/chart",
];

/// Fields that the chart writes out with the value that Kubernetes has as default.
const DEFAULTS: [(&str, &str, i64); 1] = [("Deployment", "/spec/revisionHistoryLimit", 10)];

/// Takes the listed differences out.
fn comparable(mut object: Value) -> Value {
    strip_labels(&mut object);
    for (kind, pointer, value) in DEFAULTS {
        if object["kind"] == kind && object.pointer(pointer) == Some(&json!(value)) {
            let (parent, field) = pointer.rsplit_once('/').unwrap();
            object
                .pointer_mut(parent)
                .unwrap()
                .as_object_mut()
                .unwrap()
                .remove(field);
        }
    }
    object
}

/// Labels, and the selectors that look for them.
fn strip_labels(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|key, _| !CHART_LABELS.contains(&key.as_str()));
            map.values_mut().for_each(strip_labels);
        }
        Value::Array(list) => list.iter_mut().for_each(strip_labels),
        _ => {}
    }
}

fn by_title(text: &str) -> BTreeMap<String, Value> {
    let titled = |object: Value| (title(&object), comparable(object));
    objects(text).into_iter().map(titled).collect()
}

#[test]
fn the_chart_and_the_static_manifests_install_the_same() {
    let helm = Helm::offline().unwrap();
    let namespace = format!("--namespace={NAME}");
    let rendered = helm.run(&["template", NAME, &chart(), &namespace]).unwrap();
    let mut of_chart = by_title(&rendered);
    let manifests = fs::read_to_string(workspace::root().join("deploy/install.yaml")).unwrap();
    let mut of_deploy = by_title(&manifests);
    for (side, title) in ONLY_IN {
        let (has, lacks) = if side == "chart" {
            (&mut of_chart, &of_deploy)
        } else {
            (&mut of_deploy, &of_chart)
        };
        assert!(
            has.remove(title).is_some(),
            "{title} is not in the {side} any more"
        );
        assert!(
            !lacks.contains_key(title),
            "{title} is in both: take it off the list"
        );
    }
    assert!(of_deploy.len() >= 10);
    for title in of_chart.keys().chain(of_deploy.keys()) {
        assert_eq!(of_chart.get(title), of_deploy.get(title), "{title}");
    }
}

#[test]
fn the_definitions_in_the_release_are_those_of_the_repository() {
    let helm = Helm::offline().unwrap();
    let rendered = helm.run(&["template", NAME, &chart()]).unwrap();
    let mut seen = 0;
    for mut object in objects(&rendered) {
        if object["kind"] != "CustomResourceDefinition" {
            continue;
        }
        let metadata = object["metadata"].as_object_mut().unwrap();
        let annotations = metadata.remove("annotations");
        assert_eq!(
            annotations,
            Some(json!({"helm.sh/resource-policy": "keep"}))
        );
        metadata.remove("labels");
        let name = metadata["name"].as_str().unwrap();
        let path = workspace::root().join(format!("crds/{name}.yaml"));
        let source: Value = serde_saphyr::from_str(&fs::read_to_string(path).unwrap()).unwrap();
        assert_eq!(object, source);
        seen += 1;
    }
    assert_eq!(seen, 3);
}

#[test]
fn the_chart_carries_the_version_of_the_program_and_names_its_kinds() {
    let text = fs::read_to_string(format!("{}/Chart.yaml", chart())).unwrap();
    let metadata: Value = serde_saphyr::from_str(&text).unwrap();
    assert_eq!(metadata["appVersion"], env!("CARGO_PKG_VERSION"));
    let annotation = |name: &str| -> Vec<Value> {
        let text = metadata["annotations"][format!("artifacthub.io/{name}")]
            .as_str()
            .unwrap();
        serde_saphyr::from_str(text).unwrap()
    };
    let named: Vec<_> = annotation("crds")
        .iter()
        .map(|one| one["name"].clone())
        .collect();
    let definitions = launchdarkly_token_operator::api::crds::all();
    for definition in &definitions {
        assert!(named.contains(&definition["metadata"]["name"]), "{named:?}");
    }
    assert_eq!(named.len(), definitions.len());
    assert_eq!(annotation("crdsExamples").len(), definitions.len());
}
