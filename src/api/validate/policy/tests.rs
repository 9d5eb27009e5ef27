use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::*;
use crate::domain::namespaces::is_admitted;
use crate::domain::policy::{ResolvedRole, allowed};
use crate::domain::secret::SecretLayout;
use crate::domain::settings::{Grant, Statement, TokenSettings};

const CLUSTER: AccountKind = AccountKind::ClusterLaunchDarklyAccount;
const NAMESPACED: AccountKind = AccountKind::LaunchDarklyAccount;

fn policy(kind: AccountKind, spec: Value) -> AccountPolicy {
    of(kind, &serde_json::from_value(spec).unwrap(), None)
}

fn service(grant: Grant) -> TokenSettings {
    TokenSettings {
        name: "ci".into(),
        description: String::new(),
        service_token: true,
        grant,
        default_api_version: None,
    }
}

fn role(role: BaseRole) -> TokenSettings {
    service(Grant::Role(role))
}

fn custom(asked: &[&str]) -> TokenSettings {
    service(Grant::CustomRoles(
        asked.iter().map(ToString::to_string).collect(),
    ))
}

fn inline(statements: Value) -> TokenSettings {
    let statements: Vec<crate::api::access_token::StatementSpec> =
        serde_json::from_value(statements).unwrap();
    let list = |list: Option<Vec<String>>| list.unwrap_or_default();
    service(Grant::Inline(
        statements
            .into_iter()
            .map(|s| Statement {
                effect: s.effect,
                resources: list(s.resources),
                not_resources: list(s.not_resources),
                actions: list(s.actions),
                not_actions: list(s.not_actions),
            })
            .collect(),
    ))
}

fn resolved() -> [ResolvedRole; 2] {
    [("1111", "deploy-web"), ("2222", "billing")].map(|(id, key)| ResolvedRole {
        id: id.into(),
        key: key.into(),
    })
}

fn verdict(policy: &AccountPolicy, settings: &TokenSettings) -> String {
    match allowed(policy, settings, &resolved()) {
        Ok(()) => "allowed".into(),
        Err(refusal) => refusal.to_string(),
    }
}

#[test]
fn a_cluster_account_without_policy_gives_reader_and_writer_service_tokens_only() {
    let closed = policy(CLUSTER, json!({}));
    assert_eq!(verdict(&closed, &role(BaseRole::Reader)), "allowed");
    assert_eq!(verdict(&closed, &role(BaseRole::Writer)), "allowed");
    let personal = TokenSettings {
        service_token: false,
        ..role(BaseRole::Reader)
    };
    for (settings, refusal) in [
        (
            role(BaseRole::Admin),
            "spec.role: the account does not allow the role admin",
        ),
        (
            custom(&["billing"]),
            "spec.customRoles: the account does not allow the custom role billing",
        ),
        (
            inline(json!([{"effect": "allow", "resources": ["proj/*"], "actions": ["*"]}])),
            "spec.inlineRole: the account does not allow inline policies",
        ),
        (
            personal,
            "spec.serviceToken: the account does not allow personal tokens",
        ),
    ] {
        assert_eq!(verdict(&closed, &settings), refusal);
    }
}

#[test]
fn a_namespaced_account_without_policy_gives_anything() {
    let open = policy(NAMESPACED, json!({}));
    let everything = json!([{"effect": "allow", "notResources": ["proj/x"], "notActions": ["y"]}]);
    for settings in [
        role(BaseRole::Admin),
        custom(&["billing", "unknown"]),
        inline(everything),
        TokenSettings {
            service_token: false,
            ..role(BaseRole::Admin)
        },
    ] {
        assert_eq!(verdict(&open, &settings), "allowed");
    }
}

#[test]
fn roles_custom_roles_and_inline_policies_are_one_list() {
    let only_reader = policy(NAMESPACED, json!({"roles": ["reader"]}));
    assert_eq!(verdict(&only_reader, &role(BaseRole::Reader)), "allowed");
    assert_ne!(verdict(&only_reader, &role(BaseRole::Writer)), "allowed");
    assert_ne!(verdict(&only_reader, &custom(&["billing"])), "allowed");
    let only_custom = policy(CLUSTER, json!({"customRoles": ["*"]}));
    assert_ne!(verdict(&only_custom, &role(BaseRole::Reader)), "allowed");
    assert_eq!(verdict(&only_custom, &custom(&["billing"])), "allowed");
    let limits_only = policy(NAMESPACED, json!({"maxTokens": 1}));
    assert_eq!(verdict(&limits_only, &role(BaseRole::Admin)), "allowed");
}

