//! What errors of LaunchDarkly and Kubernetes mean for the user and for the next try: one map for each, for tokens and accounts alike.

use jiff::Timestamp;

use crate::cluster::ClusterError;
use crate::domain::problem::{Problem, Recovery};
use crate::domain::reason::Reason;
use crate::launchdarkly::{ApiError, Operation, RetryClass};
use crate::redaction::text::presentable_reply;

/// Why a step failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    /// What users are told.
    pub(super) problem: Problem,
    /// When trying again makes sense, where the other side said so.
    pub(super) not_before: Option<Timestamp>,
    /// Whether the world must be read again before anything else: what was decided on has changed.
    pub(super) stale: bool,
    /// Whether the credential itself is in doubt.
    pub(super) doubts_credential: bool,
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self {
            problem,
            not_before: None,
            stale: false,
            doubts_credential: false,
        }
    }
}

impl Failure {
    /// The world is not as the step supposed.
    pub(super) fn stale() -> Self {
        Self {
            stale: true,
            ..Problem::retry(Reason::Conflict, "the object was changed meanwhile").into()
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
        Problem::user(Reason::SecretContested, message).into()
    }

    /// An answer that makes no sense.
    pub(super) fn unexpected(message: &str) -> Self {
        Problem::retry(Reason::UnexpectedAnswer, message).into()
    }

    /// Something that decide ruled out.
    pub(super) fn unsettled(message: &str) -> Self {
        Problem::retry(Reason::Recovering, message).into()
    }

    /// Whether this process must not act any more.
    pub(super) fn must_stop(&self) -> bool {
        self.problem.recovery == Recovery::Never
    }
}

/// What an error of LaunchDarkly means, for tokens and accounts alike.
impl From<&ApiError> for Problem {
    fn from(error: &ApiError) -> Self {
        let reason = match error {
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
        Self {
            reason,
            message: error.explained(),
            recovery: match error.retry_class() {
                RetryClass::Soon | RetryClass::After(_) => Recovery::Retry,
                RetryClass::AfterChange => Recovery::User,
                RetryClass::Never => Recovery::Never,
            },
        }
    }
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        // The account controller looks at a credential that is refused, and its finding is what users are told.
        let doubts_credential = error == ApiError::Unauthorized;
        Self {
            not_before: match error.retry_class() {
                RetryClass::After(time) => Some(time),
                RetryClass::Soon | RetryClass::AfterChange | RetryClass::Never => None,
            },
            doubts_credential,
            ..Problem::from(&error).passing_if(doubts_credential).into()
        }
    }
}

/// What an error of Kubernetes means, for tokens and accounts alike.
impl From<&ClusterError> for Problem {
    fn from(error: &ClusterError) -> Self {
        let message = match error {
            // Every name in it counts, and none is foreign.
            ClusterError::NotOptedIn { advice } => advice.clone(),
            _ => presentable_reply(&with_cause(error)),
        };
        match error {
            ClusterError::Conflict | ClusterError::NotFound => {
                Self::retry(Reason::Conflict, message)
            }
            ClusterError::Forbidden { .. }
            | ClusterError::NotOptedIn { .. }
            | ClusterError::TooManyParts => Self::user(Reason::SecretAccessDenied, message),
            ClusterError::NamespaceTerminating => Self::user(Reason::NamespaceTerminating, message),
            ClusterError::Invalid { .. } => Self::user(Reason::SecretNotWritable, message),
            ClusterError::Pruned => Self::user(Reason::InvalidSpec, message),
            ClusterError::Unavailable(_) => Self::retry(Reason::Recovering, message),
            ClusterError::NotLeading(_) => Self {
                reason: Reason::Recovering,
                message,
                recovery: Recovery::Never,
            },
        }
    }
}

impl From<ClusterError> for Failure {
    fn from(error: ClusterError) -> Self {
        match error {
            ClusterError::Conflict => Self::stale(),
            ClusterError::NotFound => Self {
                stale: true,
                ..Problem::from(&error).into()
            },
            _ => Problem::from(&error).into(),
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
            Failure::from(error).problem.reason
        };
        assert_eq!(gone(Operation::Reset), Reason::ResetUnavailable);
        assert_eq!(gone(Operation::Create), Reason::NotFound);
    }
}
