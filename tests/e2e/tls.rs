//! https with a private authority, and what is no https.

use serde_json::json;

use crate::stage::{Home, accepted, stage};

/// The reason that the account shows, and its message.
fn refused_account(home: &Home<'_>, api_url: &str, bundle: Option<&str>, reason: &str) -> String {
    home.credential(stage().private.managing_key());
    let mut spec = json!({"apiUrl": api_url, "credentialsSecretRef": {"name": "managing-key"}});
    if let Some(bundle) = bundle {
        spec["caBundle"] = json!(bundle);
    }
    home.account(&spec);
    home.reason_of("launchdarklyaccount", "default", "Ready", reason)
}

#[test]
fn a_private_certificate_is_trusted_when_the_account_has_its_authority() {
    let private = &stage().private;
    let home = Home::bare("tls-private");
    let message = refused_account(&home, private.url(), None, "LaunchDarklyUnavailable");
    assert!(
        message.contains("TLS failed") && message.contains("spec.caBundle"),
        "{message}"
    );
    home.token("web", &json!({"role": "reader"}));
    let message = home.reason("web", "Ready", "AccountNotReady");
    assert!(message.contains("spec.caBundle"), "{message}");

    home.patch(
        "launchdarklyaccount",
        "default",
        &json!({"spec": {"caBundle": private.ca().unwrap()}}),
    );
    home.ready("web");
    accepted(private, &home.key("web"));
    home.remote_count(private, 1);
}

#[test]
fn with_a_bundle_no_other_authority_is_trusted() {
    let another = rig::SimulatorProcess::start(&rig::SimulatorOptions {
        seed: 20,
        tls: true,
        ..rig::SimulatorOptions::default()
    })
    .unwrap();
    let home = Home::bare("tls-other");
    let message = refused_account(
        &home,
        stage().private.url(),
        another.ca(),
        "LaunchDarklyUnavailable",
    );
    assert!(message.contains("TLS failed"), "{message}");
}

#[test]
fn a_bundle_that_is_no_pem_is_refused_at_admission() {
    let home = Home::bare("tls-words");
    let account = json!({
        "apiVersion": "ldtokens.dev/v1alpha1", "kind": "LaunchDarklyAccount",
        "metadata": {"name": "default", "namespace": home.namespace},
        "spec": {"credentialsSecretRef": {"name": "managing-key"}, "caBundle": "trust me"},
    });
    let refusal = stage().plane.apply(&account.to_string()).unwrap_err();
    let text = format!("{refusal:?}");
    assert!(
        text.contains("spec.caBundle") && text.contains("PEM"),
        "{text}"
    );
}

#[test]
fn a_bundle_whose_certificates_cannot_be_read_is_named() {
    let home = Home::bare("tls-garbage");
    let bundle = "-----BEGIN CERTIFICATE-----\nnobody can read this\n-----END CERTIFICATE-----\n";
    let message = refused_account(&home, stage().private.url(), Some(bundle), "InvalidSpec");
    assert_eq!(
        message,
        "spec.caBundle has no certificate in PEM form that can be read"
    );
    home.reason_of("launchdarklyaccount", "default", "Stalled", "InvalidSpec");
}

#[test]
fn http_is_for_listed_loopback_addresses_only() {
    let home = Home::bare("tls-plain");
    let account = json!({
        "apiVersion": "ldtokens.dev/v1alpha1", "kind": "LaunchDarklyAccount",
        "metadata": {"name": "far", "namespace": home.namespace},
        "spec": {"apiUrl": "http://app.launchdarkly.com", "credentialsSecretRef": {"name": "managing-key"}},
    });
    let refusal = stage().plane.apply(&account.to_string()).unwrap_err();
    let text = format!("{refusal:?}");
    assert!(
        text.contains("spec.apiUrl") && text.contains("https"),
        "{text}"
    );
    let message = refused_account(&home, "http://127.0.0.1:9", None, "HostNotAllowed");
    assert!(
        message.contains("127.0.0.1:9") && message.contains("--allowed-api-host"),
        "{message}"
    );
}
