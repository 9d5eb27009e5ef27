//! Programs that are built from a Go module, once per source.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sha2::{Digest, Sha256};

use crate::error::Doing;
use crate::progress::Progress;
use crate::{RigError, workspace};

/// A Go module of this repository, and the program that is built from it.
#[derive(Debug)]
pub(crate) struct GoModule {
    /// Its folder, as in `tests/helm`.
    pub(crate) folder: &'static str,
    /// Name in the cache.
    pub(crate) program: &'static str,
    /// What the progress line calls it.
    pub(crate) title: &'static str,
    /// The main package, or several with spaces between them, whose programs are then in a folder.
    pub(crate) package: &'static str,
    /// Build tags, separated by commas.
    pub(crate) tags: &'static str,
    /// Module whose version `go.mod` decides, and which the program is told.
    pub(crate) versioned_by: &'static str,
    /// Linker flags that tell it that version.
    pub(crate) version_flags: fn(&str) -> String,
}

/// The content of everything a program is made from, by path.
type Sources = BTreeMap<PathBuf, Vec<u8>>;

impl GoModule {
    /// Its folder.
    pub(crate) fn path(&self) -> PathBuf {
        workspace::root().join(self.folder)
    }

    /// The program, or the folder of the programs, built now if there is none of these sources in the cache.
    /// The build takes minutes and shows its progress on standard error.
    pub(crate) fn binary(&self) -> Result<PathBuf, RigError> {
        let sources = self.sources()?;
        let cache = workspace::cache()?;
        let binary = cache.join(format!("{}-{}", self.program, hash(&sources)));
        if binary.exists() {
            return Ok(binary);
        }
        fs::create_dir_all(&cache).doing(|| format!("create {}", cache.display()))?;
        // Tests of several packages may come here at the same time.
        let lock = cache.join(format!("{}.lock", self.program));
        let lock = File::create(&lock).doing(|| format!("create {}", lock.display()))?;
        lock.lock().doing(|| format!("lock {}", self.title))?;
        if !binary.exists() {
            let unfinished = cache.join(format!("{}.unfinished", self.program));
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
        let mut sources = BTreeMap::new();
        let mut folders = vec![self.path()];
        while let Some(folder) = folders.pop() {
            let entries = fs::read_dir(&folder).doing(|| format!("read {}", folder.display()))?;
            for entry in entries {
                let path = entry.doing(|| format!("read {}", folder.display()))?.path();
                if path.is_dir() {
                    folders.push(path);
                } else if is_source(&path) {
                    let content = fs::read(&path).doing(|| format!("read {}", path.display()))?;
                    let name = path.strip_prefix(self.path()).unwrap_or(&path).to_owned();
                    sources.insert(name, content);
                }
            }
        }
        Ok(sources)
    }

    fn build(&self, version: &str, output: &Path) -> Result<(), RigError> {
        let mut progress = Progress::new(format!("building {} for tests (once)", self.title));
        progress.show("fetching modules");
        let tags = format!("-tags={}", self.tags);
        let mut list: Vec<&str> = vec!["list", "-deps", "-trimpath", &tags];
        list.extend(self.package.split_whitespace());
        let packages = self.go(&list)?;
        progress.expect(packages.lines().count());
        let mut command = self.command();
        command
            .args(["build", "-v", "-trimpath", "-buildvcs=false"])
            .args([&tags, "-ldflags"])
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
            command: format!("go build ({})", self.folder),
            status: status.to_string(),
            output: complaints,
        })
    }

    /// Runs Go in the module and returns what it printed.
    pub(crate) fn go(&self, arguments: &[&str]) -> Result<String, RigError> {
        let output = self
            .command()
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
    fn command(&self) -> Command {
        let mut command = Command::new("go");
        command
            .current_dir(self.path())
            .env("CGO_ENABLED", "0")
            .env("GOTOOLCHAIN", "local")
            .env("GOWORK", "off");
        command
    }
}

fn is_source(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| ["go", "mod", "sum"].iter().any(|known| extension == *known))
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

/// The version of a module that go.mod asks for, as in `v1.36.3`.
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
