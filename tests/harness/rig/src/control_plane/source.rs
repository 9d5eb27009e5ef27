//! Where a control plane comes from.

use std::env;
use std::path::PathBuf;

use crate::{RigError, build};

/// Where a control plane comes from.
#[derive(Debug, Clone)]
pub enum Source {
    /// Our own binary, built from `tests/harness/control-plane`.
    Built(PathBuf),
    /// A directory with `etcd`, `kube-apiserver` and `kubectl`, and `kube-controller-manager` if the
    /// tests that need one shall pass.
    Assets(PathBuf),
    /// A running cluster, used as it is, with the rights of this kubeconfig.
    Cluster(PathBuf),
}

impl Source {
    /// What [`Source::named`] says, else our own binary, built if needed.
    ///
    /// # Errors
    /// [`RigError::NoGo`], or the build fails.
    pub fn from_environment() -> Result<Self, RigError> {
        match Self::named() {
            Some(source) => Ok(source),
            None => build::control_plane().map(Self::Built),
        }
    }

    /// What `LDTOKENS_TEST_KUBECONFIG` or `KUBEBUILDER_ASSETS` name to use instead of our own binary.
    #[must_use]
    pub fn named() -> Option<Self> {
        let set = |name| {
            env::var_os(name)
                .filter(|value| !value.is_empty())
                .map(PathBuf::from)
        };
        set("LDTOKENS_TEST_KUBECONFIG")
            .map(Self::Cluster)
            .or_else(|| set("KUBEBUILDER_ASSETS").map(Self::Assets))
    }
}
