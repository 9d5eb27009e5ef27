//! Compares a token with the settings it was made for, and says which patch brings it there.
//!
//! Missing, null and empty are the same; roles, statements and the lists in them are in no order (whether LaunchDarkly
//! sorts them is unknown).

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::model::{Member, NewToken, PatchOp, ResolvedGrant, Token, WireStatement};
use crate::domain::ids::RoleId;
use crate::domain::settings::Statement;

/// The spec fields in which `got` is not what was asked for; empty when all was applied.
///
/// Settings without `defaultApiVersion` leave it to LaunchDarkly; settings without `expiry` mean that there must be none.
#[must_use]
pub fn differences(desired: &NewToken, got: &Token) -> Vec<&'static str> {
    let grant = GrantView::of(&desired.grant);
    let got_ids = got.custom_role_ids.iter().map(RoleId::as_str);
    let version_differs = desired.default_api_version.is_some()
        && desired.default_api_version != got.default_api_version;
    let millis = |time: Option<jiff::Timestamp>| time.map(jiff::Timestamp::as_millisecond);
    [
        ("name", desired.name != got.name),
        ("description", desired.description != got.description),
        (
            "role",
            grant.role != got.role.as_deref().unwrap_or_default(),
        ),
        ("customRoles", grant.custom_roles != got_ids.collect()),
        (
            "inlineRole",
            canonical(grant.statements) != canonical(&got.inline_role),
        ),
        ("serviceToken", desired.service_token != got.service_token),
        ("defaultApiVersion", version_differs),
        ("expiry", millis(desired.expiry) != millis(got.expiry)),
    ]
    .into_iter()
    .filter_map(|(field, differs)| differs.then_some(field))
    .collect()
}

/// The patch that brings `got`, freshly read, to what is asked for; empty when nothing that can be patched differs.
///
/// Permissions are patched on personal tokens only: a service token's are fixed (documented), so for one of those a
/// difference in them needs a replacement. `serviceToken`, `defaultApiVersion` and `expiry` are never patched here.
#[must_use]
pub fn patch_towards(desired: &NewToken, got: &Token) -> Vec<PatchOp> {
    let differing = differences(desired, got);
    let differs = |field: &str| differing.contains(&field);
    let mut changes = Vec::new();
    if differs("name") {
        changes.push(set(Member::Name, json!(desired.name)));
    }
    if differs("description") {
        changes.push(set(Member::Description, json!(desired.description)));
    }
    if got.service_token
        || !["role", "customRoles", "inlineRole"]
            .into_iter()
            .any(differs)
    {
        return changes;
    }
    let (kind, value) = match &desired.grant {
        ResolvedGrant::Role(role) => (Member::Role, json!(<&'static str>::from(role))),
        ResolvedGrant::CustomRoles(ids) => (Member::CustomRoleIds, json!(ids)),
        ResolvedGrant::Inline(statements) => {
            let statements: Vec<_> = statements.iter().map(WireStatement::from).collect();
            (Member::InlineRole, json!(statements))
        }
    };
    // Removing what is not there is refused with 422 (observed), so only what was read is removed.
    let present = [
        (Member::Role, got.role.is_some()),
        (Member::CustomRoleIds, !got.custom_role_ids.is_empty()),
        (Member::InlineRole, !got.inline_role.is_empty()),
    ];
    let surplus = present
        .into_iter()
        .filter(|(path, there)| *there && *path != kind);
    changes.extend(surplus.map(|(path, _)| PatchOp::Remove { path }));
    changes.push(set(kind, value));
    changes
}

fn set(path: Member, value: Value) -> PatchOp {
    PatchOp::Replace { path, value }
}

/// A grant spread over the three members that LaunchDarkly has for it.
#[derive(Default)]
struct GrantView<'a> {
    role: &'static str,
    custom_roles: BTreeSet<&'a str>,
    statements: &'a [Statement],
}

impl<'a> GrantView<'a> {
    fn of(grant: &'a ResolvedGrant) -> Self {
        match grant {
            ResolvedGrant::Role(role) => Self {
                role: role.into(),
                ..Self::default()
            },
            ResolvedGrant::CustomRoles(ids) => Self {
                custom_roles: ids.iter().map(RoleId::as_str).collect(),
                ..Self::default()
            },
            ResolvedGrant::Inline(statements) => Self {
                statements,
                ..Self::default()
            },
        }
    }
}

/// Statements as a multiset, their lists as sets.
fn canonical(statements: &[Statement]) -> Vec<Statement> {
    let sorted = |list: &[String]| {
        let set: BTreeSet<_> = list.iter().cloned().collect();
        set.into_iter().collect()
    };
    let mut statements: Vec<_> = statements
        .iter()
        .map(|statement| Statement {
            effect: statement.effect,
            resources: sorted(&statement.resources),
            not_resources: sorted(&statement.not_resources),
            actions: sorted(&statement.actions),
            not_actions: sorted(&statement.not_actions),
        })
        .collect();
    statements.sort();
    statements
}

#[cfg(test)]
mod tests;
