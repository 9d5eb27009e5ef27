//! What can go wrong with a call, told apart by what it means for the caller.

use std::fmt;

use jiff::Timestamp;
use reqwest::Method;

use crate::domain::time::whole_second_up;

/// The operations of the API that are used; the word for it in logs and metrics.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    strum::IntoStaticStr,
    strum::Display,
    strum::VariantArray,
)]
#[strum(serialize_all = "kebab-case")]
pub enum Operation {
    /// `GET /api/v2/caller-identity`
    Identify,
    /// `GET /api/v2/tokens`
    List,
    /// `GET /api/v2/tokens/{id}`
    Get,
    /// `POST /api/v2/tokens`
    Create,
    /// `PATCH /api/v2/tokens/{id}`
    Patch,
    /// `DELETE /api/v2/tokens/{id}`
    Delete,
    /// `POST /api/v2/tokens/{id}/reset`
    Reset,
    /// `GET /api/v2/roles/{keyOrId}`
    Role,
}

impl Operation {
    /// Method and path of the request, with placeholders for what differs from call to call.
    #[must_use]
    pub fn route(self) -> (Method, &'static str) {
        match self {
            Self::Identify => (Method::GET, "/api/v2/caller-identity"),
            Self::List => (Method::GET, "/api/v2/tokens"),
            Self::Get => (Method::GET, "/api/v2/tokens/{id}"),
            Self::Create => (Method::POST, "/api/v2/tokens"),
            Self::Patch => (Method::PATCH, "/api/v2/tokens/{id}"),
            Self::Delete => (Method::DELETE, "/api/v2/tokens/{id}"),
            Self::Reset => (Method::POST, "/api/v2/tokens/{id}/reset"),
            Self::Role => (Method::GET, "/api/v2/roles/{keyOrId}"),
        }
    }

    /// Whether the call changes anything; only then is the gate asked.
    #[must_use]
    pub fn is_effect(self) -> bool {
        matches!(
            self,
            Self::Create | Self::Patch | Self::Delete | Self::Reset
        )
    }

    /// Whether the answer has a key, and the call must therefore never be repeated blindly (I5).
    #[must_use]
    pub fn issues_key(self) -> bool {
        matches!(self, Self::Create | Self::Reset)
    }
}

