//! Whose Secrets the operator may use: the chart's `rbac.secretAccess`.

use std::env;
use std::fs;

use super::install::NAMESPACE;
use crate::error::Doing;
use crate::{Helm, RigError, workspace};

/// The ClusterRole that a namespace binds to opt in.
pub const SECRET_WRITER: &str = "launchdarkly-token-operator-secret-writer";

/// Names one of the modes, for tests that are run in each of them.
pub const VARIABLE: &str = "LDTOKENS_TEST_SECRET_ACCESS";

/// A mode of the chart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SecretAccess {
    /// Those of all namespaces, as in `deploy/install.yaml`.
    #[default]
    Cluster,
    /// Those of the namespaces that the operator looks after.
    PerNamespace,
    /// Those of the namespaces that let it.
    OptIn,
}

impl SecretAccess {
    /// All modes.
    pub const ALL: [Self; 3] = [Self::Cluster, Self::PerNamespace, Self::OptIn];

    /// What the chart calls it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Cluster => "Cluster",
            Self::PerNamespace => "PerNamespace",
            Self::OptIn => "OptIn",
        }
    }

    /// The mode that [`VARIABLE`] names; without it [`SecretAccess::Cluster`].
    ///
    /// # Errors
    /// It names none.
    pub fn from_environment() -> Result<Self, RigError> {
        let Some(name) = env::var_os(VARIABLE) else {
            return Ok(Self::Cluster);
        };
        Self::ALL
            .into_iter()
            .find(|mode| *mode.name() == name)
            .ok_or_else(|| {
                RigError::Unexpected(format!(
                    "{VARIABLE} is {}, not Cluster, PerNamespace or OptIn",
                    name.display()
                ))
            })
    }

    /// The manifests of this mode, for these namespaces.
    pub(super) fn manifests(self, namespaces: &[String]) -> Result<String, RigError> {
        if self == Self::Cluster {
            let path = workspace::root().join("deploy/install.yaml");
            return fs::read_to_string(&path).doing(|| format!("read {}", path.display()));
        }
        let chart = workspace::root().join("charts").join(NAMESPACE);
        let (chart, namespace) = (
            chart.display().to_string(),
            format!("--namespace={NAMESPACE}"),
        );
        let access = format!("--set=rbac.secretAccess={}", self.name());
        let watched = format!("--set=watchNamespaces={{{}}}", namespaces.join(","));
        let kinds = "--set=crds.enabled=false";
        let mut arguments = vec!["template", NAMESPACE, &chart, &namespace, &access, kinds];
        if self == Self::PerNamespace {
            arguments.push(&watched);
        }
        Helm::offline()?.run(&arguments)
    }
}

/// The flags that the Deployment in `manifests` gives to the operator.
pub(super) fn flags(manifests: &str) -> Vec<(String, String)> {
    let flag = |line: &str| {
        let (flag, value) = line.trim().strip_prefix("- ")?.split_once('=')?;
        let flag = flag.trim_matches('"');
        flag.starts_with("--")
            .then(|| (flag.to_owned(), value.trim_matches('"').to_owned()))
    };
    manifests.lines().filter_map(flag).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flags_of_a_deployment_are_found() {
        let text = "  args:\n    - run\n    - --opt-in-role=a\n    - \"--log-level=info\"\n  rules:\n    - a=b\n";
        let found = flags(text);
        let found: Vec<_> = found
            .iter()
            .map(|(f, v)| (f.as_str(), v.as_str()))
            .collect();
        assert_eq!(found, [("--opt-in-role", "a"), ("--log-level", "info")]);
    }
}
