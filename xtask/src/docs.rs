//! The commands of this repository that its documentation names.

use std::fs;

use clap::Parser as _;
use rig::workspace;

use crate::Arguments;

/// Where pages are.
const FOLDERS: [&str; 3] = [".", "docs", "charts/launchdarkly-token-operator"];

/// What follows `cargo xtask` in a text, up to where the command must end.
fn commands(text: &str) -> impl Iterator<Item = &str> {
    let ends = |c: char| "`\n#;,()&|".contains(c);
    text.split("cargo xtask ")
        .skip(1)
        .map(move |rest| rest.split(ends).next().unwrap_or_default())
}

/// A word of a command; something for `STEP` and the like.
fn filled_in(word: &str) -> &str {
    let stands_for_another = word.chars().all(|c| c.is_ascii_uppercase());
    if stands_for_another { "test" } else { word }
}

#[test]
fn every_command_that_the_documentation_names_exists() {
    let (mut wrong, mut read) = (Vec::new(), 0);
    for folder in FOLDERS {
        for entry in fs::read_dir(workspace::root().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|extension| extension != "md") {
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            for command in commands(&text) {
                read += 1;
                let words = command.split_whitespace().map(filled_in);
                if let Err(error) = Arguments::try_parse_from(["xtask"].into_iter().chain(words)) {
                    wrong.push(format!("{}: {command}: {error}", path.display()));
                }
            }
        }
    }
    assert!(read > 8, "only {read} commands were read");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
