//! From an account's spec to what it says.

use super::policy::{namespaces, policy};
use crate::api::access_token::AccountKind;
use crate::api::account::{AccountSpec, ClusterAccountSpec};
use crate::api::validate::checks::Checks;
use crate::api::validate::{Invalid, messages};
use crate::domain::account::desired::DesiredAccount;
use crate::domain::limits;
use crate::domain::syntax;

/// Where the commercial LaunchDarkly is (documented).
pub const DEFAULT_API_URL: &str = "https://app.launchdarkly.com";

/// What a `LaunchDarklyAccount` says.
///
/// # Errors
/// Every mistake that the schema and its CEL rules would refuse.
pub fn account(spec: &AccountSpec) -> Result<DesiredAccount, Vec<Invalid>> {
    let mut checks = Checks::default();
    let account = shared(&mut checks, AccountKind::LaunchDarklyAccount, spec);
    checks.done(account)
}

/// What a `ClusterLaunchDarklyAccount` says.
///
/// # Errors
/// Every mistake that the schema and its CEL rules would refuse.
pub fn cluster_account(spec: &ClusterAccountSpec) -> Result<DesiredAccount, Vec<Invalid>> {
    let mut checks = Checks::default();
    let kind = AccountKind::ClusterLaunchDarklyAccount;
    let mut account = shared(&mut checks, kind, &spec.account);
    let allowed = spec.allowed_namespaces.clone().unwrap_or_default();
    account.allowed_namespaces = Some(namespaces(&mut checks, &allowed));
    checks.done(account)
}

fn shared(checks: &mut Checks, kind: AccountKind, spec: &AccountSpec) -> DesiredAccount {
    let api_url = spec.api_url.as_deref().unwrap_or(DEFAULT_API_URL);
    check_url(checks, api_url);
    if let Some(class) = &spec.controller_class {
        let field = "spec.controllerClass";
        checks.text(field, class, limits::LABEL, &syntax::NAMESPACE);
    }
    let credentials = &spec.credentials_secret_ref;
    let key = credentials.key.as_deref().unwrap_or("token");
    let field = "spec.credentialsSecretRef.name";
    checks.text(field, &credentials.name, limits::NAME, &syntax::OBJECT_NAME);
    let field = "spec.credentialsSecretRef.key";
    checks.text(field, key, limits::NAME, &syntax::SECRET_KEY);
    if let Some(bundle) = &spec.ca_bundle {
        check_bundle(checks, bundle);
    }
    DesiredAccount {
        api_url: api_url.into(),
        credentials_name: credentials.name.clone(),
        credentials_key: key.into(),
        ca_bundle: spec.ca_bundle.clone(),
        policy: policy(checks, kind, spec.policy.as_ref()),
        allowed_namespaces: None,
    }
}

fn check_url(checks: &mut Checks, url: &str) {
    let field = "spec.apiUrl";
    checks.length(field, url, 0, limits::URL);
    for form in [&syntax::URL, &syntax::SAFE_SCHEME, &syntax::PLAIN_URL] {
        checks.form(field, url, form);
    }
    if syntax::URL.matches(url) {
        // What no pattern catches: an address such as 1.2.3.999, a broken international name.
        checks.require(url::Url::parse(url).is_ok(), field, syntax::URL.message);
    }
}

fn check_bundle(checks: &mut Checks, bundle: &str) {
    let field = "spec.caBundle";
    checks.length(field, bundle, 0, limits::CA_BUNDLE);
    let pem = bundle.contains(messages::PEM_BEGIN) && bundle.contains(messages::PEM_END);
    checks.require(pem, field, messages::PEM);
    let public = !bundle.contains(messages::PEM_PRIVATE);
    checks.require(public, field, messages::PRIVATE_KEY);
}
