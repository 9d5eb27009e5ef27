//! Which namespaces may use an account of the cluster (I9).

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The namespaces that an account admits, by name or by label; the default admits none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AdmittedNamespaces {
    /// Their names.
    pub names: Vec<String>,
    /// Labels that they must have.
    pub selector: Option<LabelSelector>,
}

/// Labels; all that is said here must hold, and something must be said.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LabelSelector {
    /// Labels with their values.
    pub labels: BTreeMap<String, String>,
    /// What else must hold for a label.
    pub requirements: Vec<LabelRequirement>,
}

/// What must hold for one label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelRequirement {
    /// Its name.
    pub key: String,
    /// How it relates to the values.
    pub operator: LabelOperator,
    /// The values.
    pub values: Vec<String>,
}

/// How a label relates to values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub enum LabelOperator {
    /// The label has one of the values.
    In,
    /// The label has none of the values, or does not exist.
    NotIn,
    /// The label exists.
    Exists,
    /// The label does not exist.
    DoesNotExist,
}

/// Whether a namespace is admitted: by name or by label. Saying nothing admits none.
#[must_use]
pub fn is_admitted(
    allowed: &AdmittedNamespaces,
    name: &str,
    labels: &BTreeMap<String, String>,
) -> bool {
    allowed.names.iter().any(|allowed| allowed == name)
        || allowed
            .selector
            .as_ref()
            .is_some_and(|selector| selects(selector, labels))
}

/// Kubernetes' rules for label selectors, but an empty one selects nothing.
fn selects(selector: &LabelSelector, labels: &BTreeMap<String, String>) -> bool {
    let empty = selector.labels.is_empty() && selector.requirements.is_empty();
    let mut wanted = selector.labels.iter();
    let mut requirements = selector.requirements.iter();
    !empty
        && wanted.all(|(key, value)| labels.get(key) == Some(value))
        && requirements.all(|requirement| holds(requirement, labels.get(&requirement.key)))
}

fn holds(requirement: &LabelRequirement, value: Option<&String>) -> bool {
    let listed = value.is_some_and(|value| requirement.values.contains(value));
    match requirement.operator {
        LabelOperator::In => listed,
        LabelOperator::NotIn => !listed,
        LabelOperator::Exists => value.is_some(),
        LabelOperator::DoesNotExist => value.is_none(),
    }
}
