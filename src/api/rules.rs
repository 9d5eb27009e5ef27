//! The CEL rules of the schema, made from the patterns and messages that the operator's own checks use.

use kube::core::{Message, Rule};

use crate::api::validate::messages;
use crate::domain::marker;
use crate::domain::syntax::{self, Syntax};

/// A rule with a fixed message. The API server puts the value of a text before it.
fn rule(holds: impl Into<String>, message: &str) -> Rule {
    Rule::new(holds).message(message)
}

/// A text has a form.
pub(super) fn form(syntax: &Syntax) -> Rule {
    rule(
        format!("self.matches(r'{}')", syntax.pattern),
        syntax.message,
    )
}

/// The keys of a map are valid keys of labels.
pub(super) fn label_keys() -> Rule {
    let Syntax {
        pattern, message, ..
    } = &syntax::LABEL_KEY;
    let length = crate::domain::limits::LABEL_KEY;
    rule(
        format!("self.all(k, size(k) <= {length} && k.matches(r'{pattern}'))"),
        message,
    )
}

/// The values of a map are valid values of labels.
pub(super) fn label_values() -> Rule {
    let Syntax {
        pattern, message, ..
    } = &syntax::LABEL_VALUE;
    rule(
        format!("self.all(k, self[k].matches(r'{pattern}'))"),
        message,
    )
}

/// No key of a map belongs to somebody else.
pub(super) fn no_reserved_keys() -> Rule {
    no_keys(&syntax::RESERVED_KEY)
}

/// No key of a map makes another controller copy the Secret.
pub(super) fn no_spreading_keys() -> Rule {
    no_keys(&syntax::SPREADING_KEY)
}

/// No key of a map has a form.
fn no_keys(form: &Syntax) -> Rule {
    let Syntax {
        pattern, message, ..
    } = form;
    rule(format!("!self.exists(k, k.matches(r'{pattern}'))"), message)
}

/// Exactly one way says what a token may do.
pub(super) fn one_grant() -> Rule {
    rule(
        "[has(self.role), has(self.customRoles), has(self.inlineRole)].exists_one(x, x)",
        messages::ONE_GRANT,
    )
}

/// The account of a token stays; the schema's defaults make sure that there are two to compare.
pub(super) fn same_account() -> Rule {
    rule(
        "self == oldSelf",
        "must not be changed; create another AccessToken for another account",
    )
}

/// The class of an account stays, also where there is none: its AccessTokens would change hands with it.
pub(super) fn same_class() -> Rule {
    rule(
        "has(self.controllerClass) == has(oldSelf.controllerClass) && (!has(self.controllerClass) || self.controllerClass == oldSelf.controllerClass)",
        "must not be changed; create another account for another class",
    )
    .field_path(".controllerClass")
}

/// The account's name is a name of an object.
pub(super) fn account_name() -> Rule {
    let Syntax {
        pattern, message, ..
    } = &syntax::OBJECT_NAME;
    rule(format!("self.name.matches(r'{pattern}')"), message).field_path(".name")
}

/// The description has no marker of ours.
pub(super) fn no_marker() -> Rule {
    rule(
        format!("!self.contains('{}')", marker::OPENING),
        messages::MARKER,
    )
}

/// One of `resources` and `notResources`.
pub(super) fn one_of_resources() -> Rule {
    rule(
        "has(self.resources) != has(self.notResources)",
        messages::RESOURCES,
    )
}

/// One of `actions` and `notActions`.
pub(super) fn one_of_actions() -> Rule {
    rule(
        "has(self.actions) != has(self.notActions)",
        messages::ACTIONS,
    )
}

/// The two keys have entries of their own.
pub(super) fn distinct_keys() -> Rule {
    rule(
        "!has(self.previousKey) || self.previousKey != (has(self.key) ? self.key : 'token')",
        messages::DISTINCT_KEYS,
    )
    .field_path(".previousKey")
}

/// An interval is neither too short nor too long. What is no duration has a rule of its own.
pub(super) fn interval_bounds() -> Rule {
    let pattern = syntax::DURATION.pattern;
    rule(
        format!(
            "!self.matches(r'{pattern}') || (duration(self) >= duration('1m') && duration(self) <= duration('43800h'))"
        ),
        messages::INTERVAL,
    )
}

/// A grace period is not too long.
pub(super) fn grace_bounds() -> Rule {
    let pattern = syntax::DURATION.pattern;
    rule(
        format!("!self.matches(r'{pattern}') || duration(self) <= duration('43800h')"),
        messages::GRACE,
    )
}

/// The previous key is gone well before the next rotation.
pub(super) fn grace_fits() -> Rule {
    let pattern = syntax::DURATION.pattern;
    Rule::new(format!(
        "!has(self.interval) || !has(self.gracePeriod) \
         || !self.interval.matches(r'{pattern}') || !self.gracePeriod.matches(r'{pattern}') \
         || duration(self.gracePeriod).getSeconds() * 5 <= duration(self.interval).getSeconds() * 4"
    ))
    .message(Message::Expression(
        "'must be at most 80 % of rotation.interval: ' + self.gracePeriod + ' is too long for ' + self.interval".into(),
    ))
    .field_path(".gracePeriod")
}

/// Certificates in PEM.
pub(super) fn certificates() -> Rule {
    let (begin, end) = (messages::PEM_BEGIN, messages::PEM_END);
    rule(
        format!("self.contains('{begin}') && self.contains('{end}')"),
        messages::PEM,
    )
}

/// No private key among the certificates.
pub(super) fn no_private_key() -> Rule {
    let private = messages::PEM_PRIVATE;
    rule(
        format!("!self.contains('{private}')"),
        messages::PRIVATE_KEY,
    )
}

/// A selector says something.
pub(super) fn selector_with_content() -> Rule {
    rule(
        "(has(self.matchLabels) && size(self.matchLabels) > 0) || (has(self.matchExpressions) && size(self.matchExpressions) > 0)",
        messages::EMPTY_SELECTOR,
    )
}

/// A list of what is allowed says something.
pub(super) fn some_item() -> Rule {
    rule("size(self) > 0", messages::EMPTY_LIST)
}

/// A list of prefixes says something.
pub(super) fn some_prefix() -> Rule {
    rule("size(self) > 0", messages::EMPTY_PREFIXES)
}

/// Values go with the operators that use them.
pub(super) fn values_fit_operator() -> Rule {
    rule(
        "(self.operator in ['In', 'NotIn']) == (has(self.values) && size(self.values) > 0)",
        messages::VALUES,
    )
}
