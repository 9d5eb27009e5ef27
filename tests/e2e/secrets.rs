//! The Secret: repaired when it is lost, left alone when it is somebody else's.

use rig::{object, wait};
use serde_json::json;

use crate::stage::{Home, PATIENCE, accepted, stage};

#[test]
fn a_deleted_secret_comes_back_with_a_new_key_and_the_old_one_keeps_working() {
    let calm = &stage().careless;
    let home = Home::at(calm, "secret-deleted");
    home.token("web", &json!({"role": "reader"}));
    home.ready("web");
    let old = home.key("web");
    home.delete("secret", "web");
    let new = home.new_key("web", &old);
    accepted(calm, &old);
    accepted(calm, &new);
    assert_eq!(
        home.ready("web")["status"]["history"][0]["cause"],
        "SecretDeleted"
    );
}

#[test]
fn an_edited_key_is_replaced_with_grace_and_foreign_entries_stay() {
    let calm = &stage().careless;
    let home = Home::at(calm, "secret-edited");
    home.token("web", &json!({"role": "reader"}));
    home.ready("web");
    let old = home.key("web");
    home.patch("secret", "web", &json!({"stringData": {"token": "not-a-key", "mine": "stays"}, "metadata": {"labels": {"mine": "stays"}}}));
    let new = wait::until_ok(PATIENCE, "a new key", || {
        let key = home.key("web");
        if key == old || key == "not-a-key" {
            Err(key.len())
        } else {
            Ok(key)
        }
    })
    .unwrap();
    accepted(calm, &old);
    accepted(calm, &new);
    let secret = home.get("secret", "web");
    assert_eq!(object::secret_entry(&secret, "mine").unwrap(), "stays");
    assert_eq!(secret["metadata"]["labels"]["mine"], "stays");
    let token = home.settled("web");
    assert_eq!(token["status"]["history"][0]["cause"], "SecretEdited");
}

#[test]
fn missing_annotations_are_put_back_without_a_rotation() {
    let home = Home::at(&stage().calm, "secret-annotations");
    let template = json!({"metadata": {"labels": {"team": "a"}}});
    home.token(
        "web",
        &json!({"role": "reader", "secret": {"template": template}}),
    );
    home.ready("web");
    let key = home.key("web");
    home.patch("secret", "web", &json!({"metadata": {"labels": {"team": null}, "annotations": {"ldtokens.dev/attempt": null}}}));
    home.wait("secret", "web", "the label again", |secret| {
        let labels = &secret["metadata"]["labels"];
        if labels["team"] == "a" {
            Ok(())
        } else {
            Err(labels.to_string())
        }
    });
    assert_eq!(home.key("web"), key);
}

#[test]
fn a_foreign_secret_is_left_alone_and_named() {
    let home = Home::at(&stage().calm, "secret-foreign");
    home.apply(&json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "web"}, "stringData": {"token": "theirs"}}));
    home.token("web", &json!({"role": "reader"}));
    let message = home.reason("web", "Stalled", "SecretForeign");
    assert!(message.contains("\"web\""), "{message}");
    assert_eq!(home.key("web"), "theirs");
    home.remote_count(&stage().calm, 0);
    home.delete("secret", "web");
    home.ready("web");
}

#[test]
fn a_secret_that_may_not_be_written_stops_the_creation_before_it_begins() {
    let home = Home::at(&stage().calm, "secret-refused");
    home.apply(&json!({
        "apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "no-secrets"}, "spec": {"hard": {"secrets": "1"}},
    }));
    let policy = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": "no-secret-web"},
        "spec": {
            "matchConstraints": {"resourceRules": [{
                "apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"], "resources": ["secrets"],
            }]},
            "validations": [{"expression": "object.metadata.name != 'web'", "message": "not in this house"}],
        },
    });
    let binding = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": "no-secret-web"},
        "spec": {
            "policyName": "no-secret-web", "validationActions": ["Deny"],
            "matchResources": {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "secret-refused"}}},
        },
    });
    for object in [&policy, &binding] {
        stage().plane.apply(&object.to_string()).unwrap();
    }
    // A policy takes a moment to be in force: it is tried until it is.
    let refused = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "web", "namespace": "secret-refused"}});
    wait::until_true(PATIENCE, "the policy to be in force", || {
        let denied = stage()
            .plane
            .kubectl_with_input(
                &["create", "--dry-run=server", "-f", "-"],
                &refused.to_string(),
            )
            .is_err();
        Ok(denied)
    })
    .unwrap();
    home.token("web", &json!({"role": "reader"}));
    let message = home.reason("web", "Ready", "SecretNotWritable");
    assert!(message.contains("not in this house"), "{message}");
    home.remote_count(&stage().calm, 0);
}

#[test]
fn a_secret_that_the_quota_has_no_room_for_stops_the_creation_before_it_begins() {
    let home = Home::at(&stage().calm, "secret-quota");
    home.apply(&json!({
        "apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "no-secrets"}, "spec": {"hard": {"secrets": "0"}},
    }));
    // As the quota controller would, which is no part of this control plane.
    let used = r#"{"status": {"hard": {"secrets": "0"}, "used": {"secrets": "0"}}}"#;
    let arguments = [
        "patch",
        "resourcequota",
        "no-secrets",
        "--namespace=secret-quota",
        "--subresource=status",
        "--type=merge",
        "--patch",
        used,
    ];
    stage().plane.kubectl(&arguments).unwrap();
    wait::until_true(PATIENCE, "the quota to be in force", || {
        let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "web", "namespace": "secret-quota"}});
        let arguments = ["create", "--dry-run=server", "-f", "-"];
        let answer = stage()
            .plane
            .kubectl_with_input(&arguments, &secret.to_string());
        Ok(answer.is_err())
    })
    .unwrap();
    home.token("web", &json!({"role": "reader"}));
    let message = home.reason("web", "Ready", "SecretNotWritable");
    assert!(message.contains("quota"), "{message}");
    home.remote_count(&stage().calm, 0);
}

#[test]
fn a_renamed_secret_gets_the_same_key_and_the_old_one_stays_for_the_grace() {
    let home = Home::at(&stage().calm, "secret-moved");
    home.token(
        "web",
        &json!({"role": "reader", "rotation": {"gracePeriod": "5s"}}),
    );
    home.ready("web");
    let key = home.key("web");
    home.patch(
        "accesstoken",
        "web",
        &json!({"spec": {"secret": {"name": "moved", "key": "api-key"}}}),
    );
    home.ready("web");
    let moved = home.wait("secret", "moved", "the moved Secret", |_| Ok(()));
    assert_eq!(object::secret_entry(&moved, "api-key").unwrap(), key);
    assert_eq!(
        home.key("web"),
        key,
        "the former Secret is there during the grace"
    );
    home.gone("secret", "web");
    home.ready("web");
}
