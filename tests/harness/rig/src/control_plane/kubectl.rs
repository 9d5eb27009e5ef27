//! kubectl, bound to one cluster and one identity.

use std::env;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, OnceLock};
use std::thread;

use serde_json::Value;

use super::Source;
use super::direct::Direct;
use crate::error::Doing;
use crate::{RigError, build};

/// kubectl with a kubeconfig of its own; it neither reads nor writes the user's.
#[derive(Debug, Clone)]
pub struct Kubectl {
    program: PathBuf,
    /// Our own binary has kubectl as a subcommand.
    subcommand: Option<&'static str>,
    kubeconfig: PathBuf,
    cache: PathBuf,
    direct: Arc<OnceLock<Option<Direct>>>,
}

impl Kubectl {
    pub(crate) fn new(source: &Source, kubeconfig: &Path, cache: &Path) -> Result<Self, RigError> {
        let (program, subcommand) = match source {
            Source::Built(program) => (program.clone(), Some("kubectl")),
            Source::Assets(directory) => (directory.join("kubectl"), None),
            Source::Cluster(_) if on_path("kubectl") => ("kubectl".into(), None),
            Source::Cluster(_) => (build::control_plane()?, Some("kubectl")),
        };
        Ok(Self {
            program,
            subcommand,
            kubeconfig: kubeconfig.to_owned(),
            cache: cache.to_owned(),
            direct: Arc::default(),
        })
    }

    /// The same program with another identity or cluster.
    #[must_use]
    pub fn with_kubeconfig(&self, kubeconfig: &Path) -> Self {
        Self {
            kubeconfig: kubeconfig.to_owned(),
            direct: Arc::default(),
            ..self.clone()
        }
    }

    /// How a user types this kubectl in a shell.
    #[must_use]
    pub fn command_line(&self) -> String {
        let program = self.program.display();
        let subcommand = self
            .subcommand
            .map(|name| format!(" {name}"))
            .unwrap_or_default();
        format!(
            "{program}{subcommand} --kubeconfig {}",
            self.kubeconfig.display()
        )
    }

    /// Runs kubectl and returns what it printed on standard output.
    ///
    /// # Errors
    /// It cannot be run, or fails; the error tells what it said.
    pub fn run(&self, arguments: &[&str]) -> Result<String, RigError> {
        self.run_with_input(arguments, "")
    }

    /// The same with a text on standard input.
    ///
    /// # Errors
    /// As [`Kubectl::run`].
    pub fn run_with_input(&self, arguments: &[&str], input: &str) -> Result<String, RigError> {
        let output = self.output(arguments, input)?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        Err(RigError::command(
            format!("kubectl {}", arguments.join(" ")),
            &output,
        ))
    }

    /// Runs kubectl and returns how it ended, failures included.
    ///
    /// # Errors
    /// It cannot be run.
    pub fn output(&self, arguments: &[&str], input: &str) -> Result<Output, RigError> {
        let mut child = Command::new(&self.program)
            .args(self.subcommand)
            .args(arguments)
            .env("KUBECONFIG", &self.kubeconfig)
            .env("KUBECACHEDIR", &self.cache)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .doing(|| format!("run {}", self.program.display()))?;
        let pipe = child.stdin.take();
        thread::scope(|scope| {
            // From a thread, since it may print before it has read everything. A kubectl that ends
            // without reading says itself what is wrong.
            scope.spawn(move || pipe.map(|mut pipe| pipe.write_all(input.as_bytes())));
            child.wait_with_output()
        })
        .doing(|| "wait for kubectl".into())
    }

    /// Applies one or more objects, server-side.
    ///
    /// # Errors
    /// As [`Kubectl::run`].
    pub fn apply(&self, yaml: &str) -> Result<(), RigError> {
        let directly = self.direct().and_then(|direct| direct.apply(yaml));
        directly.unwrap_or_else(|| {
            self.run_with_input(&["apply", "--server-side", "-f", "-"], yaml)
                .map(|_| ())
        })
    }

    /// One object; an empty `namespace` for cluster-wide kinds.
    ///
    /// # Errors
    /// It is not there, or may not be read.
    pub fn get(&self, kind: &str, namespace: &str, name: &str) -> Result<Value, RigError> {
        self.direct()
            .and_then(|direct| direct.get(kind, namespace, name))
            .unwrap_or_else(|| self.json(&["get", kind, name, "--namespace", namespace]))
    }

    fn direct(&self) -> Option<&Direct> {
        self.direct
            .get_or_init(|| Direct::from_kubeconfig(&self.kubeconfig))
            .as_ref()
    }

    /// All objects of a kind; an empty `namespace` means all of them.
    ///
    /// # Errors
    /// They may not be listed.
    pub fn list(&self, kind: &str, namespace: &str) -> Result<Vec<Value>, RigError> {
        let scope = if namespace.is_empty() {
            vec!["--all-namespaces"]
        } else {
            vec!["--namespace", namespace]
        };
        let mut list = self.json(&[&["get", kind][..], &scope].concat())?;
        match list["items"].take() {
            Value::Array(items) => Ok(items),
            _ => Err(RigError::Unexpected(format!(
                "the list of {kind} has no items"
            ))),
        }
    }

    /// Runs kubectl and reads what it printed as JSON; `--output json` is added.
    ///
    /// # Errors
    /// As [`Kubectl::run`], or it printed something else.
    pub fn json(&self, arguments: &[&str]) -> Result<Value, RigError> {
        let text = self.run(&[arguments, &["--output", "json"]].concat())?;
        serde_json::from_str(&text).map_err(|error| {
            RigError::Unexpected(format!(
                "kubectl {} printed no JSON: {error}",
                arguments.join(" ")
            ))
        })
    }
}

fn on_path(program: &str) -> bool {
    env::var_os("PATH")
        .is_some_and(|path| env::split_paths(&path).any(|folder| folder.join(program).is_file()))
}
