//! What the rules say about AccessTokens, and about changes of them.

use serde_json::{Value, json};

use super::objects::Kind;
use super::rules::{
    DURATION, INTERVAL, LABEL_KEYS, NAME, RESERVED, SECRET_KEY, SPREADING, case, passes, refused,
    refused_text,
};
use super::{Case, Judge};

/// All cases.
pub fn cases() -> Vec<Case> {
    [
        token(),
        specifiers(),
        token_secret(),
        token_rotation(),
        changes(),
    ]
    .concat()
}

fn spec(spec: &Value, says: &str) -> Case {
    case(
        Judge::Cel,
        Kind::AccessToken,
        Kind::AccessToken.object(spec),
        None,
        says,
    )
}

fn token() -> Vec<Case> {
    let kind = Kind::AccessToken;
    let one_grant =
        "spec: Invalid value: must have exactly one of role, customRoles and inlineRole";
    let statement = json!({"effect": "allow", "resources": ["proj/a"], "actions": ["a"]});
    let role = "must be a key or an ID of a role: letters, digits, -, _ and ., beginning with a letter or digit";
    let statements = |statement: Value| json!({"inlineRole": [statement]});
    vec![
        spec(
            &json!({"customRoles": ["deployer", "61095542756dba551110ae21"]}),
            "",
        ),
        spec(&json!({"inlineRole": [statement]}), ""),
        spec(&json!({}), one_grant),
        spec(&json!({"role": "reader", "customRoles": ["a"]}), one_grant),
        spec(
            &json!({"role": "reader", "inlineRole": [statement]}),
            one_grant,
        ),
        spec(
            &json!({"customRoles": ["a"], "inlineRole": [statement]}),
            one_grant,
        ),
        passes(
            kind,
            "spec.accountRef",
            json!({"kind": "ClusterLaunchDarklyAccount", "name": "a.b"}),
        ),
        refused(
            kind,
            "spec.accountRef.name",
            json!("Default"),
            &format!("spec.accountRef.name: Invalid value: {NAME}"),
        ),
        passes(kind, "spec.name", json!("Team A / ci")),
        refused_text(
            kind,
            "spec.name",
            " ci",
            "must be one line, without blanks at its ends",
        ),
        refused_text(
            kind,
            "spec.name",
            "ci\n",
            "must be one line, without blanks at its ends",
        ),
        passes(
            kind,
            "spec.description",
            json!("Deploys [flags]\nfrom CI\n"),
        ),
        refused_text(
            kind,
            "spec.description",
            "x [ldtokens i=1]",
            "must not contain \"[ldtokens \", with which the operator's own marker begins",
        ),
        spec(
            &json!({"customRoles": ["a", "../b"]}),
            &format!("spec.customRoles[1]: Invalid value: \"../b\": {role}"),
        ),
        spec(
            &json!({"customRoles": ["."]}),
            &format!("spec.customRoles[0]: Invalid value: \".\": {role}"),
        ),
        spec(
            &statements(json!({"effect": "deny", "notResources": ["proj/a"], "notActions": ["a"]})),
            "",
        ),
        spec(
            &statements(
                json!({"effect": "allow", "resources": ["proj/a"], "notResources": ["proj/b"], "actions": ["a"]}),
            ),
            "spec.inlineRole[0]: Invalid value: must have exactly one of resources and notResources",
        ),
        spec(
            &statements(json!({"effect": "allow", "actions": ["a"]})),
            "spec.inlineRole[0]: Invalid value: must have exactly one of resources and notResources",
        ),
        spec(
            &statements(
                json!({"effect": "allow", "resources": ["proj/a"], "actions": ["a"], "notActions": ["b"]}),
            ),
            "spec.inlineRole[0]: Invalid value: must have exactly one of actions and notActions",
        ),
        spec(
            &statements(json!({"effect": "allow", "resources": ["proj/a"]})),
            "spec.inlineRole[0]: Invalid value: must have exactly one of actions and notActions",
        ),
    ]
}

