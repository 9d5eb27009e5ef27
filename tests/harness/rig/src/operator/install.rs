//! Installs what users install, except that the operator runs as a process instead of a pod.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use super::access::{self, SecretAccess};
use crate::error::Doing;
use crate::{ControlPlane, RigError, wait, workspace};

/// The operator's namespace.
pub const NAMESPACE: &str = "launchdarkly-token-operator";

/// The operator's service account.
pub const SERVICE_ACCOUNT: &str = "launchdarkly-token-operator";

const SOON: Duration = Duration::from_secs(30);

/// Applies the CRDs and the static manifests without the Deployment, unless they are installed.
///
/// # Errors
/// They cannot be read, or are refused.
pub fn install(plane: &ControlPlane) -> Result<(), RigError> {
    install_as(plane, SecretAccess::Cluster, &[]).map(|_| ())
}

/// The same with other rights to Secrets; `namespaces` are made where single ones are given. Returns the flags that
/// the Deployment has.
///
/// # Errors
/// As [`install`], or they cannot be rendered.
pub fn install_as(
    plane: &ControlPlane,
    access: SecretAccess,
    namespaces: &[String],
) -> Result<Vec<(String, String)>, RigError> {
    let manifests = access.manifests(namespaces)?;
    let installed = plane.get("serviceaccount", NAMESPACE, SERVICE_ACCOUNT);
    if installed.is_err() {
        install_kinds(plane)?;
        let named = namespaces
            .iter()
            .filter(|_| access == SecretAccess::PerNamespace);
        for name in named.map(String::as_str).chain([NAMESPACE]) {
            let namespace =
                json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
            plane.apply(&namespace.to_string())?;
        }
        plane.apply(&without_deployment(&manifests))?;
    }
    Ok(access::flags(&manifests))
}

fn install_kinds(plane: &ControlPlane) -> Result<(), RigError> {
    let crds = workspace::root().join("crds").display().to_string();
    plane.kubectl(&["apply", "--server-side", "-f", &crds])?;
    plane.kubectl(&[
        "wait",
        "--for=condition=Established",
        "--timeout=30s",
        "-f",
        &crds,
    ])?;
    for kind in [
        "accesstokens",
        "launchdarklyaccounts",
        "clusterlaunchdarklyaccounts",
    ] {
        // Served from the cache that watches are served from, which a new kind has only after a moment.
        let list = format!("/apis/ldtokens.dev/v1alpha1/{kind}?resourceVersion=0");
        wait::until(SOON, "the new kinds to be served", || {
            plane.kubectl(&["get", "--raw", &list]).map(Some)
        })?;
    }
    Ok(())
}

/// The documents of a YAML file that are no Deployment.
fn without_deployment(manifests: &str) -> String {
    let is_deployment = |document: &&str| {
        document
            .lines()
            .any(|line| line.trim_end() == "kind: Deployment")
    };
    let others: Vec<&str> = manifests
        .split("\n---")
        .filter(|document| !is_deployment(document))
        .collect();
    others.join("\n---")
}

/// A kubeconfig for the operator's service account on the same cluster.
///
/// # Errors
/// There is no such account.
pub fn service_account_kubeconfig(plane: &ControlPlane) -> Result<PathBuf, RigError> {
    let token = plane.kubectl(&[
        "create",
        "token",
        SERVICE_ACCOUNT,
        "--namespace",
        NAMESPACE,
        "--duration=24h",
    ])?;
    let admin = plane
        .client()
        .json(&["config", "view", "--raw", "--flatten", "--minify"])?;
    let kubeconfig = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": admin["clusters"],
        "users": [{"name": SERVICE_ACCOUNT, "user": {"token": token.trim()}}],
        "contexts": [{"name": "operator", "context": {
            "cluster": admin["clusters"][0]["name"],
            "user": SERVICE_ACCOUNT,
            "namespace": NAMESPACE,
        }}],
        "current-context": "operator",
    });
    let path = plane.directory().join("operator.kubeconfig");
    fs::write(&path, kubeconfig.to_string()).doing(|| format!("write {}", path.display()))?;
    Ok(path)
}

/// The host and port of the API server, as in `127.0.0.1:6443`.
///
/// # Errors
/// The kubeconfig does not say.
pub fn api_server(plane: &ControlPlane) -> Result<String, RigError> {
    let server = [
        "config",
        "view",
        "--minify",
        "--output=jsonpath={.clusters[0].cluster.server}",
    ];
    let url = plane.kubectl(&server)?;
    Ok(url.trim().trim_start_matches("https://").to_owned())
}

/// A copy of a kubeconfig, beside it, whose API server is at another host and port.
pub(super) fn by_way_of(kubeconfig: &Path, host: &str, name: &str) -> Result<PathBuf, RigError> {
    let path = kubeconfig.with_file_name(format!("{name}.kubeconfig"));
    let text = fs::read(kubeconfig).doing(|| format!("read {}", kubeconfig.display()))?;
    let mut config: Value = serde_json::from_slice(&text)
        .map_err(|error| RigError::Unexpected(format!("{}: {error}", kubeconfig.display())))?;
    config["clusters"][0]["cluster"]["server"] = json!(format!("https://{host}"));
    fs::write(&path, config.to_string()).doing(|| format!("write {}", path.display()))?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_but_the_deployment_is_applied() {
        let manifests =
            "kind: Namespace\nname: a\n---\nkind: Deployment\nspec: {}\n---\nkind: Lease\n";
        assert_eq!(
            without_deployment(manifests),
            "kind: Namespace\nname: a\n---\nkind: Lease\n"
        );
    }
}
