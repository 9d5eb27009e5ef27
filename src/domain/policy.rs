//! What an account's owner lets others ask for (I9).
//!
//! Refusals speak of what was asked, never of what the policy says about others.

use jiff::SignedDuration;

use super::desired::DeletionPolicy;
use super::durations;
use super::secret::SecretLayout;
use super::settings::{BaseRole, Effect, Grant, Statement, TokenSettings};
use crate::domain::ids::RoleId;

/// What may be asked for, with all defaults filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountPolicy {
    /// What tokens may be allowed to do.
    pub grants: Grants,
    /// Whether personal tokens may be asked for.
    pub personal_tokens: bool,
    /// How many tokens there may be; `None` for any number.
    pub max_tokens: Option<usize>,
    /// The longest time between scheduled rotations; `None` for any, or no schedule at all.
    pub max_interval: Option<SignedDuration>,
    /// Whether tokens may outlive their AccessTokens.
    pub retain: bool,
    /// How keys of labels and annotations in a Secret's template may begin; `None` for any way.
    pub secret_metadata: Option<Vec<String>>,
}

/// What tokens may be allowed to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Grants {
    /// Whatever LaunchDarkly lets the managing key give.
    Anything,
    /// Only what is named.
    Only {
        /// Base roles.
        roles: Vec<BaseRole>,
        /// Globs that match keys of custom roles.
        custom_roles: Vec<String>,
        /// What inline roles may allow; `None` for nothing.
        inline: Option<InlineRoleLimit>,
    },
}

/// What inline roles may allow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InlineRoleLimit {
    /// Globs that match resource specifiers.
    pub resources: Vec<String>,
    /// Globs that match actions.
    pub actions: Vec<String>,
}

/// A custom role as LaunchDarkly knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolvedRole {
    /// Its ID, which never changes.
    pub id: RoleId,
    /// Its key.
    pub key: String,
}

/// Why something may not be asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {message}")]
pub struct Refusal {
    /// Which field of the `AccessToken` asks for it.
    pub field: &'static str,
    /// What is not allowed.
    pub message: String,
}

impl AccountPolicy {
    /// Nothing may be asked for.
    #[must_use]
    pub fn closed() -> Self {
        Self {
            grants: Grants::Only {
                roles: Vec::new(),
                custom_roles: Vec::new(),
                inline: None,
            },
            personal_tokens: false,
            max_tokens: Some(0),
            max_interval: None,
            // What is there is not taken away.
            retain: true,
            secret_metadata: None,
        }
    }

    /// Anything may be asked for.
    #[must_use]
    pub fn open() -> Self {
        Self {
            grants: Grants::Anything,
            personal_tokens: true,
            max_tokens: None,
            max_interval: None,
            retain: true,
            secret_metadata: None,
        }
    }

    /// Whether an interval between rotations may be asked for; none at all violates any limit.
    ///
    /// # Errors
    /// The refusal.
    pub fn allows_interval(&self, interval: Option<SignedDuration>) -> Result<(), Refusal> {
        let Some(max) = self.max_interval else {
            return Ok(());
        };
        if interval.is_some_and(|interval| interval <= max) {
            return Ok(());
        }
        let max = durations::format(max);
        let message = match interval {
            Some(interval) => {
                let interval = durations::format(interval);
                format!("{interval} is longer than the account allows: at most {max}")
            }
            None => format!("must be set: the account asks for at most {max}"),
        };
        Err(refusal("spec.rotation.interval", message))
    }

    /// Whether a deletion may leave token and Secret as they are.
    ///
    /// # Errors
    /// The refusal.
    pub fn allows_deletion(&self, policy: DeletionPolicy) -> Result<(), Refusal> {
        if self.retain || policy == DeletionPolicy::Delete {
            return Ok(());
        }
        let message = "the account does not allow Retain".into();
        Err(refusal("spec.deletionPolicy", message))
    }

