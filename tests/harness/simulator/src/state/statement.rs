//! Policy statements: their shape, the rules for them, and what they match.

use serde::{Deserialize, Deserializer, Serialize};

use super::specifier::kind;

/// What a statement does with what it matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// Permits.
    Allow,
    /// Forbids, whatever another statement of the same policy permits.
    Deny,
}

/// Observed against a live account.
const MIXED_KINDS: &str =
    "Resource specifiers in a single statement must represent the same kind of resource.";

/// One statement of a policy.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Statement {
    /// Permit or forbid.
    pub effect: Effect,
    /// Resource specifiers.
    #[serde(
        default,
        deserialize_with = "list",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub resources: Vec<String>,
    /// Everything but these resource specifiers.
    #[serde(
        default,
        deserialize_with = "list",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub not_resources: Vec<String>,
    /// Action names or globs.
    #[serde(
        default,
        deserialize_with = "list",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub actions: Vec<String>,
    /// Everything but these actions.
    #[serde(
        default,
        deserialize_with = "list",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub not_actions: Vec<String>,
}

/// A list, `null` being an empty one (observed).
fn list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

impl Statement {
    /// What is wrong with the statement, if anything.
    ///
    /// Exactly one of each pair must be set (observed: the Terraform provider insists), and one
    /// statement speaks of one kind of resource (observed).
    #[must_use]
    pub fn problem(&self) -> Option<&'static str> {
        if self.resources.is_empty() == self.not_resources.is_empty() {
            return Some("a statement needs exactly one of resources and notResources");
        }
        if self.actions.is_empty() == self.not_actions.is_empty() {
            return Some("a statement needs exactly one of actions and notActions");
        }
        let resources = self.resources.iter().chain(&self.not_resources);
        let kinds: Option<Vec<_>> = resources.map(|resource| kind(resource)).collect();
        let Some(kinds) = kinds else {
            return Some("Error parsing resource specifier");
        };
        let mixed = kinds.windows(2).any(|pair| pair[0] != pair[1]);
        mixed.then_some(MIXED_KINDS)
    }

    /// Whether the statement speaks of this action on this resource.
    #[must_use]
    pub fn matches(&self, action: &str, resource: &str) -> bool {
        one_of(&self.resources, &self.not_resources, resource)
            && one_of(&self.actions, &self.not_actions, action)
    }

    /// The statement with its lists in alphabetical order.
    #[must_use]
    pub fn sorted(mut self) -> Self {
        self.resources.sort();
        self.not_resources.sort();
        self.actions.sort();
        self.not_actions.sort();
        self
    }
}

fn one_of(wanted: &[String], unwanted: &[String], text: &str) -> bool {
    if wanted.is_empty() {
        !unwanted.iter().any(|pattern| glob(pattern, text))
    } else {
        wanted.iter().any(|pattern| glob(pattern, text))
    }
}

/// Whether `text` fits `pattern`, in which `*` stands for any run of characters. Tags after `;`
/// are ignored: no resource here has any.
#[must_use]
pub fn glob(pattern: &str, text: &str) -> bool {
    let pattern = pattern.split(';').next().unwrap_or_default();
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else {
        return false;
    };
    let mut parts: Vec<_> = parts.collect();
    let Some(last) = parts.pop() else {
        return rest.is_empty();
    };
    for part in parts {
        let Some(at) = rest.find(part) else {
            return false;
        };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::glob;

    #[test]
    fn a_star_stands_for_any_run_of_characters() {
        for (pattern, text, fits) in [
            ("service-token/*", "service-token/1", true),
            ("service-token/*", "member/1:token/2", false),
            ("member/*:token/*", "member/1:token/2", true),
            ("member/*:token/*;tag", "member/1:token/2", true),
            ("update*", "updateAccessTokenName", true),
            ("*", "anything", true),
            ("exact", "exactly", false),
            ("a*b*b", "ab", false),
            ("a*b*b", "abb", true),
        ] {
            assert_eq!(glob(pattern, text), fits, "{pattern} {text}");
        }
    }
}
