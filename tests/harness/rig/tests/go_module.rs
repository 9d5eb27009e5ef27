//! What keeps the build of the Go programs short: next to nothing is compiled in two versions.
#![expect(clippy::unwrap_used, reason = "helpers of tests may fail like tests")]

use std::fs;
use std::path::{Path, PathBuf};

use rig::{build, workspace};

#[test]
fn all_go_programs_but_actionlint_come_from_one_module() {
    let harness = workspace::root().join("tests/harness");
    let mut modules = modules_in(&workspace::root().join("tests"));
    modules.sort();
    assert_eq!(
        modules,
        [harness.join("actionlint/go.mod"), harness.join("go.mod")],
        "a module of its own compiles Kubernetes once more, in another version: \
         make it a package below tests/harness, or `go get -tool` what others wrote, and run `go mod tidy` there"
    );
}

fn modules_in(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .flat_map(|path| {
            if path.is_dir() {
                modules_in(&path)
            } else if path.ends_with("go.mod") {
                vec![path]
            } else {
                Vec::new()
            }
        })
        .collect()
}

/// Kubernetes' own `go.mod` replaces its parts by folders beside it, which counts in no other module.
#[test]
fn all_parts_of_kubernetes_have_its_version() {
    let file = fs::read_to_string(build::go_module().join("go.mod")).unwrap();
    let version = file
        .lines()
        .find_map(|line| line.trim().strip_prefix("k8s.io/kubernetes v1."))
        .map(|version| format!("v0.{version}"))
        .unwrap();
    let replaced: Vec<_> = file
        .lines()
        .filter_map(|line| {
            line.trim()
                .trim_start_matches("replace ")
                .split_once(" => ")
        })
        .collect();
    assert!(replaced.len() > 25, "only {replaced:?} are replaced");
    for (module, by) in &replaced {
        assert_eq!(
            *by,
            format!("{module} {version}"),
            "run `go mod edit -replace={module}={module}@{version} && go mod tidy` in tests/harness"
        );
    }
    for line in file.lines() {
        let mut words = line.split_whitespace();
        let (module, required) = (words.next(), words.next());
        if replaced.iter().any(|(part, _)| Some(*part) == module) && required != Some("=>") {
            assert_eq!(
                required,
                Some(version.as_str()),
                "{module:?}: run `go mod edit -require` with {version} and `go mod tidy` in tests/harness"
            );
        }
    }
}