    /// Whether a Secret may have the labels and annotations that are asked for.
    ///
    /// # Errors
    /// The first refusal.
    pub fn allows_metadata(&self, layout: &SecretLayout) -> Result<(), Refusal> {
        for (field, asked) in [
            ("spec.secret.template.metadata.labels", &layout.labels),
            (
                "spec.secret.template.metadata.annotations",
                &layout.annotations,
            ),
        ] {
            if let Some(key) = asked.keys().find(|key| !self.allows_key(key)) {
                let prefixes = self.secret_metadata.as_deref().unwrap_or_default();
                let allowed = prefixes.join(", ");
                let message = format!(
                    "the account does not allow the key {key}, only keys that begin with {allowed}"
                );
                return Err(refusal(field, message));
            }
        }
        Ok(())
    }

    /// What is asked of a Secret, as far as it may be: of a label or annotation that is not allowed stays what the Secret `has`, so that no
    /// edit of an account takes any away.
    pub fn keep_metadata(&self, asked: &mut SecretLayout, has: Option<&SecretLayout>) {
        for (asked, has) in [
            (&mut asked.labels, has.map(|has| &has.labels)),
            (&mut asked.annotations, has.map(|has| &has.annotations)),
        ] {
            let refused: Vec<String> = asked
                .keys()
                .filter(|k| !self.allows_key(k))
                .cloned()
                .collect();
            for key in refused {
                match has.and_then(|has| has.get(&key)) {
                    Some(value) => asked.insert(key, value.clone()),
                    None => asked.remove(&key),
                };
            }
        }
    }

    fn allows_key(&self, key: &str) -> bool {
        let prefixes = self.secret_metadata.as_ref();
        prefixes.is_none_or(|prefixes| prefixes.iter().any(|prefix| key.starts_with(prefix)))
    }

    /// Whether there may be one more token, besides `others`.
    ///
    /// # Errors
    /// The refusal.
    pub fn has_room(&self, others: usize) -> Result<(), Refusal> {
        match self.max_tokens {
            Some(max) if others >= max => {
                let message = format!("the account allows {max} tokens, and all are taken");
                Err(refusal("spec.accountRef", message))
            }
            _ => Ok(()),
        }
    }
}

/// Whether a token with these settings may be asked for. `roles` are the custom roles asked for, resolved.
///
/// # Errors
/// The first refusal.
pub fn allowed(
    policy: &AccountPolicy,
    settings: &TokenSettings,
    roles: &[ResolvedRole],
) -> Result<(), Refusal> {
    if !settings.service_token && !policy.personal_tokens {
        let message = "the account does not allow personal tokens".into();
        return Err(refusal("spec.serviceToken", message));
    }
    let Grants::Only {
        roles: base_roles,
        custom_roles,
        inline,
    } = &policy.grants
    else {
        return Ok(());
    };
    match &settings.grant {
        Grant::Role(role) if base_roles.contains(role) => Ok(()),
        Grant::Role(role) => {
            let message = format!("the account does not allow the role {role}");
            Err(refusal("spec.role", message))
        }
        Grant::CustomRoles(asked) => asked
            .iter()
            .try_for_each(|asked| custom_role_allowed(custom_roles, asked, roles)),
        Grant::Inline(statements) => statements
            .iter()
            .filter(|statement| statement.effect == Effect::Allow)
            .try_for_each(|statement| statement_allowed(inline.as_ref(), statement)),
    }
}

fn custom_role_allowed(
    globs: &[String],
    asked: &str,
    roles: &[ResolvedRole],
) -> Result<(), Refusal> {
    // A role that was not resolved has no key to match: closed by default.
    let known = roles
        .iter()
        .find(|role| role.key == asked || role.id.as_str() == asked);
    if known.is_some_and(|role| matches_any(globs, &role.key)) {
        return Ok(());
    }
    let message = format!("the account does not allow the custom role {asked}");
    Err(refusal("spec.customRoles", message))
}