/// Resource specifiers: those that LaunchDarkly was seen to refuse, and all that it documents.
fn specifiers() -> Vec<Case> {
    let kind = Kind::AccessToken;
    let statement = |field: &str, specifier: &str| json!({"inlineRole": [{"effect": "deny", field: [specifier], "actions": ["a"]}]});
    let mut cases = Vec::new();
    for field in ["resources", "notResources"] {
        for specifier in [
            "acct",
            "proj/*",
            "proj/web",
            "proj/*:env/*:flag/*",
            "proj/k:env/*:flag/*",
            "proj/*:env/*;a,b:flag/*",
            "proj/*:env/*;qa_*:/flag/*",
            "proj/*:env/*;{critical:true}:flag/*",
            "proj/*;tag:env/*;{critical:true,key:x}:flag/*;view:x",
            "proj/*:env/*:flag/*;view:x",
            "proj/${roleAttribute/team:x}:env/*",
            "proj/${roleAttribute/projects}:env/*:flag/*",
            "proj/*:aiconfig/*",
            "proj/*:context-kind/*",
            "service-token/*",
            "member/*:token/*",
        ] {
            let object = kind.object(&statement(field, specifier));
            cases.push(case(Judge::Schema, kind, object, None, ""));
        }
        for specifier in [
            "",
            "*",
            "nonsense",
            "proj",
            "proj/",
            "/x",
            "proj/x:",
            "proj/x:*",
            "proj/web:*",
            "proj/*:env",
            "proj/*:*/x",
            "*/x",
            "proj/${roleAttribute/a}:*",
            ":proj/x",
            "proj/x:env/*:*",
        ] {
            let place = format!("spec.inlineRole[0].{field}[0]");
            let pattern = &launchdarkly_token_operator::domain::syntax::SPECIFIER.pattern;
            let says = format!(
                "{place}: Invalid value: {}: {place} in body should match '{pattern}'",
                json!(specifier)
            );
            let object = kind.object(&statement(field, specifier));
            cases.push(case(Judge::Schema, kind, object, None, &says));
        }
    }
    cases
}

fn token_secret() -> Vec<Case> {
    let kind = Kind::AccessToken;
    let labels = "spec.secret.template.metadata.labels";
    let annotations = "spec.secret.template.metadata.annotations";
    let values = "must have a value of at most 63 letters, digits, -, _ and ., beginning and ending with a letter or digit";
    let says = |place: &str, message: &str| format!("{place}: Invalid value: {message}");
    let differ = "must differ from secret.key";
    let mut cases = vec![
        passes(kind, "spec.secret.name", json!("launchdarkly.ci-1")),
        refused_text(kind, "spec.secret.name", "LaunchDarkly", NAME),
        refused_text(kind, "spec.secret.name", "a..b", NAME),
        passes(
            kind,
            "spec.secret",
            json!({"key": ".key_1-a", "previousKey": "token"}),
        ),
        refused_text(kind, "spec.secret.key", "a/b", SECRET_KEY),
        refused_text(kind, "spec.secret.key", "..", SECRET_KEY),
        refused_text(kind, "spec.secret.previousKey", "..a", SECRET_KEY),
        refused(
            kind,
            "spec.secret.previousKey",
            json!("token"),
            &says("spec.secret.previousKey", differ),
        ),
        refused(
            kind,
            "spec.secret",
            json!({"key": "a", "previousKey": "a"}),
            &says("spec.secret.previousKey", differ),
        ),
        passes(kind, labels, json!({"team": "a", "example.com/tier": ""})),
        refused(kind, labels, json!({"a b": "c"}), &says(labels, LABEL_KEYS)),
        refused(kind, labels, json!({"a": "-"}), &says(labels, values)),
        passes(
            kind,
            annotations,
            json!({"example.com/note": "any text, \n even lines"}),
        ),
        refused(
            kind,
            annotations,
            json!({"example.com/": "c"}),
            &says(annotations, LABEL_KEYS),
        ),
    ];
    for key in [
        "kubernetes.io/a",
        "app.kubernetes.io/instance",
        "k8s.io/a",
        "argocd.argoproj.io/tracking-id",
        "meta.helm.sh/release-name",
        "kustomize.toolkit.fluxcd.io/name",
        "helm.toolkit.fluxcd.io/name",
        "ldtokens.dev/owned-by",
    ] {
        for place in [labels, annotations] {
            cases.push(refused(
                kind,
                place,
                json!({ key: "a" }),
                &says(place, RESERVED),
            ));
        }
    }
    for key in [
        "replicator.v1.mittwald.de/replicate-to",
        "reflector.v1.k8s.emberstack.com/reflection-auto-enabled",
        "kubed.appscode.com/sync",
        "sealedsecrets.bitnami.com/managed",
        "secretgen.carvel.dev/export",
        "reconcile.external-secrets.io/managed",
        "clustersecret.io/sync",
        "generate.kyverno.io/clone-source",
        "propagate.hnc.x-k8s.io/select",
        "synator/sync",
    ] {
        for place in [labels, annotations] {
            cases.push(refused(
                kind,
                place,
                json!({ key: "a" }),
                &says(place, SPREADING),
            ));
        }
    }
    for place in [labels, annotations] {
        let other = json!({"reloader.stakater.com/match": "true", "notmittwald.de/a": "b"});
        cases.push(passes(kind, place, other));
    }
    cases
}

