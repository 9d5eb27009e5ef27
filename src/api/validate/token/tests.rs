use serde_json::{Value, json};

use super::*;

fn token(spec: &Value) -> AccessToken {
    let object = json!({
        "apiVersion": "ldtokens.dev/v1alpha1",
        "kind": "AccessToken",
        "metadata": {"name": "ci", "namespace": "team-a"},
        "spec": spec,
    });
    serde_json::from_value(object).unwrap()
}

#[test]
fn a_minimal_spec_gets_every_default() {
    let desired = desired(&token(&json!({"role": "writer"}))).unwrap();
    assert_eq!(desired.settings.name, "team-a/ci");
    assert_eq!(desired.settings.description, "");
    assert!(desired.settings.service_token);
    assert_eq!(desired.settings.grant, Grant::Role(BaseRole::Writer));
    assert_eq!(desired.secret.name, "ci");
    assert_eq!(desired.secret.key, "token");
    assert_eq!(desired.rotation.strategy, Strategy::Reset);
    assert_eq!(desired.rotation.interval, None);
    assert_eq!(desired.rotation.grace, SignedDuration::from_hours(24));
    assert_eq!(desired.drift_policy, DriftPolicy::Correct);
    assert!(!desired.suspend);
}

#[test]
fn the_grace_is_half_of_a_short_interval() {
    let spec = json!({"role": "writer", "rotation": {"interval": "6h"}});
    let desired = desired(&token(&spec)).unwrap();
    assert_eq!(desired.rotation.grace, SignedDuration::from_hours(3));
}

#[test]
fn every_mistake_is_named() {
    let spec = json!({
        "role": "writer",
        "customRoles": ["a", "../b"],
        "secret": {"previousKey": "token"},
        "rotation": {"interval": "24h", "gracePeriod": "30h"},
    });
    let found: Vec<_> = desired(&token(&spec))
        .unwrap_err()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        found,
        [
            "spec.customRoles[1] must be a key or an ID of a role: letters, digits, -, _ and ., beginning with a letter or digit",
            "spec must have exactly one of role, customRoles and inlineRole",
            "spec.secret.previousKey must differ from secret.key",
            "spec.rotation.gracePeriod must be at most 80 % of rotation.interval: 30h is too long for 24h",
        ]
    );
}