/// Why a call failed.
///
/// Text from LaunchDarkly in here is short, on one line and without keys (I7).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, strum::IntoStaticStr)]
pub enum ApiError {
    /// 401. May also mean that the permission for this call is missing (documented): one alone proves nothing.
    #[error("LaunchDarkly does not accept the key (401)")]
    Unauthorized,
    /// 403. What is missing comes from the answer's `access` object when it has one.
    #[error("LaunchDarkly refused {action} on {resource} (403)")]
    Forbidden {
        /// The missing permission, such as `createAccessToken`.
        action: String,
        /// What it would have to be granted on.
        resource: String,
    },
    /// 404.
    #[error("LaunchDarkly knows no such object (404 to {operation})")]
    NotFound {
        /// The call.
        operation: Operation,
    },
    /// 405 or 410: this instance has no such operation any more.
    #[error("LaunchDarkly does not offer {operation} ({status})")]
    MethodGone {
        /// The call.
        operation: Operation,
        /// The status.
        status: u16,
    },
    /// 409. Another change came first, or something is there already (both observed): read again before repeating.
    #[error("LaunchDarkly reports a conflict on {operation} (409): {message}")]
    Conflict {
        /// The call.
        operation: Operation,
        /// LaunchDarkly's words.
        message: String,
    },
    /// 422 with the code `patch_failed`: the patch does not fit the token as it is now.
    #[error("LaunchDarkly could not apply the patch (422): {message}")]
    PatchFailed {
        /// LaunchDarkly's words.
        message: String,
    },
    /// 400, 413, 415 or 422: the request is not acceptable as it is.
    #[error("LaunchDarkly refused {operation} ({status} {code}): {message}")]
    Invalid {
        /// The call.
        operation: Operation,
        /// The status.
        status: u16,
        /// LaunchDarkly's code, such as `invalid_request`.
        code: String,
        /// LaunchDarkly's words.
        message: String,
    },
    /// 429: not handled.
    #[error("LaunchDarkly's rate limit is used up until {}", whole_second_up(*until))]
    RateLimited {
        /// When it makes sense to ask again, on the local clock.
        until: Timestamp,
    },
    /// 408, 5xx, a redirect, or any status that is not documented: the request may have been handled.
    #[error("LaunchDarkly answered {operation} with {status}{}", aftermath(*operation))]
    Server {
        /// The call.
        operation: Operation,
        /// The status.
        status: u16,
    },
    /// No answer, or only a part of one: the request may have been handled.
    #[error("no answer from LaunchDarkly to {operation}{}", aftermath(*operation))]
    Uncertain {
        /// The call.
        operation: Operation,
        /// What happened.
        source: TransportError,
    },
    /// The answer says success, but it cannot be read or lacks what it must have, such as the key.
    #[error("LaunchDarkly's answer to {operation} {why}{}", aftermath(*operation))]
    Unreadable {
        /// The call.
        operation: Operation,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The connection was never made, so nothing was sent.
    #[error("no connection to LaunchDarkly for {operation}")]
    NotSent {
        /// The call.
        operation: Operation,
        /// What happened.
        source: TransportError,
    },
    /// Nothing was sent: LaunchDarkly failed the last calls to this account, whatever they asked for.
    #[error("{operation} was not sent: LaunchDarkly failed the last calls to this account")]
    Outage {
        /// The call.
        operation: Operation,
        /// When it makes sense to ask again, on the local clock.
        until: Timestamp,
    },
    /// Nothing was sent: this process may not act now.
    #[error("{operation} was not sent: this process does not lead for long enough")]
    NotLeading {
        /// The call.
        operation: Operation,
    },
    /// Nothing was sent: the call would harm the credential in use (I6).
    #[error("{operation} was not sent: it is about the credential in use")]
    SelfProtection {
        /// The call.
        operation: Operation,
    },
    /// Nothing was sent: the id could not have come from LaunchDarkly.
    #[error("{operation} was not sent: the id or key it names cannot exist at LaunchDarkly")]
    Malformed {
        /// The call.
        operation: Operation,
    },
}

fn aftermath(operation: Operation) -> &'static str {
    if operation.is_effect() {
        "; it may have taken effect"
    } else {
        ""
    }
}

/// What repeating a failed call can bring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryClass {
    /// It may work soon, with back-off. Does not say that repeating is safe: see [`ApiError::is_definite_refusal`].
    Soon,
    /// It may work from this time on, on the local clock.
    After(Timestamp),
    /// Somebody has to change something first: the credential, a permission, or the request.
    AfterChange,
    /// Not by this process.
    Never,
}

impl ApiError {
    /// Whether LaunchDarkly says that the operation is not to be had: 403, 404, 405, 410 or 415.
    #[must_use]
    pub fn is_not_offered(&self) -> bool {
        matches!(
            self,
            Self::NotFound { .. }
                | Self::MethodGone { .. }
                | Self::Forbidden { .. }
                | Self::Invalid { status: 415, .. }
        )
    }

    /// Whether LaunchDarkly will not do this, whoever asks how often: not a rate limit, and not a call that did not reach it.
    #[must_use]
    pub fn is_lasting_refusal(&self) -> bool {
        matches!(
            self,
            Self::Unauthorized
                | Self::Forbidden { .. }
                | Self::NotFound { .. }
                | Self::MethodGone { .. }
                | Self::PatchFailed { .. }
                | Self::Invalid { .. }
                | Self::SelfProtection { .. }
                | Self::Malformed { .. }
        )
    }

    /// Whether LaunchDarkly, or a proxy in front of it, did not answer or gave an unexpected answer: nothing that the call asked
    /// for explains it.
    #[must_use]
    pub fn is_failure_of_service(&self) -> bool {
        matches!(
            self,
            Self::Server { .. }
                | Self::Uncertain { .. }
                | Self::Unreadable { .. }
                | Self::NotSent { .. }
        )
    }

