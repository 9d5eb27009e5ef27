//! Files, tests and annotations that the documentation names.

use std::fs;

use launchdarkly_token_operator::domain::cause::Cause;
use launchdarkly_token_operator::runtime::metrics::catalogue;
use strum::VariantArray as _;

use crate::pages;

/// Folders at the root that paths begin with.
const FOLDERS: [&str; 7] = ["src", "tests", "docs", "deploy", "charts", "crds", "xtask"];

fn is_path(word: &str) -> bool {
    let begins = FOLDERS.iter().any(|folder| {
        word.strip_prefix(folder)
            .is_some_and(|rest| rest.starts_with('/'))
    });
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    begins && word.chars().all(plain)
}

#[test]
fn every_file_that_the_documentation_names_exists() {
    let (mut wrong, mut looked_up) = (Vec::new(), 0);
    for page in pages::all() {
        let spans = page.spans.iter().map(String::as_str);
        for path in spans.chain(page.shell_words()).filter(|word| is_path(word)) {
            looked_up += 1;
            if !pages::root().join(path).exists() {
                wrong.push(format!("{}: {path}", page.path.display()));
            }
        }
    }
    assert!(looked_up > 50, "only {looked_up} files were looked up");
    pages::verdict("files that do not exist", &wrong);
}

/// A test is a sentence. Metrics, which have long names too, begin with whose they are or end with their unit.
fn is_test(span: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let units = ["_seconds", "_total", "_bytes", "_info"];
    span.matches('_').count() >= 3
        && span.chars().all(plain)
        && !["launchdarkly_", "controller_runtime_"]
            .iter()
            .any(|start| span.starts_with(start))
        && !units.iter().any(|unit| span.ends_with(unit))
}

/// A name that ends in its unit.
fn is_metric(span: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let units = ["_seconds", "_total"];
    span.chars().all(plain) && units.iter().any(|unit| span.ends_with(unit))
}

#[test]
fn every_test_that_the_documentation_names_exists() {
    let sources = pages::sources(&["src", "tests", "xtask"]);
    let (mut wrong, mut looked_up) = (Vec::new(), 0);
    for page in pages::all() {
        for name in page.spans.iter().filter(|span| is_test(span)) {
            looked_up += 1;
            if !sources.contains(&format!("fn {name}(")) {
                wrong.push(format!("{}: {name}", page.path.display()));
            }
        }
    }
    assert!(looked_up > 50, "only {looked_up} tests were looked up");
    pages::verdict("tests that do not exist", &wrong);
}

#[test]
fn every_metric_that_the_documentation_names_is_in_the_catalogue() {
    let known: Vec<_> = catalogue::all().map(|metric| metric.name).collect();
    let (mut wrong, mut looked_up) = (Vec::new(), 0);
    for page in pages::all() {
        for name in page.spans.iter().filter(|span| is_metric(span)) {
            looked_up += 1;
            if !known.contains(&name.as_str()) {
                wrong.push(format!("{}: {name}", page.path.display()));
            }
        }
    }
    assert!(looked_up > 20, "only {looked_up} metrics were looked up");
    pages::verdict("metrics that are not in the catalogue", &wrong);
}

#[test]
fn every_annotation_of_ours_that_the_documentation_names_is_in_the_code() {
    let sources = pages::sources(&["src"]);
    let (mut wrong, mut looked_up) = (Vec::new(), 0);
    for page in pages::all() {
        let text = fs::read_to_string(pages::root().join(&page.path)).unwrap();
        for (at, _) in text.match_indices("ldtokens.dev/") {
            let rest = &text[at + "ldtokens.dev/".len()..];
            let end =
                rest.find(|c: char| !c.is_ascii_lowercase() && !c.is_ascii_digit() && c != '-');
            let name = &rest[..end.unwrap_or(rest.len())];
            looked_up += 1;
            if name != "v1alpha1" && !sources.contains(&format!("\"ldtokens.dev/{name}\"")) {
                wrong.push(format!("{}: ldtokens.dev/{name}", page.path.display()));
            }
        }
    }
    assert!(looked_up > 10, "only {looked_up} names were looked up");
    pages::verdict("annotations that the operator does not know", &wrong);
}

#[test]
fn the_guide_says_what_every_cause_means() {
    let guide = fs::read_to_string(pages::root().join("docs/guide.md")).unwrap();
    let rows = guide.lines().filter(|line| line.starts_with("| `"));
    let firsts: Vec<_> = rows.filter_map(|row| row.split(" | ").next()).collect();
    for cause in Cause::VARIANTS {
        let named = firsts
            .iter()
            .any(|first| first.contains(&format!("`{cause}`")));
        assert!(named, "docs/guide.md does not say what {cause} means");
    }
}
