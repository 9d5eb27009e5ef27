//! The files, and tables in pages, that are made from the types, from the order of concerns, and from the comments of the chart's values:
//! they must be as those say.
//!
//! `cargo xtask generate` runs this with `LDTOKENS_GENERATE=1`, which writes them instead.

mod chart;
mod concerns;
mod conditions;
mod metrics;
mod reference;

use std::fs;
use std::path::Path;

use launchdarkly_token_operator::api::crds;
use serde_json::Value;

const METRICS_HEADER: &str = "Generated from src/runtime/metrics and the chart's alerts by `cargo xtask generate`; do not edit.";
const HEADER: &str = "Generated from src/api by `cargo xtask generate`; do not edit.";
/// `kubectl apply` keeps a copy of what it applied in an annotation, which must have less than 256 KiB.
const MAX_CRD_BYTES: usize = 200_000;

fn yaml(crd: &Value) -> String {
    let text = serde_saphyr::to_string(crd).unwrap();
    format!("# {HEADER}\n{text}")
}

fn markdown(text: &str) -> String {
    format!("<!-- {HEADER} -->\n\n{text}")
}

/// Every generated file: where it is, and what it must be.
fn files() -> Vec<(String, String)> {
    let mut files: Vec<_> = crds::all()
        .iter()
        .map(|crd| {
            let name = crd["metadata"]["name"].as_str().unwrap();
            (format!("crds/{name}.yaml"), yaml(crd))
        })
        .collect();
    files.extend(chart::files(files.clone()));
    files.push((
        "docs/reference.md".into(),
        markdown(&reference::page(&crds::all())),
    ));
    files.push(("docs/conditions.md".into(), markdown(&conditions::page())));
    files.push((
        "docs/metrics.md".into(),
        format!("<!-- {METRICS_HEADER} -->\n\n{}", metrics::page()),
    ));
    let architecture = "docs/architecture.md";
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join(architecture);
    let page = fs::read_to_string(page).unwrap();
    files.push((architecture.into(), concerns::with_tables(&page)));
    files
}

#[test]
fn the_generated_files_are_as_the_types_say() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let write = std::env::var_os("LDTOKENS_GENERATE").is_some_and(|value| value == "1");
    let mut stale = Vec::new();
    for (name, content) in files() {
        let path = root.join(&name);
        if write {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, content).unwrap();
        } else if fs::read_to_string(&path).ok().as_deref() != Some(&content) {
            stale.push(name);
        }
    }
    for folder in ["crds", "charts/launchdarkly-token-operator/files/crds"] {
        for entry in fs::read_dir(root.join(folder)).unwrap() {
            let name = format!("{folder}/{}", entry.unwrap().file_name().display());
            if files().iter().all(|(expected, _)| *expected != name) {
                stale.push(format!("{name} (to be deleted)"));
            }
        }
    }
    assert!(
        stale.is_empty(),
        "out of date, run `cargo xtask generate`: {stale:?}"
    );
}

#[test]
fn a_definition_is_read_back_as_it_was_written_and_small_enough_for_kubectl_apply() {
    for crd in crds::all() {
        let text = yaml(&crd);
        assert!(text.len() < MAX_CRD_BYTES, "{} bytes", text.len());
        let read: Value = serde_saphyr::from_str(&text).unwrap();
        assert_eq!(read, crd);
    }
}
