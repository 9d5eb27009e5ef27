//! What a LaunchDarkly token may do and how it is called, independent of Kubernetes and of the wire format.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a token is to be, as the user wrote it: roles are keys or ids, unresolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenSettings {
    /// LaunchDarkly's `name`; not unique there.
    pub name: String,
    /// The user's part of the description, without the marker.
    pub description: String,
    /// A service token survives changes of its creator, but its permissions are fixed at creation (documented).
    pub service_token: bool,
    /// What it may do.
    pub grant: Grant,
    /// `None` leaves the choice to LaunchDarkly.
    pub default_api_version: Option<i64>,
}

/// Exactly one of the three ways to say what a token may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Grant {
    /// A base role.
    Role(BaseRole),
    /// Keys or ids of custom roles, at least one; order means nothing.
    CustomRoles(BTreeSet<String>),
    /// An inline policy; the order of statements means nothing (documented).
    Inline(Vec<Statement>),
}

/// LaunchDarkly's base roles for tokens (documented).
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    strum::IntoStaticStr,
    strum::EnumString,
    strum::Display,
    JsonSchema,
    Serialize,
    Deserialize,
)]
#[strum(serialize_all = "lowercase")]
#[serde(rename_all = "lowercase")]
pub enum BaseRole {
    /// Reads everything.
    Reader,
    /// Reads and changes everything but account settings.
    Writer,
    /// Everything.
    Admin,
}

/// Whether a statement grants or refuses.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    strum::IntoStaticStr,
    JsonSchema,
    Serialize,
    Deserialize,
)]
#[strum(serialize_all = "lowercase")]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// Grants.
    Allow,
    /// Refuses; wins over a grant in the same policy (documented).
    Deny,
}

/// One statement of an inline policy; exactly one of each plain and `not` pair is non-empty.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Statement {
    /// Grants or refuses.
    pub effect: Effect,
    /// Resource specifiers it is about.
    pub resources: Vec<String>,
    /// Everything but these resources.
    pub not_resources: Vec<String>,
    /// Actions it is about.
    pub actions: Vec<String>,
    /// Everything but these actions.
    pub not_actions: Vec<String>,
}
