//! How to start the operator.

use std::path::PathBuf;

use super::SecretAccess;

/// How to start the operator.
#[derive(Debug, Clone)]
pub struct OperatorOptions {
    /// What tells several operators on one control plane apart: name of the pod and of the log.
    pub name: String,
    /// Flags and their values, beside those that the rig sets: listen address, namespace, pod name.
    pub flags: Vec<(String, String)>,
    /// Further environment variables.
    pub environment: Vec<(String, String)>,
    /// Another binary than the release build of this workspace.
    pub program: Option<PathBuf>,
    /// Whose Secrets it may use.
    pub access: SecretAccess,
    /// The namespaces that it looks after where the mode wants them named.
    pub namespaces: Vec<String>,
    /// Another way to the API server, as of a [`Cable`](crate::Cable): host and port.
    pub api_server: Option<String>,
}

impl Default for OperatorOptions {
    /// As shipped, with every time at its default.
    fn default() -> Self {
        Self {
            name: "operator".to_owned(),
            flags: Vec::new(),
            environment: Vec::new(),
            program: None,
            access: SecretAccess::Cluster,
            namespaces: Vec::new(),
            api_server: None,
        }
    }
}

impl OperatorOptions {
    /// The shortest times that a simulator nearby allows: what takes minutes by default takes seconds.
    #[must_use]
    pub fn fast() -> Self {
        [
            ("--request-timeout", "1s"),
            ("--settle-time", "2s"),
            ("--publication-margin", "5s"),
            ("--lease-duration", "3s"),
            ("--drift-interval", "5s"),
            ("--deletion-give-up-after", "10s"),
        ]
        .into_iter()
        .fold(Self::default(), |options, (flag, value)| {
            options.flag(flag, value)
        })
    }

    /// With this flag; the last value of a flag counts.
    #[must_use]
    pub fn flag(mut self, flag: &str, value: &str) -> Self {
        self.flags.retain(|(known, _)| known != flag);
        self.flags.push((flag.to_owned(), value.to_owned()));
        self
    }

    /// Allowed to speak to this host, as in `127.0.0.1:8080`, and to no other.
    #[must_use]
    pub fn allowing(self, host: &str) -> Self {
        self.flag("--allowed-api-host", host)
    }

    /// With another right to Secrets, in these namespaces.
    #[must_use]
    pub fn with_access(self, access: SecretAccess, namespaces: &[&str]) -> Self {
        let namespaces = namespaces.iter().map(|name| (*name).to_owned()).collect();
        Self {
            access,
            namespaces,
            ..self
        }
    }

    /// Under another name.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }
}
