//! The two account kinds: a LaunchDarkly account that the operator holds a managing key for.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::rules;
use super::schema;
use crate::domain::ids::{AccountId, TokenId};
use crate::domain::limits;
use crate::domain::namespaces::LabelOperator;
use crate::domain::settings::BaseRole;
use crate::domain::syntax;

/// At most this many orphans, and as many tokens left behind, are listed.
pub const MAX_LISTED: usize = 50;

/// A LaunchDarkly account: where it is, the credential to manage its tokens with, and what may be asked for.
#[derive(
    CustomResource, KubeSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize,
)]
#[kube(
    group = "ldtokens.dev",
    version = "v1alpha1",
    kind = "LaunchDarklyAccount",
    namespaced,
    derive = "PartialEq",
    status = "AccountStatus",
    doc = "A LaunchDarkly account that AccessTokens of the same namespace can use.",
    shortname = "ldaccount",
    category = "launchdarkly",
    printcolumn = r#"{"name": "Ready", "type": "string", "jsonPath": ".status.conditions[?(@.type=='Ready')].status", "description": "Whether the credential works."}"#,
    printcolumn = r#"{"name": "Reason", "type": "string", "jsonPath": ".status.conditions[?(@.type=='Ready')].reason", "description": "Why it is ready or not."}"#,
    printcolumn = r#"{"name": "Account", "type": "string", "jsonPath": ".status.accountId", "description": "The account's ID at LaunchDarkly."}"#,
    printcolumn = r#"{"name": "URL", "type": "string", "jsonPath": ".spec.apiUrl", "description": "Where its API is, when not at the default.", "priority": 1}"#,
    printcolumn = r#"{"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}"#
)]
#[x_kube(validation = rules::same_class())]
#[serde(rename_all = "camelCase")]
pub struct AccountSpec {
    /// Where LaunchDarkly's API is. The host must be on the operator's list. Default: `https://app.launchdarkly.com`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::URL))]
    #[x_kube(validation = rules::form(&syntax::URL))]
    #[x_kube(validation = rules::form(&syntax::SAFE_SCHEME))]
    #[x_kube(validation = rules::form(&syntax::PLAIN_URL))]
    pub api_url: Option<String>,
    /// The access token to manage tokens with: in a Secret of this namespace, for the cluster kind of the operator's namespace.
    pub credentials_secret_ref: CredentialsSecretRef,
    /// Certificates, in PEM, of the only authorities to trust for this account; for a private proxy. Default: those that the system
    /// trusts, of which none counts when this is set.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::CA_BUNDLE))]
    #[x_kube(validation = rules::certificates())]
    #[x_kube(validation = rules::no_private_key())]
    pub ca_bundle: Option<String>,
    /// Which installation of the operator handles this account and its AccessTokens: one that runs with this `--controller-class`. It
    /// cannot be changed; create another account instead. Default: an installation without a class.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::LABEL))]
    #[x_kube(validation = rules::form(&syntax::NAMESPACE))]
    pub controller_class: Option<String>,
    /// What AccessTokens may ask for. `roles`, `customRoles` and `inlineRole` are one list: when any of them is given, only what they
    /// name is allowed. Default: for the cluster kind service tokens with role reader or writer, for the namespaced kind anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<PolicySpec>,
}

/// A LaunchDarkly account as in a LaunchDarklyAccount, usable from the namespaces it names.
#[derive(
    CustomResource, KubeSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize,
)]
#[kube(
    group = "ldtokens.dev",
    version = "v1alpha1",
    kind = "ClusterLaunchDarklyAccount",
    derive = "PartialEq",
    status = "AccountStatus",
    doc = "A LaunchDarkly account that AccessTokens of the namespaces it names can use.",
    shortname = "cldaccount",
    category = "launchdarkly",
    printcolumn = r#"{"name": "Ready", "type": "string", "jsonPath": ".status.conditions[?(@.type=='Ready')].status", "description": "Whether the credential works."}"#,
    printcolumn = r#"{"name": "Reason", "type": "string", "jsonPath": ".status.conditions[?(@.type=='Ready')].reason", "description": "Why it is ready or not."}"#,
    printcolumn = r#"{"name": "Account", "type": "string", "jsonPath": ".status.accountId", "description": "The account's ID at LaunchDarkly."}"#,
    printcolumn = r#"{"name": "URL", "type": "string", "jsonPath": ".spec.apiUrl", "description": "Where its API is, when not at the default.", "priority": 1}"#,
    printcolumn = r#"{"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}"#
)]
#[serde(rename_all = "camelCase")]
pub struct ClusterAccountSpec {
    /// What both kinds share, rules included.
    #[serde(flatten)]
    pub account: AccountSpec,
    /// The namespaces whose AccessTokens may use this account. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed_namespaces: Option<AllowedNamespaces>,
}

