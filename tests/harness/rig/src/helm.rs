//! Helm as users run it, built from the module of the tests.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

use crate::error::Doing;
use crate::go_module::{GoProgram, SHARED};
use crate::{ControlPlane, RigError};

const PROGRAM: GoProgram = GoProgram {
    name: "helm",
    title: "Helm",
    module: SHARED,
    sources: None,
    package: "helm.sh/helm/v4/cmd/helm",
    tags: "",
    versioned_by: "helm.sh/helm/v4",
    version_flags,
};

fn version_flags(version: &str) -> String {
    format!(" -X helm.sh/helm/v4/internal/version.version={version}")
}

/// The program: what `LDTOKENS_TEST_HELM` names, else our own build, made now if it is not in the cache.
///
/// # Errors
/// [`RigError::NoGo`], or the build fails.
pub fn helm() -> Result<PathBuf, RigError> {
    match env::var_os("LDTOKENS_TEST_HELM").filter(|value| !value.is_empty()) {
        Some(program) => Ok(program.into()),
        None => PROGRAM.binary(),
    }
}

/// Helm with settings of its own; it neither reads nor writes the user's.
#[derive(Debug)]
pub struct Helm {
    program: PathBuf,
    kubeconfig: PathBuf,
    home: TempDir,
}

impl Helm {
    /// For what needs no cluster.
    ///
    /// # Errors
    /// It cannot be built, or there is no place for its settings.
    pub fn offline() -> Result<Self, RigError> {
        Self::with_kubeconfig(Path::new("/nonexistent"))
    }

    /// With the administrator's rights on a cluster.
    ///
    /// # Errors
    /// As [`Helm::offline`].
    pub fn on(plane: &ControlPlane) -> Result<Self, RigError> {
        Self::with_kubeconfig(plane.kubeconfig())
    }

    fn with_kubeconfig(kubeconfig: &Path) -> Result<Self, RigError> {
        Ok(Self {
            program: helm()?,
            kubeconfig: kubeconfig.to_owned(),
            home: tempfile::Builder::new()
                .prefix("ldtokens-helm-")
                .tempdir()
                .doing(|| "create a temporary directory".into())?,
        })
    }

    /// Runs helm and returns what it printed on standard output.
    ///
    /// # Errors
    /// It cannot be run, or fails; the error tells what it said.
    pub fn run(&self, arguments: &[&str]) -> Result<String, RigError> {
        let output = self.output(arguments)?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        Err(RigError::command(
            format!("helm {}", arguments.join(" ")),
            &output,
        ))
    }

    /// Runs helm and returns how it ended, failures included.
    ///
    /// # Errors
    /// It cannot be run.
    pub fn output(&self, arguments: &[&str]) -> Result<Output, RigError> {
        let mut command = Command::new(&self.program);
        for (name, _) in env::vars_os() {
            if name.to_str().is_some_and(|name| name.starts_with("HELM_")) {
                command.env_remove(name);
            }
        }
        command
            .args(arguments)
            .env("KUBECONFIG", &self.kubeconfig)
            .env("HELM_CACHE_HOME", self.home.path().join("cache"))
            .env("HELM_CONFIG_HOME", self.home.path().join("config"))
            .env("HELM_DATA_HOME", self.home.path().join("data"))
            .stdin(Stdio::null())
            .output()
            .doing(|| format!("run {}", self.program.display()))
    }
}
