//! The `AccessToken` kind: one LaunchDarkly access token and the Secret that holds its key.

use std::collections::BTreeMap;

use kube::{CustomResource, KubeSchema, ResourceExt as _};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::rules;
use super::schema;
use super::status::AccessTokenStatus;
use crate::domain::account::AccountKey;
use crate::domain::desired::{DeletionPolicy, DriftPolicy, Strategy};
use crate::domain::ids::ObjectUid;
use crate::domain::limits;
use crate::domain::record::Identity;
use crate::domain::settings::{BaseRole, Effect};
use crate::domain::syntax;

/// What is asked for: one LaunchDarkly access token and the Secret that holds its key.
///
/// Exactly one of `role`, `customRoles` and `inlineRole` says what the token may do.
#[derive(CustomResource, KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "ldtokens.dev",
    version = "v1alpha1",
    kind = "AccessToken",
    namespaced,
    derive = "PartialEq",
    status = "AccessTokenStatus",
    doc = "A LaunchDarkly API access token whose key is kept in a Secret and rotated.",
    shortname = "ldt",
    shortname = "ldtoken",
    category = "launchdarkly",
    selectable = ".spec.accountRef.name",
    selectable = ".spec.secret.name",
    printcolumn = r#"{"name": "Ready", "type": "string", "jsonPath": ".status.conditions[?(@.type=='Ready')].status", "description": "Whether the Secret holds a key that works."}"#,
    printcolumn = r#"{"name": "Reason", "type": "string", "jsonPath": ".status.conditions[?(@.type=='Ready')].reason", "description": "Why it is ready or not."}"#,
    printcolumn = r#"{"name": "Secret", "type": "string", "jsonPath": ".status.secret.name", "description": "The Secret that holds the key."}"#,
    printcolumn = r#"{"name": "Role", "type": "string", "jsonPath": ".spec.role", "description": "The base role, when the token has one.", "priority": 1}"#,
    printcolumn = r#"{"name": "Next rotation", "type": "string", "jsonPath": ".status.rotation.nextRotationTime", "description": "When the key changes next by schedule."}"#,
    printcolumn = r#"{"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}"#
)]
#[x_kube(validation = rules::one_grant())]
#[serde(rename_all = "camelCase")]
pub struct AccessTokenSpec {
    /// The account the token belongs to. It cannot be changed; create another AccessToken instead.
    #[serde(default)]
    #[x_kube(validation = rules::same_account())]
    #[x_kube(validation = rules::account_name())]
    pub account_ref: AccountRef,
    /// The token's name at LaunchDarkly, where names need not be unique. Default: `<namespace>/<name>` of this object.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::TOKEN_NAME))]
    #[x_kube(validation = rules::form(&syntax::ONE_LINE))]
    pub name: Option<String>,
    /// A note shown at LaunchDarkly. The operator appends its own marker `[ldtokens …]` there, which must not be part of this text.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::DESCRIPTION))]
    #[x_kube(validation = rules::no_marker())]
    pub description: Option<String>,
    /// Whether to create a service token, which outlives its creator and whose permissions LaunchDarkly fixes at creation. Default: true
    /// (LaunchDarkly's own default is false). A personal token (false) needs the account's managing key to be a personal one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_token: Option<bool>,
    /// A base role: what LaunchDarkly's readers, writers or admins may do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "BaseRole")]
    pub role: Option<BaseRole>,
    /// Keys or IDs of custom roles. An edit of such a role at LaunchDarkly changes what the token may do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::custom_roles")]
    pub custom_roles: Option<Vec<String>>,
    /// An inline policy. The order of its statements means nothing; a `deny` wins over an `allow`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = limits::ENTRIES))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub inline_role: Option<Vec<StatementSpec>>,
    /// The LaunchDarkly API version that calls with this token use when they name none, such as 20240415. Default: LaunchDarkly's choice.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = limits::API_VERSION.0, max = limits::API_VERSION.1))]
    pub default_api_version: Option<i64>,
    /// The Secret that holds the key. It must not exist, or belong to this AccessToken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<SecretSpec>,
    /// When and how the key changes. Default: only on `trigger`, `revoke` and loss.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rotation: Option<RotationSpec>,
    /// What becomes of token and Secret when this object is deleted: `Delete` deletes both, `Retain` keeps both. Default: Delete.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "DeletionPolicy")]
    pub deletion_policy: Option<DeletionPolicy>,
    /// What is done about changes of the token that somebody made at LaunchDarkly: `Correct` undoes them, `Report` tells of them in a
    /// condition. Default: Correct.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "DriftPolicy")]
    pub drift_policy: Option<DriftPolicy>,
    /// Stops scheduled and triggered rotations, edits, corrections and the repair of the Secret. Calls under way, the deletion of replaced
    /// tokens, `revoke` and deletion go on. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suspend: Option<bool>,
}

/// Names an account.
#[derive(
    Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, JsonSchema, Serialize, Deserialize,
)]
#[serde(default)]
pub struct AccountRef {
    /// `LaunchDarklyAccount` in this namespace, or `ClusterLaunchDarklyAccount`. Default: LaunchDarklyAccount.
    pub kind: AccountKind,
    /// The account's name. Default: `default`.
    #[schemars(length(max = limits::NAME))]
    pub name: String,
}

impl Default for AccountRef {
    fn default() -> Self {
        Self {
            kind: AccountKind::LaunchDarklyAccount,
            name: "default".into(),
        }
    }
}

/// The two kinds of account.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    JsonSchema,
    Serialize,
    Deserialize,
    strum::IntoStaticStr,
    strum::Display,
)]
pub enum AccountKind {
    /// An account for one namespace.
    LaunchDarklyAccount,
    /// An account for the namespaces it names.
    ClusterLaunchDarklyAccount,
}

