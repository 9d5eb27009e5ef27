//! What can go wrong with a call to the API server.

/// Why a call to the API server failed.
#[derive(Debug, thiserror::Error, strum::IntoStaticStr)]
pub enum ClusterError {
    /// Somebody else changed the object since it was read: read again and decide again.
    #[error("the object was changed meanwhile")]
    Conflict,
    /// The object is gone.
    #[error("the object is gone")]
    NotFound,
    /// The operator's ServiceAccount may not do this.
    #[error("the operator may not do this: {message}")]
    Forbidden {
        /// The API server's words.
        message: String,
    },
    /// The namespace is being deleted.
    #[error("the namespace is being deleted")]
    NamespaceTerminating,
    /// The API server refuses the object as it is: a policy, a quota, a webhook.
    #[error("the API server refused the object: {message}")]
    Invalid {
        /// The API server's words.
        message: String,
    },
    /// The API server dropped a part of what was written: its CRD is older than this operator.
    #[error("the AccessToken CRD is older than this operator and drops {field}; update the CRDs")]
    Pruned {
        /// What was dropped.
        field: &'static str,
    },
    /// The API server could not be reached, or failed.
    #[error("the API server could not be reached or failed")]
    Unavailable(#[source] Box<kube::Error>),
    /// Nothing was sent: this process may not act now.
    #[error("this process does not lead for long enough")]
    NotLeading(#[from] crate::gate::GateClosed),
}

impl From<kube::Error> for ClusterError {
    fn from(error: kube::Error) -> Self {
        let kube::Error::Api(status) = &error else {
            return Self::Unavailable(Box::new(error));
        };
        let message = bounded(&status.message);
        let terminating = status
            .details
            .iter()
            .flat_map(|details| &details.causes)
            .any(|cause| cause.reason == "NamespaceTerminating");
        if status.is_conflict() || status.is_already_exists() {
            Self::Conflict
        } else if terminating {
            Self::NamespaceTerminating
        } else if status.is_not_found() {
            Self::NotFound
        } else if status.is_forbidden() {
            Self::Forbidden { message }
        } else if status.is_invalid() || status.code == 400 {
            Self::Invalid { message }
        } else {
            Self::Unavailable(Box::new(error))
        }
    }
}

/// At most 300 characters, so that a webhook's essay does not fill a status.
fn bounded(message: &str) -> String {
    message.chars().take(300).collect()
}
