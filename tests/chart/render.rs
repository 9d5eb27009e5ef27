//! Renders the chart.

use std::fs;
use std::path::PathBuf;

use rig::{Helm, workspace};
use serde_json::Value;

/// Name of the release and of its namespace, with which the names are those of `deploy/install.yaml`.
pub const NAME: &str = "launchdarkly-token-operator";

/// The oldest version that the chart allows, one between, and the one that the tests run on.
pub const VERSIONS: [&str; 3] = ["1.30.0", "1.33.0", "1.37.2"];

pub fn chart() -> String {
    let path = workspace::root().join("charts/launchdarkly-token-operator");
    path.display().to_string()
}

/// The chart of an earlier commit, as it was packaged then (`tests/chart/packages/README.md`).
pub fn package(version: &str) -> String {
    let file = format!("tests/chart/packages/launchdarkly-token-operator-{version}.tgz");
    workspace::root().join(file).display().to_string()
}

pub fn value_file(name: &str) -> String {
    let path = workspace::root().join(format!("tests/chart/values/{name}.yaml"));
    path.display().to_string()
}

/// The names of all value files.
pub fn value_files() -> Vec<String> {
    let folder = workspace::root().join("tests/chart/values");
    let files = fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path());
    let name = |path: PathBuf| path.file_stem().unwrap().display().to_string();
    let mut names: Vec<_> = files.map(name).collect();
    names.sort();
    names
}

/// What `helm template` prints for a value file, as a release `my` in namespace `operators`.
pub fn template(helm: &Helm, values: &str, version: &str) -> String {
    let (chart, values) = (chart(), value_file(values));
    let arguments = ["template", "my", &chart, "--namespace=operators"];
    let more = ["--values", &values, "--kube-version", version];
    helm.run(&[&arguments[..], &more].concat()).unwrap()
}

/// All objects of a text in YAML.
pub fn objects(text: &str) -> Vec<Value> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(text).unwrap();
    documents.into_iter().filter(|one| !one.is_null()).collect()
}

/// The objects of a kind.
pub fn of_kind<'a>(objects: &'a [Value], kind: &str) -> Vec<&'a Value> {
    objects.iter().filter(|one| one["kind"] == kind).collect()
}

/// Kind, namespace and name, as in `Role operators/my-operator`.
pub fn title(object: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let metadata = &object["metadata"];
    let (kind, name) = (text(&object["kind"]), text(&metadata["name"]));
    match metadata["namespace"].as_str() {
        Some(namespace) => format!("{kind} {namespace}/{name}"),
        None => format!("{kind} {name}"),
    }
}
