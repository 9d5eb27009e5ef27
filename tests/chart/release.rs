//! A release on the real API server, and an operator that works with the rights that the release gives.

use std::time::Duration;

use rig::{
    ControlPlane, ControlPlaneOptions, Helm, Operator, OperatorOptions, SimulatorOptions,
    SimulatorProcess, install, object, wait,
};
use serde_json::{Value, json};

use crate::render::NAME;

pub const PATIENCE: Duration = Duration::from_secs(60);

/// A control plane, a release on it, and a simulated LaunchDarkly.
pub struct Stage {
    pub plane: ControlPlane,
    pub helm: Helm,
    pub simulator: SimulatorProcess,
}

impl Stage {
    pub fn new() -> Self {
        let plane = ControlPlane::start(ControlPlaneOptions::default()).unwrap();
        let helm = Helm::on(&plane).unwrap();
        let simulator = SimulatorProcess::start(&SimulatorOptions::default()).unwrap();
        for name in ["team-a", "team-b"] {
            plane.kubectl(&["create", "namespace", name]).unwrap();
        }
        Self {
            plane,
            helm,
            simulator,
        }
    }

    pub fn helm(&self, arguments: &[&str]) -> String {
        let namespace = ["--namespace", NAME];
        self.helm.run(&[arguments, &namespace].concat()).unwrap()
    }

    pub fn kinds(&self) -> usize {
        let all = self
            .plane
            .client()
            .list("customresourcedefinitions", "")
            .unwrap();
        let ours = |one: &&Value| one["spec"]["group"] == "ldtokens.dev";
        all.iter().filter(ours).count()
    }