#[test]
fn custom_roles_are_matched_by_key_even_when_an_id_was_given() {
    let deployers = policy(CLUSTER, json!({"customRoles": ["deploy-*"]}));
    assert_eq!(verdict(&deployers, &custom(&["deploy-web"])), "allowed");
    assert_eq!(verdict(&deployers, &custom(&["1111"])), "allowed");
    for other in ["billing", "2222", "deploy-unresolved"] {
        let refusal =
            format!("spec.customRoles: the account does not allow the custom role {other}");
        assert_eq!(
            verdict(&deployers, &custom(&["deploy-web", other])),
            refusal
        );
    }
}

#[test]
fn an_asked_specifier_fits_when_a_glob_matches_it_as_literal_text() {
    let web = json!({"inlineRole": {
        "resources": ["proj/web:*", "proj/*:env/test:flag/*", "member/me"],
        "actions": ["update*", "createFlag"],
    }});
    let web = policy(CLUSTER, web);
    for (resource, action, fits) in [
        ("proj/web:env/*:flag/*", "updateOn", true),
        ("proj/web:env/production:flag/x", "createFlag", true),
        ("proj/api:env/test:flag/a", "update*", true),
        ("proj/*:env/test:flag/*", "updateOn", true),
        ("member/me", "updateOn", true),
        // A wildcard of the asker is no wildcard of the policy.
        ("proj/*:env/*:flag/*", "updateOn", false),
        ("proj/w*:env/*:flag/*", "updateOn", false),
        ("*", "updateOn", false),
        ("member/*", "updateOn", false),
        // Nor do tags pass for a part of a name.
        ("proj/web:env/production:flag/x;tag", "createFlag", false),
        ("proj/*;a:env/test:flag/*", "updateOn", false),
        ("proj/web", "updateOn", false),
        ("proj/website:env/x", "updateOn", false),
        ("proj/web:env/x", "*", false),
        ("proj/web:env/x", "up*", false),
        ("proj/web:env/x", "createFlags", false),
        ("proj/web:env/x", "deleteFlag", false),
    ] {
        let asked = json!([{"effect": "allow", "resources": [resource], "actions": [action]}]);
        let verdict = verdict(&web, &inline(asked));
        assert_eq!(verdict == "allowed", fits, "{resource} {action}: {verdict}");
    }
}

#[test]
fn every_specifier_of_every_statement_must_fit() {
    let web = json!({"inlineRole": {"resources": ["proj/web:*"], "actions": ["*"]}});
    let web = policy(CLUSTER, web);
    let asked = json!([
        {"effect": "allow", "resources": ["proj/web:env/a"], "actions": ["x"]},
        {"effect": "allow", "resources": ["proj/web:env/b", "proj/app:env/c"], "actions": ["x"]},
    ]);
    assert_eq!(
        verdict(&web, &inline(asked)),
        "spec.inlineRole: the account does not allow the resource proj/app:env/c"
    );
}

#[test]
fn deny_always_fits_and_exceptions_never_do() {
    let web = json!({"inlineRole": {"resources": ["*"], "actions": ["*"]}});
    let web = policy(CLUSTER, web);
    let deny = json!([{"effect": "deny", "notResources": ["acct"], "notActions": ["x"]}]);
    assert_eq!(verdict(&web, &inline(deny)), "allowed");
    for (statement, refusal) in [
        (
            json!([{"effect": "allow", "notResources": ["acct"], "actions": ["x"]}]),
            "spec.inlineRole: the account does not allow notResources in a statement that allows",
        ),
        (
            json!([{"effect": "allow", "resources": ["acct"], "notActions": ["x"]}]),
            "spec.inlineRole: the account does not allow notActions in a statement that allows",
        ),
    ] {
        assert_eq!(verdict(&web, &inline(statement)), refusal);
    }
}

#[test]
fn no_interval_violates_a_longest_interval() {
    let hours = SignedDuration::from_hours;
    let monthly = of(CLUSTER, &PolicySpec::default(), Some(hours(720)));
    assert_eq!(monthly.allows_interval(Some(hours(720))), Ok(()));
    assert_eq!(
        monthly
            .allows_interval(Some(hours(721)))
            .unwrap_err()
            .to_string(),
        "spec.rotation.interval: 721h is longer than the account allows: at most 720h"
    );
    assert_eq!(
        monthly.allows_interval(None).unwrap_err().to_string(),
        "spec.rotation.interval: must be set: the account asks for at most 720h"
    );
    assert_eq!(policy(CLUSTER, json!({})).allows_interval(None), Ok(()));
}

