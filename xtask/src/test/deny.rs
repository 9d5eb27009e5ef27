//! cargo-deny, in the version that `deny.toml` was written for.

use std::path::PathBuf;
use std::process::Command;

use rig::{RigError, build, workspace};

use crate::command::{capture, show};
use crate::say;

const VERSION: &str = "0.20.2";

/// The workspaces of this repository; each has a lock file of its own.
const WORKSPACES: [&str; 2] = ["Cargo.toml", "fuzz/Cargo.toml"];

/// Checks bans, sources and licences. Advisories are left out: their database is fetched from elsewhere,
/// and news there must not fail an unchanged commit.
pub fn run() -> Result<String, RigError> {
    let mut deny = deny()?;
    capture(deny.args(["check", "bans", "sources", "licenses"]))?;
    Ok(String::new())
}

/// Checks that nothing is known against any dependency; fetches what is known.
pub fn advisories() -> Result<(), RigError> {
    for workspace in WORKSPACES {
        say!("{workspace}");
        let manifest = ["--manifest-path", workspace, "--config", "deny.toml"];
        show(deny()?.args(manifest).args(["check", "advisories"]))?;
    }
    Ok(())
}

fn deny() -> Result<Command, RigError> {
    // It asks cargo for the dependencies, so it runs in the same environment.
    let mut deny = Command::new(installed()?);
    deny.current_dir(workspace::root());
    deny.args(["--log-level", "error"]);
    Ok(deny)
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
