//! Steps that write a Secret.

use super::StepKind;
use crate::domain::ids::{Attempt, Fingerprint};
use crate::domain::secret::{SecretPlan, SecretRevision};

/// One write of a Secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretStep {
    /// Write the key in hand into the Secret, unless it was written meanwhile.
    PublishKey {
        /// The pending attempt.
        attempt: Attempt,
        /// How.
        plan: Box<SecretPlan>,
    },
    /// Touch the Secret, so that a paused predecessor cannot publish into it any more.
    FenceSecret {
        /// Its name.
        name: String,
        /// As it was read.
        at: SecretRevision,
        /// The attempt that is given up.
        attempt: Attempt,
    },
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
    /// Write the Secret again with the key that the account is managed with, which this process still has.
    RestoreSecret {
        /// Of the key.
        fingerprint: Fingerprint,
        /// How.
        plan: Box<SecretPlan>,
    },
    /// Delete a Secret of ours.
    DeleteSecret {
        /// Its name.
        name: String,
        /// As it was read.
        at: SecretRevision,
    },
}

impl SecretStep {
    /// The name of the step.
    #[must_use]
    pub fn kind(&self) -> StepKind {
        match self {
            Self::PublishKey { .. } => StepKind::PublishKey,
            Self::FenceSecret { .. } => StepKind::FenceSecret,
            Self::RenderSecret { .. } => StepKind::RenderSecret,
            Self::MoveSecret { .. } => StepKind::MoveSecret,
            Self::RestoreSecret { .. } => StepKind::RestoreSecret,
            Self::DeleteSecret { .. } => StepKind::DeleteSecret,
        }
    }
}