/// One statement of an inline policy.
#[derive(Clone, Debug, PartialEq, Eq, KubeSchema, Serialize, Deserialize)]
#[x_kube(validation = rules::one_of_resources())]
#[x_kube(validation = rules::one_of_actions())]
#[serde(rename_all = "camelCase")]
pub struct StatementSpec {
    /// Whether the statement grants or refuses.
    pub effect: Effect,
    /// Resource specifiers the statement is about, all of one kind: `kind/name`, several joined by `:`, such as `proj/web`,
    /// `proj/web:env/*` or `proj/web:env/*:flag/*`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::specifiers")]
    pub resources: Option<Vec<String>>,
    /// The statement is about every resource but these.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::specifiers")]
    pub not_resources: Option<Vec<String>>,
    /// Actions the statement is about, such as `updateOn` or `update*`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = limits::ENTRIES), inner(length(min = 1, max = limits::ACTION)))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub actions: Option<Vec<String>>,
    /// The statement is about every action but these.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = limits::ENTRIES), inner(length(min = 1, max = limits::ACTION)))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub not_actions: Option<Vec<String>>,
}

/// The Secret that holds the key.
#[derive(Clone, Debug, Default, PartialEq, Eq, KubeSchema, Serialize, Deserialize)]
#[x_kube(validation = rules::distinct_keys())]
#[serde(rename_all = "camelCase")]
pub struct SecretSpec {
    /// Its name, in this namespace. A change moves the key; the old Secret goes after the grace period. Default: the name of this object.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::NAME))]
    #[x_kube(validation = rules::form(&syntax::OBJECT_NAME))]
    pub name: Option<String>,
    /// The entry that holds the key. Default: `token`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::NAME))]
    #[x_kube(validation = rules::form(&syntax::SECRET_KEY))]
    pub key: Option<String>,
    /// The entry that holds the previous key while its grace period lasts. Default: the previous key is not kept in the Secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::NAME))]
    #[x_kube(validation = rules::form(&syntax::SECRET_KEY))]
    pub previous_key: Option<String>,
    /// What the Secret carries beside the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template: Option<SecretTemplate>,
}

/// What else the Secret carries.
#[derive(Clone, Debug, Default, PartialEq, Eq, KubeSchema, Serialize, Deserialize)]
pub struct SecretTemplate {
    /// Labels and annotations of the Secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<SecretTemplateMetadata>,
}

/// Labels and annotations of the Secret, taken literally.
#[derive(Clone, Debug, Default, PartialEq, Eq, KubeSchema, Serialize, Deserialize)]
pub struct SecretTemplateMetadata {
    /// Labels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::labels")]
    #[x_kube(validation = rules::label_keys())]
    #[x_kube(validation = rules::label_values())]
    #[x_kube(validation = rules::no_reserved_keys())]
    #[x_kube(validation = rules::no_spreading_keys())]
    pub labels: Option<BTreeMap<String, String>>,
    /// Annotations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::annotations")]
    #[x_kube(validation = rules::label_keys())]
    #[x_kube(validation = rules::no_reserved_keys())]
    #[x_kube(validation = rules::no_spreading_keys())]
    pub annotations: Option<BTreeMap<String, String>>,
}

/// When and how the key changes. An edit of these fields never rotates by itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, KubeSchema, Serialize, Deserialize)]
#[x_kube(validation = rules::grace_fits())]
#[serde(rename_all = "camelCase")]
pub struct RotationSpec {
    /// How scheduled and triggered rotations are done: `Reset` gives the token another key, `Replace` makes another token and deletes the
    /// old one after the grace period. Default: Reset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Strategy")]
    pub strategy: Option<Strategy>,
    /// Time between scheduled rotations, such as `720h` or `1h30m`; at least 1m. Default: no schedule.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::DURATION))]
    #[x_kube(validation = rules::form(&syntax::DURATION))]
    #[x_kube(validation = rules::interval_bounds())]
    pub interval: Option<String>,
    /// How long the previous key keeps working after the new one was published; at most 80 % of `interval`.
    /// Default: the smaller of 24h and half of `interval`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::DURATION))]
    #[x_kube(validation = rules::form(&syntax::DURATION))]
    #[x_kube(validation = rules::grace_bounds())]
    pub grace_period: Option<String>,
    /// Set a new value to rotate the key at once. The value that the object was created with, and removing it, rotate nothing.
    /// The annotation `ldtokens.dev/rotate` does the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = limits::REQUEST))]
    pub trigger: Option<String>,
    /// A value never seen before publishes a new key once, then ends every previous key without grace; for a key that leaked. The annotation
    /// `ldtokens.dev/revoke` does the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = limits::REQUEST))]
    pub revoke: Option<String>,
}

impl AccessToken {
    /// Who the object is.
    #[must_use]
    pub fn identity(&self) -> Identity {
        Identity {
            uid: ObjectUid::new(self.uid().unwrap_or_default()),
            namespace: self.namespace().unwrap_or_default(),
            name: self.name_any(),
        }
    }

    /// Which account the object names.
    #[must_use]
    pub fn account_key(&self) -> AccountKey {
        let name = self.spec.account_ref.name.clone();
        match self.spec.account_ref.kind {
            AccountKind::LaunchDarklyAccount => AccountKey::Namespaced {
                namespace: self.namespace().unwrap_or_default(),
                name,
            },
            AccountKind::ClusterLaunchDarklyAccount => AccountKey::Cluster { name },
        }
    }

    /// Whether our finalizer is on the object.
    #[must_use]
    pub fn has_finalizer(&self) -> bool {
        let mut names = self.finalizers().iter();
        names.any(|name| name == super::TOKEN_FINALIZER)
    }
}
