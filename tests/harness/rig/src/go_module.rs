//! Programs that are built from a Go module, nearly all from that of the tests (`tests/harness/go.mod`), once per source.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sha2::{Digest, Sha256};

use crate::error::Doing;
use crate::progress::Progress;
use crate::{RigError, workspace};

/// What decides, beside the sources, whether something compiled is found in Go's cache: the same for all
/// that is done with the module. Debugging information costs a sixth of the time, and the linker would leave it out.
const FLAGS: &str = "-trimpath -buildvcs=false -gcflags=all=-dwarf=false";

/// The module that programs are built from: one for all, since Go compiles a package once for all that want the same
/// version of it and of everything it imports, and Kubernetes is in most of them.
pub(crate) const SHARED: &str = "tests/harness";

/// A program that is built from a Go module.
#[derive(Debug)]
pub(crate) struct GoProgram {
    /// Name in the cache.
    pub(crate) name: &'static str,
    /// What the progress line calls it.
    pub(crate) title: &'static str,
    /// Folder of the module: [`SHARED`], if what it is made from can have the versions that others want.
    pub(crate) module: &'static str,
    /// Folder of what we wrote for it, in that of the module; none if it is made from modules of others alone.
    pub(crate) sources: Option<&'static str>,
    /// The main package, or several with spaces between them, whose programs are then in a folder.
    pub(crate) package: &'static str,
    /// Build tags, separated by commas.
    pub(crate) tags: &'static str,
    /// The module of others whose version the program is told, as `go.mod` decides it.
    pub(crate) versioned_by: &'static str,
    /// Linker flags that tell it.
    pub(crate) version_flags: fn(&str) -> String,
}

/// The content of everything a program is made from, by path in the module.
type Sources = BTreeMap<PathBuf, Vec<u8>>;

impl GoProgram {
    /// The program, or the folder of the programs, built now if there is none of these sources in the cache.
    /// The build takes minutes and shows its progress on standard error.
    pub(crate) fn binary(&self) -> Result<PathBuf, RigError> {
        let sources = self.sources()?;
        let cache = workspace::cache()?;
        let binary = cache.join(format!("{}-{}", self.name, hash(&sources)));
        if binary.exists() {
            return Ok(binary);
        }
        fs::create_dir_all(&cache).doing(|| format!("create {}", cache.display()))?;
        // Tests of several packages may come here at the same time.
        let lock = cache.join(format!("{}.lock", self.name));
        let lock = File::create(&lock).doing(|| format!("create {}", lock.display()))?;
        lock.lock().doing(|| format!("lock {}", self.title))?;
        if !binary.exists() {
            let unfinished = cache.join(format!("{}.unfinished", self.name));
            if self.packages().count() > 1 {
                // Whatever a build that was cut short left in it is overwritten.
                fs::create_dir_all(&unfinished)
                    .doing(|| format!("create {}", unfinished.display()))?;
            }
            self.build(&version(&sources, self.versioned_by), &unfinished)?;
            fs::rename(&unfinished, &binary).doing(|| format!("create {}", binary.display()))?;
        }
        Ok(binary)
    }

    fn packages(&self) -> impl Iterator<Item = &'static str> {
        self.package.split_whitespace()
    }

    fn sources(&self) -> Result<Sources, RigError> {
        let module = workspace::root().join(self.module);
        let mut files = vec![module.join("go.mod"), module.join("go.sum")];
        let mut folders: Vec<_> = self
            .sources
            .map(|own| module.join(own))
            .into_iter()
            .collect();
        while let Some(folder) = folders.pop() {
            let entries = fs::read_dir(&folder).doing(|| format!("read {}", folder.display()))?;
            for entry in entries {
                let path = entry.doing(|| format!("read {}", folder.display()))?.path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|extension| extension == "go") {
                    files.push(path);
                }
            }
        }
        files
            .into_iter()
            .map(|path| {
                let content = fs::read(&path).doing(|| format!("read {}", path.display()))?;
                let name = path.strip_prefix(&module).unwrap_or(&path).to_owned();
                Ok((name, content))
            })
            .collect()
    }

    fn build(&self, version: &str, output: &Path) -> Result<(), RigError> {
        let mut progress = Progress::new(format!("building {} for tests (once)", self.title));
        progress.show("fetching modules");
        let tags = format!("-tags={}", self.tags);
        let mut list: Vec<&str> = vec!["list", "-deps", &tags];
        list.extend(self.package.split_whitespace());
        let packages = go_in(self.module, &list)?;
        progress.expect(packages.lines().count());
        let mut command = command(self.module);
        command
            .args(["build", "-v", &tags, "-ldflags"])
            .arg(format!("-s -w{}", (self.version_flags)(version)))
            .arg("-o")
            .arg(output)
            .args(self.packages())
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
            command: format!("go build {}", self.package),
            status: status.to_string(),
            output: complaints,
        })
    }
}

/// The folder of the module of the tests.
#[must_use]
pub fn folder() -> PathBuf {
    workspace::root().join(SHARED)
}

/// Runs Go in the module of the tests and returns what it printed.
///
/// # Errors
/// [`RigError::NoGo`], or the command fails.
pub fn go(arguments: &[&str]) -> Result<String, RigError> {
    go_in(SHARED, arguments)
}

fn go_in(module: &str, arguments: &[&str]) -> Result<String, RigError> {
    let output = command(module)
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

/// Go in a module, with the settings that decide what is found in its build cache.
fn command(module: &str) -> Command {
    let mut command = Command::new("go");
    command
        .current_dir(workspace::root().join(module))
        .env("CGO_ENABLED", "0")
        .env("GOFLAGS", FLAGS)
        .env("GOTOOLCHAIN", "local")
        .env("GOWORK", "off");
    command
}

fn hash(sources: &Sources) -> String {
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

/// The version of a module that go.mod asks for, as in `v1.37.2`.
fn version(sources: &Sources, module: &str) -> String {
    let file = sources
        .get(Path::new("go.mod"))
        .map(Vec::as_slice)
        .unwrap_or_default();
    String::from_utf8_lossy(file)
        .lines()
        .map(|line| line.trim().trim_start_matches("require "))
        .find_map(|line| line.strip_prefix(module)?.strip_prefix(' '))
        .and_then(|rest| rest.split_whitespace().next())
        .unwrap_or("v0.0.0")
        .to_owned()
}
