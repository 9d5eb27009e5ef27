//! What the chart says twice, or what others say too, agrees.

use std::fs;

use rig::{Helm, workspace};
use serde_json::{Value, json};

use crate::render::{NAME, chart, objects};

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