    /// One constant word for conditions, logs and metrics.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        self.into()
    }

    /// What a condition says: the error, the first of its causes, and what to change.
    #[must_use]
    pub fn explained(&self) -> String {
        let cause =
            std::error::Error::source(self).map_or_else(String::new, |cause| format!(": {cause}"));
        format!("{self}{cause}{}", self.advice())
    }

    /// What to change, where waiting is not enough and the error does not say it.
    fn advice(&self) -> &'static str {
        match self {
            Self::Unauthorized => {
                "; put an access token that is valid, and may do this, into the account's credential Secret"
            }
            Self::Forbidden { .. } => "; give the account's access token this permission",
            Self::NotFound { .. } => "; check spec.apiUrl of the account",
            Self::Invalid { .. } => "; change what it names, unless the account's plan lacks it",
            Self::NotSent { source, .. } if source.kind() == TransportKind::Tls => {
                "; if a private authority signed for the host, put its certificate into spec.caBundle of the account"
            }
            Self::Server { .. }
            | Self::Uncertain { .. }
            | Self::NotSent { .. }
            | Self::Outage { .. } => "; check network, proxy and LaunchDarkly's status",
            Self::Unreadable { .. } => {
                "; check spec.apiUrl and what stands between the operator and LaunchDarkly"
            }
            Self::MethodGone { .. }
            | Self::Conflict { .. }
            | Self::PatchFailed { .. }
            | Self::RateLimited { .. }
            | Self::NotLeading { .. }
            | Self::SelfProtection { .. }
            | Self::Malformed { .. } => "",
        }
    }

    /// Whether the request certainly had no effect: 400, 401, 403, 404, 405, 410, 413, 415, 422, 429, or it was never
    /// sent. After anything else a create or a reset may have been handled.
    #[must_use]
    pub fn is_definite_refusal(&self) -> bool {
        match self {
            Self::Unauthorized
            | Self::Forbidden { .. }
            | Self::NotFound { .. }
            | Self::MethodGone { .. }
            | Self::PatchFailed { .. }
            | Self::Invalid { .. }
            | Self::RateLimited { .. }
            | Self::NotSent { .. }
            | Self::Outage { .. }
            | Self::NotLeading { .. }
            | Self::SelfProtection { .. }
            | Self::Malformed { .. } => true,
            Self::Conflict { .. }
            | Self::Server { .. }
            | Self::Uncertain { .. }
            | Self::Unreadable { .. } => false,
        }
    }

    /// What repeating the call can bring.
    #[must_use]
    pub fn retry_class(&self) -> RetryClass {
        match self {
            Self::RateLimited { until } | Self::Outage { until, .. } => RetryClass::After(*until),
            Self::Conflict { .. }
            | Self::PatchFailed { .. }
            | Self::Server { .. }
            | Self::Uncertain { .. }
            | Self::Unreadable { .. }
            | Self::NotSent { .. } => RetryClass::Soon,
            Self::Unauthorized
            | Self::Forbidden { .. }
            | Self::NotFound { .. }
            | Self::MethodGone { .. }
            | Self::Invalid { .. }
            | Self::SelfProtection { .. }
            | Self::Malformed { .. } => RetryClass::AfterChange,
            Self::NotLeading { .. } => RetryClass::Never,
        }
    }
}

/// What happened on the way to LaunchDarkly or back. Names no address and no header.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind}: {detail}")]
pub struct TransportError {
    kind: TransportKind,
    detail: String,
}

/// The kinds of trouble on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr, strum::Display)]
pub enum TransportKind {
    /// It took too long.
    #[strum(serialize = "timed out")]
    Timeout,
    /// The host's name was not found.
    #[strum(serialize = "the host's name was not resolved")]
    Dns,
    /// TLS failed, for example because the certificate is not trusted: see `caBundle`.
    #[strum(serialize = "TLS failed")]
    Tls,
    /// Nobody listens there, or the proxy would not connect.
    #[strum(serialize = "could not connect")]
    Connect,
    /// The connection broke.
    #[strum(serialize = "the connection broke")]
    Broken,
}

impl TransportError {
    /// Makes one; `detail` is shown, so it is cut to a short line.
    #[must_use]
    pub fn new(kind: TransportKind, detail: &dyn fmt::Display) -> Self {
        Self {
            kind,
            detail: crate::redaction::text::presentable(&detail.to_string(), None),
        }
    }

    /// The kind of trouble.
    #[must_use]
    pub fn kind(&self) -> TransportKind {
        self.kind
    }
}
