//! What a wrong account, credential or policy gets: a constant reason, a message that says what to change, and nothing lost.

use rig::object;
use serde_json::json;

use crate::stage::{Home, accepted, stage};

#[test]
fn an_unknown_account_is_named() {
    let home = Home::bare("trouble-unknown");
    home.token("web", &json!({"role": "reader"}));
    let message = home.reason("web", "Stalled", "AccountNotFound");
    assert!(
        message.contains("\"default\"") && message.contains("create it"),
        "{message}"
    );
}

#[test]
fn a_missing_credential_is_named_and_picked_up_when_it_comes() {
    let calm = &stage().calm;
    let home = Home::bare("trouble-missing");
    home.account(&json!({"apiUrl": calm.url(), "credentialsSecretRef": {"name": "managing-key"}}));
    let message = home.reason_of(
        "launchdarklyaccount",
        "default",
        "Ready",
        "CredentialMissing",
    );
    assert!(message.contains("managing-key"), "{message}");
    home.token("web", &json!({"role": "reader"}));
    home.reason("web", "Ready", "AccountNotReady");
    home.credential(calm.managing_key());
    home.ready("web");
}

#[test]
fn a_credential_without_the_entry_is_invalid() {
    let home = Home::bare("trouble-entry");
    home.credential("whatever");
    home.account(&json!({"apiUrl": stage().calm.url(), "credentialsSecretRef": {"name": "managing-key", "key": "other"}}));
    let message = home.reason_of(
        "launchdarklyaccount",
        "default",
        "Stalled",
        "CredentialInvalid",
    );
    assert!(message.contains("\"other\""), "{message}");
}

#[test]
fn a_wrong_credential_is_rejected_and_a_right_one_heals_it() {
    let calm = &stage().calm;
    let home = Home::bare("trouble-wrong");
    home.credential("api-00000000-0000-4000-8000-000000000000");
    home.account(&json!({"apiUrl": calm.url(), "credentialsSecretRef": {"name": "managing-key"}}));
    home.token("web", &json!({"role": "reader"}));
    home.reason_of(
        "launchdarklyaccount",
        "default",
        "Stalled",
        "CredentialRejected",
    );
    let message = home.reason("web", "Ready", "AccountNotReady");
    assert!(message.contains("401"), "{message}");
    home.credential(calm.managing_key());
    home.ready("web");
}

#[test]
fn another_account_behind_the_credential_changes_nothing() {
    let calm = &stage().calm;
    let home = Home::at(calm, "trouble-other");
    home.token("web", &json!({"role": "reader"}));
    home.ready("web");
    let key = home.key("web");
    let rough = stage().rough();
    home.credential(rough.managing_key());
    home.account(&json!({"apiUrl": rough.url(), "credentialsSecretRef": {"name": "managing-key"}}));
    let message = home.reason_of(
        "launchdarklyaccount",
        "default",
        "Stalled",
        "AccountMismatch",
    );
    assert!(message.contains("bound to account"), "{message}");
    home.patch(
        "accesstoken",
        "web",
        &json!({"spec": {"rotation": {"trigger": "x"}}}),
    );
    home.reason("web", "TokenSynced", "AccountNotReady");
    assert_eq!(home.key("web"), key);
    accepted(calm, &key);
    home.remote_count(rough, 0);
}

#[test]
fn a_host_that_is_not_listed_never_sees_a_key() {
    let home = Home::bare("trouble-host");
    home.credential("api-00000000-0000-4000-8000-000000000000");
    home.account(&json!({"apiUrl": "https://launchdarkly.example.com", "credentialsSecretRef": {"name": "managing-key"}}));
    let message = home.reason_of(
        "launchdarklyaccount",
        "default",
        "Stalled",
        "HostNotAllowed",
    );
    assert!(
        message.contains("launchdarkly.example.com") || message.contains("allowed"),
        "{message}"
    );
}

#[test]
fn a_role_that_does_not_exist_is_named() {
    let calm = &stage().calm;
    let home = Home::at(calm, "trouble-role");
    home.token("web", &json!({"customRoles": ["nobody-has-this"]}));
    let message = home.reason("web", "Stalled", "RoleNotFound");
    assert!(message.contains("nobody-has-this"), "{message}");
    home.patch(
        "accesstoken",
        "web",
        &json!({"spec": {"customRoles": ["deployer"]}}),
    );
    home.ready("web");
}

#[test]
fn two_kinds_of_role_are_refused_at_admission() {
    Home::bare("trouble-two");
    let object = json!({
        "apiVersion": "ldtokens.dev/v1alpha1", "kind": "AccessToken", "metadata": {"name": "web", "namespace": "trouble-two"},
        "spec": {"role": "reader", "customRoles": ["deployer"]},
    });
    let refusal = stage().plane.apply(&object.to_string()).unwrap_err();
    let text = format!("{refusal:?}");
    assert!(
        text.contains("role") && text.contains("exactly one"),
        "{text}"
    );
}

