//! From an account's spec to what it says.

use super::checks::Checks;
use super::token::duration;
use super::{Invalid, messages};
use crate::api::access_token::AccountKind;
use crate::api::account::{
    AccountSpec, AllowedNamespaces, ClusterAccountSpec, LabelExpression, LabelOperator, PolicySpec,
};
use crate::domain::durations;
use crate::domain::limits;
use crate::domain::policy::AccountPolicy;
use crate::domain::syntax;

/// Where the commercial LaunchDarkly is (documented).
pub const DEFAULT_API_URL: &str = "https://app.launchdarkly.com";

/// Everything an account's spec says, with all defaults filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DesiredAccount {
    /// Where the API is. Whether its host is allowed is the operator's to say.
    pub api_url: String,
    /// The name of the Secret with the credential.
    pub credentials_name: String,
    /// The entry of that Secret.
    pub credentials_key: String,
    /// The only authorities to trust, in PEM; `None` for those of the system.
    pub ca_bundle: Option<String>,
    /// What may be asked for.
    pub policy: AccountPolicy,
    /// Who may ask, for the cluster kind; `None` means: only the account's own namespace.
    pub allowed_namespaces: Option<AllowedNamespaces>,
}

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
    check_namespaces(&mut checks, &allowed);
    account.allowed_namespaces = Some(allowed);
    checks.done(account)
}

fn shared(checks: &mut Checks, kind: AccountKind, spec: &AccountSpec) -> DesiredAccount {
    let api_url = spec.api_url.as_deref().unwrap_or(DEFAULT_API_URL);
    check_url(checks, api_url);
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

fn policy(checks: &mut Checks, kind: AccountKind, spec: Option<&PolicySpec>) -> AccountPolicy {
    let spec = spec.cloned().unwrap_or_default();
    if let Some(roles) = &spec.roles {
        let field = "spec.policy.roles";
        checks.require(!roles.is_empty(), field, messages::EMPTY_LIST);
        checks.count(field, roles.len(), 0, limits::BASE_ROLES);
    }
    if let Some(globs) = &spec.custom_roles {
        let field = "spec.policy.customRoles";
        checks.require(!globs.is_empty(), field, messages::EMPTY_LIST);
        checks.list(field, globs, (0, limits::GLOBS), (0, limits::ROLE));
        checks.forms(field, globs, &syntax::ROLE_GLOB);
    }
    if let Some(inline) = &spec.inline_role {
        let field = "spec.policy.inlineRole.resources";
        checks.list(
            field,
            &inline.resources,
            (1, limits::GLOBS),
            (1, limits::RESOURCE),
        );
        let field = "spec.policy.inlineRole.actions";
        checks.list(
            field,
            &inline.actions,
            (1, limits::GLOBS),
            (1, limits::ACTION),
        );
    }
    if let Some(max) = spec.max_tokens {
        checks.range("spec.policy.maxTokens", max, 0, limits::MAX_TOKENS);
    }
    let max_interval = spec.max_rotation_interval.as_deref().and_then(|text| {
        let range = (durations::MIN_INTERVAL, messages::INTERVAL);
        duration(checks, "spec.policy.maxRotationInterval", text, range)
    });
    AccountPolicy::new(kind, &spec, max_interval)
}

fn check_namespaces(checks: &mut Checks, allowed: &AllowedNamespaces) {
    let field = "spec.allowedNamespaces.names";
    checks.set(
        field,
        &allowed.names,
        (0, limits::NAMESPACES),
        (0, limits::LABEL),
    );
    checks.forms(field, &allowed.names, &syntax::NAMESPACE);
    let Some(selector) = &allowed.selector else {
        return;
    };
    let field = "spec.allowedNamespaces.selector";
    let empty = selector.match_labels.is_empty() && selector.match_expressions.is_empty();
    checks.require(!empty, field, messages::EMPTY_SELECTOR);
    checks.labels(&format!("{field}.matchLabels"), &selector.match_labels);
    let field = format!("{field}.matchExpressions");
    let expressions = &selector.match_expressions;
    checks.count(&field, expressions.len(), 0, limits::EXPRESSIONS);
    for (index, expression) in expressions.iter().enumerate() {
        check_expression(checks, &format!("{field}[{index}]"), expression);
    }
}

fn check_expression(checks: &mut Checks, field: &str, expression: &LabelExpression) {
    let key = format!("{field}.key");
    checks.text(&key, &expression.key, limits::LABEL_KEY, &syntax::LABEL_KEY);
    let values = format!("{field}.values");
    let (count, length) = ((0, limits::ENTRIES), (0, limits::LABEL));
    checks.set(&values, &expression.values, count, length);
    checks.forms(&values, &expression.values, &syntax::LABEL_VALUE);
    let wanted = matches!(
        expression.operator,
        LabelOperator::In | LabelOperator::NotIn
    );
    checks.require(
        wanted != expression.values.is_empty(),
        field,
        messages::VALUES,
    );
}
