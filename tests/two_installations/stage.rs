//! Two installations on one API server, each with a Lease of its own.

use std::time::{Duration, Instant};

use rig::{
    ControlPlane, ControlPlaneOptions, Operator, OperatorOptions, SimulatorOptions,
    SimulatorProcess, install, object, wait,
};
use serde_json::{Value, json};

/// The Lease of the second installation.
pub const SECOND: &str = "second";

/// Several leases, settle times and a slow machine; ten lease durations too.
pub const SOON: Duration = Duration::from_secs(90);

/// Some rounds of everything that is done again and again.
const A_WHILE: Duration = Duration::from_secs(8);

/// A control plane and a simulated LaunchDarkly.
pub struct Stage {
    pub simulator: SimulatorProcess,
    pub plane: ControlPlane,
}

impl Stage {
    pub fn start() -> Self {
        let plane = ControlPlane::start(ControlPlaneOptions::default()).unwrap();
        install::install(&plane).unwrap();
        let simulator = SimulatorProcess::start(&SimulatorOptions::default()).unwrap();
        let stage = Self { simulator, plane };
        for namespace in ["team-x", "team-y"] {
            stage.apply(
                &json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}),
            );
        }
        stage.apply(&json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "shared-key", "namespace": install::NAMESPACE},
            "stringData": {"token": stage.simulator.managing_key()},
        }));
        stage.second_lease();
        stage
    }

    /// What a second release brings along: a Lease, and the right to it.
    fn second_lease(&self) {
        let metadata = json!({"name": SECOND, "namespace": install::NAMESPACE});
        let group = "rbac.authorization.k8s.io";
        self.apply(
            &json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata}),
        );
        self.apply(&json!({
            "apiVersion": format!("{group}/v1"), "kind": "Role", "metadata": metadata,
            "rules": [{
                "apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "resourceNames": [SECOND],
                "verbs": ["get", "update"],
            }],
        }));
        self.apply(&json!({
            "apiVersion": format!("{group}/v1"), "kind": "RoleBinding", "metadata": metadata,
            "roleRef": {"apiGroup": group, "kind": "Role", "name": SECOND},
            "subjects": [{"kind": "ServiceAccount", "name": install::SERVICE_ACCOUNT, "namespace": install::NAMESPACE}],
        }));
    }

    /// Starts the first installation.
    pub fn first(&self, flags: &[(&str, &str)]) -> Operator {
        self.operator("first", flags)
    }

    /// Starts the second installation.
    pub fn second(&self, flags: &[(&str, &str)]) -> Operator {
        let flags = [flags, &[("--lease-name", SECOND)]].concat();
        self.operator("second", &flags)
    }

    fn operator(&self, name: &str, flags: &[(&str, &str)]) -> Operator {
        let options = OperatorOptions {
            program: Some(env!("CARGO_BIN_EXE_launchdarkly-token-operator").into()),
            ..OperatorOptions::fast()
        };
        let options = options.named(name).allowing(self.simulator.host());
        let options = flags
            .iter()
            .fold(options, |options, (flag, value)| options.flag(flag, value));
        let mut operator = Operator::start(&self.plane, &options).unwrap();
        operator.await_ready(SOON).unwrap();
        operator
    }

    pub fn apply(&self, object: &Value) {
        self.plane.apply(&object.to_string()).unwrap();
    }

    /// Applies a `ClusterLaunchDarklyAccount` that both teams may use.
    pub fn account(&self, name: &str, class: Option<&str>) {
        let mut spec = json!({
            "apiUrl": self.simulator.url(), "credentialsSecretRef": {"name": "shared-key"},
            "allowedNamespaces": {"names": ["team-x", "team-y"]},
        });
        if let Some(class) = class {
            spec["controllerClass"] = json!(class);
        }
        self.apply(&json!({
            "apiVersion": "ldtokens.dev/v1alpha1", "kind": "ClusterLaunchDarklyAccount", "metadata": {"name": name}, "spec": spec,
        }));
    }

    /// Applies an `AccessToken`.
    pub fn token(&self, namespace: &str, name: &str, account: &str) {
        self.apply(&json!({
            "apiVersion": "ldtokens.dev/v1alpha1", "kind": "AccessToken", "metadata": {"name": name, "namespace": namespace},
            "spec": {"role": "reader", "accountRef": {"kind": "ClusterLaunchDarklyAccount", "name": account}},
        }));
    }

    /// Gives an `AccessToken` another trigger value.
    pub fn rotate(&self, namespace: &str, name: &str, trigger: &str) {
        let patch = json!({"spec": {"rotation": {"trigger": trigger}}}).to_string();
        let namespace = format!("--namespace={namespace}");
        let patch = [
            "patch",
            "accesstoken",
            name,
            &namespace,
            "--type=merge",
            "--patch",
            &patch,
        ];
        self.plane.kubectl(&patch).unwrap();
    }

    /// Whether the operators may read the Leases of a namespace that is not theirs.
    pub fn may_read_leases_in(&self, namespace: &str) -> bool {
        let (own, account) = (install::NAMESPACE, install::SERVICE_ACCOUNT);
        let namespace = format!("--namespace={namespace}");
        let user = format!("--as=system:serviceaccount:{own}:{account}");
        let lease = "leases.coordination.k8s.io/any";
        let answer = self
            .plane
            .kubectl(&["auth", "can-i", "get", lease, &namespace, &user]);
        answer.unwrap().trim() == "yes"
    }

    /// Puts an older definition in place, which has no `status.controller`.
    pub fn forget_controllers(&self) {
        let place =
            "/spec/versions/0/schema/openAPIV3Schema/properties/status/properties/controller";
        let patch = json!([{"op": "remove", "path": place}]).to_string();
        let kind = "clusterlaunchdarklyaccounts.ldtokens.dev";
        let patch = [
            "patch",
            "customresourcedefinition",
            kind,
            "--type=json",
            "--patch",
            &patch,
        ];
        self.plane.kubectl(&patch).unwrap();
    }

    pub fn get_account(&self, name: &str) -> Value {
        self.plane
            .get("clusterlaunchdarklyaccount", "", name)
            .unwrap()
    }

    pub fn get_token(&self, namespace: &str, name: &str) -> Value {
        self.plane.get("accesstoken", namespace, name).unwrap()
    }

    /// Waits until an `AccessToken` is Ready.
    pub fn ready(&self, namespace: &str, name: &str) {
        let ready = self.plane.await_ready("accesstoken", namespace, name, SOON);
        ready.unwrap();
    }

    /// Waits until an account is as `probe` wants it.
    pub fn await_account(&self, name: &str, what: &str, probe: impl Fn(&Value) -> bool) -> Value {
        wait::until_ok(SOON, what, || {
            let account = self.get_account(name);
            if probe(&account) {
                Ok(account)
            } else {
                Err(format!(
                    "{} {}",
                    account["metadata"]["finalizers"], account["status"]
                ))
            }
        })
        .unwrap()
    }

    /// Deletes an object without waiting.
    pub fn delete(&self, kind: &str, namespace: &str, name: &str) {
        let namespace = format!("--namespace={namespace}");
        let arguments = ["delete", kind, name, &namespace, "--wait=false"];
        self.plane.kubectl(&arguments).unwrap();
    }

    /// What the operators write to objects of our kinds within a while.
    pub fn writes_in_a_while(&self) -> Vec<String> {
        let mark = self.plane.audit_mark().unwrap();
        pass(A_WHILE);
        let events = self.plane.audit_events_since(mark).unwrap();
        let writes = events.iter().filter(|event| {
            let by_us = event["user"]["username"].as_str().unwrap_or_default();
            let writes = ["create", "update", "patch", "delete"];
            event["objectRef"]["apiGroup"] == "ldtokens.dev"
                && by_us.ends_with(install::SERVICE_ACCOUNT)
                && writes.contains(&event["verb"].as_str().unwrap_or_default())
        });
        writes
            .map(|event| format!("{} {}", event["verb"], event["requestURI"]))
            .collect()
    }

    /// Events about an object.
    pub fn events(&self, namespace: &str, name: &str) -> Vec<String> {
        let events = self.plane.client().list("events.events.k8s.io", namespace);
        let of_it = |event: &Value| event["regarding"]["name"] == name;
        let events = events.unwrap().into_iter().filter(of_it);
        events.map(|event| event["reason"].to_string()).collect()
    }
}

/// Whether nobody has written to an object since it was made.
pub fn untouched(object: &Value) -> bool {
    object["status"] == json!({"observedGeneration": -1})
        && object["metadata"]["finalizers"].is_null()
}

/// The reason of a condition.
pub fn reason(object: &Value, kind: &str) -> Option<String> {
    object::condition(object, kind).map(|condition| condition.reason)
}

/// Lets some time pass in which nothing must happen.
pub fn pass(time: Duration) {
    let until = Instant::now() + time;
    while Instant::now() < until {
        std::thread::park_timeout(until - Instant::now());
    }
}
