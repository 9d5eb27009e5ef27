//! `SECURITY.md` is written by hand; this holds its table to the code: every threat has rows, and every file and test named there exists.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::troubleshooting::{code, sources};

/// The threats that there must be a row for.
const THREATS: usize = 16;

#[test]
fn every_threat_names_what_stops_it_and_tests_that_prove_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("SECURITY.md")).unwrap();
    let mut tests = String::new();
    for folder in ["src", "tests"] {
        sources(&root.join(folder), &mut tests);
    }
    let mut threats = BTreeSet::new();
    let mut wrong = Vec::new();
    for row in page.lines().filter(|line| line.starts_with("| T")) {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let [threat, what, _, places, proofs] = cells[..] else {
            panic!("{row}");
        };
        threats.insert(threat[1..].parse::<usize>().unwrap());
        let missing = |path: &&str| !root.join(path).exists();
        wrong.extend(
            code(places)
                .filter(missing)
                .map(|path| format!("{what}: no {path}")),
        );
        let (paths, names): (Vec<&str>, Vec<&str>) =
            code(proofs).partition(|name| name.contains('/'));
        wrong.extend(
            paths
                .iter()
                .filter(|path| missing(path))
                .map(|path| format!("{what}: no {path}")),
        );
        for name in &names {
            if !is_test(&tests, name) {
                wrong.push(format!("{what}: there is no test {name}"));
            }
        }
        if names.is_empty() || places.is_empty() {
            wrong.push(format!("{what}: names no test, or no place"));
        }
    }
    assert_eq!(threats, (1..=THREATS).collect());
    assert!(wrong.is_empty(), "SECURITY.md\n{}", wrong.join("\n"));
}

/// Whether a test of this name stands in the sources, not only a helper.
fn is_test(sources: &str, name: &str) -> bool {
    let start = format!("fn {name}(");
    sources.match_indices(&start).any(|(at, _)| {
        let before = sources[..at]
            .trim_end()
            .trim_end_matches("async")
            .trim_end();
        before.ends_with("#[test]") || before.ends_with("#[tokio::test]") || before.ends_with(")]")
    })
}
