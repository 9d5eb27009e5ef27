//! The status of an `AccessToken`: what is known, and the durable notes that recovery reads.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::schema;
use crate::domain::cause::Cause;
use crate::domain::ids::{
    AccountId, Attempt, Fingerprint, RequestHash, SecretUid, SettingsHash, TokenId,
};
use crate::domain::limits;
use crate::domain::record::PendingOperation;
pub use crate::domain::record::{MAX_ABANDONED, MAX_ENDING, MAX_HANDLED, MAX_HISTORY, MAX_UNKNOWN};

/// What is known about the token and its Secret.
///
/// Its schema default keeps tools that follow kstatus from taking a new object for a finished one.
#[derive(Clone, Debug, Default, PartialEq, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("default" = {"observedGeneration": -1}))]
pub struct AccessTokenStatus {
    /// The `metadata.generation` this status speaks of; -1 before the first reconcile.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = -1))]
    pub observed_generation: Option<i64>,
    /// `Ready`, `Reconciling`, `Stalled`, `TokenSynced`, `SecretSynced`, `OverlapActive`, `LeakyPolicy`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
    /// The LaunchDarkly account all calls go to, pinned with the first of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_id: Option<AccountId>,
    /// The class of the installation that handles this object; absent for one without a class. Where the account is missing, that
    /// installation goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::LABEL))]
    pub controller_class: Option<String>,
    /// The remote token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<TokenStatus>,
    /// The Secret that holds the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<SecretStatus>,
    /// The schedule, with all defaults filled in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rotation: Option<RotationStatus>,
    /// Internal: the note written before a call that must not be repeated, until that call is settled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pending: Option<Pending>,
    /// Internal: attempts given up. A remote token that turns up with one of them is cleaned up.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = MAX_ABANDONED), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["attempt"]))]
    pub abandoned: Vec<Abandoned>,
    /// Replaced tokens that wait for their deletion.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = MAX_ENDING), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["tokenId"]))]
    pub retiring: Vec<Retiring>,
    /// Tokens at LaunchDarkly that carry this object's marker and that the operator does not know: somebody copied a description, or the
    /// cluster runs twice. They are left alone; the annotation `ldtokens.dev/claim` with their IDs lets them retire.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = MAX_UNKNOWN), extend("x-kubernetes-list-type" = "set"))]
    pub unknown_tokens: Vec<TokenId>,
    /// The last changes of the key, newest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = MAX_HISTORY), extend("x-kubernetes-list-type" = "atomic"))]
    pub history: Vec<HistoryStatus>,
}

/// The remote token.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TokenStatus {
    /// Its ID at LaunchDarkly.
    pub id: TokenId,
    /// Its name at LaunchDarkly.
    #[schemars(length(max = 512))]
    pub name: String,
    /// Internal: a hash of the settings that were asked for when it was created or changed last.
    pub spec_hash: SettingsHash,
    /// Internal: a hash of the settings that LaunchDarkly answered then. What differs from it later was changed by somebody else.
    ///
    /// Absent until an answer was seen: the process that asked may have ended before it came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_hash: Option<SettingsHash>,
    /// When it was created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::time")]
    pub creation_time: Option<Timestamp>,
    /// Names of the settings that came back different from what was asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), inner(length(min = 1, max = 64)), extend("x-kubernetes-list-type" = "set"))]
    pub differs: Vec<String>,
}

/// The Secret that holds the key.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SecretStatus {
    /// Its name.
    #[schemars(length(min = 1, max = limits::NAME))]
    pub name: String,
    /// Its `metadata.uid`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<SecretUid>,
    /// Internal: a truncated SHA-256 of the key; never a part of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<Fingerprint>,
    /// Whether the key was published without LaunchDarkly having said that it works; it is tried again until it does.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unproven: bool,
    /// The Secret that held the key before `spec.secret.name` was changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub former: Option<FormerSecretStatus>,
}

/// A Secret that held the key before.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FormerSecretStatus {
    /// Its name.
    #[schemars(length(min = 1, max = limits::NAME))]
    pub name: String,
    /// When it is deleted.
    #[schemars(schema_with = "schema::time")]
    pub deletion_time: Timestamp,
}

