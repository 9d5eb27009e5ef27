//! `cargo xtask generate`.

use rig::build;

use crate::{command, say};

/// Runs the test that compares the generated files, told to write them instead.
pub fn run() -> bool {
    let mut cargo = build::cargo();
    cargo
        .args([
            "test",
            "--quiet",
            "--package",
            "launchdarkly-token-operator",
        ])
        .args(["--test", "generated"])
        .env("LDTOKENS_GENERATE", "1");
    match command::capture(&mut cargo) {
        Ok(_) => {
            say!("The generated files are up to date; `git diff` shows what changed.");
            true
        }
        Err(error) => {
            say!("The generated files could not be written.\n{error:?}");
            false
        }
    }
}
