//! What tools write on an AccessToken stays on it, and what happens when they make it anew.

use rig::object;
use serde_json::{Value, json};

use crate::stage::{Home, accepted, answer_always, refused, stage};

fn token(namespace: &str, spec: &Value) -> Value {
    json!({
        "apiVersion": "ldtokens.dev/v1alpha1", "kind": "AccessToken",
        "metadata": {"name": "web", "namespace": namespace}, "spec": spec,
    })
}

#[test]
fn labels_and_annotations_of_tools_never_reach_the_secret() {
    let home = Home::at(&stage().calm, "own-labels");
    let template =
        json!({"metadata": {"labels": {"team": "a"}, "annotations": {"example.com/team": "a"}}});
    let spec = json!({
        "role": "reader", "secret": {"template": template}, "rotation": {"strategy": "Replace", "gracePeriod": "1h"},
    });
    let mut object = token("own-labels", &spec);
    object["metadata"]["labels"] = json!({
        "app.kubernetes.io/instance": "shop", "app.kubernetes.io/managed-by": "Helm", "helm.sh/chart": "shop-1",
        "kustomize.toolkit.fluxcd.io/name": "shop", "kustomize.toolkit.fluxcd.io/namespace": "flux-system",
    });
    object["metadata"]["annotations"] = json!({
        "argocd.argoproj.io/tracking-id": "shop:ldtokens.dev/AccessToken:own-labels/web", "argocd.argoproj.io/sync-wave": "0",
        "argocd.argoproj.io/sync-options": "Prune=false", "kustomize.toolkit.fluxcd.io/prune": "disabled",
        "meta.helm.sh/release-name": "shop",
    });
    let text = object.to_string();
    stage()
        .plane
        .kubectl_with_input(&["apply", "--filename=-"], &text)
        .unwrap();
    home.ready("web");
    let key = home.key("web");
    only_ours(&home);
    home.patch(
        "accesstoken",
        "web",
        &json!({"spec": {"rotation": {"trigger": "again"}}}),
    );
    home.new_key("web", &key);
    only_ours(&home);
}

/// The Secret carries what the template and the operator say, and nothing else; and nobody owns it but by our annotation.
fn only_ours(home: &Home<'_>) {
    let metadata = &home.get("secret", "web")["metadata"];
    let labels =
        json!({"app.kubernetes.io/managed-by": "launchdarkly-token-operator", "team": "a"});
    assert_eq!(metadata["labels"], labels);
    assert!(metadata["ownerReferences"].is_null(), "{metadata}");
    for name in metadata["annotations"].as_object().unwrap().keys() {
        assert!(
            name.starts_with("ldtokens.dev/") || name == "example.com/team",
            "{name}"
        );
    }
}

/// Deletes the object and makes it again, as Argo CD's `Replace=true,Force=true` and Flux's `force` do.
fn replace_by_force(object: &Value) {
    let arguments = ["replace", "--force", "--timeout=60s", "--filename=-"];
    stage()
        .plane
        .kubectl_with_input(&arguments, &object.to_string())
        .unwrap();
}

#[test]
fn an_object_that_is_made_anew_by_force_gets_another_key_and_the_old_one_is_dead() {
    let calm = &stage().calm;
    let home = Home::at(calm, "own-forced");
    home.token("web", &json!({"role": "reader"}));
    let before = home.ready("web");
    let key = home.key("web");
    replace_by_force(&token("own-forced", &json!({"role": "reader"})));
    let after = home.ready("web");
    assert_ne!(before["metadata"]["uid"], after["metadata"]["uid"]);
    refused(calm, &key);
    accepted(calm, &home.key("web"));
    home.remote_count(calm, 1);
}

#[test]
fn with_retain_an_object_that_is_made_anew_by_force_keeps_token_and_key() {
    let calm = &stage().calm;
    let home = Home::at(calm, "own-retained");
    let spec = json!({"role": "reader", "deletionPolicy": "Retain"});
    home.token("web", &spec);
    let before = home.ready("web");
    let key = home.key("web");
    replace_by_force(&token("own-retained", &spec));
    let after = home.ready("web");
    assert_ne!(before["metadata"]["uid"], after["metadata"]["uid"]);
    assert_eq!(
        before["status"]["token"]["id"],
        after["status"]["token"]["id"]
    );
    assert_eq!(home.key("web"), key);
    accepted(calm, &key);
    home.remote_count(calm, 1);
}

#[test]
fn an_object_that_is_made_anew_after_its_finalizer_was_taken_away_keeps_token_and_key() {
    let held = &stage().held;
    let home = Home::at(held, "own-unheld");
    home.token("web", &json!({"role": "reader"}));
    let before = home.ready("web");
    let key = home.key("web");
    // Else the operator may be faster than whoever takes the finalizer away.
    answer_always(held, "DELETE", "/api/v2/tokens/{id}", 503);
    home.delete("accesstoken", "web");
    home.wait("accesstoken", "web", "a deletion that waits", |object| {
        let ready = object::condition(object, "Ready").ok_or("no condition")?;
        if ready.reason == "LaunchDarklyUnavailable" {
            Ok(())
        } else {
            Err(ready.reason)
        }
    });
    home.patch(
        "accesstoken",
        "web",
        &json!({"metadata": {"finalizers": null}}),
    );
    home.gone("accesstoken", "web");
    home.token("web", &json!({"role": "reader"}));
    let after = home.ready("web");
    assert_eq!(
        before["status"]["token"]["id"],
        after["status"]["token"]["id"]
    );
    assert_eq!(home.key("web"), key);
    accepted(held, &key);
}
