//! What an account lets others ask for, as its spec says it.

use jiff::SignedDuration;

use super::checks::Checks;
use super::messages;
use super::token::duration;
use crate::api::access_token::AccountKind;
use crate::api::account::{AllowedNamespaces, LabelExpression, Permission, PolicySpec};
use crate::domain::durations;
use crate::domain::limits;
use crate::domain::namespaces::{
    AdmittedNamespaces, LabelOperator, LabelRequirement, LabelSelector,
};
use crate::domain::policy::{AccountPolicy, Grants, InlineRoleLimit};
use crate::domain::settings::BaseRole;
use crate::domain::syntax;

pub(super) fn policy(
    checks: &mut Checks,
    kind: AccountKind,
    spec: Option<&PolicySpec>,
) -> AccountPolicy {
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
    if let Some(prefixes) = &spec.secret_metadata {
        let field = "spec.policy.secretMetadata";
        checks.require(!prefixes.is_empty(), field, messages::EMPTY_PREFIXES);
        let (count, length) = ((0, limits::KEY_PREFIXES), (0, limits::LABEL_KEY));
        checks.list(field, prefixes, count, length);
        checks.forms(field, prefixes, &syntax::KEY_PREFIX);
    }
    if let Some(max) = spec.max_tokens {
        checks.range("spec.policy.maxTokens", max, 0, limits::MAX_TOKENS);
    }
    let max_interval = spec.max_rotation_interval.as_deref().and_then(|text| {
        let range = (durations::MIN_INTERVAL, messages::INTERVAL);
        duration(checks, "spec.policy.maxRotationInterval", text, range)
    });
    of(kind, &spec, max_interval)
}

/// The namespaces that a spec admits.
pub(super) fn namespaces(checks: &mut Checks, allowed: &AllowedNamespaces) -> AdmittedNamespaces {
    check_namespaces(checks, allowed);
    let selector = allowed.selector.as_ref().map(|selector| LabelSelector {
        labels: selector.match_labels.clone(),
        requirements: selector.match_expressions.iter().map(requirement).collect(),
    });
    AdmittedNamespaces {
        names: allowed.names.clone(),
        selector,
    }
}

fn requirement(expression: &LabelExpression) -> LabelRequirement {
    LabelRequirement {
        key: expression.key.clone(),
        operator: expression.operator,
        values: expression.values.clone(),
    }
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

/// The policy of an account with all defaults filled in. `max_interval` is `spec.max_rotation_interval`, read.
#[must_use]
fn of(kind: AccountKind, spec: &PolicySpec, max_interval: Option<SignedDuration>) -> AccountPolicy {
    let shared = kind == AccountKind::ClusterLaunchDarklyAccount;
    let said = spec.roles.is_some() || spec.custom_roles.is_some() || spec.inline_role.is_some();
    let grants = match (said, shared) {
        (true, _) => Grants::Only {
            roles: spec.roles.clone().unwrap_or_default(),
            custom_roles: spec.custom_roles.clone().unwrap_or_default(),
            inline: spec.inline_role.as_ref().map(|limit| InlineRoleLimit {
                resources: limit.resources.clone(),
                actions: limit.actions.clone(),
            }),
        },
        (false, true) => Grants::Only {
            roles: vec![BaseRole::Reader, BaseRole::Writer],
            custom_roles: Vec::new(),
            inline: None,
        },
        (false, false) => Grants::Anything,
    };
    AccountPolicy {
        grants,
        personal_tokens: spec
            .personal_tokens
            .map_or(!shared, |permission| permission == Permission::Allow),
        // A negative number, which no schema lets pass, means the least.
        max_tokens: spec.max_tokens.map(|max| usize::try_from(max).unwrap_or(0)),
        max_interval,
        retain: spec.retain != Some(Permission::Forbid),
        secret_metadata: spec.secret_metadata.clone(),
    }
}

#[cfg(test)]
mod tests;
