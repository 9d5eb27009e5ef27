//! The commands of this repository: `cargo xtask demo`, `cargo xtask test`, `cargo xtask advisories`,
//! `cargo xtask generate`, `cargo xtask image`, `cargo xtask fuzz`.

mod command;
mod console;
mod demo;
#[cfg(test)]
mod docs;
mod fuzz;
mod generate;
mod image;
mod test;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The commands of this repository.
#[derive(Debug, Parser)]
#[command(bin_name = "cargo xtask", arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Show and check the life of a token on real parts.
    Demo(demo::Arguments),
    /// Check everything: formatting, lints, dependencies, and all tests on real parts.
    Test(test::Arguments),
    /// Check that nothing is known against any dependency; fetches what is known.
    Advisories,
    /// Write the files that are generated from the types: the CRDs, the field reference, the chart's schema.
    Generate,
    /// Look for bytes that break a promise of what reads them.
    Fuzz(fuzz::Arguments),
    /// Build the operator and write its container image, without a container engine.
    Image(image::Arguments),
}

fn main() -> ExitCode {
    let done = match Arguments::parse().task {
        Task::Demo(arguments) => demo::run(&arguments),
        Task::Test(arguments) => test::run(&arguments),
        Task::Advisories => test::advisories(),
        Task::Generate => generate::run(),
        Task::Fuzz(arguments) => fuzz::run(&arguments),
        Task::Image(arguments) => image::run(&arguments),
    };
    if done {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