#[test]
fn a_cluster_account_admits_only_the_namespaces_and_roles_it_names() {
    let calm = &stage().calm;
    let credential = json!({
        "apiVersion": "v1", "kind": "Secret", "stringData": {"token": calm.managing_key()},
        "metadata": {"name": "shared-key", "namespace": rig::install::NAMESPACE},
    });
    let account = json!({
        "apiVersion": "ldtokens.dev/v1alpha1", "kind": "ClusterLaunchDarklyAccount", "metadata": {"name": "shared"},
        "spec": {
            "apiUrl": calm.url(), "credentialsSecretRef": {"name": "shared-key"}, "allowedNamespaces": {"names": ["trouble-admitted"]},
        },
    });
    for object in [&credential, &account] {
        stage().plane.apply(&object.to_string()).unwrap();
    }
    let reference = json!({"kind": "ClusterLaunchDarklyAccount", "name": "shared"});
    let stranger = Home::bare("trouble-stranger");
    stranger.token("web", &json!({"role": "reader", "accountRef": reference}));
    stranger.reason("web", "Stalled", "NamespaceNotAllowed");
    let admitted = Home::bare("trouble-admitted");
    admitted.token("boss", &json!({"role": "admin", "accountRef": reference}));
    let message = admitted.reason("boss", "Stalled", "NotAllowedByPolicy");
    assert!(message.contains("admin"), "{message}");
    admitted.token("web", &json!({"role": "reader", "accountRef": reference}));
    admitted.ready("web");
    assert_eq!(admitted.remote(calm).len(), 1);
}

#[test]
fn a_credential_is_out_of_reach_of_other_namespaces() {
    let calm = &stage().calm;
    Home::at(calm, "trouble-owner");
    let borrower = Home::bare("trouble-borrower");
    borrower.token("web", &json!({"role": "reader"}));
    borrower.reason("web", "Stalled", "AccountNotFound");
    let spec = json!({"apiUrl": calm.url(), "credentialsSecretRef": {"name": "managing-key"}});
    borrower.account(&spec);
    let account = (
        "launchdarklyaccount",
        "default",
        "Ready",
        "CredentialMissing",
    );
    let message = borrower.reason_of(account.0, account.1, account.2, account.3);
    assert!(message.contains("\"trouble-borrower\""), "{message}");
    let path = json!({"spec": {"credentialsSecretRef": {"name": "../../trouble-owner/secrets/managing-key"}}});
    let arguments = [
        "patch",
        account.0,
        account.1,
        "--namespace=trouble-borrower",
        "--type=merge",
        "--patch",
    ];
    let refusal = stage()
        .plane
        .kubectl(&[&arguments[..], &[&path.to_string()]].concat());
    assert!(
        format!("{refusal:?}").contains("spec.credentialsSecretRef.name"),
        "{refusal:?}"
    );
    // A cluster account's credential is in the operator's namespace and nowhere else.
    let shared = json!({
        "apiVersion": "ldtokens.dev/v1alpha1", "kind": "ClusterLaunchDarklyAccount", "metadata": {"name": "borrowing"}, "spec": spec,
    });
    stage().plane.apply(&shared.to_string()).unwrap();
    let message = borrower.reason_of(
        "clusterlaunchdarklyaccount",
        "borrowing",
        account.2,
        account.3,
    );
    assert!(message.contains(rig::install::NAMESPACE), "{message}");
}

#[test]
fn an_account_stays_until_the_last_object_that_refers_to_it_is_gone() {
    let calm = &stage().calm;
    let home = Home::at(calm, "trouble-order");
    home.token("web", &json!({"role": "reader"}));
    home.ready("web");
    home.in_use();
    home.delete("launchdarklyaccount", "default");
    home.wait(
        "launchdarklyaccount",
        "default",
        "a deletion that waits",
        |account| {
            let ready = object::condition(account, "Ready").ok_or("no condition")?;
            if ready.reason == "InUse" {
                Ok(())
            } else {
                Err(ready.reason)
            }
        },
    );
    home.delete("accesstoken", "web");
    home.gone("accesstoken", "web");
    home.gone("launchdarklyaccount", "default");
    home.remote_count(calm, 0);
}

#[test]
fn a_deletion_uses_the_last_good_credential_when_the_account_is_gone() {
    let calm = &stage().calm;
    let home = Home::at(calm, "trouble-orphan");
    home.token("web", &json!({"role": "reader"}));
    home.ready("web");
    home.in_use();
    // Without its finalizer the account goes at once, as a user in a hurry would have it.
    home.delete("launchdarklyaccount", "default");
    home.patch(
        "launchdarklyaccount",
        "default",
        &json!({"metadata": {"finalizers": null}}),
    );
    home.gone("launchdarklyaccount", "default");
    home.delete("accesstoken", "web");
    home.gone("accesstoken", "web");
    home.remote_count(calm, 0);
}

#[test]
fn a_deletion_gives_up_in_the_stated_time_when_the_credential_is_refused_and_says_what_stays() {
    let doomed = &stage().doomed;
    let home = Home::at(doomed, "trouble-giveup");
    home.token("web", &json!({"role": "reader"}));
    home.ready("web");
    let id = home.remote(doomed)[0].id.clone();
    let managing = doomed.managing_key();
    let tokens = doomed.tokens().unwrap();
    let owner = tokens
        .iter()
        .find(|token| token.keys.iter().any(|key| key.value == managing));
    doomed.delete_token(&owner.unwrap().id).unwrap();
    home.delete("accesstoken", "web");
    home.gone("accesstoken", "web");
    let namespace = rig::install::NAMESPACE;
    let name = "launchdarkly-token-operator-left-behind";
    let note = stage().plane.get("configmap", namespace, name).unwrap();
    assert!(note["data"].to_string().contains(&id), "{note}");
}