fn statement_allowed(
    policy: Option<&InlineRoleLimit>,
    statement: &Statement,
) -> Result<(), Refusal> {
    let refuse = |what: &str| {
        Err(refusal(
            "spec.inlineRole",
            format!("the account does not allow {what}"),
        ))
    };
    let Some(policy) = policy else {
        return refuse("inline policies");
    };
    if !statement.not_resources.is_empty() {
        return refuse("notResources in a statement that allows");
    }
    if !statement.not_actions.is_empty() {
        return refuse("notActions in a statement that allows");
    }
    for (name, asked, globs) in [
        ("resource", &statement.resources, &policy.resources),
        ("action", &statement.actions, &policy.actions),
    ] {
        if let Some(asked) = asked.iter().find(|asked| !matches_any(globs, asked)) {
            return refuse(&format!("the {name} {asked}"));
        }
    }
    Ok(())
}

fn refusal(field: &'static str, message: String) -> Refusal {
    Refusal { field, message }
}

fn matches_any(globs: &[String], text: &str) -> bool {
    globs.iter().any(|glob| glob_matches(glob, text))
}

/// Whether a glob matches the whole of a text, in which `*` is a character like any other: what is asked for with a
/// wildcard fits only where the policy's own wildcard covers it.
///
/// A wildcard stands for a part of a name, or of tags: it does not reach over a `;`, nor over a `:` unless the glob ends with it. Else
/// `env/*-dev` would let `env/*;any-dev` pass, and `proj/*-dev` all environments of that name in any project.
fn glob_matches(glob: &str, text: &str) -> bool {
    let mut parts = glob.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let mut parts: Vec<&str> = parts.collect();
    // Without any `*` the first part was the whole glob.
    let Some(last) = parts.pop() else {
        return rest.is_empty();
    };
    // The earliest place for each part leaves the most for those after it.
    for part in parts {
        match rest.split_once(part) {
            Some((over, after)) if !over.contains([':', ';']) => rest = after,
            Some(_) | None => return false,
        }
    }
    if last.is_empty() {
        return !rest.contains(';');
    }
    rest.strip_suffix(last)
        .is_some_and(|over| !over.contains([':', ';']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_match_whole_texts() {
        for (glob, text, matches) in [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("*", "any:thing/at*all", true),
            ("*", "proj/web;tag", false),
            ("a*", "a", true),
            ("a*", "ba", false),
            ("*a", "ba", true),
            ("*a", "ab", false),
            ("a*a", "a", false),
            ("a*a", "aa", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("*ab*ab", "abab", true),
            ("*ab*ab", "aab", false),
            ("a**b", "ab", true),
            ("a", "a*", false),
            ("ü*", "üx", true),
        ] {
            assert_eq!(glob_matches(glob, text), matches, "{glob} {text}");
        }
    }

    #[test]
    fn a_wildcard_reaches_neither_into_tags_nor_over_the_end_of_a_name() {
        for (glob, text, matches) in [
            ("env/*-dev:flag/*", "env/web-dev:flag/x", true),
            ("env/*-dev:flag/*", "env/*-dev:flag/*", true),
            ("env/*-dev:flag/*", "env/*;production,any-dev:flag/*", false),
            ("env/*-dev:flag/*", "env/*;{key:a}-dev:flag/*", false),
            (
                "env/*-dev:flag/*",
                "env/production:flag/x-dev:flag/*",
                false,
            ),
            ("env/*;qa_*:flag/*", "env/*;qa_a:flag/x", true),
            ("env/*;qa_*:flag/*", "env/a;qa_a,b:flag/*", true),
            ("env/*;qa_*:flag/*", "env/a;qa_a:flag/*;b", false),
            ("env/*;qa_*:flag/*", "env/a;b;qa_a:flag/*", false),
            ("proj/*-dev", "proj/web-dev", true),
            ("proj/*-dev", "proj/production:env/any-dev", false),
            ("proj/web:*", "proj/web:env/*:flag/*", true),
            ("proj/web:*", "proj/web:env/*;production:flag/*", false),
            ("proj/web:**", "proj/web:env/*:flag/*", true),
            ("proj/*:env/*", "proj/web:env/a:flag/b", true),
            ("*:flag/*", "proj/web:env/a:flag/b", false),
        ] {
            assert_eq!(glob_matches(glob, text), matches, "{glob} {text}");
        }
    }
}
