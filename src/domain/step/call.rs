//! Steps that change something at LaunchDarkly.

use jiff::{SignedDuration, Timestamp};

use super::StepKind;
use crate::domain::ids::{Attempt, TokenId};
use crate::domain::settings::TokenSettings;

/// One call that changes something at LaunchDarkly. It needs the gate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallStep {
    /// Try on a throw-away token of the account whether a reset leaves the previous key alive.
    ProbeReset {
        /// Whether it is a service token: it is of the kind that is to be reset, which this operator can make.
        service_token: bool,
    },
    /// `POST /api/v2/tokens`; the key stays in hand until [`PublishKey`](super::SecretStep::PublishKey).
    CreateToken {
        /// The pending attempt.
        attempt: Attempt,
        /// Roles are ids; the description carries the marker.
        settings: Box<TokenSettings>,
        /// Whether it is for a revocation, which goes first through the limiter.
        urgent: bool,
    },
    /// `POST /api/v2/tokens/{id}/reset`; the previous key keeps working for `previous_key_lives`.
    ResetKey {
        /// The pending attempt.
        attempt: Attempt,
        /// The token.
        token_id: TokenId,
        /// Counted from when the request leaves.
        previous_key_lives: SignedDuration,
        /// Whether it is for a revocation.
        urgent: bool,
    },
    /// One `PATCH` that makes the token what the spec asks for.
    PatchToken {
        /// The token.
        token_id: TokenId,
        /// Roles are ids; the description carries the marker.
        settings: Box<TokenSettings>,
        /// Whether permissions change too (personal tokens only).
        grant: bool,
    },
    /// Give a retiring token an `expiry`, as a second safety.
    LimitLife {
        /// The token.
        token_id: TokenId,
        /// On LaunchDarkly's clock.
        expiry: Timestamp,
    },
    /// `POST /api/v2/tokens/{id}/reset` of a token that is to end at once and cannot be deleted. The previous key dies with it, and
    /// the new one is thrown away.
    EndKey {
        /// The token.
        token_id: TokenId,
    },
    /// `DELETE /api/v2/tokens/{id}`.
    DeleteToken {
        /// The token.
        token_id: TokenId,
        /// Whether it is for a revocation.
        urgent: bool,
    },
    /// Rewrite a token's marker, so that it is known as left on purpose.
    MarkRetained {
        /// The token.
        token_id: TokenId,
    },
}

impl CallStep {
    /// The name of the step.
    #[must_use]
    pub fn kind(&self) -> StepKind {
        match self {
            Self::ProbeReset { .. } => StepKind::ProbeReset,
            Self::CreateToken { .. } => StepKind::CreateToken,
            Self::ResetKey { .. } => StepKind::ResetKey,
            Self::PatchToken { .. } => StepKind::PatchToken,
            Self::LimitLife { .. } => StepKind::LimitLife,
            Self::EndKey { .. } => StepKind::EndKey,
            Self::DeleteToken { .. } => StepKind::DeleteToken,
            Self::MarkRetained { .. } => StepKind::MarkRetained,
        }
    }
}
