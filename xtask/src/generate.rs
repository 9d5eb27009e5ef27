//! `cargo xtask generate`.

use rig::{RigError, build};

use crate::{command, say};

/// Runs the tests that compare the generated files, told to write them instead. The manifests come last: they are rendered from a
/// chart that is generated in part.
pub fn run() -> bool {
    let written = write("pure", "the_generated_files")
        .and_then(|()| write("chart", "the_static_manifests"))
        .and_then(|()| write("gitops", "the_entries_for_argocd_cm"));
    match written {
        Ok(()) => {
            say!("The generated files are up to date; `git diff` shows what changed.");
            true
        }
        Err(error) => {
            say!("The generated files could not be written.\n{error:?}");
            false
        }
    }
}

fn write(target: &str, test: &str) -> Result<(), RigError> {
    let mut cargo = build::cargo();
    cargo
        .args([
            "test",
            "--quiet",
            "--package",
            "launchdarkly-token-operator",
        ])
        .args(["--test", target, test])
        .env("LDTOKENS_GENERATE", "1");
    command::capture(&mut cargo).map(|_| ())
}
