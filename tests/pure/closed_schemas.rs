//! Objects that users are shown, read by tools that have the schema alone and take nothing that it does not name.

use std::fs;
use std::path::{Path, PathBuf};

use jsonschema::Validator;
use launchdarkly_token_operator::api::crds;
use serde_json::{Value, json};

const VERSION: &str = "ldtokens.dev/v1alpha1";

/// Refuses unknown fields of every object whose fields are named.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            if map.get("properties").is_some_and(Value::is_object) && map.contains_key("type") {
                map.insert("additionalProperties".into(), json!(false));
            }
            map.values_mut().for_each(close);
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Every kind with its closed schema.
fn validators() -> Vec<(String, Validator)> {
    let of = |mut crd: Value| {
        let kind = crd["spec"]["names"]["kind"].as_str().unwrap().to_owned();
        let mut schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"].take();
        close(&mut schema);
        let options = jsonschema::options().should_validate_formats(true);
        (kind, options.build(&schema).unwrap())
    };
    crds::all().into_iter().map(of).collect()
}

/// What is wrong with an object.
fn mistakes(validators: &[(String, Validator)], object: &Value) -> Vec<String> {
    let kind = object["kind"].as_str().unwrap_or_default();
    let Some((_, validator)) = validators.iter().find(|(known, _)| known == kind) else {
        return vec![format!("there is no kind {kind:?}")];
    };
    let said = validator.iter_errors(object);
    said.map(|error| format!("{}: {error}", error.instance_path()))
        .collect()
}

/// Files below a folder, by their ending.
fn below(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(below(&path, ending));
        } else if path.extension().is_some_and(|found| found == ending) {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// The objects of our kinds in a file; of a page those in its examples.
fn objects(file: &Path) -> Vec<Value> {
    let text = fs::read_to_string(file).unwrap();
    let parts: Vec<&str> = if file.extension().is_some_and(|ending| ending == "md") {
        let blocks = text.split("```yaml\n").skip(1);
        blocks
            .filter_map(|block| block.split("```").next())
            .collect()
    } else {
        vec![&text]
    };
    parts
        .iter()
        .flat_map(|part| serde_saphyr::from_multiple::<Value>(part).unwrap())
        .filter(|object| object["apiVersion"] == VERSION)
        .collect()
}

#[test]
fn everything_that_users_are_shown_fits_the_closed_schema() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let validators = validators();
    let pages = below(&root.join("docs"), "md")
        .into_iter()
        .chain([root.join("README.md")]);
    // Argo CD's test data are real objects, with their status.
    let files = below(&root.join("deploy"), "yaml").into_iter().chain(pages);
    let (mut read, mut with_status) = (0, 0);
    for file in files {
        for object in objects(&file) {
            read += 1;
            with_status += usize::from(object["status"].is_object());
            let wrong = mistakes(&validators, &object);
            assert!(wrong.is_empty(), "{}: {wrong:#?}", file.display());
        }
    }
    assert!(
        read >= 40 && with_status >= 20,
        "{read} were read, {with_status} of them with a status"
    );
}

#[test]
fn what_the_schema_does_not_name_is_refused_at_every_depth() {
    let validators = validators();
    let good = json!({
        "apiVersion": VERSION, "kind": "AccessToken", "metadata": {"name": "web", "labels": {"a": "b"}},
        "spec": {"role": "reader", "secret": {"template": {"metadata": {"labels": {"a": "b"}}}}},
        "status": {"token": {"id": "a", "name": "web", "specHash": "v1:a.b", "creationTime": "2026-11-22T09:31:04Z"}},
    });
    assert_eq!(mistakes(&validators, &good), Vec::<String>::new());
    let places = [
        "",
        "/spec",
        "/spec/secret",
        "/spec/secret/template/metadata",
        "/status",
        "/status/token",
    ];
    for place in places {
        let mut object = good.clone();
        object.pointer_mut(place).unwrap()["misspelt"] = json!("x");
        let wrong = mistakes(&validators, &object);
        assert_eq!(wrong.len(), 1, "{place}: {wrong:?}");
    }
    let mut object = good.clone();
    object["status"]["token"]["creationTime"] = json!("yesterday");
    assert_eq!(mistakes(&validators, &object).len(), 1);
}
