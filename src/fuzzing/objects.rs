//! Objects as users write them: whatever the API server let pass, the operator's own checks hold.
#![expect(clippy::panic, reason = "a broken promise ends the search")]

use jiff::SignedDuration;
use url::Url;

use crate::api::AccessToken;
use crate::api::account::ClusterAccountSpec;
use crate::api::record;
use crate::api::validate;
use crate::api::validate::Invalid;
use crate::domain::account::desired::DesiredAccount;
use crate::domain::secret::SecretLayout;
use crate::domain::{durations, limits, marker, settings::Grant};
use crate::launchdarkly::{AllowedHosts, Endpoint};

/// An `AccessToken`, with its status.
pub(super) fn token(bytes: &[u8]) {
    let Ok(object) = serde_json::from_slice::<AccessToken>(bytes) else {
        return;
    };
    if let Some(before) = &object.status {
        // What is read and written again stays as it is.
        let once = record::read(before);
        let (mut written, mut again) = (before.clone(), before.clone());
        record::write(&once, &mut written);
        record::write(&record::read(&written), &mut again);
        assert_eq!(written, again);
    }
    let desired = match validate::desired(&object) {
        Ok(desired) => desired,
        Err(mistakes) => return explained(&mistakes),
    };
    secret(&object, &desired.secret);
    let rotation = &desired.rotation;
    let bounds = SignedDuration::ZERO..=durations::MAX;
    assert!(bounds.contains(&rotation.grace), "{rotation:?}");
    if let Some(interval) = rotation.interval {
        assert!((durations::MIN_INTERVAL..=durations::MAX).contains(&interval));
        assert!(rotation.grace.as_secs() * 5 <= interval.as_secs() * 4);
    }
    let settings = &desired.settings;
    assert!(!settings.description.contains(marker::OPENING));
    assert!(settings.description.chars().count() <= limits::DESCRIPTION);
    match &settings.grant {
        Grant::Role(_) => {}
        Grant::CustomRoles(roles) => {
            assert!(!roles.is_empty());
            assert!(
                roles
                    .iter()
                    .all(|role| is_plain(role) && !role.starts_with('.'))
            );
        }
        Grant::Inline(statements) => assert!(statements.iter().all(|statement| {
            statement.resources.is_empty() != statement.not_resources.is_empty()
                && statement.actions.is_empty() != statement.not_actions.is_empty()
        })),
    }
}

fn secret(object: &AccessToken, secret: &SecretLayout) {
    if object
        .spec
        .secret
        .as_ref()
        .is_some_and(|s| s.name.is_some())
    {
        assert!(is_object_name(&secret.name), "{:?}", secret.name);
    }
    for entry in [Some(&secret.key), secret.previous_key.as_ref()] {
        assert!(entry.is_none_or(|entry| is_plain(entry)), "{entry:?}");
    }
    assert_ne!(Some(&secret.key), secret.previous_key.as_ref());
    for key in secret.labels.keys().chain(secret.annotations.keys()) {
        let domain = key.split_once('/').map_or("", |(domain, _)| domain);
        let reserved = [
            "kubernetes.io",
            "k8s.io",
            "argoproj.io",
            "helm.sh",
            "fluxcd.io",
            "ldtokens.dev",
            "mittwald.de",
            "emberstack.com",
            "kyverno.io",
            "x-k8s.io",
        ];
        let within = |root: &&str| domain == *root || domain.ends_with(&format!(".{root}"));
        assert!(!reserved.iter().any(within), "{key}");
    }
}

/// An account of either kind.
pub(super) fn account(bytes: &[u8]) {
    let Ok(spec) = serde_json::from_slice::<ClusterAccountSpec>(bytes) else {
        return;
    };
    let of_namespace = validate::account(&spec.account);
    let of_cluster = validate::cluster_account(&spec);
    match (&of_namespace, &of_cluster) {
        (Err(mistakes), Ok(_)) => panic!("only one kind finds {mistakes:?}"),
        (_, Ok(account)) => accepted(account),
        (_, Err(mistakes)) => explained(mistakes),
    }
}

fn accepted(account: &DesiredAccount) {
    assert!(is_object_name(&account.credentials_name));
    assert!(is_plain(&account.credentials_key));
    assert!(account.allowed_namespaces.is_some());
    let url = Url::parse(&account.api_url);
    assert!(url.is_ok_and(|url| url.has_host()), "{}", account.api_url);
    // What the rules let pass is refused only for its host, or for its certificates.
    let named = account.api_url.split("://").nth(1).unwrap_or_default();
    let host = named.split('/').next().unwrap_or_default().parse();
    let allowed = AllowedHosts::new(host.ok());
    let endpoint = Endpoint::parse(&account.api_url, None, &allowed);
    assert!(endpoint.is_ok(), "{}: {endpoint:?}", account.api_url);
}

fn explained(mistakes: &[Invalid]) {
    assert!(!mistakes.is_empty());
    for mistake in mistakes {
        assert!(mistake.field.starts_with("spec") && !mistake.message.is_empty());
    }
}

/// A name that goes into a path of the API server as it is.
fn is_object_name(name: &str) -> bool {
    let good = |c: char| matches!(c, 'a'..='z' | '0'..='9' | '-' | '.');
    (1..=limits::NAME).contains(&name.len())
        && name.chars().all(good)
        && !name.contains("..")
        && !name.starts_with('.')
}

fn is_plain(name: &str) -> bool {
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    !name.is_empty() && name.chars().all(good) && name != "." && name != ".."
}
