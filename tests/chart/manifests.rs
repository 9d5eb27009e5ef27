//! The static manifests in `deploy/` are what the chart renders, without what only Helm needs.
//!
//! `cargo xtask generate` runs this with `LDTOKENS_GENERATE=1`, which writes them instead.

use std::fs;

use rig::{Helm, workspace};

use crate::render::{NAME, chart, objects, title};

/// Labels that mean nothing without Helm. The selectors lose the one that tells releases apart.
const HELM_LABELS: [&str; 4] = [
    "app.kubernetes.io/instance:",
    "app.kubernetes.io/managed-by:",
    "app.kubernetes.io/version:",
    "helm.sh/chart:",
];

/// What Helm makes by `--create-namespace`, without these labels.
const NAMESPACE: &str = "\
apiVersion: v1
kind: Namespace
metadata:
  name: launchdarkly-token-operator
  labels:
    app.kubernetes.io/name: launchdarkly-token-operator
    pod-security.kubernetes.io/enforce: restricted
    pod-security.kubernetes.io/warn: restricted
    pod-security.kubernetes.io/audit: restricted
";

/// A static file, what is said at its top, and the values that it is rendered with.
struct Manifests {
    file: &'static str,
    says: &'static str,
    values: &'static [&'static str],
}

const ALL: [Manifests; 2] = [
    Manifests {
        file: "deploy/install.yaml",
        says: "Everything but the kinds themselves (crds/): kubectl apply --server-side -f crds/ && kubectl apply -f deploy/install.yaml",
        values: &[],
    },
    Manifests {
        file: "deploy/install-namespaced.yaml",
        says: "As install.yaml, but for AccessTokens in the operator's own namespace only, and without a right to any other Secret.",
        values: &[
            "--set=rbac.secretAccess=PerNamespace",
            "--set=watchNamespaces={launchdarkly-token-operator}",
        ],
    },
];

impl Manifests {
    /// The file as it must be. The chart's comments are kept.
    fn text(&self, helm: &Helm) -> String {
        let (chart, namespace) = (chart(), format!("--namespace={NAME}"));
        let arguments = [
            "template",
            NAME,
            &chart,
            &namespace,
            "--set=crds.enabled=false",
        ];
        let rendered = helm.run(&[&arguments[..], self.values].concat()).unwrap();
        let mut text = format!(
            "# {}\n# Rendered from the chart by `cargo xtask generate`; do not edit.\n{NAMESPACE}",
            self.says
        );
        let ours = |line: &&str| {
            let content = line.trim_start();
            !content.is_empty()
                && !content.starts_with("# Source: ")
                && !HELM_LABELS.iter().any(|label| content.starts_with(label))
        };
        for line in rendered.lines().filter(ours) {
            text.push_str(line);
            text.push('\n');
        }
        text
    }
}

#[test]
fn the_static_manifests_are_what_the_chart_renders() {
    let write = std::env::var_os("LDTOKENS_GENERATE").is_some_and(|value| value == "1");
    let helm = Helm::offline().unwrap();
    for manifests in ALL {
        let path = workspace::root().join(manifests.file);
        let text = manifests.text(&helm);
        if write {
            fs::write(&path, &text).unwrap();
        }
        let is = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            is == text,
            "{} is out of date, run `cargo xtask generate`",
            manifests.file
        );
        assert!(!text.contains("Helm"), "{text}");
    }
}

#[test]
fn both_static_manifests_have_the_same_objects_but_for_the_rights() {
    let titles = |file: &str| -> Vec<String> {
        let text = fs::read_to_string(workspace::root().join(file)).unwrap();
        objects(&text).iter().map(title).collect()
    };
    let everywhere = titles("deploy/install.yaml");
    let mut here = titles("deploy/install-namespaced.yaml");
    for kind in ["Role", "RoleBinding"] {
        let title = format!("{kind} {NAME}/{NAME}-secrets");
        assert!(here.contains(&title), "{title}");
        here.retain(|one| *one != title);
    }
    assert_eq!(everywhere, here);
    assert!(here.len() >= 12, "{here:?}");
}
