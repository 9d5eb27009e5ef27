//! A Kubernetes control plane: built and supervised by us, or one that is there already.

mod assets;
mod audit;
pub(crate) mod build;
mod direct;
mod kubectl;
mod source;
mod supervised;

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::error::Doing;
use crate::process::Process;
use crate::{RigError, object, wait};
use audit::AuditLog;
pub use kubectl::Kubectl;
pub use source::Source;

/// How to start a control plane.
#[derive(Debug, Clone)]
pub struct ControlPlaneOptions {
    /// Where it comes from; `None` for [`Source::from_environment`].
    pub source: Option<Source>,
    /// How long the start may take, without the build.
    pub deadline: Duration,
    /// Where the audit log is kept when the control plane is gone; `None` for nowhere.
    pub audit: Option<PathBuf>,
}

impl Default for ControlPlaneOptions {
    fn default() -> Self {
        Self {
            source: None,
            deadline: Duration::from_secs(60),
            audit: None,
        }
    }
}

/// A running control plane with RBAC and an audit log. It ends when dropped, and when this process ends.
#[derive(Debug)]
pub struct ControlPlane {
    kubectl: Kubectl,
    kubeconfig: PathBuf,
    audit: Option<AuditLog>,
    // Dropped in this order: the processes first, then what they write to.
    supervisor: Option<Process>,
    directory: TempDir,
}

impl ControlPlane {
    /// Starts a control plane and returns when it is ready.
    ///
    /// # Errors
    /// It cannot be built or started, or is not ready in time.
    pub fn start(options: ControlPlaneOptions) -> Result<Self, RigError> {
        let source = match options.source {
            Some(source) => source,
            None => Source::from_environment()?,
        };
        let directory = tempfile::Builder::new()
            .prefix("ldtokens-control-plane-")
            .tempdir()
            .doing(|| "create a temporary directory".into())?;
        let kubeconfig = match &source {
            Source::Cluster(kubeconfig) => kubeconfig.clone(),
            Source::Built(_) | Source::Assets(_) => directory.path().join("kubeconfig"),
        };
        let kubectl = Kubectl::new(
            &source,
            &kubeconfig,
            &directory.path().join("kubectl-cache"),
        )?;
        let audit_path = directory.path().join("audit.log");
        if let Some(kept) = &options.audit {
            audit::keep_at(kept, &audit_path)?;
        }
        let supervisor = match &source {
            Source::Cluster(_) => None,
            Source::Built(program) => Some(supervised::start(
                program,
                directory.path(),
                &audit_path,
                options.deadline,
            )?),
            Source::Assets(assets) => Some(assets::start(
                assets,
                directory.path(),
                &kubectl,
                options.deadline,
            )?),
        };
        Ok(Self {
            audit: supervisor.is_some().then(|| AuditLog::new(audit_path)),
            kubectl,
            kubeconfig,
            supervisor,
            directory,
        })
    }

    /// A cluster that somebody else of the rig started from the same programs, with a place for our own files that goes with it.
    pub(crate) fn of_cluster(
        programs: PathBuf,
        kubeconfig: PathBuf,
        place: &Path,
    ) -> Result<Self, RigError> {
        let directory = tempfile::tempdir_in(place)
            .doing(|| format!("create a directory in {}", place.display()))?;
        let cache = directory.path().join("kubectl-cache");
        Ok(Self {
            kubectl: Kubectl::new(&Source::Built(programs), &kubeconfig, &cache)?,
            kubeconfig,
            audit: None,
            supervisor: None,
            directory,
        })
    }

    /// The administrator's kubeconfig, which depends on no other file.
    #[must_use]
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// The administrator's kubectl.
    #[must_use]
    pub fn client(&self) -> &Kubectl {
        &self.kubectl
    }

    /// A directory that is removed with the control plane: a place for other parts' files and logs.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The process id of the supervisor, if we started one.
    #[must_use]
    pub fn supervisor_id(&self) -> Option<u32> {
        self.supervisor.as_ref().map(Process::id)
    }

    /// Runs kubectl as the administrator; see [`Kubectl::run`].
    ///
    /// # Errors
    /// It cannot be run, or fails.
    pub fn kubectl(&self, arguments: &[&str]) -> Result<String, RigError> {
        self.kubectl.run(arguments)
    }

    /// Runs kubectl with a text on standard input; see [`Kubectl::run_with_input`].
    ///
    /// # Errors
    /// It cannot be run, or fails.
    pub fn kubectl_with_input(&self, arguments: &[&str], input: &str) -> Result<String, RigError> {
        self.kubectl.run_with_input(arguments, input)
    }

    /// Applies one or more objects as the administrator.
    ///
    /// # Errors
    /// They are refused.
    pub fn apply(&self, yaml: &str) -> Result<(), RigError> {
        self.kubectl.apply(yaml)
    }

    /// One object; an empty `namespace` for cluster-wide kinds.
    ///
    /// # Errors
    /// It is not there.
    pub fn get(&self, kind: &str, namespace: &str, name: &str) -> Result<Value, RigError> {
        self.kubectl.get(kind, namespace, name)
    }

    /// Waits until an object is Ready for its latest generation, and returns it.
    ///
    /// # Errors
    /// It is not within this time; says what it says instead.
    pub fn await_ready(
        &self,
        kind: &str,
        namespace: &str,
        name: &str,
        within: Duration,
    ) -> Result<Value, RigError> {
        wait::until_ok(within, &format!("a Ready {kind} {name}"), || {
            let object = self
                .get(kind, namespace, name)
                .map_err(|error| format!("{error:?}"))?;
            object::ready(&object).map(|()| object)
        })
    }

    /// Everything the API server was asked so far, in its order, as `audit.k8s.io/v1` events.
    ///
    /// # Errors
    /// There is no audit log, because the cluster is not ours.
    pub fn audit_events(&self) -> Result<Vec<Value>, RigError> {
        self.audit()?.events(0)
    }

    /// The audit log as it is: bodies of what was written and answered included, except those of Secrets.
    ///
    /// # Errors
    /// As [`ControlPlane::audit_events`].
    pub fn audit_text(&self) -> Result<String, RigError> {
        self.audit()?.text()
    }

    /// A place in the audit log to give to [`ControlPlane::audit_events_since`]: its present end.
    ///
    /// # Errors
    /// As [`ControlPlane::audit_events`].
    pub fn audit_mark(&self) -> Result<u64, RigError> {
        self.audit()?.end()
    }

    /// What the API server was asked since `mark`.
    ///
    /// # Errors
    /// As [`ControlPlane::audit_events`].
    pub fn audit_events_since(&self, mark: u64) -> Result<Vec<Value>, RigError> {
        self.audit()?.events(mark)
    }

    fn audit(&self) -> Result<&AuditLog, RigError> {
        self.audit.as_ref().ok_or_else(|| {
            RigError::Unexpected("a cluster that is not ours has no audit log to read".into())
        })
    }
}

impl Drop for ControlPlane {
    fn drop(&mut self) {
        if let Some(supervisor) = &mut self.supervisor {
            // Killed by its own drop if it does not obey.
            let _ = supervisor.close_input(Duration::from_secs(10));
        }
    }
}
