//! The scenes in which something is wrong: at LaunchDarkly, with a credential, or with many keys at once.

use rig::{object, wait};
use serde_json::json;

use super::{BUSY, CURRENT, ENDING, FAILED};
use crate::album::Scene;
use crate::stage::{Home, PATIENCE, answer_always, apply, cluster_account, stage};

pub fn tokens_and_trouble(scenes: &mut Vec<Scene>) {
    let (failing, limited) = (&stage().failing, &stage().limited);
    let home = Home::at(failing, "gitops-failing");
    home.token(
        "rotation-delayed",
        &json!({"role": "reader", "rotation": {"strategy": "Replace"}}),
    );
    home.ready("rotation-delayed");
    answer_always(failing, "POST", "/api/v2/tokens", 503);
    home.patch(
        "accesstoken",
        "rotation-delayed",
        &json!({"spec": {"rotation": {"trigger": "now"}}}),
    );
    home.token("unavailable", &json!({"role": "reader"}));
    let slow = Home::at(limited, "gitops-limited");
    answer_always(limited, "POST", "/api/v2/tokens", 429);
    slow.token("rate-limited", &json!({"role": "reader"}));
    let mut add = |name, object, expected| scenes.push(Scene::new(name, object, expected));
    add(
        "rotation-delayed",
        home.saying(
            "accesstoken",
            "rotation-delayed",
            "Ready",
            "RotationDelayed",
        ),
        CURRENT,
    );
    add(
        "unavailable",
        home.saying(
            "accesstoken",
            "unavailable",
            "Ready",
            "LaunchDarklyUnavailable",
        ),
        BUSY,
    );
    add(
        "rate-limited",
        slow.saying("accesstoken", "rate-limited", "Ready", "RateLimited"),
        BUSY,
    );
}

pub fn deletions(scenes: &mut Vec<Scene>) {
    let held = &stage().held;
    let home = Home::at(held, "gitops-held");
    let admits = json!({"allowedNamespaces": {"names": ["gitops-held"]}});
    apply(&cluster_account(held, "gitops-held", &admits));
    let shared = json!({"kind": "ClusterLaunchDarklyAccount", "name": "gitops-held"});
    home.token("deleting", &json!({"role": "reader"}));
    home.token("user", &json!({"role": "reader", "accountRef": shared}));
    home.ready("deleting");
    home.ready("user");
    home.in_use();
    answer_always(held, "DELETE", "/api/v2/tokens/{id}", 503);
    home.delete("accesstoken", "deleting");
    home.delete("launchdarklyaccount", "default");
    home.wait(
        "clusterlaunchdarklyaccount",
        "gitops-held",
        "a finalizer",
        |account| {
            account["metadata"]["finalizers"]
                .as_array()
                .map(|_| ())
                .ok_or("there is none".to_owned())
        },
    );
    home.delete("clusterlaunchdarklyaccount", "gitops-held");
    let mut add = |object| scenes.push(Scene::new("deleting", object, ENDING));
    add(home.saying(
        "accesstoken",
        "deleting",
        "Ready",
        "LaunchDarklyUnavailable",
    ));
    add(home.saying("launchdarklyaccount", "default", "Ready", "InUse"));
    add(home.saying(
        "clusterlaunchdarklyaccount",
        "gitops-held",
        "Ready",
        "InUse",
    ));
}

pub fn accounts_and_trouble(scenes: &mut Vec<Scene>) {
    let (calm, deaf) = (&stage().calm, &stage().deaf);
    let home = Home::bare("gitops-rejected");
    home.credential("api-00000000-0000-4000-8000-000000000000");
    let spec =
        |url: &str, secret: &str| json!({"apiUrl": url, "credentialsSecretRef": {"name": secret}});
    home.account(&spec(calm.url(), "managing-key"));
    let missing = json!({
        "apiVersion": "ldtokens.dev/v1alpha1", "kind": "ClusterLaunchDarklyAccount", "metadata": {"name": "gitops-missing"},
        "spec": spec(calm.url(), "nowhere"),
    });
    stage().plane.apply(&missing.to_string()).unwrap();
    answer_always(deaf, "GET", "/api/v2/caller-identity", 503);
    let alone = Home::bare("gitops-deaf");
    alone.credential(deaf.managing_key());
    alone.account(&spec(deaf.url(), "managing-key"));
    let account = "launchdarklyaccount";
    let mut add = |name, object, expected| scenes.push(Scene::new(name, object, expected));
    add(
        "credential-rejected",
        home.saying(account, "default", "Stalled", "CredentialRejected"),
        FAILED,
    );
    add(
        "unavailable",
        alone.saying(account, "default", "Ready", "LaunchDarklyUnavailable"),
        BUSY,
    );
    let missing = home.saying(
        "clusterlaunchdarklyaccount",
        "gitops-missing",
        "Stalled",
        "CredentialMissing",
    );
    add("credential-missing", missing, FAILED);
}

pub fn many_losses(scenes: &mut Vec<Scene>) {
    let home = Home::at(&stage().plundered, "gitops-plundered");
    let names = ["a", "b", "c", "d", "e", "f"];
    for name in names {
        home.token(name, &json!({"role": "reader"}));
    }
    for name in names {
        home.ready(name);
    }
    let flags = [
        "delete",
        "secret",
        "--wait=false",
        "--namespace=gitops-plundered",
    ];
    stage()
        .plane
        .kubectl(&[&flags[..], &names].concat())
        .unwrap();
    // Some may be replaced before it is seen that there are many.
    let held = wait::until_ok(PATIENCE, "the budget", || {
        let objects = names.map(|name| home.get("accesstoken", name));
        let ready = objects
            .each_ref()
            .map(|object| object::condition(object, "Ready"));
        let is_held = |ready: &Option<object::Condition>| {
            ready
                .as_ref()
                .is_some_and(|ready| ready.status == "False" && ready.reason == "MassChange")
        };
        let place = ready.iter().position(is_held).ok_or(format!("{ready:?}"))?;
        Ok::<_, String>(objects[place].clone())
    })
    .unwrap();
    home.touch_account();
    let account = home.saying("launchdarklyaccount", "default", "MassChange", "MassChange");
    scenes.push(Scene::new("mass-change", account, CURRENT));
    scenes.push(Scene::new("mass-change", held, BUSY));
}
