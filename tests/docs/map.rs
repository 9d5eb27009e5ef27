//! The map in `docs/architecture.md`: it names every file of `src`, and no other.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::pages;
use crate::troubleshooting::code;

/// The files that the map names, from `src`. A row whose first cell is bold names the folder that the rows after it are in.
fn named() -> BTreeSet<String> {
    let page = fs::read_to_string(pages::root().join("docs/architecture.md")).unwrap();
    let (_, map) = page.split_once("\n## The map\n").unwrap();
    let (map, _) = map.split_once("\nOutside `src/`:").unwrap();
    let mut folder = String::new();
    let mut named = BTreeSet::new();
    for row in map.lines().filter_map(|line| line.strip_prefix("| ")) {
        let first = row.split(" | ").next().unwrap_or_default();
        if first.starts_with("**") {
            folder = code(first).collect();
        } else {
            named.extend(code(first).map(|file| format!("{folder}{file}")));
        }
    }
    named
}

/// Whether a file must be on the map: no test, nothing that only serves fuzzing, and more than names of modules.
fn is_on_the_map(path: &Path) -> bool {
    let kinds = ["tests", "fuzzing"];
    let parts = path
        .iter()
        .map(|part| part.to_str().unwrap().trim_end_matches(".rs"));
    if parts.into_iter().any(|part| kinds.contains(&part)) {
        return false;
    }
    let text = fs::read_to_string(pages::root().join("src").join(path)).unwrap();
    let defines = ["fn ", "struct ", "enum ", "trait ", "macro_rules!"];
    !path.ends_with("mod.rs") || defines.iter().any(|word| text.contains(word))
}

#[test]
fn every_source_file_is_on_the_map_and_every_file_on_the_map_exists() {
    let root = pages::root().join("src");
    let mut paths = Vec::new();
    pages::find(&root, &mut paths, &|path| {
        path.extension().is_some_and(|extension| extension == "rs")
    });
    let paths: BTreeSet<PathBuf> = paths
        .iter()
        .map(|path| path.strip_prefix(&root).unwrap().to_owned())
        .collect();
    let named = named();
    assert!(named.len() > 100, "only {} files were read", named.len());
    let missing = paths
        .iter()
        .filter(|path| is_on_the_map(path))
        .map(|path| path.display().to_string())
        .filter(|path| !named.contains(path))
        .map(|path| format!("{path} is not on the map"));
    let gone = named
        .iter()
        .filter(|name| !paths.contains(Path::new(name)))
        .map(|name| format!("{name} is on the map and does not exist"));
    let wrong: Vec<String> = missing.chain(gone).collect();
    pages::verdict("docs/architecture.md, the map", &wrong);
}
