//! The steps that can be chosen. A step is data, leaves nothing to choose, and never holds a key.

use jiff::{SignedDuration, Timestamp};
use strum::{EnumDiscriminants, EnumIter, IntoStaticStr};

use super::secret::{Arrangement, SecretPlan, SecretRevision};
use crate::domain::ids::{Attempt, Fingerprint, TokenId};
use crate::domain::reason::Reason;
use crate::domain::record::Record;
use crate::domain::settings::TokenSettings;

/// One effect or one look, chosen by [`decide`](super::decide::decide) and carried out by `execute`.
///
/// The variant's name is the log line's `step`, the metric's label and the history's word.
#[derive(Debug, Clone, PartialEq, Eq, EnumDiscriminants)]
#[strum_discriminants(name(StepKind), derive(Hash, EnumIter, IntoStaticStr, PartialOrd, Ord))]
#[strum_discriminants(doc = "The name of a [`Step`].")]
pub enum Step {
    /// Put our finalizer on the object, before anything is created for it.
    AddFinalizer,
    /// Ask LaunchDarkly for the custom roles that the wish names.
    ResolveRoles {
        /// Keys or ids.
        roles: Vec<String>,
    },
    /// Try on a throw-away token of the account whether a reset leaves the previous key alive.
    ProbeReset {
        /// Whether it is a service token: it is of the kind that is to be reset, which this operator can make.
        service_token: bool,
    },
    /// Note down, before the call, that a token is about to be created or a key to be reset.
    RecordIntent {
        /// The record with the intent in it.
        record: Box<Record>,
        /// What stays fixed whatever the spec says later.
        arrangement: Box<Arrangement>,
        /// The Secret that will be written, tried without effect first.
        rehearsal: Box<SecretPlan>,
    },
    /// Drop an intent whose call certainly had no effect.
    ForgetIntent(Box<Record>),
    /// Give an attempt up whose outcome cannot be known.
    AbandonAttempt(Box<Record>),
    /// `POST /api/v2/tokens`; the key stays in hand until [`Step::PublishKey`].
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
    /// `GET /api/v2/caller-identity` with the key in hand.
    ProveKey {
        /// The pending attempt.
        attempt: Attempt,
        /// The token that must answer.
        token_id: TokenId,
    },
    /// Write the key in hand into the Secret, unless somebody else wrote it meanwhile.
    PublishKey {
        /// The pending attempt.
        attempt: Attempt,
        /// How.
        plan: Box<SecretPlan>,
    },
    /// Note down that the key is published, and clear the intent.
    RecordPublication(Box<Record>),
    /// Touch the Secret, so that a paused predecessor cannot publish into it any more.
    FenceSecret {
        /// Its name.
        name: String,
        /// As it was read.
        at: SecretRevision,
        /// The attempt that is given up.
        attempt: Attempt,
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
    /// `GET /api/v2/caller-identity` with the key in the Secret.
    ProveSecretKey {
        /// Of that key.
        fingerprint: Fingerprint,
        /// The token that must answer.
        token_id: TokenId,
    },
    /// Note down what a Secret of ours proves.
    RecordTakeOver(Box<Record>),
    /// Render the Secret again from the key it holds.
    RenderSecret {
        /// How.
        plan: Box<SecretPlan>,
    },
    /// Render the key into a Secret of another name.
    MoveSecret {
        /// The Secret that holds the key.
        from: String,
        /// The key's fingerprint, which must be found there.
        fingerprint: Fingerprint,
        /// How.
        plan: Box<SecretPlan>,
    },
    /// Note down where the Secret is.
    RecordSecret(Box<Record>),
    /// Delete a Secret of ours.
    DeleteSecret {
        /// Its name.
        name: String,
        /// As it was read.
        at: SecretRevision,
    },
    /// Note down what became of retiring or abandoned ones.
    RecordRetirement(Box<Record>),
    /// One `PATCH` that makes the token what is wished.
    PatchToken {
        /// The token.
        token_id: TokenId,
        /// Roles are ids; the description carries the marker.
        settings: Box<TokenSettings>,
        /// Whether permissions change too (personal tokens only).
        grant: bool,
    },
    /// Note down the settings that are in force.
    RecordSettings(Box<Record>),
    /// Give a retiring token an `expiry`, as a second safety.
    LimitLife {
        /// The token.
        token_id: TokenId,
        /// On LaunchDarkly's clock.
        expiry: Timestamp,
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
    /// Let the object go.
    RemoveFinalizer {
        /// Tokens that could not be dealt with.
        left_behind: Vec<TokenId>,
    },
    /// Something must change before more can be done.
    Hold {
        /// Why.
        reason: Reason,
        /// What to change.
        message: String,
        /// Whether only a change by somebody helps.
        terminal: bool,
        /// When to look again; `None` when only a change helps.
        until: Option<Timestamp>,
    },
    /// Nothing to do before `until`, or before something changes.
    Rest {
        /// When to look again.
        until: Option<Timestamp>,
    },
}

impl Step {
    /// The name of the step.
    #[must_use]
    pub fn kind(&self) -> StepKind {
        self.into()
    }

    /// The record to be written, for the steps that write nothing else.
    #[must_use]
    pub fn record(&self) -> Option<&Record> {
        match self {
            Self::RecordIntent { record, .. }
            | Self::ForgetIntent(record)
            | Self::AbandonAttempt(record)
            | Self::RecordPublication(record)
            | Self::RecordTakeOver(record)
            | Self::RecordSecret(record)
            | Self::RecordRetirement(record)
            | Self::RecordSettings(record) => Some(record),
            Self::AddFinalizer
            | Self::ResolveRoles { .. }
            | Self::ProbeReset { .. }
            | Self::CreateToken { .. }
            | Self::ResetKey { .. }
            | Self::ProveKey { .. }
            | Self::PublishKey { .. }
            | Self::FenceSecret { .. }
            | Self::ListTokens { .. }
            | Self::FetchToken { .. }
            | Self::ProveSecretKey { .. }
            | Self::RenderSecret { .. }
            | Self::MoveSecret { .. }
            | Self::DeleteSecret { .. }
            | Self::PatchToken { .. }
            | Self::LimitLife { .. }
            | Self::DeleteToken { .. }
            | Self::MarkRetained { .. }
            | Self::RemoveFinalizer { .. }
            | Self::Hold { .. }
            | Self::Rest { .. } => None,
        }
    }

    /// Whether the brake holds the object back (I14).
    #[must_use]
    pub fn is_braked(&self) -> bool {
        matches!(
            self,
            Self::Hold {
                reason: Reason::MassChange,
                ..
            }
        )
    }

    /// Whether the step ends the round: nothing more is done until a time or a change.
    #[must_use]
    pub fn is_pause(&self) -> bool {
        matches!(self, Self::Hold { .. } | Self::Rest { .. })
    }
}

impl StepKind {
    /// The name as logs, metrics and the history have it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}
