//! What a LaunchDarkly token may do and how it is called, independent of Kubernetes and of the wire format.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::domain::ids::{SettingsHash, truncated_hash};

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

impl TokenSettings {
    /// Both hashes in one.
    #[must_use]
    pub fn hash(&self) -> SettingsHash {
        SettingsHash::of(&self.free_hash(), &self.fixed_hash())
    }

    /// A hash of what a PATCH can change on every token: name and description.
    #[must_use]
    pub fn free_hash(&self) -> String {
        hash("free", &json!([self.name, self.description]))
    }

    /// A hash of what LaunchDarkly fixes when it creates a service token. Order in roles and statements means nothing.
    #[must_use]
    pub fn fixed_hash(&self) -> String {
        let version = self.default_api_version;
        hash(
            "fixed",
            &json!([self.grant.canonical(), self.service_token, version]),
        )
    }
}

impl Grant {
    /// Whether nothing in it denies. An inline role of that kind was observed to leave a token what every member may see.
    #[must_use]
    pub fn leaks(&self) -> bool {
        match self {
            Self::Inline(statements) => statements.iter().all(|one| one.effect == Effect::Allow),
            Self::Role(_) | Self::CustomRoles(_) => false,
        }
    }

    /// Arrays only: the order of an object's members depends on how `serde_json` is built.
    fn canonical(&self) -> Value {
        match self {
            Self::Role(role) => json!(["role", <&str>::from(role)]),
            Self::CustomRoles(roles) => json!(["customRoles", roles]),
            Self::Inline(statements) => {
                let mut statements: Vec<_> = statements.iter().map(Statement::canonical).collect();
                statements.sort();
                json!(["inlineRole", statements])
            }
        }
    }
}

impl Statement {
    /// A multiset of statements, each of sets: missing, empty and repeated entries make no difference.
    fn canonical(&self) -> (&'static str, [BTreeSet<&String>; 4]) {
        let lists = [
            &self.resources,
            &self.not_resources,
            &self.actions,
            &self.not_actions,
        ];
        (self.effect.into(), lists.map(|list| list.iter().collect()))
    }
}

/// 64 bits are plenty: a hash is only compared with others of the same object.
fn hash(what: &str, canonical: &Value) -> String {
    truncated_hash(&[what.as_bytes(), canonical.to_string().as_bytes()], 8)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(grant: Grant) -> TokenSettings {
        TokenSettings {
            name: "ci".into(),
            description: "Deploys".into(),
            service_token: true,
            grant,
            default_api_version: None,
        }
    }

    fn roles(keys: &[&str]) -> Grant {
        Grant::CustomRoles(keys.iter().map(ToString::to_string).collect())
    }

    fn allow(resources: &[&str], actions: &[&str]) -> Statement {
        Statement {
            effect: Effect::Allow,
            resources: resources.iter().map(ToString::to_string).collect(),
            not_resources: Vec::new(),
            actions: actions.iter().map(ToString::to_string).collect(),
            not_actions: Vec::new(),
        }
    }

    #[test]
    fn order_makes_no_difference() {
        let a = allow(&["proj/a", "proj/b"], &["x"]);
        let b = allow(&["proj/b", "proj/a", "proj/a"], &["x"]);
        let deny = Statement {
            effect: Effect::Deny,
            ..a.clone()
        };
        assert_eq!(
            settings(Grant::Inline(vec![a, deny.clone()])).hash(),
            settings(Grant::Inline(vec![deny, b])).hash()
        );
        assert_eq!(
            settings(roles(&["a", "b"])).hash(),
            settings(roles(&["b", "a"])).hash()
        );
    }

    #[test]
    fn a_statement_twice_is_not_a_statement_once() {
        let a = allow(&["proj/a"], &["x"]);
        assert_ne!(
            settings(Grant::Inline(vec![a.clone(), a.clone()])).hash(),
            settings(Grant::Inline(vec![a])).hash()
        );
    }

    #[test]
    fn resources_are_not_taken_for_actions() {
        assert_ne!(
            settings(Grant::Inline(vec![allow(&["a"], &["b"])])).hash(),
            settings(Grant::Inline(vec![allow(&["b"], &["a"])])).hash()
        );
    }

    #[test]
    fn each_field_is_in_exactly_one_of_the_hashes() {
        let before = settings(roles(&["a"]));
        let free = [
            TokenSettings {
                name: "other".into(),
                ..before.clone()
            },
            TokenSettings {
                description: "other".into(),
                ..before.clone()
            },
        ];
        let fixed = [
            settings(roles(&["b"])),
            settings(Grant::Role(BaseRole::Reader)),
            TokenSettings {
                service_token: false,
                ..before.clone()
            },
            TokenSettings {
                default_api_version: Some(20_240_415),
                ..before.clone()
            },
        ];
        for after in free {
            assert!(before.hash().free_differs(&after.hash()), "{after:?}");
            assert!(!before.hash().fixed_differs(&after.hash()), "{after:?}");
        }
        for after in fixed {
            assert!(!before.hash().free_differs(&after.hash()), "{after:?}");
            assert!(before.hash().fixed_differs(&after.hash()), "{after:?}");
        }
    }

    #[test]
    fn a_hash_of_another_version_never_counts_as_a_difference() {
        let old = SettingsHash::from("v0:1111.2222");
        let new = settings(roles(&["a"])).hash();
        assert!(!old.free_differs(&new) && !new.free_differs(&old));
        assert!(!old.fixed_differs(&new) && !new.fixed_differs(&old));
    }

    /// Stored hashes must stay valid: if this fails, raise `HASH_VERSION`.
    #[test]
    fn the_hash_of_version_one_is_pinned() {
        let hash = settings(Grant::Inline(vec![allow(&["proj/a"], &["x"])])).hash();
        assert_eq!(hash.as_str(), "v1:8e1970ae9e23f4e3.dd9c3183f4170b48");
    }
}
