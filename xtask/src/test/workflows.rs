//! The workflows of CI and releases, read by those who know how such files go wrong.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use rig::{RigError, Source, build, workspace};

use crate::command::capture;

/// Knows weaknesses: actions that are not pinned, rights that are too wide, text of strangers in scripts.
const ZIZMOR: &str = "1.32.0";

/// Checks them. zizmor asks nobody (its online audits are left out); actionlint is built from its Go module.
pub fn run() -> Result<String, RigError> {
    let folder = workspace::root().join(".github/workflows");
    capture(
        Command::new(zizmor()?)
            .args([
                "--offline",
                "--persona",
                "pedantic",
                "--quiet",
                "--no-progress",
                "--color",
                "never",
            ])
            .arg(&folder),
    )?;
    let actionlint = match build::actionlint() {
        Err(RigError::NoGo) if Source::named().is_some() => {
            return Ok(" (actionlint left out: no Go, and another control plane is named)".into());
        }
        actionlint => actionlint?,
    };
    // It would use shellcheck and pyflakes where they happen to be installed, and say more there than elsewhere.
    capture(
        Command::new(actionlint)
            .args(["-no-color", "-shellcheck=", "-pyflakes="])
            .current_dir(workspace::root()),
    )?;
    Ok(String::new())
}

/// The program, installed into the cache now if it is not there.
fn zizmor() -> Result<PathBuf, RigError> {
    let root = workspace::cache()?.join(format!("zizmor-{ZIZMOR}"));
    let program = root.join("bin/zizmor");
    if !program.exists() {
        install(&root).inspect_err(|_| drop(fs::remove_dir_all(&root)))?;
    }
    Ok(program)
}

fn install(root: &Path) -> Result<(), RigError> {
    capture(
        Command::new("python3")
            .args(["-m", "venv", "--clear"])
            .arg(root),
    )?;
    let quiet = [
        "-m",
        "pip",
        "install",
        "--disable-pip-version-check",
        "--no-input",
        "--quiet",
    ];
    let mut pip = Command::new(root.join("bin/python"));
    capture(pip.args(quiet).arg(format!("zizmor=={ZIZMOR}"))).map(|_| ())
}