fn token_rotation() -> Vec<Case> {
    let kind = Kind::AccessToken;
    let (interval, grace) = ("spec.rotation.interval", "spec.rotation.gracePeriod");
    let both = |interval: &str, grace: &str| json!({"interval": interval, "gracePeriod": grace});
    let too_long = |interval: &str, grace: &str| {
        format!(
            "spec.rotation.gracePeriod: Invalid value: must be at most 80 % of rotation.interval: {grace} is too long for {interval}"
        )
    };
    vec![
        passes(kind, interval, json!("1m")),
        passes(kind, interval, json!("43800h")),
        refused_text(kind, interval, "30 days", DURATION),
        refused_text(kind, interval, "1.5h", DURATION),
        refused_text(kind, interval, "30m1h", DURATION),
        refused_text(kind, interval, "59s", INTERVAL),
        refused_text(kind, interval, "43800h1s", INTERVAL),
        passes(kind, grace, json!("0s")),
        passes(kind, grace, json!("43800h")),
        refused_text(kind, grace, "-1h", DURATION),
        refused_text(kind, grace, "43801h", "must be at most 43800h"),
        passes(kind, "spec.rotation", both("10h", "8h")),
        passes(kind, "spec.rotation", both("100s", "1m20s")),
        refused(
            kind,
            "spec.rotation",
            both("10h", "8h1s"),
            &too_long("10h", "8h1s"),
        ),
        refused(
            kind,
            "spec.rotation",
            both("24h", "30h"),
            &too_long("24h", "30h"),
        ),
        refused(
            kind,
            "spec.rotation",
            both("x", "y"),
            &format!(
                "{grace}: Invalid value: \"y\": {DURATION}\n{interval}: Invalid value: \"x\": {DURATION}"
            ),
        ),
    ]
}

/// Changes of a stored object.
fn changes() -> Vec<Case> {
    let kind = Kind::AccessToken;
    let change = |before: &Value, after: &Value, says: &str| {
        case(
            Judge::Cel,
            kind,
            kind.object(after),
            Some(kind.object(before)),
            says,
        )
    };
    let role = json!({"role": "reader"});
    let with = |field: &str, value: Value| {
        let mut spec = role.clone();
        spec[field] = value;
        spec
    };
    let cluster = json!({"kind": "ClusterLaunchDarklyAccount", "name": "default"});
    let fixed = "spec.accountRef: Invalid value: must not be changed; create another AccessToken for another account";
    vec![
        change(&role, &with("accountRef", json!({"name": "default"})), ""),
        change(&with("accountRef", json!({})), &role, ""),
        change(
            &with("accountRef", cluster.clone()),
            &with("accountRef", cluster.clone()),
            "",
        ),
        change(&role, &with("accountRef", json!({"name": "other"})), fixed),
        change(&role, &with("accountRef", cluster.clone()), fixed),
        change(&with("accountRef", cluster), &role, fixed),
        change(&role, &json!({"customRoles": ["a"]}), ""),
        change(&role, &with("serviceToken", json!(false)), ""),
        change(&role, &with("secret", json!({"name": "other"})), ""),
        change(&with("rotation", json!({"trigger": "a"})), &role, ""),
        change(
            &role,
            &json!({"role": "reader", "customRoles": ["a"]}),
            "spec: Invalid value: must have exactly one of role, customRoles and inlineRole",
        ),
    ]
}
