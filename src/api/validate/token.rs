//! From an `AccessToken` to what it asks for.

use std::collections::BTreeSet;

use jiff::SignedDuration;

use crate::api::access_token::{self as api, AccessToken};
use crate::api::validate::checks::{Checks, REFUSED_KEYS};
use crate::api::validate::{Invalid, messages};
use crate::api::{CUT_OFF_ANNOTATION, REVOKE_ANNOTATION, ROTATE_ANNOTATION};
use crate::domain::desired::{Desired, DriftPolicy, Rotation, Strategy};
use crate::domain::durations;
use crate::domain::ids::{FormerHashes, RequestHash, RequestHashing};
use crate::domain::limits;
use crate::domain::marker;
use crate::domain::secret::SecretLayout;
use crate::domain::settings::{BaseRole, Grant, Statement, TokenSettings};
use crate::domain::syntax;

/// What an object asks for, with all defaults filled in.
///
/// # Errors
/// Every mistake that the schema and its CEL rules would refuse on creation.
pub fn desired(object: &AccessToken) -> Result<Desired, Vec<Invalid>> {
    let mut checks = Checks::default();
    let spec = &object.spec;
    checks.text(
        "spec.accountRef.name",
        &spec.account_ref.name,
        limits::NAME,
        &syntax::OBJECT_NAME,
    );
    let desired = Desired {
        settings: settings(&mut checks, object),
        secret: secret(&mut checks, spec.secret.clone().unwrap_or_default(), object),
        rotation: rotation(&mut checks, object),
        drift_policy: spec.drift_policy.unwrap_or(DriftPolicy::Correct),
        suspend: spec.suspend.unwrap_or(false),
    };
    checks.done(desired)
}

fn settings(checks: &mut Checks, object: &AccessToken) -> TokenSettings {
    let spec = &object.spec;
    if let Some(name) = &spec.name {
        checks.text("spec.name", name, limits::TOKEN_NAME, &syntax::ONE_LINE);
    }
    if let Some(description) = &spec.description {
        let field = "spec.description";
        checks.length(field, description, 0, limits::DESCRIPTION);
        let free_of_marker = !description.contains(marker::OPENING);
        checks.require(free_of_marker, field, messages::MARKER);
    }
    if let Some(version) = spec.default_api_version {
        let (min, max) = limits::API_VERSION;
        checks.range("spec.defaultApiVersion", version, min, max);
    }
    TokenSettings {
        name: spec.name.clone().unwrap_or_else(|| default_name(object)),
        // A block text in YAML ends with a line break that nobody means.
        description: spec
            .description
            .as_deref()
            .unwrap_or_default()
            .trim()
            .into(),
        service_token: spec.service_token.unwrap_or(true),
        grant: grant(checks, spec),
        default_api_version: spec.default_api_version,
    }
}

fn default_name(object: &AccessToken) -> String {
    let metadata = &object.metadata;
    let namespace = metadata.namespace.as_deref().unwrap_or_default();
    let name = metadata.name.as_deref().unwrap_or_default();
    format!("{namespace}/{name}")
}

fn grant(checks: &mut Checks, spec: &api::AccessTokenSpec) -> Grant {
    if let Some(roles) = &spec.custom_roles {
        let field = "spec.customRoles";
        checks.set(field, roles, (1, limits::ENTRIES), (0, limits::ROLE));
        checks.forms(field, roles, &syntax::ROLE);
    }
    if let Some(statements) = &spec.inline_role {
        checks.count("spec.inlineRole", statements.len(), 1, limits::ENTRIES);
        for (index, statement) in statements.iter().enumerate() {
            check_statement(checks, &format!("spec.inlineRole[{index}]"), statement);
        }
    }
    let given = [
        spec.role.map(Grant::Role),
        spec.custom_roles
            .as_ref()
            .map(|roles| Grant::CustomRoles(roles.iter().cloned().collect())),
        spec.inline_role
            .as_ref()
            .map(|statements| Grant::Inline(statements.iter().map(statement).collect())),
    ];
    let mut given = given.into_iter().flatten();
    let (first, second) = (given.next(), given.next());
    let one = first.is_some() && second.is_none();
    checks.require(one, "spec", messages::ONE_GRANT);
    // The least of all when there is none: it is not used, since a mistake was noted.
    first.unwrap_or(Grant::Role(BaseRole::Reader))
}