#[test]
fn the_last_slot_can_be_taken_and_no_further_one() {
    let two = policy(CLUSTER, json!({"maxTokens": 2}));
    assert_eq!(two.has_room(1), Ok(()));
    assert_eq!(
        two.has_room(2).unwrap_err().to_string(),
        "spec.accountRef: the account allows 2 tokens, and all are taken"
    );
    assert_eq!(policy(CLUSTER, json!({})).has_room(100_000), Ok(()));
}

#[test]
fn namespaces_are_admitted_by_name_or_label_and_by_nothing_else() {
    let labels: BTreeMap<String, String> = [
        ("env".into(), "test".into()),
        ("tier".into(), String::new()),
    ]
    .into();
    for (allowed, admits) in [
        (json!({}), false),
        (json!({"names": ["team-a"]}), true),
        (json!({"names": ["team-b"]}), false),
        (json!({"selector": {}}), false),
        (
            json!({"names": ["team-b"], "selector": {"matchLabels": {"env": "test"}}}),
            true,
        ),
        (
            json!({"selector": {"matchLabels": {"env": "test", "x": "y"}}}),
            false,
        ),
        (
            json!({"selector": {"matchExpressions": [{"key": "env", "operator": "In", "values": ["a", "test"]}]}}),
            true,
        ),
        (
            json!({"selector": {"matchExpressions": [{"key": "env", "operator": "NotIn", "values": ["test"]}]}}),
            false,
        ),
        (
            json!({"selector": {"matchExpressions": [{"key": "x", "operator": "NotIn", "values": ["test"]}]}}),
            true,
        ),
        (
            json!({"selector": {"matchExpressions": [{"key": "tier", "operator": "Exists"}]}}),
            true,
        ),
        (
            json!({"selector": {"matchExpressions": [{"key": "tier", "operator": "DoesNotExist"}]}}),
            false,
        ),
        (
            json!({"selector": {"matchLabels": {"env": "test"}, "matchExpressions": [{"key": "x", "operator": "Exists"}]}}),
            false,
        ),
    ] {
        let parsed = serde_json::from_value(allowed.clone()).unwrap();
        let admitted = namespaces(&mut Checks::default(), &parsed);
        assert_eq!(
            is_admitted(&admitted, "team-a", &labels),
            admits,
            "{allowed}"
        );
    }
}

#[test]
fn an_account_names_the_keys_that_a_template_may_use() {
    let layout = |labels: &[&str], annotations: &[&str]| SecretLayout {
        labels: labels
            .iter()
            .map(|key| ((*key).into(), "x".into()))
            .collect(),
        annotations: annotations
            .iter()
            .map(|key| ((*key).into(), "x".into()))
            .collect(),
        ..SecretLayout::default()
    };
    for kind in [CLUSTER, NAMESPACED] {
        let any = policy(kind, json!({}));
        assert_eq!(
            any.allows_metadata(&layout(&["team"], &["a.example/b"])),
            Ok(())
        );
        let spec = json!({"secretMetadata": ["example.com/", "example.org/team-"]});
        let ours = policy(kind, spec);
        let fits = layout(
            &["example.com/tier"],
            &["example.org/team-a", "example.com/"],
        );
        assert_eq!(ours.allows_metadata(&fits), Ok(()));
        assert_eq!(ours.allows_metadata(&layout(&[], &[])), Ok(()));
        for key in [
            "team",
            "example.org/other",
            "example.com.example.net/x",
            "example.com",
        ] {
            let refusal = |part: &str| {
                format!(
                    "spec.secret.template.metadata.{part}: the account does not allow the key {key}, only keys that begin with example.com/, example.org/team-"
                )
            };
            let labels = layout(&[key, "example.com/tier"], &[]);
            let annotations = layout(&["example.com/tier"], &[key]);
            for (asked, part) in [(labels, "labels"), (annotations, "annotations")] {
                let said = ours.allows_metadata(&asked).unwrap_err().to_string();
                assert_eq!(said, refusal(part));
            }
        }
    }
}
