//! `cargo xtask test`: everything that must hold before a change is merged, in one order.

mod access;
mod deny;
mod steps;
mod workflows;

use std::time::Instant;

use crate::console::lasted;
use crate::say;
use steps::{STEPS, Step};

/// What to check.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Run one step alone.
    #[arg(long, value_name = "STEP", value_parser = clap::builder::PossibleValuesParser::new(STEPS.iter().map(|step| step.name)))]
    only: Option<String>,
}

/// Checks that nothing is known against any dependency, and tells whether that is so. News must not fail an unchanged
/// commit, so this is no step.
pub fn advisories() -> bool {
    match deny::advisories() {
        Ok(()) => true,
        Err(error) => {
            say!("{error:?}");
            false
        }
    }
}

/// Runs the steps up to the first failure, and tells whether all of them passed.
pub fn run(arguments: &Arguments) -> bool {
    let chosen = |step: &&Step| arguments.only.as_ref().is_none_or(|only| only == step.name);
    let steps: Vec<&Step> = STEPS.iter().filter(chosen).collect();
    let began = Instant::now();
    for (index, step) in steps.iter().enumerate() {
        say!(
            "[{}/{}] {}: {}",
            index + 1,
            steps.len(),
            step.name,
            step.title
        );
        let step_began = Instant::now();
        match (step.run)() {
            Ok(note) => say!("      ok, {}{note}\n", lasted(step_began.elapsed())),
            Err(error) => {
                say!(
                    "      FAILED after {}\n\n{error:?}\n",
                    lasted(step_began.elapsed())
                );
                say!(
                    "cargo xtask test: FAILED at \"{name}\" after {}. Once mended: cargo xtask test --only {name}",
                    lasted(began.elapsed()),
                    name = step.name
                );
                return false;
            }
        }
    }
    let count = steps.len();
    let what = if count == 1 { "the step" } else { "all steps" };
    say!(
        "cargo xtask test: {what} passed in {}.",
        lasted(began.elapsed())
    );
    true
}