/// The schedule as it stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RotationStatus {
    /// When the key changed last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::time")]
    pub last_rotation_time: Option<Timestamp>,
    /// When it changes next by schedule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::time")]
    pub next_rotation_time: Option<Timestamp>,
    /// Until when the previous key works; absent when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::time")]
    pub previous_key_expiration_time: Option<Timestamp>,
    /// The grace period in force, such as `24h`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub grace_period: Option<String>,
    /// The trigger value that was handled last, or its hash if it looks like a key, and when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_handled_trigger: Option<HandledRequest>,
    /// The same of a revoke value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_handled_revoke: Option<HandledRequest>,
    /// Internal: hashes of the trigger and revoke values already seen, newest last; they never rotate again.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = MAX_HANDLED), extend("x-kubernetes-list-type" = "atomic"))]
    pub handled: Vec<RequestHash>,
}

/// A value that asked for a new key, and when it had it.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HandledRequest {
    /// The value, or its hash if it looks like a key.
    #[schemars(length(max = 256))]
    pub value: String,
    /// When it was handled.
    #[schemars(schema_with = "schema::time")]
    pub time: Timestamp,
}

/// The note written before a call that must not be repeated: all that recovery needs.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pending {
    /// What the call does.
    pub operation: PendingOperation,
    /// The nonce of this attempt.
    pub attempt: Attempt,
    /// Why the key changes.
    pub cause: Cause,
    /// When the note was written.
    #[schemars(schema_with = "schema::time")]
    pub start_time: Timestamp,
    /// Which process wrote it.
    #[schemars(length(max = 316))]
    pub holder: String,
    /// The token whose key is reset, or that is replaced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_id: Option<TokenId>,
    /// Where the key goes.
    #[schemars(length(min = 1, max = limits::NAME))]
    pub secret_name: String,
    /// Internal: a hash of the settings asked for.
    pub spec_hash: SettingsHash,
    /// The token's name asked for.
    #[serde(default)]
    #[schemars(length(max = 512))]
    pub token_name: String,
    /// Internal: hashes of the trigger and revoke values that this call serves.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = MAX_HANDLED), extend("x-kubernetes-list-type" = "atomic"))]
    pub handles: Vec<RequestHash>,
    /// Until when the key of a reset token may work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::time")]
    pub previous_key_expiration_time: Option<Timestamp>,
}

/// An attempt given up.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Abandoned {
    /// Its nonce.
    pub attempt: Attempt,
    /// When it had been started.
    #[schemars(schema_with = "schema::time")]
    pub start_time: Timestamp,
}

/// A replaced token that waits for its deletion.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Retiring {
    /// Its ID at LaunchDarkly.
    pub token_id: TokenId,
    /// Why it was replaced.
    pub cause: Cause,
    /// When it is deleted.
    #[schemars(schema_with = "schema::time")]
    pub retirement_time: Timestamp,
}

/// What became of a key that is no longer the current one.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    JsonSchema,
    Serialize,
    Deserialize,
    strum::IntoStaticStr,
    strum::Display,
)]
pub enum PreviousKeyState {
    /// There was none.
    None,
    /// It works until `previousKeyExpirationTime`.
    Grace,
    /// It was made invalid at once.
    Revoked,
    /// Its token was gone before.
    Gone,
}

/// One change of the key.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HistoryStatus {
    /// When the new key was published.
    #[schemars(schema_with = "schema::time")]
    pub publication_time: Timestamp,
    /// Why the key changed.
    pub cause: Cause,
    /// The token of the new key.
    pub token_id: TokenId,
    /// What became of the previous key: `None`, there was none; `Grace`, it works until `previousKeyExpirationTime`; `Revoked`, it was
    /// ended at once; `Gone`, its token was gone before.
    pub previous_key: PreviousKeyState,
    /// Until when the previous key works, when it has a grace period.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::time")]
    pub previous_key_expiration_time: Option<Timestamp>,
}
