//! What the CEL rules accept and refuse, what a change may do, and which fields do not exist yet.

use serde_json::{Value, json};

use super::objects::{Kind, at};
use super::{Case, Judge, account_rules, token_rules};

/// The form of names of objects.
pub const NAME: &str =
    "must have only lower-case letters, digits, - and ., and begin and end with a letter or digit";
pub const SECRET_KEY: &str =
    "must have only letters, digits, -, _ and ., and not be . or begin with ..";
pub const DURATION: &str = "must be a duration such as 720h, 90m or 1h30m";
pub const INTERVAL: &str = "must be at least 1m and at most 43800h";
pub const LABEL_KEYS: &str = "must have valid keys such as team or example.com/team";
pub const RESERVED: &str = "must not use keys below kubernetes.io, k8s.io, argoproj.io, helm.sh, fluxcd.io or ldtokens.dev";
pub const SPREADING: &str = "must not use keys of controllers that copy Secrets elsewhere, such as replicator.v1.mittwald.de/replicate-to: nothing ends a copy; leave them out, and make an AccessToken in each namespace that needs a key";

/// All cases.
pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for kind in Kind::ALL {
        cases.push(case(Judge::Cel, kind, kind.least(), None, ""));
    }
    cases.extend(token_rules::cases());
    cases.extend(account_rules::cases());
    cases.extend(unknown_fields());
    cases
}

pub fn case(judge: Judge, kind: Kind, object: Value, before: Option<Value>, says: &str) -> Case {
    Case {
        judge,
        kind,
        object,
        before,
        says: says.into(),
        status: false,
    }
}

/// The least object with a value at a place: accepted.
pub fn passes(kind: Kind, place: &str, value: Value) -> Case {
    refused(kind, place, value, "")
}

/// The least object with a value at a place: refused with a whole message.
pub fn refused(kind: Kind, place: &str, value: Value, says: &str) -> Case {
    let mut object = kind.least();
    *at(&mut object, place) = value;
    case(Judge::Cel, kind, object, None, says)
}

/// The same for a text, with the message that the API server makes of it.
pub fn refused_text(kind: Kind, place: &str, value: &str, message: &str) -> Case {
    let says = format!("{place}: Invalid value: {}: {message}", json!(value));
    refused(kind, place, json!(value), &says)
}

/// Fields that later work brings, and fields of the other kind: refused, never accepted and ignored.
fn unknown_fields() -> Vec<Case> {
    [
        (Kind::AccessToken, "spec.expiresAfter", json!("2160h")),
        (Kind::AccessToken, "spec.secret.template.data", json!({"a": "b"})),
        (Kind::AccessToken, "spec.secret.template.type", json!("Opaque")),
        (Kind::AccessToken, "spec.rotation.windows", json!([])),
        (Kind::AccessToken, "spec.rotation.retire", json!({"when": "AfterGrace"})),
        (Kind::AccessToken, "spec.rolloutRestart", json!([])),
        (Kind::AccessToken, "spec.adopt", json!({"tokenId": "a"})),
        (Kind::AccessToken, "spec.mode", json!("Manage")),
        (Kind::Account, "spec.allowedNamespaces", json!({"names": ["a"]})),
        (Kind::Account, "spec.orphanPolicy", json!("Report")),
        (Kind::Account, "spec.selfRotation", json!({"accessTokenRef": {"name": "a"}})),
        (Kind::Account, "spec.policy.adoptWithoutKey", json!("Forbid")),
        (Kind::ClusterAccount, "spec.orphanPolicy", json!("Report")),
        (Kind::ClusterAccount, "spec.selfRotation", json!({"accessTokenRef": {"name": "a"}})),
        (Kind::ClusterAccount, "spec.policy.adoptWithoutKey", json!("Forbid")),
    ]
    .into_iter()
    .map(|(kind, place, value)| {
        let mut object = kind.least();
        *at(&mut object, place) = value;
        let name = object["kind"].as_str().unwrap().to_owned();
        let says = format!(
            "{name} in version \"v1alpha1\" cannot be handled as a {name}: strict decoding error: unknown field \"{place}\""
        );
        case(Judge::Strict, kind, object, None, &says)
    })
    .collect()
}
