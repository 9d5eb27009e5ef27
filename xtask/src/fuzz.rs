//! `cargo xtask fuzz`: looks for bytes that break a promise of what reads them, led by coverage.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rig::{RigError, build, workspace};

use crate::command::{capture, show};
use crate::say;

/// What makes the compiler count which code runs. Stable Rust takes these; `cargo fuzz` would ask for nightly for more.
const COUNTED: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1";

/// The one target that is no folder of `fuzz/corpus`: its bytes are choices of generators, which mean something else with the next change
/// of those.
const DECIDE: &str = "decide";

/// What to look at, and for how long.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Look at one target alone: `decide`, or a folder of `fuzz/corpus`.
    target: Option<String>,
    /// Seconds for each target.
    #[arg(long, default_value_t = 60)]
    seconds: u32,
}

/// Runs the targets one after the other, and tells whether nothing was found.
pub fn run(arguments: &Arguments) -> bool {
    let program = match build() {
        Ok(program) => program,
        Err(error) => {
            say!(
                "The fuzzer could not be built. It needs a C++ compiler (c++) besides Rust.\n{error:?}"
            );
            return false;
        }
    };
    match targets(arguments.target.as_deref()) {
        Ok(targets) => {
            let found: Vec<String> = targets
                .into_iter()
                .filter(|target| !holds(&program, target, arguments.seconds))
                .collect();
            if !found.is_empty() {
                say!(
                    "cargo xtask fuzz: something was found in {}",
                    found.join(", ")
                );
            }
            found.is_empty()
        }
        Err(error) => {
            say!("{error:?}");
            false
        }
    }
}

fn targets(only: Option<&str>) -> Result<Vec<String>, RigError> {
    let unreadable = |error| RigError::Unexpected(format!("cannot read fuzz/corpus: {error}"));
    let folders = fs::read_dir(folder("corpus")).map_err(unreadable)?;
    let mut names: Vec<String> = folders
        .filter_map(|folder| folder.ok()?.file_name().into_string().ok())
        .chain([DECIDE.to_owned()])
        .collect();
    names.sort();
    let Some(only) = only else { return Ok(names) };
    if names.iter().any(|name| name == only) {
        return Ok(vec![only.to_owned()]);
    }
    Err(RigError::Unexpected(format!(
        "there is no target {only}, only {}",
        names.join(", ")
    )))
}

fn folder(name: &str) -> PathBuf {
    workspace::root().join("fuzz").join(name)
}

/// The program with all targets. With a target named for the compiler its flags leave build scripts and macros alone.
fn build() -> Result<PathBuf, RigError> {
    let about = capture(Command::new("rustc").arg("-vV"))?;
    let host = about
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .ok_or_else(|| RigError::Unexpected("rustc does not tell its host".into()))?;
    let mut cargo = build::cargo();
    show(
        cargo
            .args(["build", "--quiet", "--locked", "--target", host])
            .arg("--manifest-path")
            .arg(folder("Cargo.toml"))
            .arg("--target-dir")
            .arg(folder("target"))
            .env("RUSTFLAGS", COUNTED),
    )?;
    let program = format!("target/{host}/debug/launchdarkly-token-operator-fuzz");
    Ok(folder(&program))
}

/// Whether nothing was found in this target. What reaches new code is kept in `fuzz/target/corpus` and gone on from the next time.
fn holds(program: &Path, target: &str, seconds: u32) -> bool {
    let grown = folder("target/corpus").join(target);
    let found = folder("target/found").join(target);
    match search(program, target, seconds, (&grown, &found)) {
        Ok(summary) => {
            say!("{target}: {summary}");
            true
        }
        Err(error) => {
            say!(
                "{target}: {error:?}\nWhat broke it is in {}. {} so that the tests replay it, and mend what it breaks.",
                found.display(),
                if target == DECIDE {
                    "Make that world a story in tests/pure/decide_properties/stories,".to_owned()
                } else {
                    format!("Copy it to fuzz/corpus/{target} under a name that says what it is,")
                }
            );
            false
        }
    }
}

/// The last line of what libFuzzer tells: how many executions, and what they cover.
fn search(
    program: &Path,
    target: &str,
    seconds: u32,
    (grown, found): (&Path, &Path),
) -> Result<String, RigError> {
    for folder in [grown, found] {
        fs::create_dir_all(folder).map_err(|error| {
            RigError::Unexpected(format!("cannot create {}: {error}", folder.display()))
        })?;
    }
    let mut fuzzer = Command::new(program);
    fuzzer
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-artifact_prefix={}/", found.display()))
        .args(["-timeout=10", "-rss_limit_mb=1024", "-max_len=16384"])
        .arg(grown)
        .args(Some(folder("corpus").join(target)).filter(|corpus| corpus.is_dir()))
        .env("LDTOKENS_FUZZ_TARGET", target)
        .stdin(Stdio::null());
    let output = fuzzer
        .output()
        .map_err(|error| RigError::Unexpected(format!("cannot run the fuzzer: {error}")))?;
    let told = String::from_utf8_lossy(&output.stderr);
    let (progress, rest): (Vec<&str>, Vec<&str>) =
        told.lines().partition(|line| line.starts_with('#'));
    if output.status.success() {
        let summary = progress.iter().find(|line| line.contains("DONE"));
        return Ok(summary.copied().unwrap_or_default().to_owned());
    }
    Err(RigError::Unexpected(format!(
        "{}\n{}",
        output.status,
        rest.join("\n")
    )))
}
