//! What the rules say about accounts.

use serde_json::{Value, json};

use super::objects::Kind;
use super::rules::{
    DURATION, INTERVAL, LABEL_KEYS, NAME, SECRET_KEY, case, passes, refused, refused_text,
};
use super::{Case, Judge};

/// All cases.
pub fn cases() -> Vec<Case> {
    [
        account(Kind::Account),
        account(Kind::ClusterAccount),
        namespaces(),
        class(Kind::Account),
        class(Kind::ClusterAccount),
    ]
    .concat()
}

fn account(kind: Kind) -> Vec<Case> {
    let url = "spec.apiUrl";
    let scheme =
        "must begin with https://; http:// is only for loopback, such as http://127.0.0.1:8080";
    let form =
        "must be a URL such as https://app.launchdarkly.com, with a port and a path if need be";
    let plain = "must not have a user name, a query or a fragment";
    let pem = "must be certificates in PEM, from -----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----";
    let bundle = "-----BEGIN CERTIFICATE-----\nMII=\n-----END CERTIFICATE-----\n";
    let with_key = format!("{bundle}-----BEGIN PRIVATE KEY-----");
    let interval = "spec.policy.maxRotationInterval";
    let metadata = "spec.policy.secretMetadata";
    let empty = |list: &str| {
        format!(
            "spec.policy.{list}: Invalid value: must have at least one item; to allow none of them, leave the list out and name what is allowed in another one; to allow nothing, set maxTokens to 0"
        )
    };
    vec![
        passes(kind, url, json!("https://app.eu.launchdarkly.com")),
        passes(
            kind,
            url,
            json!("https://proxy.example.com:8443/launchdarkly/"),
        ),
        passes(kind, url, json!("http://127.0.0.1:8080")),
        passes(kind, url, json!("http://localhost")),
        passes(kind, url, json!("http://[::1]:8080")),
        refused_text(kind, url, "http://app.launchdarkly.com", scheme),
        refused_text(kind, url, "http://127.0.0.1.example.com", scheme),
        refused_text(kind, url, "ftp://app.launchdarkly.com", scheme),
        refused_text(kind, url, "https://", form),
        refused_text(kind, url, "https://a:65536", form),
        refused_text(kind, url, "https://a b", form),
        refused_text(kind, url, "https://app.launchdarkly.com/?a=b", plain),
        refused_text(kind, url, "https://app.launchdarkly.com/#a", plain),
        refused_text(kind, url, "https://app.launchdarkly.com/@a", plain),
        passes(
            kind,
            "spec.credentialsSecretRef",
            json!({"name": "a.b", "key": "api-key"}),
        ),
        refused_text(kind, "spec.credentialsSecretRef.name", "a/b", NAME),
        refused_text(kind, "spec.credentialsSecretRef.key", "a/b", SECRET_KEY),
        passes(kind, "spec.caBundle", json!(bundle)),
        refused_text(kind, "spec.caBundle", "LS0tLS1CRUdJTg==", pem),
        refused_text(
            kind,
            "spec.caBundle",
            &with_key,
            "must have certificates only, not a private key",
        ),
        passes(kind, "spec.policy", json!({})),
        passes(kind, "spec.policy.roles", json!(["reader", "reader"])),
        refused(kind, "spec.policy.roles", json!([]), &empty("roles")),
        refused(
            kind,
            "spec.policy.customRoles",
            json!([]),
            &empty("customRoles"),
        ),
        passes(kind, "spec.policy.customRoles", json!(["*", "deploy-*"])),
        refused(
            kind,
            "spec.policy.customRoles",
            json!(["deploy-*", "deploy ?"]),
            "spec.policy.customRoles[1]: Invalid value: \"deploy ?\": must be a key of a role, of letters, digits, -, _ and ., with * for any characters",
        ),
        passes(kind, metadata, json!(["example.com/", "example.com/team-"])),
        refused(
            kind,
            metadata,
            json!([]),
            "spec.policy.secretMetadata: Invalid value: must have at least one item; to allow no labels and annotations, name a prefix that nobody uses, such as none.invalid/",
        ),
        refused(
            kind,
            metadata,
            json!(["example.com/", "example.com"]),
            "spec.policy.secretMetadata[1]: Invalid value: \"example.com\": must be the beginning of keys up to the slash or further, such as example.com/ or example.com/team-",
        ),
        passes(kind, interval, json!("2160h")),
        refused_text(kind, interval, "90d", DURATION),
        refused_text(kind, interval, "30s", INTERVAL),
    ]
}

