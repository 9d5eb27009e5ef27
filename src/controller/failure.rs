//! What a failed step means for the user and for the next try.

use jiff::Timestamp;

use crate::cluster::ClusterError;
use crate::domain::reason::Reason;
use crate::launchdarkly::{ApiError, Operation, RetryClass};
use crate::redaction::text::presentable_reply;

/// Why a step failed.
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent facts about one failure"
)]
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    /// As conditions say it.
    pub(super) reason: Reason,
    /// What happened and what to change.
    pub(super) message: String,
    /// Whether only a change by somebody helps.
    pub(super) terminal: bool,
    /// When trying again makes sense, where somebody said so.
    pub(super) not_before: Option<Timestamp>,
    /// Whether the world must be read again before anything else: what was decided on has changed.
    pub(super) stale: bool,
    /// Whether this process must stop acting.
    pub(super) must_stop: bool,
    /// Whether the credential itself is in doubt.
    pub(super) doubts_credential: bool,
}

impl Failure {
    fn new(reason: Reason, message: String, terminal: bool) -> Self {
        Self {
            reason,
            message,
            terminal,
            not_before: None,
            stale: false,
            must_stop: false,
            doubts_credential: false,
        }
    }

    /// The world is not as the step supposed.
    pub(super) fn stale() -> Self {
        Self {
            stale: true,
            ..Self::new(
                Reason::Conflict,
                "the object was changed meanwhile".to_owned(),
                false,
            )
        }
    }

    /// What is to be done has to wait for a time.
    pub(super) fn not_before(time: Timestamp, message: &str) -> Self {
        Self {
            not_before: Some(time),
            ..Self::unsettled(message)
        }
    }

    /// What was written into a Secret was changed at once.
    pub(super) fn contested(name: &str) -> Self {
        let message = format!(
            "Secret {name:?} does not stay as it is written; find the webhook or controller that changes its labels, annotations or entries"
        );
        Self::new(Reason::SecretContested, message, true)
    }

    /// An answer that makes no sense.
    pub(super) fn unexpected(message: &str) -> Self {
        Self::new(Reason::UnexpectedAnswer, message.to_owned(), false)
    }

    /// Something that decide ruled out.
    pub(super) fn unsettled(message: &str) -> Self {
        Self::new(Reason::Recovering, message.to_owned(), false)
    }
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        let reason = match &error {
            ApiError::Unauthorized => Reason::CredentialRejected,
            ApiError::Forbidden { .. } => Reason::Forbidden,
            ApiError::MethodGone {
                operation: Operation::Reset,
                ..
            } => Reason::ResetUnavailable,
            ApiError::NotFound { .. } | ApiError::MethodGone { .. } => Reason::NotFound,
            ApiError::Conflict { .. } => Reason::Conflict,
            ApiError::PatchFailed { .. }
            | ApiError::Invalid { .. }
            | ApiError::Malformed { .. } => Reason::RequestRejected,
            ApiError::RateLimited { .. } => Reason::RateLimited,
            ApiError::Server { .. }
            | ApiError::Uncertain { .. }
            | ApiError::NotSent { .. }
            | ApiError::Outage { .. } => Reason::LaunchDarklyUnavailable,
            ApiError::Unreadable { .. } => Reason::UnexpectedAnswer,
            ApiError::NotLeading { .. } => Reason::Recovering,
            ApiError::SelfProtection { .. } => Reason::InUse,
        };
        let class = error.retry_class();
        Self {
            terminal: class == RetryClass::AfterChange && error != ApiError::Unauthorized,
            not_before: match class {
                RetryClass::After(time) => Some(time),
                RetryClass::Soon | RetryClass::AfterChange | RetryClass::Never => None,
            },
            must_stop: class == RetryClass::Never,
            doubts_credential: error == ApiError::Unauthorized,
            ..Self::new(reason, error.explained(), false)
        }
    }
}

impl From<ClusterError> for Failure {
    fn from(error: ClusterError) -> Self {
        let message = match &error {
            // Every name in it counts, and none is foreign.
            ClusterError::NotOptedIn { advice } => advice.clone(),
            _ => presentable_reply(&with_cause(&error)),
        };
        match error {
            ClusterError::Conflict => Self::stale(),
            ClusterError::NotFound => Self {
                stale: true,
                ..Self::new(Reason::Conflict, message, false)
            },
            ClusterError::Forbidden { .. } | ClusterError::NotOptedIn { .. } => {
                Self::new(Reason::SecretAccessDenied, message, true)
            }
            ClusterError::NamespaceTerminating => {
                Self::new(Reason::NamespaceTerminating, message, true)
            }
            ClusterError::Invalid { .. } => Self::new(Reason::SecretNotWritable, message, true),
            ClusterError::Pruned => Self::new(Reason::InvalidSpec, message, true),
            ClusterError::Unavailable(_) => Self::new(Reason::Recovering, message, false),
            ClusterError::NotLeading(_) => Self {
                must_stop: true,
                ..Self::new(Reason::Recovering, message, false)
            },
        }
    }
}

/// The error and the first of its causes, which says why.
fn with_cause(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_reset_that_is_gone_is_called_so() {
        let gone = |operation| {
            let error = ApiError::MethodGone {
                operation,
                status: 410,
            };
            Failure::from(error).reason
        };
        assert_eq!(gone(Operation::Reset), Reason::ResetUnavailable);
        assert_eq!(gone(Operation::Create), Reason::NotFound);
    }
}
