//! The steps, cheap ones first.

use std::path::Path;
use std::process::Command;
use std::thread;

use rig::{RigError, Source, build, rights};

use super::{access, deny, workflows};
use crate::command::{capture, show};

/// The Rust version that everything is checked and released with. On others a lint may be new or gone, so there lints are
/// shown and do not fail the run.
const RUST_VERSION: &str = include_str!("../../rust-version");

/// The test that kills the operator again and again, for minutes.
const STORM: &str = "kills_at_random_moments";

/// How many tests of a program run at the same time. Most of them wait most of the time.
pub const AT_ONCE: &str = "6";

/// One step of `cargo xtask test`.
pub struct Step {
    /// What `--only` calls it.
    pub name: &'static str,
    /// What holds if it passes.
    pub title: &'static str,
    /// Checks it; what it returns is added to the line that says it passed.
    pub run: fn() -> Result<String, RigError>,
}

/// All steps in their order.
pub const STEPS: &[Step] = &[
    Step {
        name: "format",
        title: "the Rust code is formatted",
        run: format,
    },
    Step {
        name: "lint",
        title: "clippy has nothing to say",
        run: lint,
    },
    Step {
        name: "go",
        title: "the Go code is formatted and passes vet",
        run: go,
    },
    Step {
        name: "deny",
        title: "dependencies come from where they should, under licences we accept",
        run: deny::run,
    },
    Step {
        name: "workflows",
        title: "the workflows of CI and releases have no known weakness",
        run: workflows::run,
    },
    Step {
        name: "build",
        title: "the programs that the tests run are built",
        run: build_programs,
    },
    Step {
        name: "test",
        title: "unit, property, model, integration and end-to-end tests pass",
        run: test,
    },
    Step {
        name: "access",
        title: "the operator works with each of the chart's rights to Secrets, and uses all of them",
        run: access::run,
    },
    Step {
        name: "pods",
        title: "the shipped image works in real pods on a real node, installed as the documentation says",
        run: pods,
    },
];

fn format() -> Result<String, RigError> {
    capture(build::cargo().args(["fmt", "--all", "--check"]))?;
    // Outside the workspace, and with it what is shared with the tests.
    let fuzz = ["fmt", "--check", "--manifest-path", "fuzz/Cargo.toml"];
    capture(build::cargo().args(fuzz))?;
    Ok(String::new())
}

fn lint() -> Result<String, RigError> {
    let version = capture(Command::new("rustc").arg("--version"))?;
    let wall = minor(&version) == minor(RUST_VERSION);
    let mut clippy = build::cargo();
    clippy.args(["clippy", "--workspace", "--all-targets"]);
    if wall {
        clippy.args(["--", "--deny", "warnings"]);
    }
    show(&mut clippy)?;
    if wall {
        return Ok(String::new());
    }
    let named = RUST_VERSION.trim();
    Ok(format!(" (warnings fail on Rust {named} only)"))
}

/// 95 of `1.95.0`, and of `rustc 1.95.0 (…)`.
fn minor(version: &str) -> Option<u32> {
    version.split('.').nth(1)?.parse().ok()
}

fn go() -> Result<String, RigError> {
    let root = match build::go(&["env", "GOROOT"]) {
        Err(RigError::NoGo) if Source::named().is_some() => {
            return Ok(" (left out: no Go, and another control plane is named)".into());
        }
        root => root?,
    };
    let gofmt = Path::new(root.trim()).join("bin/gofmt");
    let unformatted = capture(Command::new(gofmt).arg("-l").arg(build::go_module()))?;
    if !unformatted.is_empty() {
        return Err(RigError::Unexpected(format!(
            "gofmt would change:\n{unformatted}"
        )));
    }
    // Not the main packages of Kubernetes' parts: vet would look into all of it for them, for minutes.
    build::go(&[
        "vet",
        "./control-plane/supervise",
        "./node/node",
        "./oracle",
    ])?;
    Ok(String::new())
}

fn build_programs() -> Result<String, RigError> {
    build::operator()?;
    build::simulator()?;
    Source::from_environment()?;
    build::helm()?;
    build::promtool()?;
    build::prometheus()?;
    build::oracle()?;
    if rig::node_impossible().is_none() {
        build::node()?;
    }
    Ok(String::new())
}

fn test() -> Result<String, RigError> {
    // Built first, so that both begin at once.
    show(build::cargo().args(["test", "--workspace", "--no-run"]))?;
    // The storm waits most of its time, beside the others.
    thread::scope(|scope| {
        let storm = scope.spawn(|| show(tests().args(["--quiet", "--test", "storm", "--", STORM])));
        let mut others = tests();
        others.args(["--workspace", "--no-fail-fast", "--", "--skip", STORM]);
        show(&mut others).and(storm.join().unwrap_or(Err(RigError::Unexpected(
            "the storm could not be run".into(),
        ))))
    })?;
    Ok(String::new())
}

/// Tests whose use of rights is looked at later. Those of the pods have a step of their own.
fn tests() -> Command {
    let mut cargo = build::cargo();
    cargo
        .arg("test")
        .env("RUST_TEST_THREADS", AT_ONCE)
        .env(rights::VARIABLE, access::evidence())
        .env("LDTOKENS_TEST_NODE", "0");
    cargo
}

fn pods() -> Result<String, RigError> {
    if let Some(reason) = rig::node_impossible() {
        return Ok(format!(" (left out: {reason})"));
    }
    // They share one node, so they take turns in any case; docs/install.md then has one of its own.
    let mut tests = build::cargo();
    tests.args(["test", "--test", "pods", "--test", "docs"]);
    show(tests.args(["--", "--test-threads=1"]))?;
    Ok(String::new())
}
