//! Every object of ours that users are shown: samples, and the examples of the documentation.

use std::fs;
use std::path::{Path, PathBuf};

use rig::workspace;
use serde_json::Value;

use crate::verdict::KINDS;

/// The objects of every file, and of every example in the documentation, that has one of ours.
pub fn all() -> Vec<Vec<Value>> {
    let root = workspace::root();
    let mut examples = vec![];
    for folder in [
        "deploy/samples",
        "deploy/argocd/app",
        "deploy/flux/account",
        "deploy/flux/shop",
    ] {
        for path in files(&root.join(folder)) {
            let text = fs::read_to_string(&path).unwrap();
            examples.push(objects(&text));
        }
    }
    for path in [vec![root.join("README.md")], files(&root.join("docs"))].concat() {
        let text = fs::read_to_string(&path).unwrap();
        let blocks = text.split("```yaml\n").skip(1);
        let blocks = blocks.filter_map(|block| block.split_once("```"));
        examples.extend(blocks.map(|(block, _)| objects(block)));
    }
    examples.retain(|example| example.iter().any(is_ours));
    examples
}

/// Whether an object is of our kinds.
pub fn is_ours(object: &Value) -> bool {
    KINDS.iter().any(|kind| object["kind"] == *kind)
}

/// The objects of a text in YAML.
pub fn objects(text: &str) -> Vec<Value> {
    // An example may be a part of an object, or not YAML to the last sign.
    let documents: Vec<Value> = serde_saphyr::from_multiple(text).unwrap_or_default();
    documents.into_iter().filter(Value::is_object).collect()
}

/// The YAML and Markdown files of a folder, in their order.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .collect();
    files.sort();
    files
}
