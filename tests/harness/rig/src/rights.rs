//! The rights that the operator was given, held against what it asked the API server for.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::error::Doing;
use crate::{Helm, RigError, SecretAccess, install, workspace};

/// Names a folder where the end-to-end tests leave their audit logs, one a mode, for whoever wants to look at the rights afterwards.
pub const VARIABLE: &str = "LDTOKENS_TEST_EVIDENCE";

/// Where the audit log of a mode's tests is left, if it is to be.
///
/// # Errors
/// The folder cannot be made.
pub fn evidence(access: SecretAccess) -> Result<Option<PathBuf>, RigError> {
    let Some(folder) = env::var_os(VARIABLE).map(PathBuf::from) else {
        return Ok(None);
    };
    fs::create_dir_all(&folder).doing(|| format!("make {}", folder.display()))?;
    Ok(Some(file(&folder, access)))
}

/// The audit log of a mode in a folder of them.
#[must_use]
pub fn file(folder: &Path, access: SecretAccess) -> PathBuf {
    folder.join(format!("{}.jsonl", access.name()))
}

/// A verb on a resource: `create` on `secrets`, `update` on `accesstokens.ldtokens.dev/status`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Right {
    /// What is done.
    pub verb: String,
    /// What it is done to.
    pub resource: String,
}

impl std::fmt::Display for Right {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.verb, self.resource)
    }
}

/// A question that the API server refused for want of a right.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Refusal {
    /// What was asked for.
    pub right: Right,
    /// Where; empty for what is in no namespace.
    pub namespace: String,
}

/// What a service account did.
#[derive(Debug, Default)]
pub struct Deeds {
    /// Rights that were used.
    pub used: BTreeSet<Right>,
    /// What was refused, and how often.
    pub refused: BTreeMap<Refusal, usize>,
}

impl Deeds {
    /// Reads them from an audit log.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn read(path: &Path) -> Result<Self, RigError> {
        let reading = || format!("read {}", path.display());
        let file = File::open(path).doing(reading)?;
        let mut deeds = Self::default();
        for line in BufReader::new(file).lines() {
            let line = line.doing(reading)?;
            // Most of a log is other people's, and large.
            if let Some(event) = line.contains(&user()).then(|| serde_json::from_str(&line)) {
                deeds.note(&event.unwrap_or_default());
            }
        }
        Ok(deeds)
    }

    fn note(&mut self, event: &Value) {
        if event["user"]["username"] != user().as_str() {
            return;
        }
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let about = &event["objectRef"];
        let resource = name_of(
            &text(&about["resource"]),
            &text(&about["apiGroup"]),
            &text(&about["subresource"]),
        );
        if resource.is_empty() {
            return;
        }
        let right = |verb: &str| Right {
            verb: verb.to_owned(),
            resource: resource.clone(),
        };
        let verb = text(&event["verb"]);
        if event["annotations"]["authorization.k8s.io/decision"] == "forbid" {
            let refusal = Refusal {
                right: right(&verb),
                namespace: text(&about["namespace"]),
            };
            *self.refused.entry(refusal).or_default() += 1;
            return;
        }
        // An apply that makes an object needs the right to create it as well.
        if verb == "patch" && event["responseStatus"]["code"] == 201 {
            self.used.insert(right("create"));
        }
        self.used.insert(right(&verb));
    }
}

/// The operator, as the API server calls it.
fn user() -> String {
    let (namespace, account) = (install::NAMESPACE, install::SERVICE_ACCOUNT);
    format!("system:serviceaccount:{namespace}:{account}")
}

fn name_of(resource: &str, group: &str, subresource: &str) -> String {
    let mut name = resource.to_owned();
    for (mark, part) in [('.', group), ('/', subresource)] {
        if !part.is_empty() {
            name.push(mark);
            name.push_str(part);
        }
    }
    name
}

/// The rights that the chart gives to the operator in a mode.
///
/// # Errors
/// The chart cannot be rendered.
pub fn granted(access: SecretAccess) -> Result<BTreeSet<Right>, RigError> {
    let chart = workspace::root().join("charts").join(install::NAMESPACE);
    let chart = chart.display().to_string();
    let access = format!("--set=rbac.secretAccess={}", access.name());
    let arguments = [
        "template",
        install::NAMESPACE,
        &chart,
        "--set=watchNamespaces={team-a}",
        &access,
        "--set=rbac.aggregateToView=false",
        "--set=rbac.aggregateToAdmin=false",
    ];
    rights_in(&Helm::offline()?.run(&arguments)?)
}

/// The rights in rendered roles.
fn rights_in(manifests: &str) -> Result<BTreeSet<Right>, RigError> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(manifests)
        .map_err(|error| RigError::Unexpected(format!("the chart renders no YAML: {error}")))?;
    let rules = documents
        .iter()
        .filter_map(|one| one["rules"].as_array())
        .flatten();
    let list = |rule: &Value, field: &str| -> Vec<String> {
        let items = rule[field].as_array().into_iter().flatten();
        items.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let mut rights = BTreeSet::new();
    for rule in rules {
        for group in list(rule, "apiGroups") {
            for resource in list(rule, "resources") {
                let (name, subresource) = resource.split_once('/').unwrap_or((&resource, ""));
                let resource = name_of(name, &group, subresource);
                let right = |verb| Right {
                    verb,
                    resource: resource.clone(),
                };
                rights.extend(list(rule, "verbs").into_iter().map(right));
            }
        }
    }
    Ok(rights)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(verb: &str, decision: &str, code: u16) -> Value {
        json!({
            "user": {"username": "system:serviceaccount:launchdarkly-token-operator:launchdarkly-token-operator"},
            "verb": verb, "responseStatus": {"code": code},
            "objectRef": {"resource": "accesstokens", "apiGroup": "ldtokens.dev", "subresource": "status", "namespace": "n"},
            "annotations": {"authorization.k8s.io/decision": decision},
        })
    }

    fn shown<T: ToString>(all: impl IntoIterator<Item = T>) -> Vec<String> {
        all.into_iter().map(|one| one.to_string()).collect()
    }

    #[test]
    fn what_was_allowed_is_a_used_right_and_what_was_not_is_a_refusal() {
        let mut deeds = Deeds::default();
        deeds.note(&event("update", "allow", 200));
        deeds.note(&event("update", "forbid", 403));
        deeds.note(&event("patch", "allow", 201));
        let mut foreign = event("delete", "allow", 200);
        foreign["user"]["username"] = json!("somebody");
        deeds.note(&foreign);
        let resource = "accesstokens.ldtokens.dev/status";
        let used = ["create", "patch", "update"].map(|verb| format!("{verb} {resource}"));
        assert_eq!(shown(&deeds.used), used);
        let refused: Vec<_> = deeds.refused.iter().collect();
        assert_eq!(refused.len(), 1);
        assert_eq!((refused[0].0.namespace.as_str(), *refused[0].1), ("n", 1));
    }

    #[test]
    fn rights_are_read_from_rendered_rules() {
        let text = "rules:\n  - apiGroups: [\"\"]\n    resources: [secrets]\n    verbs: [get, list]\n  \
                    - apiGroups: [a.b]\n    resources: [c, c/status]\n    resourceNames: [x]\n    verbs: [update]\n";
        let rights = [
            "get secrets",
            "list secrets",
            "update c.a.b",
            "update c.a.b/status",
        ];
        assert_eq!(shown(rights_in(text).unwrap()), rights);
    }
}
