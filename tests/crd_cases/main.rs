//! Every rule and every bound of the schemas, each with a case that passes and a case that is refused.
//!
//! The API server decides; kube-cel must agree on what CEL rules say, and the operator's own checks on both.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "the lints' exceptions for tests do not see helper functions"
)]

mod account_rules;
mod bounds;
mod objects;
mod rules;
mod schema;
mod server;
mod token_rules;
mod verdicts;

use std::collections::BTreeSet;

use objects::Kind;
use serde_json::{Value, json};
use server::{Server, Way};

/// Who refuses, or would.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Judge {
    /// A bound of the schema.
    Schema,
    /// A CEL rule.
    Cel,
    /// The strict reading of fields that kubectl asks for.
    Strict,
}

/// One object, and what is said about it.
#[derive(Debug, Clone)]
struct Case {
    judge: Judge,
    kind: Kind,
    object: Value,
    /// What is stored before; for rules about changes.
    before: Option<Value>,
    /// The whole message, one mistake a line; empty when the object is accepted.
    says: String,
    /// Whether the case is about the status.
    status: bool,
}

fn all_cases() -> Vec<Case> {
    let mut cases = rules::cases();
    cases.extend(bounds::cases());
    cases
}

#[test]
fn every_rule_and_every_bound_has_a_case_that_passes_and_one_that_is_refused() {
    let cases = all_cases();
    println!("{} cases", cases.len());
    assert!(cases.len() >= 80);
    for kind in Kind::ALL {
        let schema = kind.schema();
        let marks = schema::marks(schema);
        let mut passed = BTreeSet::new();
        let mut refused = BTreeSet::new();
        for case in cases.iter().filter(|case| case.kind == kind) {
            if case.says.is_empty() {
                passed.extend(schema::met(&marks, &case.object));
            } else {
                refused.extend(
                    case.says
                        .lines()
                        .filter_map(|line| schema::broken(&marks, line)),
                );
            }
        }
        let without = |cases: &BTreeSet<String>| -> Vec<String> {
            marks
                .iter()
                .map(schema::Mark::key)
                .filter(|key| !cases.contains(key))
                .collect()
        };
        assert_eq!(
            without(&passed),
            Vec::<String>::new(),
            "{kind:?}: never met"
        );
        assert_eq!(
            without(&refused),
            Vec::<String>::new(),
            "{kind:?}: never broken"
        );
    }
}

/// One test, since it takes one API server.
#[tokio::test]
async fn the_api_server_judges_as_the_cases_say() {
    let server = Server::start().await;
    a_new_object_says_that_nobody_has_seen_it_yet(&server).await;
    a_null_is_as_if_it_were_not_there(&server).await;
    no_way_of_writing_it_makes_an_empty_list_mean_all(&server).await;
    let mut wrong = Vec::new();
    for case in all_cases() {
        let said = server.judge(&case).await;
        if said != case.says {
            wrong.push(format!(
                "{}\n    said: {said}\n expected: {}",
                case.object, case.says
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

async fn a_new_object_says_that_nobody_has_seen_it_yet(server: &Server) {
    for kind in Kind::ALL {
        let created = server.create(kind, &kind.least()).await;
        assert_eq!(created["status"]["observedGeneration"], -1, "{kind:?}");
    }
}

async fn a_null_is_as_if_it_were_not_there(server: &Server) {
    let mut object = Kind::AccessToken.least();
    object["spec"]["description"] = Value::Null;
    object["spec"]["accountRef"] = Value::Null;
    let created = server.create(Kind::AccessToken, &object).await;
    assert_eq!(created["spec"].get("description"), None);
    assert_eq!(created["spec"]["accountRef"]["name"], "default");
}

/// A list that is emptied must not look as if it had been left out, which stands for everything (I9).
async fn no_way_of_writing_it_makes_an_empty_list_mean_all(server: &Server) {
    let policies = [
        (json!({"roles": ["reader"]}), json!({"roles": []})),
        (json!({"customRoles": ["a*"]}), json!({"customRoles": []})),
        (
            json!({"inlineRole": {"resources": ["proj/a"], "actions": ["a"]}}),
            json!({"inlineRole": {"resources": [], "actions": []}}),
        ),
    ];
    let mut wrong = Vec::new();
    for kind in [Kind::Account, Kind::ClusterAccount] {
        for (before, after) in &policies {
            for way in Way::ALL {
                let before = kind.with_policy(before);
                let after = kind.with_policy(after);
                if let Some(stored) = server.change(kind, way, &before, &after).await {
                    wrong.push(format!("{kind:?}, {way:?}: {}", stored["spec"]["policy"]));
                }
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn kube_cel_agrees_on_what_rules_say() {
    for case in all_cases() {
        let judged_by_rules = case.judge == Judge::Cel || case.says.is_empty();
        if judged_by_rules {
            assert_eq!(
                verdicts::cel(&case),
                verdicts::expected(&case),
                "{}",
                case.object
            );
        }
    }
}

#[test]
fn the_operators_own_checks_agree() {
    for case in all_cases() {
        if case.status || case.before.is_some() || case.judge == Judge::Strict {
            continue;
        }
        let said = verdicts::own(&case);
        if case.judge == Judge::Cel || case.says.is_empty() {
            assert_eq!(said, verdicts::expected(&case), "{}", case.object);
        } else {
            let field = verdicts::field(&case.says);
            let found = said
                .iter()
                .any(|(at, _)| at == "(type)" || verdicts::field(at) == field);
            assert!(found, "{} not found in {said:?}: {}", field, case.object);
        }
    }
}
