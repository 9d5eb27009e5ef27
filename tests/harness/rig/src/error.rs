//! What can go wrong while the parts are built, started and asked.

use std::fmt;
use std::io;
use std::process::Output;
use std::time::Duration;

/// Why a part could not be built, started or asked.
///
/// Its `Debug` is the whole story in plain words, because that is what a failed test prints.
#[derive(thiserror::Error)]
pub enum RigError {
    /// The operating system refused something.
    #[error("cannot {doing}")]
    Io {
        /// What was being done, as in "start etcd".
        doing: String,
        /// The refusal.
        source: io::Error,
    },
    /// A program ended with a failure.
    #[error("`{command}` failed ({status}):\n{output}")]
    Command {
        /// The command line, as one would type it.
        command: String,
        /// Its exit status.
        status: String,
        /// What it printed.
        output: String,
    },
    /// There is no Go to build the control plane, Helm or the GitOps tools with, and nothing was named to use instead.
    #[error(
        "the control plane, the Helm and the GitOps tools of the tests are built with Go, which is not installed.\n\
         Either install Go (https://go.dev/dl), or name something to use instead:\n  \
         LDTOKENS_TEST_KUBECONFIG=FILE   a kubeconfig with cluster-admin rights on a throw-away cluster\n  \
         KUBEBUILDER_ASSETS=DIR          a directory holding etcd, kube-apiserver and kubectl\n  \
         LDTOKENS_TEST_HELM=FILE         Helm 4, for the tests of the chart\n  \
         LDTOKENS_TEST_PROMETHEUS=FILE   Prometheus, for the tests of metrics\n  \
         LDTOKENS_TEST_PROMTOOL=FILE     promtool, for the tests of alerts\n  \
         LDTOKENS_TEST_ORACLE=FILE       tests/harness/oracle, built elsewhere, for the tests of GitOps"
    )]
    NoGo,
    /// Something that was waited for did not happen.
    #[error("{what}: not within {limit:?}; last seen: {last}")]
    Timeout {
        /// What was waited for.
        what: String,
        /// How long.
        limit: Duration,
        /// What was seen instead, last.
        last: String,
    },
    /// A part answered something that cannot be right.
    #[error("{0}")]
    Unexpected(String),
}

impl fmt::Debug for RigError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{self}")?;
        if let Self::Io { source, .. } = self {
            write!(formatter, ": {source}")?;
        }
        Ok(())
    }
}

impl RigError {
    /// The failure of `command`, told by what it printed.
    #[must_use]
    pub fn command(command: impl Into<String>, output: &Output) -> Self {
        let printed = [&output.stdout[..], &output.stderr[..]].concat();
        Self::Command {
            command: command.into(),
            status: output.status.to_string(),
            output: String::from_utf8_lossy(&printed).trim_end().to_owned(),
        }
    }
}

/// Says what was being done when an I/O error came up.
pub(crate) trait Doing<T> {
    /// Adds what was being done to the error.
    fn doing(self, what: impl FnOnce() -> String) -> Result<T, RigError>;
}

impl<T> Doing<T> for io::Result<T> {
    fn doing(self, what: impl FnOnce() -> String) -> Result<T, RigError> {
        self.map_err(|source| RigError::Io {
            doing: what(),
            source,
        })
    }
}
