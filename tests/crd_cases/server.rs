//! Asks the API server, without storing anything that a case does not need stored.

use std::time::Duration;

use kube::api::{Api, DeleteParams, DynamicObject, Patch, PatchParams, PostParams, Request};
use kube::config::KubeConfigOptions;
use kube::core::ApiResource;
use kube::{Client, Config};
use rig::{ControlPlane, ControlPlaneOptions};
use serde_json::Value;

use super::Case;
use super::objects::Kind;

/// What the API server adds when bounds are broken before it comes to the rules.
const RULES_SKIPPED: &str = "some validation rules were not checked because the object was invalid; correct the existing errors to complete validation";

/// An API server with our definitions.
pub struct Server {
    client: Client,
    // Ends when dropped.
    _control_plane: ControlPlane,
}

/// How an object is changed.
#[derive(Debug, Clone, Copy)]
pub enum Way {
    /// `kubectl apply --server-side`, Flux, Argo CD when asked.
    ServerSide,
    /// `kubectl apply`, whose patch of a custom resource is a JSON merge patch.
    ClientSide,
    /// `kubectl replace`.
    Replace,
}

impl Way {
    pub const ALL: [Self; 3] = [Self::ServerSide, Self::ClientSide, Self::Replace];
}

impl Server {
    /// Starts one, or uses the one that the environment names.
    pub async fn start() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let start = || ControlPlane::start(ControlPlaneOptions::default());
        let control_plane = tokio::task::spawn_blocking(start).await.unwrap().unwrap();
        let kubeconfig = kube::config::Kubeconfig::read_from(control_plane.kubeconfig()).unwrap();
        let options = KubeConfigOptions::default();
        let config = Config::from_custom_kubeconfig(kubeconfig, &options)
            .await
            .unwrap();
        let client = Client::try_from(config).unwrap();
        let server = Self {
            client,
            _control_plane: control_plane,
        };
        for kind in Kind::ALL {
            server.install(kind).await;
        }
        server
    }

    async fn install(&self, kind: Kind) {
        let resource = ApiResource::erase::<
            k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
        >(&());
        let definitions = Api::<DynamicObject>::all_with(self.client.clone(), &resource);
        let definition = kind.definition();
        let name = definition["metadata"]["name"].as_str().unwrap();
        let apply = PatchParams::apply("crd-cases").force();
        definitions
            .patch(name, &apply, &Patch::Apply(definition))
            .await
            .unwrap();
        let least = kind.least();
        let served = async {
            while self.try_create(kind, &least, true).await.is_err() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), served)
            .await
            .expect("the kind is not served");
    }

    async fn try_create(
        &self,
        kind: Kind,
        object: &Value,
        dry_run: bool,
    ) -> Result<Value, kube::Error> {
        let body = serde_json::to_vec(object).unwrap();
        let request = requests(kind).create(&parameters(dry_run), body).unwrap();
        self.send(request).await
    }

    /// What would be stored.
    pub async fn create(&self, kind: Kind, object: &Value) -> Value {
        self.try_create(kind, object, true).await.unwrap()
    }

    /// What is said about a case: nothing, or one mistake a line.
    pub async fn judge(&self, case: &Case) -> String {
        let answer = match (&case.before, case.status) {
            (None, false) => self.try_create(case.kind, &case.object, true).await,
            (before, status) => {
                let least = case.kind.least();
                self.update(case, before.as_ref().unwrap_or(&least), status)
                    .await
            }
        };
        match answer {
            Ok(_) => String::new(),
            Err(kube::Error::Api(refusal)) => lines(&refusal),
            Err(other) => panic!("{other}: {}", case.object),
        }
    }

    /// Stores an object, and changes it in a way: what is stored then, unless that is refused.
    pub async fn change(
        &self,
        kind: Kind,
        way: Way,
        before: &Value,
        after: &Value,
    ) -> Option<Value> {
        let requests = requests(kind);
        let apply = PatchParams::apply("crd-cases").force();
        let first = requests.patch("case", &apply, &Patch::Apply(before));
        let stored = self.send(first.unwrap()).await.unwrap();
        let request = match way {
            Way::ServerSide => requests.patch("case", &apply, &Patch::Apply(after)),
            Way::ClientSide => {
                let change = serde_json::json!({"spec": after["spec"]});
                requests.patch("case", &PatchParams::default(), &Patch::Merge(change))
            }
            Way::Replace => {
                let mut after = after.clone();
                after["metadata"]["resourceVersion"] =
                    stored["metadata"]["resourceVersion"].clone();
                let body = serde_json::to_vec(&after).unwrap();
                requests.replace("case", &parameters(false), body)
            }
        };
        let answer = self.send(request.unwrap()).await;
        let delete = requests.delete("case", &DeleteParams::default()).unwrap();
        self.send(delete).await.unwrap();
        match answer {
            Ok(changed) => Some(changed),
            Err(kube::Error::Api(refusal)) if refusal.code == 422 => None,
            Err(other) => panic!("{other}: {after}"),
        }
    }

    async fn update(
        &self,
        case: &Case,
        before: &Value,
        status: bool,
    ) -> Result<Value, kube::Error> {
        let stored = self.try_create(case.kind, before, false).await.unwrap();
        let mut after = case.object.clone();
        after["metadata"]["resourceVersion"] = stored["metadata"]["resourceVersion"].clone();
        let body = serde_json::to_vec(&after).unwrap();
        let requests = requests(case.kind);
        let parameters = parameters(true);
        let request = if status {
            requests.replace_subresource("status", "case", &parameters, body)
        } else {
            requests.replace("case", &parameters, body)
        };
        let answer = self.send(request.unwrap()).await;
        let delete = requests.delete("case", &DeleteParams::default()).unwrap();
        self.send(delete).await.unwrap();
        answer
    }

    /// Sends a request with the strictness that kubectl asks for.
    async fn send(&self, mut request: axum::http::Request<Vec<u8>>) -> Result<Value, kube::Error> {
        let uri = request.uri().to_string();
        *request.uri_mut() = format!("{uri}&fieldValidation=Strict").parse().unwrap();
        self.client.request(request).await
    }
}

fn parameters(dry_run: bool) -> PostParams {
    PostParams {
        dry_run,
        field_manager: Some("crd-cases".into()),
    }
}

fn requests(kind: Kind) -> Request {
    let plural = &kind.definition()["spec"]["names"]["plural"];
    let namespace = if kind == Kind::ClusterAccount {
        ""
    } else {
        "namespaces/default/"
    };
    Request::new(format!(
        "/apis/ldtokens.dev/v1alpha1/{namespace}{}",
        plural.as_str().unwrap()
    ))
}

/// The causes, in a stable order, or the message when there are none.
fn lines(refusal: &kube::core::Status) -> String {
    let causes = refusal.details.iter().flat_map(|details| &details.causes);
    let mut lines: Vec<String> = causes
        .filter(|cause| !cause.message.contains(RULES_SKIPPED))
        .map(|cause| format!("{}: {}", cause.field, cause.message))
        .collect();
    if lines.is_empty() {
        return refusal.message.clone();
    }
    lines.sort();
    lines.join("\n")
}