fn check_statement(checks: &mut Checks, field: &str, statement: &api::StatementSpec) {
    for (name, list) in [
        ("resources", &statement.resources),
        ("notResources", &statement.not_resources),
    ] {
        if let Some(list) = list {
            check_specifiers(checks, &format!("{field}.{name}"), list);
        }
    }
    for (name, list) in [
        ("actions", &statement.actions),
        ("notActions", &statement.not_actions),
    ] {
        if let Some(list) = list {
            let field = format!("{field}.{name}");
            checks.set(&field, list, (1, limits::ENTRIES), (1, limits::ACTION));
        }
    }
    let resources = statement.resources.is_some() != statement.not_resources.is_some();
    checks.require(resources, field, messages::RESOURCES);
    let actions = statement.actions.is_some() != statement.not_actions.is_some();
    checks.require(actions, field, messages::ACTIONS);
}

fn check_specifiers(checks: &mut Checks, field: &str, list: &[String]) {
    checks.set(field, list, (1, limits::ENTRIES), (0, limits::RESOURCE));
    for (index, specifier) in list.iter().enumerate() {
        let at = format!("{field}[{index}]");
        let right = syntax::SPECIFIER.matches(specifier);
        checks.require(right, &at, messages::specifier(specifier));
    }
    let kinds: BTreeSet<&str> = list.iter().filter_map(|one| plain_kind(one)).collect();
    let kinds: Vec<&str> = kinds.into_iter().collect();
    checks.require(kinds.len() < 2, field, messages::mixed_kinds(&kinds));
}

/// The kind of resource that a specifier is about: that of its last part. None where a selector or an attribute, which have colons
/// of their own, leaves room for doubt; LaunchDarkly judges those.
fn plain_kind(specifier: &str) -> Option<&str> {
    if specifier.contains([';', '{']) || !syntax::SPECIFIER.matches(specifier) {
        return None;
    }
    let last = specifier.rsplit(':').next()?;
    last.trim_start_matches('/').split('/').next()
}

fn statement(statement: &api::StatementSpec) -> Statement {
    let list = |list: &Option<Vec<String>>| list.clone().unwrap_or_default();
    Statement {
        effect: statement.effect,
        resources: list(&statement.resources),
        not_resources: list(&statement.not_resources),
        actions: list(&statement.actions),
        not_actions: list(&statement.not_actions),
    }
}

fn secret(checks: &mut Checks, secret: api::SecretSpec, object: &AccessToken) -> SecretLayout {
    if let Some(name) = &secret.name {
        checks.text("spec.secret.name", name, limits::NAME, &syntax::OBJECT_NAME);
    }
    let key = secret.key.unwrap_or_else(|| "token".into());
    checks.text("spec.secret.key", &key, limits::NAME, &syntax::SECRET_KEY);
    if let Some(previous) = &secret.previous_key {
        let field = "spec.secret.previousKey";
        checks.text(field, previous, limits::NAME, &syntax::SECRET_KEY);
        checks.require(*previous != key, field, messages::DISTINCT_KEYS);
    }
    let metadata = secret.template.and_then(|t| t.metadata).unwrap_or_default();
    let labels = metadata.labels.unwrap_or_default();
    let field = "spec.secret.template.metadata.labels";
    checks.labels(field, &labels);
    checks.not_refused(field, &labels);
    let annotations = metadata.annotations.unwrap_or_default();
    let field = "spec.secret.template.metadata.annotations";
    checks.keys(field, &annotations, limits::ANNOTATION);
    checks.not_refused(field, &annotations);
    SecretLayout {
        name: secret
            .name
            .or_else(|| object.metadata.name.clone())
            .unwrap_or_default(),
        key,
        previous_key: secret.previous_key,
        labels,
        annotations,
    }
}

/// How the Secret is laid out, where that part of the spec is valid, whatever the rest is. Labels and annotations that are refused are
/// left out: an object that had one before it was refused can still be revoked.
#[must_use]
pub fn layout(object: &AccessToken) -> Option<SecretLayout> {
    let mut checks = Checks::default();
    let mut spec = object.spec.secret.clone().unwrap_or_default();
    let metadata = spec.template.as_mut().and_then(|t| t.metadata.as_mut());
    if let Some(metadata) = metadata {
        let refused = |key: &str| REFUSED_KEYS.iter().any(|form| form.matches(key));
        let maps = [&mut metadata.labels, &mut metadata.annotations];
        for map in maps.into_iter().flatten() {
            map.retain(|key, _| !refused(key));
        }
    }
    let layout = secret(&mut checks, spec, object);
    checks.done(layout).ok()
}

