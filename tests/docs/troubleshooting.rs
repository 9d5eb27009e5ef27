//! `docs/troubleshooting.md` is written by hand; this holds its tables to the code: every row about trouble names reasons that exist,
//! and in a comment at its end a test that produces one of them.

use std::fs;
use std::path::Path;

use launchdarkly_token_operator::domain::cause::Cause;
use launchdarkly_token_operator::domain::conditions::ConditionType;
use launchdarkly_token_operator::domain::reason::Reason;

/// The sections whose tables are held to it.
const SECTIONS: [&str; 5] = [
    "The spec",
    "The Secret",
    "The account",
    "LaunchDarkly",
    "Somebody else at LaunchDarkly",
];

/// Events whose reason is no condition's.
const EVENTS: [&str; 1] = ["KeyRecovered"];

/// A row of such a table.
struct Row {
    situation: String,
    /// The words in its second column that look like reasons.
    words: Vec<String>,
    tests: Vec<String>,
}

fn rows(page: &str) -> Vec<Row> {
    let mut section = "";
    let mut rows = Vec::new();
    for line in page.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            section = title;
        }
        if !SECTIONS.contains(&section) || !line.starts_with("| ") {
            continue;
        }
        let cells: Vec<&str> = line.split(" | ").collect();
        let heading = line.starts_with("| ---") || ["| situation", "| answer"].contains(&cells[0]);
        if heading {
            continue;
        }
        let comment = line
            .rsplit_once("<!-- ")
            .and_then(|(_, end)| end.split_once(" -->"));
        rows.push(Row {
            situation: cells[0].trim_start_matches("| ").to_owned(),
            words: code(cells[1])
                .filter(|word| is_word(word))
                .map(str::to_owned)
                .collect(),
            tests: comment
                .map(|(names, _)| names.split(' ').map(str::to_owned).collect())
                .unwrap_or_default(),
        });
    }
    rows
}

/// What stands between backticks.
pub fn code(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

fn is_word(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_uppercase())
        && text.chars().all(|c| c.is_ascii_alphabetic())
}

fn exists(word: &str) -> bool {
    Reason::all().iter().any(|reason| reason.as_str() == word)
        || ConditionType::all()
            .iter()
            .any(|kind| kind.to_string() == word)
        || word.parse::<Cause>().is_ok()
        || EVENTS.contains(&word)
}

/// The sources of all tests.
pub fn sources(folder: &Path, into: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push_str(&fs::read_to_string(path).unwrap());
        }
    }
}

/// The text of every test of this name.
fn bodies<'a>(sources: &'a str, name: &str) -> Vec<&'a str> {
    let start = format!("fn {name}()");
    let found = sources.match_indices(&start);
    found
        .filter(|(at, _)| sources[..*at].trim_end().ends_with("#[test]"))
        .map(|(at, _)| sources[at..].split("\n}\n").next().unwrap_or_default())
        .collect()
}

#[test]
fn every_trouble_in_the_documentation_exists_and_a_test_produces_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("docs/troubleshooting.md")).unwrap();
    let mut tests = String::new();
    sources(&root.join("tests"), &mut tests);
    let rows = rows(&page);
    assert!(rows.len() > 40, "only {} rows were read", rows.len());
    let mut wrong = Vec::new();
    for row in &rows {
        for word in row.words.iter().filter(|word| !exists(word)) {
            wrong.push(format!("{}: there is no {word}", row.situation));
        }
        if row.tests.is_empty() {
            wrong.push(format!("{}: names no test", row.situation));
        }
        for name in &row.tests {
            let bodies = bodies(&tests, name);
            let produced = bodies.iter().any(|body| {
                row.words.is_empty() || row.words.iter().any(|word| body.contains(word))
            });
            if bodies.is_empty() {
                wrong.push(format!("{}: there is no test {name}", row.situation));
            } else if !produced {
                wrong.push(format!(
                    "{}: {name} knows none of {:?}",
                    row.situation, row.words
                ));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "docs/troubleshooting.md\n{}",
        wrong.join("\n")
    );
}

#[test]
fn every_reason_in_the_documentation_is_given_by_the_code() {
    let mut code = String::new();
    sources(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("src"),
        &mut code,
    );
    let never: Vec<_> = Reason::all()
        .iter()
        .filter(|reason| !code.contains(&format!("Reason::{reason}")))
        .collect();
    assert!(never.is_empty(), "{never:?}");
}
