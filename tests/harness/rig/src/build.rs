//! Builds the programs that the tests run: what is shipped, as it is shipped.

use std::collections::HashMap;
use std::env;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{ChildStderr, Command, Stdio};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::thread;

use serde_json::Value;

use crate::error::Doing;
use crate::progress::Progress;
use crate::{RigError, workspace};

pub use crate::actionlint::actionlint;
pub use crate::control_plane::build::control_plane;
pub use crate::go_module::{folder as go_module, go};
pub use crate::helm::helm;
pub use crate::image::archive as image;
pub use crate::node::build::node;
pub use crate::oracle::oracle;
pub use crate::prometheus::{prometheus, promtool};

/// The release binary of the operator.
///
/// # Errors
/// The build fails.
pub fn operator() -> Result<PathBuf, RigError> {
    release("launchdarkly-token-operator")
}

/// What a binary that is published knows about itself.
#[derive(Debug, Clone, Copy, Default)]
pub struct Publication<'a> {
    /// The commit it is made from.
    pub commit: Option<&'a str>,
    /// Whether the list of its dependencies is in it, for scanners; that needs cargo-auditable.
    pub auditable: bool,
}

/// The release binary of the operator for an image that is published. It is otherwise the one of
/// [`operator`], and takes its place in the target directory.
///
/// # Errors
/// The build fails.
pub fn operator_for(publication: Publication<'_>) -> Result<PathBuf, RigError> {
    cargo_build("launchdarkly-token-operator", publication)
}

/// The release binary of the simulated LaunchDarkly.
///
/// # Errors
/// The build fails.
pub fn simulator() -> Result<PathBuf, RigError> {
    release("launchdarkly-simulator")
}

/// Builds one package by itself, so that no other package's features leak into it, and returns its
/// program. Asks cargo once per process.
fn release(package: &'static str) -> Result<PathBuf, RigError> {
    static BUILT: LazyLock<Mutex<HashMap<&str, PathBuf>>> = LazyLock::new(Mutex::default);
    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(program) = built.get(package) {
        return Ok(program.clone());
    }
    let program = cargo_build(package, Publication::default())?;
    built.insert(package, program.clone());
    Ok(program)
}

fn cargo_build(package: &'static str, publication: Publication<'_>) -> Result<PathBuf, RigError> {
    let mut cargo = cargo();
    if publication.auditable {
        cargo.arg("auditable");
    }
    cargo
        .args(["rustc", "--release", "--package", package, "--bin", package])
        .args(["--color", "never"])
        .arg("--message-format=json-render-diagnostics");
    if let Some(commit) = publication.commit {
        cargo.env("LDTOKENS_BUILD_COMMIT", commit);
    }
    // Panic messages name files of the source: without the folders of this machine, they are the same on every machine.
    cargo.env("CARGO_ENCODED_RUSTFLAGS", without_folders().join("\u{1f}"));
    if static_c_library() {
        // For this one link only: with it, libraries that the compiler loads (proc macros) cannot be made.
        cargo.args(["--", "-C", "target-feature=+crt-static"]);
    }
    cargo.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = cargo.spawn().doing(|| "run cargo".into())?;
    let told = child.stderr.take();
    let watcher = thread::spawn(move || watch(package, told));
    let output = child.wait_with_output().doing(|| "wait for cargo".into())?;
    let complaints = watcher.join().unwrap_or_default();
    if !output.status.success() {
        return Err(RigError::Command {
            command: format!("cargo rustc --release --package {package}"),
            status: output.status.to_string(),
            output: complaints,
        });
    }
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter_map(|message| message["executable"].as_str().map(PathBuf::from))
        .next_back()
        .ok_or_else(|| RigError::Unexpected(format!("cargo names no program of {package}")))
}

/// Compiler flags that take the folders of this machine out of a program.
fn without_folders() -> Vec<String> {
    let home = env::home_dir().unwrap_or_default();
    let cargo_home = env::var_os("CARGO_HOME").map_or_else(|| home.join(".cargo"), PathBuf::from);
    [(cargo_home, "/cargo"), (workspace::root(), "/source")]
        .map(|(folder, name)| format!("--remap-path-prefix={}={name}", folder.display()))
        .to_vec()
}

/// Whether programs can be linked so that they need no other file to run, as in the image. Where they
/// cannot (macOS, or a C library without its static part), tests and demonstration do with an ordinary one.
fn static_c_library() -> bool {
    let asked = Command::new("cc").arg("-print-file-name=libc.a").output();
    cfg!(all(target_os = "linux", target_env = "gnu"))
        && asked.is_ok_and(|answer| answer.stdout.starts_with(b"/"))
}

/// Turns what cargo tells into a progress line, and returns the rest.
fn watch(package: &str, told: Option<ChildStderr>) -> String {
    let mut progress = Progress::new(format!("building {package} (release)"));
    let mut rest = String::new();
    let lines = told
        .map(BufReader::new)
        .into_iter()
        .flat_map(BufRead::lines);
    for line in lines.map_while(Result::ok) {
        if line.trim_start().starts_with("Compiling ") {
            progress.advance();
        } else {
            rest += &line;
            rest.push('\n');
        }
    }
    progress.finish();
    rest
}

/// A cargo that sees the environment of a user, not that of the test or task which runs it: some build
/// scripts (ring's) would otherwise take the difference for a reason to build anew.
#[must_use]
pub fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(workspace::root());
    for (name, _) in env::vars_os() {
        let set_by_cargo = name.to_str().is_some_and(|name| {
            [
                "CARGO_PKG_",
                "CARGO_MANIFEST_",
                "CARGO_BIN_",
                "CARGO_CRATE_",
                "CARGO_PRIMARY_",
            ]
            .iter()
            .any(|prefix| name.starts_with(prefix))
                || [
                    "OUT_DIR",
                    "CARGO_TARGET_TMPDIR",
                    "LD_LIBRARY_PATH",
                    "DYLD_FALLBACK_LIBRARY_PATH",
                ]
                .contains(&name)
        });
        if set_by_cargo {
            command.env_remove(name);
        }
    }
    command
}