/// Names an entry of a Secret.
#[derive(Clone, Debug, Default, PartialEq, Eq, KubeSchema, Serialize, Deserialize)]
pub struct CredentialsSecretRef {
    /// The Secret's name.
    #[schemars(length(max = limits::NAME))]
    #[x_kube(validation = rules::form(&syntax::OBJECT_NAME))]
    pub name: String,
    /// The entry that holds the access token. Default: `token`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::NAME))]
    #[x_kube(validation = rules::form(&syntax::SECRET_KEY))]
    pub key: Option<String>,
}

/// The namespaces named here, and those that the selector matches. Empty means none.
#[derive(Clone, Debug, Default, PartialEq, Eq, KubeSchema, Serialize, Deserialize)]
pub struct AllowedNamespaces {
    /// Names of namespaces.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::namespaces")]
    pub names: Vec<String>,
    /// Labels of namespaces.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selector: Option<NamespaceSelector>,
}

/// Labels of namespaces; all that is said here must hold, and something must be said.
#[derive(Clone, Debug, Default, PartialEq, Eq, KubeSchema, Serialize, Deserialize)]
#[x_kube(validation = rules::selector_with_content())]
#[serde(rename_all = "camelCase")]
pub struct NamespaceSelector {
    /// Labels the namespace must have.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "schema::labels")]
    #[x_kube(validation = rules::label_keys())]
    #[x_kube(validation = rules::label_values())]
    pub match_labels: BTreeMap<String, String>,
    /// Statements about labels that must hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = limits::EXPRESSIONS))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub match_expressions: Vec<LabelExpression>,
}

/// A statement about one label.
#[derive(Clone, Debug, PartialEq, Eq, KubeSchema, Serialize, Deserialize)]
#[x_kube(validation = rules::values_fit_operator())]
pub struct LabelExpression {
    /// The label's key.
    #[schemars(length(max = limits::LABEL_KEY))]
    #[x_kube(validation = rules::form(&syntax::LABEL_KEY))]
    pub key: String,
    /// How the label relates to the values.
    pub operator: LabelOperator,
    /// The values; at least one for `In` and `NotIn`, none for `Exists` and `DoesNotExist`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::label_values")]
    pub values: Vec<String>,
}

/// What AccessTokens may ask for.
///
/// Its lists are atomic: server-side apply takes a set away that is emptied, and what is left out may stand for everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, KubeSchema, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PolicySpec {
    /// Base roles that may be asked for. Left out: none, where `customRoles` or `inlineRole` say what may be asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::BASE_ROLES))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    #[x_kube(validation = rules::some_item())]
    pub roles: Option<Vec<BaseRole>>,
    /// Keys of custom roles that may be asked for; `*` stands for any characters. An ID is resolved to its key first. Left out:
    /// none, where `roles` or `inlineRole` say what may be asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::role_globs")]
    pub custom_roles: Option<Vec<String>>,
    /// What inline policies may allow. Statements that deny are always permitted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inline_role: Option<InlineRolePolicy>,
    /// Whether personal tokens may be asked for. Default: Forbid for the cluster kind, Allow for the namespaced kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Permission")]
    pub personal_tokens: Option<Permission>,
    /// How many tokens there may be of this account: of AccessTokens with those that they replaced, retained ones, and those that could
    /// not be deleted. A rotation is never refused. Default: no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = limits::MAX_TOKENS))]
    pub max_tokens: Option<i64>,
    /// Whether `deletionPolicy` may be Retain. Under Forbid a deletion deletes token and Secret whatever the AccessToken says, and
    /// `ldtokens.dev/skip-cleanup` leaves them only while LaunchDarkly cannot be asked. Default: Allow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Permission")]
    pub retain: Option<Permission>,
    /// How the keys of labels and annotations in `secret.template` may begin, such as `example.com/`. Keys that make other controllers
    /// manage or copy a Secret are refused for all. Default: any other key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::key_prefixes")]
    pub secret_metadata: Option<Vec<String>>,
    /// The longest `rotation.interval` that may be asked for; an AccessToken without interval is refused then. Default: no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::DURATION))]
    #[x_kube(validation = rules::form(&syntax::DURATION))]
    #[x_kube(validation = rules::interval_bounds())]
    pub max_rotation_interval: Option<String>,
}

