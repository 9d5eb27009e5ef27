//! What counts as a difference, and that a patch removes it.

use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::domain::settings::{BaseRole, Effect};

fn desired(grant: ResolvedGrant) -> NewToken {
    NewToken {
        name: "ci".to_owned(),
        description: "deploys".to_owned(),
        grant,
        service_token: false,
        default_api_version: None,
        expiry: None,
    }
}

fn reader() -> ResolvedGrant {
    ResolvedGrant::Role(BaseRole::Reader)
}

fn roles(ids: &[&str]) -> ResolvedGrant {
    ResolvedGrant::CustomRoles(ids.iter().map(|id| RoleId::from(*id)).collect())
}

fn allow(resources: &[&str], actions: &[&str]) -> Statement {
    let owned = |list: &[&str]| list.iter().map(|&text| text.to_owned()).collect();
    Statement {
        effect: Effect::Allow,
        resources: owned(resources),
        not_resources: Vec::new(),
        actions: owned(actions),
        not_actions: Vec::new(),
    }
}

/// A token as LaunchDarkly would answer to a create.
fn granted(desired: &NewToken) -> Token {
    let mut token = Token {
        id: "61095542756dba551110ae21".into(),
        name: desired.name.clone(),
        description: desired.description.clone(),
        service_token: desired.service_token,
        role: None,
        custom_role_ids: Vec::new(),
        inline_role: Vec::new(),
        default_api_version: Some(20_240_415),
        creation_time: None,
        last_used: None,
        expiry: desired.expiry,
        last_four: None,
    };
    match &desired.grant {
        ResolvedGrant::Role(role) => token.role = Some(<&str>::from(role).to_owned()),
        ResolvedGrant::CustomRoles(ids) => token.custom_role_ids = ids.iter().cloned().collect(),
        ResolvedGrant::Inline(statements) => token.inline_role.clone_from(statements),
    }
    token
}

#[test]
fn what_was_granted_as_wished_does_not_differ() {
    for grant in [
        reader(),
        roles(&["a", "b"]),
        ResolvedGrant::Inline(vec![allow(&["*"], &["*"])]),
    ] {
        let desired = desired(grant);
        assert_eq!(
            differences(&desired, &granted(&desired)),
            Vec::<&str>::new()
        );
        assert_eq!(patch_towards(&desired, &granted(&desired)), vec![]);
    }
}

#[test]
fn order_and_repetition_make_no_difference() {
    let statements = vec![allow(&["a", "b"], &["x", "y"]), allow(&["c"], &["z"])];
    let desired = desired(ResolvedGrant::Inline(statements));
    let mut got = granted(&desired);
    got.inline_role = vec![allow(&["c"], &["z"]), allow(&["b", "a", "b"], &["y", "x"])];
    assert!(differences(&desired, &got).is_empty());

    got.inline_role.push(allow(&["c"], &["z"]));
    assert_eq!(differences(&desired, &got), ["inlineRole"]);
}

#[test]
fn every_field_that_differs_is_named() {
    let mut desired = desired(reader());
    let mut got = granted(&desired);
    desired.default_api_version = Some(20_191_212);
    got.name = "other".to_owned();
    got.description.clear();
    got.role = None;
    got.custom_role_ids = vec!["a".into()];
    got.inline_role = vec![allow(&["*"], &["*"])];
    got.service_token = true;
    got.expiry = Some(Timestamp::UNIX_EPOCH);
    assert_eq!(
        differences(&desired, &got),
        [
            "name",
            "description",
            "role",
            "customRoles",
            "inlineRole",
            "serviceToken",
            "defaultApiVersion",
            "expiry"
        ]
    );
}

#[test]
fn a_version_that_was_left_open_may_be_any() {
    let desired = desired(reader());
    for version in [None, Some(20_240_415)] {
        let got = Token {
            default_api_version: version,
            ..granted(&desired)
        };
        assert!(differences(&desired, &got).is_empty());
    }
}

#[test]
fn an_expiry_is_compared_as_it_is_sent_in_milliseconds() {
    let at = |nanos| Timestamp::new(1_793_000_000, nanos).ok();
    let desired = NewToken {
        expiry: at(5_999_999),
        ..desired(reader())
    };
    let got = Token {
        expiry: at(5_000_000),
        ..granted(&desired)
    };
    assert!(differences(&desired, &got).is_empty());
    let dropped = Token {
        expiry: None,
        ..got
    };
    assert_eq!(differences(&desired, &dropped), ["expiry"]);
}