/// Which installation handles it: said once.
fn class(kind: Kind) -> Vec<Case> {
    let place = "spec.controllerClass";
    let form =
        "must have only lower-case letters, digits and -, and begin and end with a letter or digit";
    let change = |before: Option<&str>, after: Option<&str>, says: &str| {
        let object = |class: Option<&str>| {
            let mut object = kind.least();
            if let Some(class) = class {
                object["spec"]["controllerClass"] = json!(class);
            }
            object
        };
        case(Judge::Cel, kind, object(after), Some(object(before)), says)
    };
    let fixed = format!(
        "{place}: Invalid value: must not be changed; create another account for another class"
    );
    vec![
        passes(kind, place, json!("blue-2")),
        refused_text(kind, place, "Blue", form),
        refused_text(kind, place, "", form),
        change(None, None, ""),
        change(Some("blue"), Some("blue"), ""),
        change(Some("blue"), Some("green"), &fixed),
        change(Some("blue"), None, &fixed),
        change(None, Some("blue"), &fixed),
    ]
}

fn namespaces() -> Vec<Case> {
    let kind = Kind::ClusterAccount;
    let selector = "spec.allowedNamespaces.selector";
    let expression = |operator: &str, values: Value| json!({"matchExpressions": [{"key": "a", "operator": operator, "values": values}]});
    let says = |place: &str, message: &str| format!("{selector}{place}: Invalid value: {message}");
    let empty = "must have matchLabels or matchExpressions; to allow every namespace use the expression {key: kubernetes.io/metadata.name, operator: Exists}";
    let values = "must have values with In and NotIn, and none with Exists and DoesNotExist";
    let value = "must have a value of at most 63 letters, digits, -, _ and ., beginning and ending with a letter or digit";
    vec![
        passes(kind, "spec.allowedNamespaces", json!({})),
        passes(
            kind,
            "spec.allowedNamespaces.names",
            json!(["team-a", "default"]),
        ),
        refused(
            kind,
            "spec.allowedNamespaces.names",
            json!(["team-*"]),
            "spec.allowedNamespaces.names[0]: Invalid value: \"team-*\": must have only lower-case letters, digits and -, and begin and end with a letter or digit",
        ),
        passes(
            kind,
            selector,
            json!({"matchLabels": {"kubernetes.io/metadata.name": "a"}}),
        ),
        passes(kind, selector, expression("In", json!(["a", ""]))),
        passes(kind, selector, expression("Exists", json!([]))),
        passes(
            kind,
            selector,
            json!({"matchExpressions": [{"key": "a", "operator": "DoesNotExist"}]}),
        ),
        refused(kind, selector, json!({}), &says("", empty)),
        refused(
            kind,
            selector,
            json!({"matchLabels": {}, "matchExpressions": []}),
            &says("", empty),
        ),
        refused(
            kind,
            selector,
            json!({"matchLabels": {"a b": "c"}}),
            &says(".matchLabels", LABEL_KEYS),
        ),
        refused(
            kind,
            selector,
            json!({"matchLabels": {"a": "b c"}}),
            &says(".matchLabels", value),
        ),
        refused(
            kind,
            selector,
            json!({"matchExpressions": [{"key": "a b", "operator": "Exists"}]}),
            &format!("{selector}.matchExpressions[0].key: Invalid value: \"a b\": {LABEL_KEYS}"),
        ),
        refused(
            kind,
            selector,
            expression("In", json!(["b c"])),
            &format!("{selector}.matchExpressions[0].values[0]: Invalid value: \"b c\": {value}"),
        ),
        refused(
            kind,
            selector,
            expression("In", json!([])),
            &says(".matchExpressions[0]", values),
        ),
        refused(
            kind,
            selector,
            expression("Exists", json!(["a"])),
            &says(".matchExpressions[0]", values),
        ),
    ]
}
