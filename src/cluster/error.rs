//! What can go wrong with a call to the API server.

use super::secret::{MOST_PARTS, TooManyParts};
use crate::redaction::text::presentable_reply;

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
    /// The namespace did not let the operator at its Secrets.
    #[error("{advice}")]
    NotOptedIn {
        /// What lets it: a RoleBinding, in YAML.
        advice: String,
    },
    /// A Secret has more labels, annotations or entries than the operator takes in.
    #[error(
        "a Secret with more than {MOST_PARTS} labels, annotations or entries is not read; take some of them away"
    )]
    TooManyParts,
    /// The namespace is being deleted.
    #[error("the namespace is being deleted")]
    NamespaceTerminating,
    /// The API server refuses the object as it is: a policy, a quota, a webhook.
    #[error("the API server refused the object: {message}")]
    Invalid {
        /// The API server's words.
        message: String,
    },
    /// The API server does not keep all of what is written: its CRD is older than this operator.
    #[error(
        "the AccessToken CRD is older than this operator and does not know all of the status; update the CRDs"
    )]
    Pruned,
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
        let message = presentable_reply(&status.message);
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
        } else if status.is_forbidden() && is_refused_by_rule(&status.message) {
            Self::Invalid { message }
        } else if status.is_forbidden() {
            Self::Forbidden { message }
        } else if status.message.contains("strict decoding error") {
            Self::Pruned
        } else if status.is_invalid() || status.code == 400 {
            Self::Invalid { message }
        } else {
            Self::Unavailable(Box::new(error))
        }
    }
}

impl From<TooManyParts> for ClusterError {
    fn from(_: TooManyParts) -> Self {
        Self::TooManyParts
    }
}

/// 403 is also how quotas and admission plugins say no; rights would not help there.
fn is_refused_by_rule(message: &str) -> bool {
    [
        "exceeded quota",
        "denied the request",
        "denied request",
        "violates PodSecurity",
    ]
    .iter()
    .any(|words| message.contains(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forbidden(message: &str) -> ClusterError {
        let status = kube::core::Status::failure(message, "Forbidden").with_code(403);
        kube::Error::Api(status.boxed()).into()
    }

    #[test]
    fn a_quota_is_no_matter_of_rights() {
        let quota =
            "secrets \"web\" is forbidden: exceeded quota: small, requested: count/secrets=1";
        assert!(matches!(forbidden(quota), ClusterError::Invalid { .. }));
        let rights = "secrets \"web\" is forbidden: User \"x\" cannot create resource";
        assert!(matches!(forbidden(rights), ClusterError::Forbidden { .. }));
    }
}
