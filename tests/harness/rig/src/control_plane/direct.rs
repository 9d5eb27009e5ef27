//! Reads and applies objects without kubectl: tests do it so often that starting it each time would keep the machine busy.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use serde_json::Value;

use crate::RigError;
use crate::http::Http;

/// What a kubeconfig with one cluster and a token of its user says.
#[derive(Debug, Deserialize)]
struct Kubeconfig {
    clusters: Vec<NamedCluster>,
    users: Vec<NamedUser>,
}

#[derive(Debug, Deserialize)]
struct NamedCluster {
    cluster: Cluster,
}

// Whatever else is said of it changes how it is reached.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Cluster {
    server: String,
    certificate_authority_data: String,
}

#[derive(Debug, Deserialize)]
struct NamedUser {
    user: User,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct User {
    token: String,
}

/// A connection to an API server as one identity.
#[derive(Debug)]
pub(super) struct Direct {
    server: String,
    authorization: String,
    http: Http,
}

impl Direct {
    /// What the kubeconfig leads to; none if it has more than a cluster, its authority and a token.
    pub(super) fn from_kubeconfig(file: &Path) -> Option<Self> {
        let text = fs::read_to_string(file).ok()?;
        let config: Kubeconfig = serde_saphyr::from_str(&text).ok()?;
        let ([NamedCluster { cluster }], [NamedUser { user }]) =
            (&config.clusters[..], &config.users[..])
        else {
            return None;
        };
        let authority = BASE64_STANDARD.decode(&cluster.certificate_authority_data);
        let authority = String::from_utf8(authority.ok()?).ok()?;
        Some(Self {
            server: cluster.server.trim_end_matches('/').to_owned(),
            authorization: format!("Bearer {}", user.token),
            http: Http::new(Some(&authority)).ok()?,
        })
    }

    /// What `kubectl get KIND NAME` gives, with its words if it fails; none for kinds that are not known here.
    pub(super) fn get(
        &self,
        kind: &str,
        namespace: &str,
        name: &str,
    ) -> Option<Result<Value, RigError>> {
        let path = path(kind, namespace, name)?;
        let what = format!("get {kind} {name} --namespace {namespace}");
        Some(self.ask("GET", &path, &Value::Null, &what))
    }

    /// What `kubectl apply --server-side` does with a text, with its words if it fails; none for texts other than one object
    /// of a kind that is known here.
    pub(super) fn apply(&self, text: &str) -> Option<Result<(), RigError>> {
        let object: Value = serde_saphyr::from_str(text).ok()?;
        let (kind, metadata) = (object["kind"].as_str()?, &object["metadata"]);
        let name = metadata["name"].as_str()?;
        let namespace = metadata["namespace"].as_str().unwrap_or("default");
        let path = path(&kind.to_lowercase(), namespace, name)?;
        let version = object["apiVersion"].as_str()?;
        let group = path.strip_prefix("apis/").or(path.strip_prefix("api/"))?;
        group.strip_prefix(version)?.strip_prefix('/')?;
        let path = format!("{path}?fieldManager=kubectl&fieldValidation=Strict");
        let what = format!("apply --server-side {kind} {name}");
        Some(self.ask("PATCH", &path, &object, &what).map(|_| ()))
    }

    fn ask(&self, method: &str, path: &str, body: &Value, what: &str) -> Result<Value, RigError> {
        let headers = [
            ("Authorization", self.authorization.as_str()),
            // The only thing that is sent.
            ("Content-Type", "application/apply-patch+yaml"),
        ];
        let url = format!("{}/{path}", self.server);
        let answer = self.http.send(method, &url, &headers, body)?;
        let mut object: Value = serde_json::from_str(&answer.text)
            .map_err(|error| RigError::Unexpected(format!("{what}: {error}: {}", answer.text)))?;
        if matches!(answer.status, 200 | 201) {
            // kubectl does not show them either.
            if let Some(metadata) = object["metadata"].as_object_mut() {
                metadata.remove("managedFields");
            }
            return Ok(object);
        }
        let (reason, message) = (&object["reason"], &object["message"]);
        Err(RigError::Unexpected(format!(
            "{what}: Error from server ({}): {}",
            reason.as_str().unwrap_or_default(),
            message.as_str().unwrap_or_default()
        )))
    }
}

/// Where an object is, if its kind is known.
fn path(kind: &str, namespace: &str, name: &str) -> Option<String> {
    let (group, plural) = resource(kind)?;
    let scope = match plural {
        "namespaces" | "clusterlaunchdarklyaccounts" => String::new(),
        _ => format!("namespaces/{namespace}/"),
    };
    Some(format!("{group}/{scope}{plural}/{name}"))
}

/// Group and plural of the kinds that tests ask for again and again.
fn resource(kind: &str) -> Option<(&'static str, &'static str)> {
    const OURS: &str = "apis/ldtokens.dev/v1alpha1";
    Some(match kind {
        "accesstoken" => (OURS, "accesstokens"),
        "launchdarklyaccount" => (OURS, "launchdarklyaccounts"),
        "clusterlaunchdarklyaccount" => (OURS, "clusterlaunchdarklyaccounts"),
        "secret" => ("api/v1", "secrets"),
        "configmap" => ("api/v1", "configmaps"),
        "namespace" => ("api/v1", "namespaces"),
        "lease" => ("apis/coordination.k8s.io/v1", "leases"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_with_another_name_in_its_certificate_is_left_to_kubectl() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("kubeconfig");
        let reached = |more: &str| {
            let text = format!(
                "clusters: [{{name: a, cluster: {{server: 'https://127.0.0.1:1', certificate-authority-data: ''{more}}}}}]\n\
                 users: [{{name: b, user: {{token: t}}}}]\n"
            );
            fs::write(&file, text).unwrap();
            Direct::from_kubeconfig(&file).is_some()
        };
        assert!(reached(""));
        assert!(!reached(", tls-server-name: kubernetes.default.svc"));
    }
}
