//! Flags of the operator: those that the documentation names, and the table of all of them.

use std::fs;

use clap::{Arg, CommandFactory as _};
use launchdarkly_token_operator::runtime::args::Cli;

use crate::pages;

fn flags() -> Vec<Arg> {
    let mut command = Cli::command();
    command.build();
    let run = command.find_subcommand("run").unwrap();
    let ours = |flag: &&Arg| flag.get_long().is_some_and(|name| name != "help");
    run.get_arguments().filter(ours).cloned().collect()
}

fn name(flag: &Arg) -> String {
    format!("--{}", flag.get_long().unwrap())
}

#[test]
fn every_flag_that_the_documentation_names_by_itself_exists() {
    let mut names: Vec<_> = flags().iter().map(name).collect();
    names.push("--version".to_owned());
    let (mut wrong, mut looked_up) = (Vec::new(), 0);
    // What is below tests/ has flags of its own.
    for page in pages::all()
        .iter()
        .filter(|page| !page.path.starts_with("tests"))
    {
        for span in page.spans.iter().filter(|span| span.starts_with("--")) {
            looked_up += 1;
            let flag = span.split(['=', ' ']).next().unwrap_or_default();
            if !names.iter().any(|name| name == flag) {
                wrong.push(format!("{}: {span}", page.path.display()));
            }
        }
    }
    assert!(looked_up > 20, "only {looked_up} flags were looked up");
    pages::verdict("flags that do not exist", &wrong);
}

#[test]
fn the_guide_has_every_flag_with_its_variable_and_default() {
    let guide = fs::read_to_string(pages::root().join("docs/guide.md")).unwrap();
    let mut wrong = Vec::new();
    for flag in flags() {
        let name = name(&flag);
        let row = guide
            .lines()
            .find(|line| line.starts_with(&format!("| `{name}` ")));
        let Some(row) = row else {
            wrong.push(format!("{name} has no row"));
            continue;
        };
        let cells: Vec<_> = row.split(" | ").collect();
        let variable = flag.get_env().map(|name| name.display().to_string());
        if cells.get(1).map(|cell| cell.trim_matches('`')) != variable.as_deref() {
            wrong.push(format!("{name}: the variable is {variable:?}"));
        }
        if name == "--pod-name" {
            // Its default is the name of this machine.
            continue;
        }
        for default in flag.get_default_values() {
            let default = default.display().to_string();
            if !cells.get(2).is_some_and(|cell| cell.contains(&default)) {
                wrong.push(format!("{name}: the default is {default}"));
            }
        }
    }
    pages::verdict("docs/guide.md, flags", &wrong);
}
