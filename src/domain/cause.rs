//! Why a key changes: one vocabulary for notes, history, events and metrics.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Why a key changes.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    JsonSchema,
    Serialize,
    Deserialize,
    strum::IntoStaticStr,
    strum::Display,
    strum::EnumString,
    strum::VariantArray,
)]
pub enum Cause {
    /// The object had no token yet.
    Created,
    /// The interval passed.
    Schedule,
    /// A new trigger value.
    Trigger,
    /// A new revoke value.
    Revoke,
    /// A setting changed that LaunchDarkly fixes at creation.
    SpecChanged,
    /// Somebody deleted the Secret.
    SecretDeleted,
    /// Somebody changed the key in the Secret.
    SecretEdited,
    /// Somebody reset the key at LaunchDarkly.
    ResetElsewhere,
    /// The key was lost between LaunchDarkly and the Secret, or does not work.
    LostKey,
    /// Somebody deleted the token at LaunchDarkly.
    TokenMissing,
    /// The token would expire before the next rotation and its grace.
    Expiring,
    /// Every key was to end at once.
    CutOff,
    /// A Secret that the operator had written, and its token, were reclaimed: they knew more than the status.
    Reclaimed,
}

impl Cause {
    /// Whether the change is unasked: the replacement budget holds such changes back if an account sees many at once (I14).
    #[must_use]
    pub fn is_unasked(self) -> bool {
        match self {
            Self::SecretDeleted
            | Self::SecretEdited
            | Self::ResetElsewhere
            | Self::LostKey
            | Self::TokenMissing => true,
            Self::Created
            | Self::Schedule
            | Self::Trigger
            | Self::Revoke
            | Self::SpecChanged
            | Self::Expiring
            | Self::CutOff
            | Self::Reclaimed => false,
        }
    }
}
