//! cargo-deny, in the version that `deny.toml` was written for.

use std::path::PathBuf;
use std::process::Command;

use rig::{RigError, build, workspace};

use crate::command::{capture, show};
use crate::say;

const VERSION: &str = "0.20.2";

/// Checks bans, sources and licences. Advisories are left out: their database is fetched from elsewhere,
/// and news there must not fail an unchanged commit.
pub fn run() -> Result<String, RigError> {
    let program = installed()?;
    // It asks cargo for the dependencies, so it runs in the same environment.
    let mut deny = Command::new(program);
    deny.current_dir(workspace::root());
    capture(deny.args([
        "--log-level",
        "error",
        "check",
        "bans",
        "sources",
        "licenses",
    ]))?;
    Ok(String::new())
}

/// The program, installed into the cache now if it is not there.
fn installed() -> Result<PathBuf, RigError> {
    let root = workspace::cache()?.join(format!("cargo-deny-{VERSION}"));
    let program = root.join("bin/cargo-deny");
    if !program.exists() {
        say!("      installing cargo-deny {VERSION} (once; about two minutes)");
        let mut install = build::cargo();
        install
            .args([
                "install",
                "--quiet",
                "--locked",
                // Half the time, for a program that then takes a second.
                "--debug",
                "cargo-deny",
                "--version",
                VERSION,
            ])
            .arg("--root")
            .arg(&root)
            // Else it would build into our own target directory, with our own settings.
            .env_remove("CARGO_TARGET_DIR");
        show(&mut install)?;
    }
    Ok(program)
}