#[test]
fn only_what_is_there_is_removed() {
    let desired = desired(roles(&["b"]));
    let got = Token {
        role: Some("writer".to_owned()),
        ..granted(&self::desired(reader()))
    };
    assert_eq!(
        serde_json::json!(patch_towards(&desired, &got)),
        json!([
            { "op": "remove", "path": "/role" },
            { "op": "replace", "path": "/customRoleIds", "value": ["b"] },
        ])
    );
}

#[test]
fn a_statement_is_patched_without_its_empty_halves() {
    let desired = desired(ResolvedGrant::Inline(vec![allow(
        &["proj/web"],
        &["updateOn"],
    )]));
    let got = granted(&self::desired(ResolvedGrant::Inline(vec![allow(
        &["*"],
        &["*"],
    )])));
    let statement =
        json!({ "effect": "allow", "resources": ["proj/web"], "actions": ["updateOn"] });
    assert_eq!(
        serde_json::json!(patch_towards(&desired, &got)),
        json!([{ "op": "replace", "path": "/inlineRole", "value": [statement] }])
    );
}

#[test]
fn a_service_tokens_permissions_are_never_patched() {
    let desired = NewToken {
        service_token: true,
        name: "new".to_owned(),
        ..desired(roles(&["b"]))
    };
    let got = Token {
        name: "old".to_owned(),
        ..granted(&NewToken {
            grant: reader(),
            ..desired.clone()
        })
    };
    assert_eq!(
        serde_json::json!(patch_towards(&desired, &got)),
        json!([{ "op": "replace", "path": "/name", "value": "new" }])
    );
}

fn any_grant() -> impl proptest::strategy::Strategy<Value = ResolvedGrant> {
    let words = || proptest::collection::vec("[a-c]", 1..4);
    let statement = (words(), words()).prop_map(|(resources, actions)| Statement {
        effect: Effect::Deny,
        resources,
        not_resources: Vec::new(),
        actions: Vec::new(),
        not_actions: actions,
    });
    prop_oneof![
        Just(reader()),
        Just(ResolvedGrant::Role(BaseRole::Admin)),
        proptest::collection::btree_set("[a-c]".prop_map(RoleId::new), 1..3)
            .prop_map(ResolvedGrant::CustomRoles),
        proptest::collection::vec(statement, 1..3).prop_map(ResolvedGrant::Inline),
    ]
}

/// Applies a patch as LaunchDarkly does; `None` where it answers 422.
fn apply(changes: &[PatchOp], token: &Token, grant: &ResolvedGrant) -> Option<Token> {
    let mut token = token.clone();
    for change in changes {
        match change {
            PatchOp::Remove { path: Member::Role } => drop(token.role.take()?),
            PatchOp::Remove {
                path: Member::CustomRoleIds,
            } if !token.custom_role_ids.is_empty() => {
                token.custom_role_ids.clear();
            }
            PatchOp::Remove {
                path: Member::InlineRole,
            } if !token.inline_role.is_empty() => {
                token.inline_role.clear();
            }
            PatchOp::Remove { .. } => return None,
            PatchOp::Replace {
                path: Member::Role | Member::CustomRoleIds | Member::InlineRole,
                ..
            } => {
                let wanted = granted(&desired(grant.clone()));
                token.role = wanted.role.or(token.role);
                if !wanted.custom_role_ids.is_empty() {
                    token.custom_role_ids = wanted.custom_role_ids;
                }
                if !wanted.inline_role.is_empty() {
                    token.inline_role = wanted.inline_role;
                }
            }
            PatchOp::Replace { .. } => {}
        }
    }
    Some(token)
}

proptest! {
    #[test]
    fn a_patch_brings_a_personal_token_to_any_grant(from in any_grant(), to in any_grant()) {
        let (before, desired) = (granted(&desired(from)), desired(to));
        let changes = patch_towards(&desired, &before);
        let after = apply(&changes, &before, &desired.grant);
        prop_assert!(after.is_some_and(|after| differences(&desired, &after).is_empty()));
    }
}
