//! Reads objects without kubectl: tests ask so often that starting it each time would keep the machine busy.

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
        let (group, plural) = resource(kind)?;
        let scope = match plural {
            "namespaces" | "clusterlaunchdarklyaccounts" => String::new(),
            _ => format!("namespaces/{namespace}/"),
        };
        let url = format!("{}/{group}/{scope}{plural}/{name}", self.server);
        Some(self.ask(&url, &format!("get {kind} {name} --namespace {namespace}")))
    }

    fn ask(&self, url: &str, what: &str) -> Result<Value, RigError> {
        let headers = [("Authorization", self.authorization.as_str())];
        let answer = self.http.send("GET", url, &headers, &Value::Null)?;
        let mut object: Value = serde_json::from_str(&answer.text)
            .map_err(|error| RigError::Unexpected(format!("{what}: {error}: {}", answer.text)))?;
        if answer.status == 200 {
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