/// What inline policies may allow: every specifier and action of an allowing statement, read as literal text, must match one of these,
/// where `*` stands for any characters but `;`, and but `:` unless at the end. `notResources` and `notActions` are refused in allowing
/// statements.
#[derive(Clone, Debug, Default, PartialEq, Eq, KubeSchema, Serialize, Deserialize)]
pub struct InlineRolePolicy {
    /// Resource specifiers; `*` stands for any characters but `;`, and but `:` unless it is the last of them.
    #[schemars(length(min = 1, max = limits::GLOBS), inner(length(min = 1, max = limits::RESOURCE)))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub resources: Vec<String>,
    /// Actions.
    #[schemars(length(min = 1, max = limits::GLOBS), inner(length(min = 1, max = limits::ACTION)))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub actions: Vec<String>,
}

/// Whether something is permitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub enum Permission {
    /// It is.
    Allow,
    /// It is not.
    Forbid,
}

/// What is known about the account.
///
/// Its schema default keeps tools that follow kstatus from taking a new object for a finished one.
#[derive(Clone, Debug, Default, PartialEq, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("default" = {"observedGeneration": -1}))]
pub struct AccountStatus {
    /// The `metadata.generation` this status speaks of; -1 before the first reconcile.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = -1))]
    pub observed_generation: Option<i64>,
    /// `Ready`, `Reconciling`, `Stalled`, `MassChange`, `ClockSkew`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
    /// The account's ID at LaunchDarkly, pinned with the first credential that worked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_id: Option<AccountId>,
    /// The ID of the token that is the credential; the operator never changes or deletes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credential_token_id: Option<TokenId>,
    /// The installation of the operator that handles this account, by the Lease of its leader. Another one of the same class leaves the
    /// account alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub controller: Option<ControllerStatus>,
    /// What was found out about this LaunchDarkly instance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub features: Option<FeaturesStatus>,
    /// IDs of remote tokens that carry this operator's marker and that no AccessToken claims.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = MAX_LISTED), extend("x-kubernetes-list-type" = "set"))]
    pub orphans: Vec<TokenId>,
    /// IDs of remote tokens that carry an AccessToken's marker and that it does not know, as the `status.unknownTokens` of its AccessTokens
    /// have them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = MAX_LISTED), extend("x-kubernetes-list-type" = "set"))]
    pub unknown_tokens: Vec<TokenId>,
    /// IDs of remote tokens whose cleaning up was given up.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = MAX_LISTED), extend("x-kubernetes-list-type" = "set"))]
    pub left_behind: Vec<TokenId>,
}

/// An installation of the operator, by the Lease of its leader.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct ControllerStatus {
    /// The namespace of the Lease.
    #[schemars(length(max = limits::LABEL))]
    pub namespace: String,
    /// Its name.
    #[schemars(length(max = limits::NAME))]
    pub name: String,
}

/// What was found out about this LaunchDarkly instance.
#[derive(Clone, Debug, Default, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FeaturesStatus {
    /// Whether a key can be reset with both keys working for a while. `Untried`: LaunchDarkly refused the throw-away token on which
    /// that is tried; rotations go by replacement, as with `Unavailable`. Both are looked at again after a day.
    pub reset: FeatureState,
    /// Whether tokens can have an expiry date.
    pub expiry: FeatureState,
    /// When this was tried last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::time")]
    pub probe_time: Option<Timestamp>,
}

/// Whether a feature of LaunchDarkly is there.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema, Serialize, Deserialize, strum::Display,
)]
pub enum FeatureState {
    /// It was not tried yet.
    #[default]
    Unknown,
    /// It works.
    Available,
    /// It does not.
    Unavailable,
    /// It cannot be tried, because LaunchDarkly refuses the throw-away token for it.
    Untried,
}