fn rotation(checks: &mut Checks, object: &AccessToken) -> Rotation {
    let rotation = object.spec.rotation.clone().unwrap_or_default();
    let interval = rotation.interval.as_deref().and_then(|text| {
        let field = "spec.rotation.interval";
        let range = (durations::MIN_INTERVAL, messages::INTERVAL);
        duration(checks, field, text, range)
    });
    let field = "spec.rotation.gracePeriod";
    let grace = rotation.grace_period.as_deref().and_then(|text| {
        let range = (SignedDuration::ZERO, messages::GRACE);
        duration(checks, field, text, range)
    });
    if let (Some(interval), Some(grace)) = (interval, grace) {
        let message = format!(
            "must be at most 80 % of rotation.interval: {} is too long for {}",
            rotation.grace_period.unwrap_or_default(),
            rotation.interval.unwrap_or_default()
        );
        checks.require(durations::grace_fits(grace, interval), field, message);
    }
    for (field, value) in [
        ("spec.rotation.trigger", &rotation.trigger),
        ("spec.rotation.revoke", &rotation.revoke),
    ] {
        if let Some(value) = value {
            checks.length(field, value, 1, limits::REQUEST);
        }
    }
    Rotation {
        strategy: rotation.strategy.unwrap_or(Strategy::Reset),
        interval,
        grace: grace.unwrap_or_else(|| durations::default_grace(interval)),
        triggers: requests(object, RequestKind::Trigger),
        revokes: requests(object, RequestKind::Revoke),
    }
}

/// What a value asks for, once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestKind {
    /// A rotation.
    Trigger,
    /// A new key, and the end of every older one.
    Revoke,
    /// The end of every key.
    CutOff,
}

impl RequestKind {
    /// Where such a value stands.
    #[must_use]
    pub fn place(self) -> &'static str {
        match self {
            Self::Trigger => ROTATE_ANNOTATION,
            Self::Revoke => REVOKE_ANNOTATION,
            Self::CutOff => CUT_OFF_ANNOTATION,
        }
    }

    /// What keeps the hashes of equal values of different kinds apart.
    fn salt(self) -> &'static str {
        match self {
            Self::Trigger => "trigger",
            Self::Revoke => "revoke",
            Self::CutOff => "cut-off",
        }
    }
}

/// A value that asks for something.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// For what.
    pub kind: RequestKind,
    /// As the user wrote it.
    pub value: &'a str,
    /// As it is remembered.
    pub hash: RequestHash,
}

/// Everything that an object asks for, whatever else its spec says.
#[must_use]
pub fn asked(object: &AccessToken) -> Vec<Request<'_>> {
    let rotation = object.spec.rotation.as_ref();
    let places = [
        (
            RequestKind::Trigger,
            rotation.and_then(|it| it.trigger.as_deref()),
        ),
        (RequestKind::Trigger, annotation(object, ROTATE_ANNOTATION)),
        (
            RequestKind::Revoke,
            rotation.and_then(|it| it.revoke.as_deref()),
        ),
        (RequestKind::Revoke, annotation(object, REVOKE_ANNOTATION)),
        (RequestKind::CutOff, annotation(object, CUT_OFF_ANNOTATION)),
    ];
    let asked = places.into_iter().filter_map(|(kind, value)| {
        let value = value?;
        let hash = RequestHash::of(kind.salt(), value);
        Some(Request { kind, value, hash })
    });
    asked.collect()
}

/// What the hashes of everything that an object asks for were in earlier builds.
#[must_use]
pub fn former_hashes(object: &AccessToken) -> FormerHashes {
    let mut former = FormerHashes::default();
    for Request { kind, value, .. } in asked(object) {
        former.note(RequestHashing::FORMER, kind.salt(), std::iter::once(value));
    }
    former
}

/// The values of one kind, each once.
#[must_use]
pub fn requests(object: &AccessToken, kind: RequestKind) -> Vec<RequestHash> {
    let mut hashes: Vec<RequestHash> = Vec::new();
    for request in asked(object).into_iter().filter(|it| it.kind == kind) {
        if !hashes.contains(&request.hash) {
            hashes.push(request.hash);
        }
    }
    hashes
}

/// Reads a duration of at least `range.0`; `range.1` is said about one out of bounds.
pub(super) fn duration(
    checks: &mut Checks,
    field: &str,
    text: &str,
    (min, message): (SignedDuration, &str),
) -> Option<SignedDuration> {
    checks.length(field, text, 0, limits::DURATION);
    checks.form(field, text, &syntax::DURATION);
    let duration = durations::parse(text)?;
    let fits = (min..=durations::MAX).contains(&duration);
    checks.require(fits, field, message);
    Some(duration)
}

/// An empty annotation asks for nothing.
fn annotation<'a>(object: &'a AccessToken, key: &str) -> Option<&'a str> {
    let annotations = object.metadata.annotations.as_ref()?;
    annotations
        .get(key)
        .map(String::as_str)
        .filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests;