    /// Whether the definition that is installed names `kind` in its schema, as not every version does.
    pub fn schemas_name_the_kind(&self) -> bool {
        let name = "launchdarklyaccounts.ldtokens.dev";
        let kind = self
            .plane
            .get("customresourcedefinition", "", name)
            .unwrap();
        let schema = &kind["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
        schema["properties"]["kind"].is_object()
    }

    /// The UID of a namespace's token, and the ID of what it stands for.
    pub fn identity(&self, namespace: &str) -> (Value, Value) {
        let token = self.plane.get("accesstoken", namespace, "web").unwrap();
        (
            token["metadata"]["uid"].clone(),
            token["status"]["token"]["id"].clone(),
        )
    }

    pub fn lease(&self) -> Value {
        self.plane.get("lease", NAME, NAME).unwrap()
    }

    /// Waits until the kinds are served from the cache too, which takes the API server a moment. An operator that asks before is refused
    /// and ends: a cluster starts its pod again, but here nobody would.
    pub fn await_kinds(&self) {
        for kind in [
            "accesstokens",
            "launchdarklyaccounts",
            "clusterlaunchdarklyaccounts",
        ] {
            let list = format!("/apis/ldtokens.dev/v1alpha1/{kind}?resourceVersion=0");
            wait::until(PATIENCE, "the new kinds to be served", || {
                self.plane.kubectl(&["get", "--raw", &list]).map(Some)
            })
            .unwrap();
        }
    }

    /// Gives a namespace an account and a token, which becomes Ready.
    pub fn token(&self, namespace: &str) {
        self.begin(namespace);
        self.ready(namespace);
    }

    /// Gives a namespace an account and a token.
    pub fn begin(&self, namespace: &str) {
        self.apply_to(namespace, &self.credential());
        self.apply_to(namespace, &json!({
            "apiVersion": "ldtokens.dev/v1alpha1", "kind": "LaunchDarklyAccount", "metadata": {"name": "default"},
            "spec": {"apiUrl": self.simulator.url(), "credentialsSecretRef": {"name": "managing-key"}},
        }));
        self.apply_to(namespace, &json!({
            "apiVersion": "ldtokens.dev/v1alpha1", "kind": "AccessToken", "metadata": {"name": "web"}, "spec": {"role": "reader"},
        }));
    }

    /// A Secret with the managing key.
    pub fn credential(&self) -> Value {
        json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "managing-key"},
            "stringData": {"token": self.simulator.managing_key()},
        })
    }

    /// Applies an object to a namespace, or to none.
    pub fn apply_to(&self, namespace: &str, object: &Value) {
        let mut object = object.clone();
        if !namespace.is_empty() {
            object["metadata"]["namespace"] = json!(namespace);
        }
        // The kinds may be seconds old.
        let apply = || self.plane.apply(&object.to_string()).map(Some);
        wait::until(PATIENCE, "the object to be taken", apply).unwrap();
    }

    pub fn annotate(&self, kind: &str, namespace: &str, name: &str, annotation: &str) {
        let arguments = [
            "annotate",
            kind,
            name,
            annotation,
            "--overwrite",
            "--namespace",
            namespace,
        ];
        self.plane.kubectl(&arguments).unwrap();
    }

    /// The key in the Secret of a namespace's token.
    pub fn key(&self, namespace: &str) -> String {
        let secret = self.plane.get("secret", namespace, "web").unwrap();
        object::secret_entry(&secret, "token").unwrap()
    }

    /// Waits until the token is Ready with another key, for this cause; returns the key.
    pub fn new_key(&self, namespace: &str, old: &str, cause: &str) -> String {
        wait::until_ok(PATIENCE, &format!("a new key in {namespace}"), || {
            let get = |kind| self.plane.get(kind, namespace, "web");
            let token = get("accesstoken").map_err(|error| format!("{error:?}"))?;
            object::ready(&token)?;
            let secret = get("secret").map_err(|error| format!("{error:?}"))?;
            let key = object::secret_entry(&secret, "token").filter(|key| key != old);
            let last = &token["status"]["history"][0]["cause"];
            key.filter(|_| *last == cause)
                .ok_or_else(|| last.to_string())
        })
        .unwrap()
    }

    /// Asks for a new key of a namespace's token, and waits for it.
    pub fn rotate(&self, namespace: &str) {
        let old = self.key(namespace);
        self.annotate("accesstoken", namespace, "web", "ldtokens.dev/rotate=now");
        self.new_key(namespace, &old, "Trigger");
    }

    pub fn ready(&self, namespace: &str) {
        let ready = self
            .plane
            .await_ready("accesstoken", namespace, "web", PATIENCE);
        ready.unwrap();
        let secret = self.plane.get("secret", namespace, "web").unwrap();
        let key = object::secret_entry(&secret, "token").unwrap();
        assert_eq!(self.simulator.call_with_key(&key).unwrap(), 200);
    }

    /// The operator as a process, with the service account of the release and the flags of its Deployment.
    pub fn operator(&self, name: &str) -> Operator {
        let deployment = self.plane.get("deployment", NAME, NAME).unwrap();
        let container = &deployment["spec"]["template"]["spec"]["containers"][0];
        let arguments = container["args"].as_array().unwrap().iter().skip(1);
        let mut options = OperatorOptions::fast()
            .named(name)
            .allowing(self.simulator.host());
        for argument in arguments {
            let (flag, value) = argument.as_str().unwrap().split_once('=').unwrap();
            options = options.flag(flag, value);
        }
        let mut operator = Operator::start(&self.plane, &options).unwrap();
        operator.await_ready(PATIENCE).unwrap();
        operator
    }

    /// Whether the release's service account may do something, once the API server has taken note of a change.
    pub fn await_rights(&self, rights: &[(&str, &str, &str, bool)]) {
        let kubeconfig = install::service_account_kubeconfig(&self.plane).unwrap();
        let account = self.plane.client().with_kubeconfig(&kubeconfig);
        for (verb, resource, namespace, wanted) in rights {
            let what = format!("{verb} {resource} in {namespace} to be {wanted}");
            wait::until_true(PATIENCE, &what, || {
                let ask = ["auth", "can-i", verb, resource, "--namespace", namespace];
                Ok(account.output(&ask, "")?.status.success() == *wanted)
            })
            .unwrap();
        }
    }

    /// What the API server refused to the release's service account since `mark`, for want of a right.
    pub fn refusals(&self, mark: u64) -> Vec<String> {
        let refused =
            |event: &Value| event["annotations"]["authorization.k8s.io/decision"] == "forbid";
        self.asked(mark, refused)
    }

    /// Lists and watches of Secrets by the release's service account since `mark`.
    pub fn plural_reads_of_secrets(&self, mark: u64) -> Vec<String> {
        self.asked(mark, |event| {
            event["objectRef"]["resource"] == "secrets"
                && (event["verb"] == "list" || event["verb"] == "watch")
        })
    }

    fn asked(&self, mark: u64, which: impl Fn(&Value) -> bool) -> Vec<String> {
        let user = format!("system:serviceaccount:{NAME}:{NAME}");
        let events = self.plane.audit_events_since(mark).unwrap();
        events
            .iter()
            .filter(|event| event["user"]["username"] == user.as_str() && which(event))
            // kubectl's own question, and what it may say.
            .filter(|event| !event["userAgent"].to_string().contains("kubectl"))
            .map(|event| format!("{} {}", event["verb"], event["requestURI"]))
            .collect()
    }
}
