//! The table of cases, and the world that they are about.

use launchdarkly_token_operator::api::access_token::AccountKind;
use serde::Deserialize;
use serde_json::{Value, json};

/// Custom roles at LaunchDarkly: key and ID.
pub const ROLES: [(&str, &str); 3] = [
    ("deploy-web", "61095542756dba551110ae21"),
    ("billing", "61095542756dba551110ae22"),
    ("web.v2", "61095542756dba551110ae23"),
];

/// Namespaces and their labels.
pub const NAMESPACES: [(&str, &[(&str, &str)]); 3] = [
    ("team-a", &[("env", "prod"), ("team", "a")]),
    ("team-b", &[("env", "dev")]),
    ("plain", &[]),
];

/// An account and an `AccessToken` that names it: a line of `cases.yaml`, where the fields are explained.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    pub about: String,
    of: Of,
    #[serde(default)]
    pub named: String,
    #[serde(default = "team_a")]
    pub from: String,
    #[serde(default)]
    policy: Value,
    #[serde(default = "admits_team_a")]
    admits: Value,
    #[serde(default)]
    absent: bool,
    pub asks: Value,
    /// How many other objects use the account.
    #[serde(default)]
    pub others: usize,
    pub refused: Option<String>,
    pub left: Option<String>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
enum Of {
    Shared,
    Own,
}

fn team_a() -> String {
    "team-a".to_owned()
}

fn admits_team_a() -> Value {
    json!({"names": ["team-a"]})
}

impl Case {
    pub fn kind(&self) -> AccountKind {
        match self.of {
            Of::Shared => AccountKind::ClusterLaunchDarklyAccount,
            Of::Own => AccountKind::LaunchDarklyAccount,
        }
    }

    /// What the account says, unless it does not exist.
    pub fn account(&self) -> Option<Value> {
        let shared = self.kind() == AccountKind::ClusterLaunchDarklyAccount;
        let admits = if shared { &self.admits } else { &Value::Null };
        (!self.absent).then(|| json!({"policy": self.policy, "allowedNamespaces": admits}))
    }
}

/// All cases; those that do not name their account get one of their own.
pub fn all() -> Vec<Case> {
    let mut cases: Vec<Case> = serde_saphyr::from_str(include_str!("cases.yaml")).unwrap();
    cases.push(too_much());
    for (number, case) in cases.iter_mut().enumerate() {
        if case.named.is_empty() {
            case.named = format!("account-{number}");
        }
    }
    cases
}

/// More than the API server lets a rule compute.
fn too_much() -> Case {
    let globs = |number| format!("*{}{number}*!", "a*b".repeat(100));
    let asked = |number| format!("proj/{}{number}", "ab".repeat(250));
    let globs: Vec<String> = (0..100).map(globs).collect();
    let asked: Vec<String> = (0..50).map(asked).collect();
    serde_json::from_value(json!({
        "about": "more than may be computed",
        "of": "Shared",
        "policy": {"inlineRole": {"resources": globs, "actions": ["*"]}},
        "asks": {"inlineRole": [{"effect": "allow", "resources": asked, "actions": ["updateOn"]}]},
        "left": "the account does not allow the resource",
    }))
    .unwrap()
}