fn mistakes(statements: &Value) -> Vec<String> {
    match desired(&token(&json!({ "inlineRole": statements }))) {
        Ok(_) => Vec::new(),
        Err(found) => found.iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn what_is_no_resource_specifier_is_named_with_its_place_and_what_to_write() {
    let found = mistakes(&json!([
        {"effect": "allow", "resources": ["proj/web:env/*:flag/*"], "actions": ["updateOn"]},
        {"effect": "deny", "notResources": ["proj/web:env/*", "proj/web:*"], "actions": ["*"]},
        {"effect": "allow", "resources": ["*"], "actions": ["*"]},
        {"effect": "allow", "resources": ["x".repeat(512)], "actions": ["*"]},
    ]));
    let form = "must be a resource specifier, kind/name, several of them joined by :, with * only in names, such as proj/web, proj/web:env/* or proj/web:env/*:flag/*";
    assert_eq!(
        found,
        [
            format!("spec.inlineRole[1].notResources[1] {form}, not \"proj/web:*\""),
            format!("spec.inlineRole[2].resources[0] {form}, not \"*\""),
            format!(
                "spec.inlineRole[3].resources[0] {form}, not \"{}…\"",
                "x".repeat(64)
            ),
        ]
    );
}

#[test]
fn one_statement_is_about_one_kind_of_resource() {
    let about = |resources: Value| {
        mistakes(&json!([{"effect": "allow", "resources": resources, "actions": ["*"]}]))
    };
    for same in [
        json!(["proj/a:env/*:flag/*", "proj/b:env/*:flag/*;tag"]),
        json!(["proj/a", "/proj/b"]),
        // Where a colon may be a selector's, LaunchDarkly judges.
        json!(["proj/*:env/*;{critical:true}:flag/*", "proj/*:env/*"]),
        json!(["proj/${roleAttribute/a}:env/*", "proj/*"]),
    ] {
        assert_eq!(about(same), [""; 0]);
    }
    for (mixed, kinds) in [
        (json!(["proj/a", "proj/a:env/*"]), "env, proj"),
        (json!(["acct", "member/*:token/*"]), "acct, token"),
        (
            json!(["proj/*:env/*:flag/*", "proj/*:env/*:segment/*"]),
            "flag, segment",
        ),
    ] {
        let says = format!(
            "spec.inlineRole[0].resources must be of one kind, not of {kinds}; write a statement for each kind"
        );
        assert_eq!(about(mixed), [says]);
    }
}

#[test]
fn spec_and_annotation_ask_each_on_its_own_and_the_same_value_once() {
    let spec = json!({"role": "writer", "rotation": {"trigger": "a", "revoke": "a"}});
    let mut object = token(&spec);
    object.metadata.annotations = Some(
        [(ROTATE_ANNOTATION.into(), "b".into())]
            .into_iter()
            .collect(),
    );
    let two = desired(&object).unwrap().rotation;
    assert_eq!(
        two.triggers,
        [
            RequestHash::of("trigger", "a"),
            RequestHash::of("trigger", "b")
        ]
    );
    assert_eq!(two.revokes, [RequestHash::of("revoke", "a")]);
    assert_ne!(two.triggers[0], two.revokes[0]);

    object.metadata.annotations = Some(
        [
            (ROTATE_ANNOTATION.into(), "a".into()),
            (REVOKE_ANNOTATION.into(), String::new()),
        ]
        .into_iter()
        .collect(),
    );
    let one = desired(&object).unwrap().rotation;
    assert_eq!(one.triggers.len(), 1);
    assert_eq!(one.revokes.len(), 1);
}

#[test]
fn the_line_break_of_a_yaml_block_is_no_part_of_the_description() {
    let spec = json!({"role": "writer", "description": "Deploys flags\n"});
    assert_eq!(
        desired(&token(&spec)).unwrap().settings.description,
        "Deploys flags"
    );
}

#[test]
fn no_label_or_annotation_makes_a_secret_somebody_elses() {
    for key in [
        "argocd.argoproj.io/secret-type",
        "argocd.argoproj.io/tracking-id",
        "meta.helm.sh/release-name",
        "helm.sh/resource-policy",
        "app.kubernetes.io/managed-by",
        "kubernetes.io/service-account.name",
        "kubernetes.io/enforce-mountable-secrets",
        "toolkit.fluxcd.io/tenant",
        "kustomize.toolkit.fluxcd.io/prune",
        "ldtokens.dev/owned-by",
        "ldtokens.dev/token-id",
    ] {
        for part in ["labels", "annotations"] {
            let metadata = json!({part: {key: "x"}});
            let secret = json!({"template": {"metadata": metadata}});
            let mistakes = desired(&token(&json!({"role": "reader", "secret": secret})));
            let said = mistakes.unwrap_err()[0].to_string();
            let field = format!("spec.secret.template.metadata.{part} must not use keys below");
            assert!(said.starts_with(&field), "{key}: {said}");
        }
    }
}

#[test]
fn no_label_or_annotation_has_a_secret_copied() {
    for key in [
        "replicator.v1.mittwald.de/replicate-to",
        "reflector.v1.k8s.emberstack.com/reflection-auto-enabled",
        "kubed.appscode.com/sync",
        "sealedsecrets.bitnami.com/managed",
        "secretgen.carvel.dev/export",
        "reconcile.external-secrets.io/managed",
        "clustersecret.io/x",
        "generate.kyverno.io/clone-source",
        "propagate.hnc.x-k8s.io/treeSelect",
        "k8s-replicator/replicate-to",
    ] {
        for part in ["labels", "annotations"] {
            let metadata = json!({part: {key: "x", "team": "a"}});
            let secret = json!({"template": {"metadata": metadata}});
            let token = token(&json!({"role": "reader", "secret": secret}));
            let said = desired(&token).unwrap_err()[0].to_string();
            let field = format!(
                "spec.secret.template.metadata.{part} must not use keys of controllers that copy Secrets"
            );
            assert!(said.starts_with(&field), "{key}: {said}");
            // What was accepted once can still be revoked, and the Secret loses the key then.
            let layout = layout(&token).unwrap();
            let kept: Vec<_> = layout
                .labels
                .keys()
                .chain(layout.annotations.keys())
                .collect();
            assert_eq!(kept, ["team"]);
        }
    }
}

#[test]
fn no_name_leaves_its_place_in_a_path_of_the_api_server() {
    for name in [
        "",
        ".",
        "..",
        "../kube-system/secrets/x",
        "a/b",
        "a%2Fb",
        "%2e%2e",
        "a?watch=true",
        "a#b",
        "a\nb",
        "a..b",
        "\u{430}",
        &"a".repeat(254),
    ] {
        let spec = json!({
            "role": "reader", "secret": {"name": name},
            "accountRef": {"kind": "LaunchDarklyAccount", "name": name},
        });
        let mistakes = desired(&token(&spec)).unwrap_err();
        for field in ["spec.secret.name", "spec.accountRef.name"] {
            assert!(mistakes.iter().any(|one| one.field == field), "{name:?}");
        }
    }
}
