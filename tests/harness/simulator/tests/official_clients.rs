//! LaunchDarkly's own clients drive the simulator through all six operations and their errors.
//!
//! The clients are pinned in `contract/` and installed, once for each set of pins, into a cache
//! outside the checkout. The Python client parses every answer with strict models.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failed helper fails its test"
)]

use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use launchdarkly_simulator::{Config, Simulator};

const PYTHON: &str = "install Python 3 with its venv module (python3, python3-venv)";
const NODE: &str = "install Node.js 20 or newer with npm (node, npm)";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_python_client_gets_through_every_step() {
    let clients = tokio::task::block_in_place(python);
    let python = clients.join("venv/bin/python");
    drive(Command::new(python).arg("-B"), "contract.py", &clients, 34).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_typescript_client_gets_through_every_step() {
    let clients = tokio::task::block_in_place(node);
    drive(&mut Command::new("node"), "contract-ts.mjs", &clients, 33).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_javascript_client_gets_through_every_step() {
    let clients = tokio::task::block_in_place(node);
    drive(&mut Command::new("node"), "contract-js.mjs", &clients, 33).await;
}

/// Runs a script against a simulator of its own and counts the steps it passed.
async fn drive(program: &mut Command, script: &str, clients: &Path, steps: usize) {
    let running = Simulator::start(Config::default().role("deployer"))
        .await
        .unwrap();
    let output = tokio::task::block_in_place(|| {
        program
            .arg(contract().join(script))
            .env("SIMULATOR_URL", running.url())
            .env("SIMULATOR_KEY", running.managing_key())
            .env("CLIENTS", clients)
            .env("NO_PROXY", "127.0.0.1")
            .output()
    });
    let output = output.unwrap();
    let said = text(&output);
    let passed = said
        .lines()
        .filter(|line| line.starts_with("pass "))
        .count();
    assert!(
        output.status.success() && !said.contains("FAIL"),
        "{script}:\n{said}"
    );
    assert_eq!(
        passed, steps,
        "{script} took another number of steps:\n{said}"
    );
}

fn contract() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("contract")
}

fn python() -> PathBuf {
    let version = run(Command::new("python3").arg("--version"), PYTHON);
    installed("python", &["requirements.txt"], &version, |folder| {
        let venv = folder.join("venv");
        run(
            Command::new("python3")
                .args(["-m", "venv", "--clear"])
                .arg(&venv),
            PYTHON,
        );
        let pip = [
            "-m",
            "pip",
            "install",
            "--disable-pip-version-check",
            "--no-input",
            "--quiet",
        ];
        let requirements = contract().join("requirements.txt");
        let mut install = Command::new(venv.join("bin/python"));
        run(
            install.args(pip).arg("--requirement").arg(requirements),
            PYTHON,
        );
    })
}

fn node() -> PathBuf {
    let version = run(Command::new("node").arg("--version"), NODE);
    let pins = ["package.json", "package-lock.json", ".npmrc"];
    installed("node", &pins, &version, |folder| {
        for file in pins {
            fs::copy(contract().join(file), folder.join(file)).unwrap();
        }
        let flags = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"];
        run(Command::new("npm").args(flags).current_dir(folder), NODE);
    })
}

/// The folder where the clients of these pins are installed; installs them if they are not yet.
fn installed(name: &str, pins: &[&str], version: &str, install: impl Fn(&Path)) -> PathBuf {
    let mut hash = DefaultHasher::new();
    version.hash(&mut hash);
    for pin in pins {
        fs::read(contract().join(pin)).unwrap().hash(&mut hash);
    }
    let folder = cache().join(format!("{name}-{:016x}", hash.finish()));
    fs::create_dir_all(&folder).unwrap();
    // Two tests may want the same clients at once.
    let lock = File::create(folder.join("lock")).unwrap();
    lock.lock().unwrap();
    let complete = folder.join("complete");
    if !complete.exists() {
        install(&folder);
        File::create(complete).unwrap();
    }
    folder
}

fn cache() -> PathBuf {
    let base = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = || PathBuf::from(std::env::var_os("HOME").unwrap()).join(".cache");
    base.unwrap_or_else(home)
        .join("launchdarkly-token-operator/clients")
}

/// Runs a command and returns what it printed; ends the test with `advice` if it cannot be run.
fn run(command: &mut Command, advice: &str) -> String {
    let shown = format!("{command:?}");
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{shown}: {error}; {advice}"));
    let said = text(&output);
    assert!(
        output.status.success(),
        "{shown} failed: {said}\nIf it is not there, {advice}"
    );
    said
}

fn text(output: &Output) -> String {
    let all = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    String::from_utf8_lossy(&all).into_owned()
}
