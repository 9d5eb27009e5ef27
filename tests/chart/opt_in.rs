//! `rbac.secretAccess: OptIn`: no Secret may be listed or watched, and each namespace decides for itself.

use jiff::{SignedDuration, Timestamp};
use rig::{object, wait};
use serde_json::{Value, json};

use crate::release::{PATIENCE, Stage};
use crate::render::{NAME, chart};

/// A ClusterLaunchDarklyAccount `shared` for team-a, with its credential in the release's own namespace.
fn shared_account(stage: &Stage) {
    stage.apply_to(NAME, &stage.credential());
    stage.apply_to("", &json!({
        "apiVersion": "ldtokens.dev/v1alpha1", "kind": "ClusterLaunchDarklyAccount", "metadata": {"name": "shared"},
        "spec": {
            "apiUrl": stage.simulator.url(), "credentialsSecretRef": {"name": "managing-key"},
            "allowedNamespaces": {"names": ["team-a"]},
        },
    }));
    let account = "clusterlaunchdarklyaccount";
    stage
        .plane
        .await_ready(account, "", "shared", PATIENCE)
        .unwrap();
    stage.apply_to("team-a", &json!({
        "apiVersion": "ldtokens.dev/v1alpha1", "kind": "AccessToken", "metadata": {"name": "web"},
        "spec": {"role": "reader", "accountRef": {"kind": "ClusterLaunchDarklyAccount", "name": "shared"}},
    }));
}

/// Waits until an object is stalled for this reason, and returns the RoleBinding that its message has.
fn denied(stage: &Stage, reason: &str, (kind, namespace, name): (&str, &str, &str)) -> String {
    let says = |object: &Value| {
        let of = |kind| object::condition(object, kind).ok_or(format!("no condition {kind}"));
        let (ready, stalled) = (of("Ready")?, of("Stalled")?);
        if ready.status == "False" && stalled.reason == reason {
            Ok(stalled.message)
        } else {
            Err(format!("{ready:?} {stalled:?}"))
        }
    };
    let message = wait::until_ok(PATIENCE, &format!("a refusal in {namespace}"), || {
        let object = stage.plane.get(kind, namespace, name);
        says(&object.map_err(|error| format!("{error:?}"))?)
    })
    .unwrap();
    assert!(message.contains(&format!("{namespace:?}")), "{message}");
    message
        .split_once("apply {")
        .map(|(_, yaml)| format!("{{{yaml}"))
        .unwrap()
}

/// Asserts that an object was not stalled before it was as old as the settle time of the rig's operators: what lacks may have been
/// applied with it.
fn was_not_stalled_young(object: &Value) {
    let conditions = object["status"]["conditions"].as_array().unwrap();
    let stalled = conditions.iter().find(|one| one["type"] == "Stalled");
    let time = |value: &Value| value.as_str().unwrap().parse::<Timestamp>().unwrap();
    let since = time(&stalled.unwrap()["lastTransitionTime"]);
    let created = time(&object["metadata"]["creationTimestamp"]);
    let age = since.duration_since(created);
    assert!(age >= SignedDuration::from_secs(2), "stalled after {age:#}");
}

#[test]
fn a_namespace_lets_the_operator_at_its_secrets_by_the_role_binding_that_the_refusal_has() {
    let stage = Stage::new();
    let mode = "--set=rbac.secretAccess=OptIn";
    stage.helm(&["install", NAME, &chart(), "--create-namespace", mode]);
    stage.await_kinds();
    stage.await_rights(&[
        ("patch", "accesstokens.ldtokens.dev", "team-a", true),
        ("get", "secrets", NAME, true),
        ("list", "secrets", NAME, false),
        ("create", "secrets", NAME, false),
        ("get", "secrets", "team-a", false),
    ]);
    let mark = stage.plane.audit_mark().unwrap();
    let mut operator = stage.operator("opt-in");

    let refusal = "SecretAccessDenied";

    // Without the RoleBinding nothing is made, and the object has the text that helps.
    shared_account(&stage);
    let binding = denied(&stage, refusal, ("accesstoken", "team-a", "web"));
    assert_eq!(stage.simulator.created_tokens().unwrap().len(), 0);
    was_not_stalled_young(&stage.plane.get("accesstoken", "team-a", "web").unwrap());
    stage.plane.apply(&binding).unwrap();
    stage.ready("team-a");

    // A namespaced account's credential is a Secret of the namespace, too.
    stage.begin("team-b");
    let binding = denied(
        &stage,
        refusal,
        ("launchdarklyaccount", "team-b", "default"),
    );
    stage.plane.apply(&binding).unwrap();
    stage.annotate("launchdarklyaccount", "team-b", "default", "touched=once");
    stage.ready("team-b");

    // Nobody tells of a Secret that is lost or edited; it is seen all the same.
    let secret = ["secret", "web", "--namespace", "team-a"];
    let key = stage.key("team-a");
    stage
        .plane
        .kubectl(&[&["delete"][..], &secret].concat())
        .unwrap();
    let second = stage.new_key("team-a", &key, "SecretDeleted");
    let edit = [
        "--type=merge",
        "--patch",
        r#"{"stringData": {"token": "not-a-key"}}"#,
    ];
    stage
        .plane
        .kubectl(&[&["patch"][..], &secret, &edit].concat())
        .unwrap();
    let third = stage.new_key("team-a", "not-a-key", "SecretEdited");
    assert_ne!(second, third);

    // A process that dies, and a right that is taken away: the key stays, and all goes on when the right is back.
    operator.restart().unwrap();
    operator.await_ready(PATIENCE).unwrap();
    stage.rotate("team-a");
    let name = rig::access::SECRET_WRITER;
    let unbind = ["delete", "rolebinding", name, "--namespace", "team-a"];
    stage.plane.kubectl(&unbind).unwrap();
    let binding = denied(&stage, refusal, ("accesstoken", "team-a", "web"));
    assert_eq!(
        stage.simulator.call_with_key(&stage.key("team-a")).unwrap(),
        200
    );
    stage.plane.apply(&binding).unwrap();
    stage.ready("team-a");

    // Deleted with all that belongs to it.
    let delete = ["delete", "accesstoken", "web", "--namespace", "team-a"];
    stage.plane.kubectl(&delete).unwrap();
    assert!(
        stage.plane.get("secret", "team-a", "web").is_err(),
        "the Secret is left"
    );
    assert_eq!(stage.plural_reads_of_secrets(mark), [""; 0]);
    // What was refused is what the namespaces had not given, and nothing else.
    for refusal in stage.refusals(mark) {
        let of_theirs = ["team-a", "team-b"].iter().any(|namespace| {
            refusal.starts_with(&format!(
                "\"get\" \"/api/v1/namespaces/{namespace}/secrets/"
            ))
        });
        assert!(of_theirs, "{refusal}");
    }
    operator.terminate(PATIENCE).unwrap();
}
