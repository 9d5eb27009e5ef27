//! What an `AccessToken` object asks for, validated: a value of [`Desired`] cannot be wrong in a way a user could cause.

use jiff::SignedDuration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::problem::Problem;
use super::record::Record;
use super::secret::SecretLayout;
use super::settings::{Grant, TokenSettings};
use crate::domain::ids::RequestHash;

/// Everything an `AccessToken` asks for, with all defaults filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Desired {
    /// What the remote token is to be.
    pub settings: TokenSettings,
    /// Where its key goes.
    pub secret: SecretLayout,
    /// When its key changes.
    pub rotation: Rotation,
    /// What is done about changes made behind our back.
    pub drift_policy: DriftPolicy,
    /// Stops schedule, triggers, drift and edits; calls under way, retirement, revoke and deletion go on.
    pub suspend: bool,
}

/// When and how the key changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotation {
    /// The way of scheduled and triggered rotations.
    pub strategy: Strategy,
    /// Time between scheduled rotations; `None` for no schedule.
    pub interval: Option<SignedDuration>,
    /// How long the previous key lives on after the new one is published.
    pub grace: SignedDuration,
    /// Requests to rotate once: `spec.rotation.trigger` and the annotation, hashed.
    pub triggers: Vec<RequestHash>,
    /// Requests to revoke once: `spec.rotation.revoke` and the annotation, hashed.
    pub revokes: Vec<RequestHash>,
}

/// How a scheduled or triggered rotation is done.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr, JsonSchema, Serialize, Deserialize,
)]
pub enum Strategy {
    /// LaunchDarkly's reset endpoint: same token, new key.
    Reset,
    /// A new token, the old one deleted after the grace.
    Replace,
}

/// What becomes of token and Secret when the object goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, JsonSchema, Serialize, Deserialize)]
pub enum DeletionPolicy {
    /// Both are deleted.
    #[default]
    Delete,
    /// Both stay.
    Retain,
}

/// What is done about changes made behind our back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub enum DriftPolicy {
    /// They are undone.
    Correct,
    /// They are reported.
    Report,
}

impl Desired {
    /// The custom roles that are asked for, by key or id.
    #[must_use]
    pub fn asked_roles(&self) -> Vec<String> {
        match &self.settings.grant {
            Grant::CustomRoles(roles) => roles.iter().cloned().collect(),
            Grant::Role(_) | Grant::Inline(_) => Vec::new(),
        }
    }
}

/// How the Secret of an object is laid out: as asked for, where `asked` is that part of a spec that is not valid as a whole; without a
/// valid spec, or with a call pending, under the name that is recorded.
#[must_use]
pub fn secret_layout(
    desired: &Result<Desired, Problem>,
    asked: Option<&SecretLayout>,
    record: &Record,
) -> SecretLayout {
    let mut layout = match desired {
        Ok(desired) => desired.secret.clone(),
        Err(_) => asked.cloned().unwrap_or_default(),
    };
    let recorded = record.secret.as_ref().map(|secret| &secret.name);
    let pending = record.pending.as_ref().map(|intent| &intent.secret_name);
    if let Some(name) = pending.or(recorded.filter(|_| desired.is_err())) {
        layout.name.clone_from(name);
    }
    layout
}
