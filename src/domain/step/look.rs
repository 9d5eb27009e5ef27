//! Steps that only ask.

use jiff::Timestamp;

use super::StepKind;
use crate::domain::ids::{Attempt, Fingerprint, TokenId};

/// One look at LaunchDarkly. It changes nothing there: whatever is forbidden to this process, it may look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LookStep {
    /// Ask LaunchDarkly for the custom roles that the spec names.
    ResolveRoles {
        /// Keys or ids.
        roles: Vec<String>,
    },
    /// List the account's tokens afresh.
    ListTokens {
        /// A listing that began earlier does not do.
        begun_after: Timestamp,
    },
    /// `GET /api/v2/tokens/{id}`.
    FetchToken {
        /// The token.
        token_id: TokenId,
    },
    /// `GET /api/v2/caller-identity` with the key in hand.
    ProveKey {
        /// The pending attempt.
        attempt: Attempt,
        /// The token that must answer.
        token_id: TokenId,
    },
    /// `GET /api/v2/caller-identity` with the key in the Secret.
    ProveSecretKey {
        /// Of that key.
        fingerprint: Fingerprint,
        /// The token that must answer.
        token_id: TokenId,
    },
    /// `GET /api/v2/caller-identity` with a key that was revoked.
    ProveRevokedKey {
        /// Of that key.
        fingerprint: Fingerprint,
    },
}

impl LookStep {
    /// The name of the step.
    #[must_use]
    pub fn kind(&self) -> StepKind {
        match self {
            Self::ResolveRoles { .. } => StepKind::ResolveRoles,
            Self::ListTokens { .. } => StepKind::ListTokens,
            Self::FetchToken { .. } => StepKind::FetchToken,
            Self::ProveKey { .. } => StepKind::ProveKey,
            Self::ProveSecretKey { .. } => StepKind::ProveSecretKey,
            Self::ProveRevokedKey { .. } => StepKind::ProveRevokedKey,
        }
    }
}
