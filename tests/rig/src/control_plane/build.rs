//! Builds the control plane from its Go module, once per source.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sha2::{Digest, Sha256};

use crate::error::Doing;
use crate::progress::Progress;
use crate::{RigError, workspace};

/// The Go module of the control plane.
#[must_use]
pub fn go_module() -> PathBuf {
    workspace::root().join("tests/control-plane")
}

/// The binary of the control plane, built now if there is none of these sources in the cache. The build
/// takes minutes and shows its progress on standard error.
///
/// # Errors
/// [`RigError::NoGo`], or the build fails.
pub fn control_plane() -> Result<PathBuf, RigError> {
    let sources = sources()?;
    let cache = workspace::cache()?;
    let binary = cache.join(format!("control-plane-{}", hash(&sources)));
    if binary.exists() {
        return Ok(binary);
    }
    fs::create_dir_all(&cache).doing(|| format!("create {}", cache.display()))?;
    // Tests of several packages may come here at the same time.
    let lock = cache.join("control-plane.lock");
    let lock = File::create(&lock).doing(|| format!("create {}", lock.display()))?;
    lock.lock()
        .doing(|| "lock the control plane's build".into())?;
    if !binary.exists() {
        let unfinished = cache.join("control-plane.unfinished");
        build(&kubernetes_version(&sources), &unfinished)?;
        fs::rename(&unfinished, &binary).doing(|| format!("create {}", binary.display()))?;
    }
    Ok(binary)
}

/// The content of everything the binary is made from, by path.
fn sources() -> Result<BTreeMap<PathBuf, Vec<u8>>, RigError> {
    let mut sources = BTreeMap::new();
    let mut folders = vec![go_module()];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder).doing(|| format!("read {}", folder.display()))?;
        for entry in entries {
            let path = entry.doing(|| format!("read {}", folder.display()))?.path();
            if path.is_dir() {
                folders.push(path);
            } else if is_source(&path) {
                let content = fs::read(&path).doing(|| format!("read {}", path.display()))?;
                let name = path.strip_prefix(go_module()).unwrap_or(&path).to_owned();
                sources.insert(name, content);
            }
        }
    }
    Ok(sources)
}

fn is_source(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| ["go", "mod", "sum"].iter().any(|known| extension == *known))
}

fn hash(sources: &BTreeMap<PathBuf, Vec<u8>>) -> String {
    let mut hash = Sha256::new();
    for (name, content) in sources {
        hash.update(name.as_os_str().as_encoded_bytes());
        hash.update(content.len().to_be_bytes());
        hash.update(content);
    }
    let digest = hash.finalize();
    let start = digest
        .iter()
        .take(8)
        .fold(0, |number, byte| (number << 8) | u64::from(*byte));
    format!("{start:016x}")
}

/// The version of Kubernetes that go.mod asks for, as in `v1.36.3`.
fn kubernetes_version(sources: &BTreeMap<PathBuf, Vec<u8>>) -> String {
    let module = sources
        .get(Path::new("go.mod"))
        .map(Vec::as_slice)
        .unwrap_or_default();
    String::from_utf8_lossy(module)
        .lines()
        .find_map(|line| line.trim().strip_prefix("k8s.io/kubernetes "))
        .unwrap_or("v0.0.0")
        .to_owned()
}

fn build(version: &str, output: &Path) -> Result<(), RigError> {
    let mut progress = Progress::new("building the control plane for tests (once)");
    progress.show("fetching modules");
    let packages = go(&["list", "-deps", "-trimpath", "."])?;
    progress.expect(packages.lines().count());
    let mut command = go_command();
    command
        .args(["build", "-v", "-trimpath", "-buildvcs=false", "-ldflags"])
        .arg(format!("-s -w{}", version_flags(version)))
        .arg("-o")
        .arg(output)
        .arg(".")
        .stderr(Stdio::piped());
    let mut child = command.spawn().doing(|| "run go build".into())?;
    let mut complaints = String::new();
    // With -v it names every package it compiles; anything else it says is a complaint.
    for line in child
        .stderr
        .take()
        .map(BufReader::new)
        .into_iter()
        .flat_map(BufRead::lines)
    {
        let line = line.doing(|| "read what go build prints".into())?;
        if line.contains(' ') {
            complaints += &line;
            complaints.push('\n');
        } else {
            progress.advance();
        }
    }
    let status = child.wait().doing(|| "wait for go build".into())?;
    progress.finish();
    if status.success() {
        return Ok(());
    }
    Err(RigError::Command {
        command: "go build (tests/control-plane)".into(),
        status: status.to_string(),
        output: complaints,
    })
}

/// Tells the programs their version, which Kubernetes' own build does at this point.
fn version_flags(version: &str) -> String {
    let minor = version.split('.').nth(1).unwrap_or_default();
    [
        "k8s.io/component-base/version",
        "k8s.io/client-go/pkg/version",
    ]
    .map(|package| {
        format!(
            " -X {package}.gitVersion={version} -X {package}.gitMajor=1 \
                 -X {package}.gitMinor={minor} -X {package}.gitTreeState=clean"
        )
    })
    .concat()
}

/// Runs Go in the module and returns what it printed.
///
/// # Errors
/// [`RigError::NoGo`], or the command fails.
pub fn go(arguments: &[&str]) -> Result<String, RigError> {
    let output = go_command()
        .args(arguments)
        .output()
        .map_err(|_| RigError::NoGo)?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(RigError::command(
        format!("go {}", arguments.join(" ")),
        &output,
    ))
}

/// Go, with the settings that decide what is found in its build cache.
fn go_command() -> Command {
    let mut command = Command::new("go");
    command
        .current_dir(go_module())
        .env("CGO_ENABLED", "0")
        .env("GOTOOLCHAIN", "local")
        .env("GOWORK", "off");
    command
}
