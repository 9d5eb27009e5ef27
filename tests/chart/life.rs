//! The life of a release: installed, upgraded, rolled back and uninstalled by Helm on the real API server, under a working operator.

use std::time::Duration;

use rig::{
    ControlPlane, ControlPlaneOptions, Helm, Operator, OperatorOptions, SimulatorOptions,
    SimulatorProcess, install, object, wait,
};
use serde_json::{Value, json};

use crate::render::{NAME, chart};
use crate::secrets;

const PATIENCE: Duration = Duration::from_secs(60);

/// A control plane, a release on it, and a simulated LaunchDarkly.
struct Stage {
    plane: ControlPlane,
    helm: Helm,
    simulator: SimulatorProcess,
}

impl Stage {
    fn new() -> Self {
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

    fn helm(&self, arguments: &[&str]) -> String {
        let namespace = ["--namespace", NAME];
        self.helm.run(&[arguments, &namespace].concat()).unwrap()
    }

    fn kinds(&self) -> usize {
        let all = self
            .plane
            .client()
            .list("customresourcedefinitions", "")
            .unwrap();
        let ours = |one: &&Value| one["spec"]["group"] == "ldtokens.dev";
        all.iter().filter(ours).count()
    }

    fn lease(&self) -> Value {
        self.plane.get("lease", NAME, NAME).unwrap()
    }

    /// Waits until the kinds are served from the cache too, which takes the API server a moment. An operator that asks before is refused
    /// and ends: a cluster starts its pod again, but here nobody would.
    fn await_kinds(&self) {
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
    fn token(&self, namespace: &str) {
        let in_namespace = |mut object: Value| {
            object["metadata"]["namespace"] = json!(namespace);
            // The kinds may be seconds old.
            let apply = || self.plane.apply(&object.to_string()).map(Some);
            wait::until(PATIENCE, "the object to be taken", apply).unwrap();
        };
        in_namespace(json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "managing-key"},
            "stringData": {"token": self.simulator.managing_key()},
        }));
        in_namespace(json!({
            "apiVersion": "ldtokens.dev/v1alpha1", "kind": "LaunchDarklyAccount", "metadata": {"name": "default"},
            "spec": {"apiUrl": self.simulator.url(), "credentialsSecretRef": {"name": "managing-key"}},
        }));
        in_namespace(json!({
            "apiVersion": "ldtokens.dev/v1alpha1", "kind": "AccessToken", "metadata": {"name": "web"}, "spec": {"role": "reader"},
        }));
        self.ready(namespace);
    }

    fn ready(&self, namespace: &str) {
        wait::until_ok(PATIENCE, &format!("a token in {namespace}"), || {
            let token = self.plane.get("accesstoken", namespace, "web");
            object::ready(&token.map_err(|error| format!("{error:?}"))?)
        })
        .unwrap();
        let secret = self.plane.get("secret", namespace, "web").unwrap();
        let key = object::secret_entry(&secret, "token").unwrap();
        assert_eq!(self.simulator.call_with_key(&key).unwrap(), 200);
    }

    /// The operator as a process, with the service account of the release and the flags of its Deployment.
    fn operator(&self, name: &str) -> Operator {
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
    fn await_rights(&self, rights: &[(&str, &str, &str, bool)]) {
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

    /// What the API server refused to the release's service account since `mark`.
    fn refusals(&self, mark: u64) -> Vec<String> {
        let user = format!("system:serviceaccount:{NAME}:{NAME}");
        let events = self.plane.audit_events_since(mark).unwrap();
        let refused = |event: &&Value| {
            event["user"]["username"] == user.as_str() && event["responseStatus"]["code"] == 403
        };
        events
            .iter()
            .filter(refused)
            // kubectl's own question, and what it may say.
            .filter(|event| !event["userAgent"].to_string().contains("kubectl"))
            .map(|event| format!("{} {}", event["verb"], event["requestURI"]))
            .collect()
    }
}

#[test]
fn a_release_is_installed_upgraded_rolled_back_and_uninstalled_under_a_working_operator() {
    let stage = Stage::new();

    // Installed as it once was.
    stage.helm(&["install", NAME, &package("0.0.1"), "--create-namespace"]);
    assert_eq!(stage.kinds(), 3);
    assert!(stage.says_of_bundles("besides the usual ones"));
    assert!(stage.lease()["spec"]["holderIdentity"].is_null());
    stage.await_kinds();
    stage.await_rights(&[
        ("get", "secrets", "team-a", true),
        ("patch", "accesstokens.ldtokens.dev", "team-a", true),
        ("create", "deployments.apps", NAME, false),
    ]);
    let mark = stage.plane.audit_mark().unwrap();
    let mut operator = stage.operator("installed");
    stage.token("team-a");
    assert_eq!(stage.refusals(mark), [""; 0]);
    secrets::are_read_by_name_only(&stage.plane, mark, &["managing-key", "web"]);

    // Upgraded: the kinds are new, their objects are the same, and the leader keeps its Lease, though the chart has the Lease too.
    let holder = stage.lease()["spec"]["holderIdentity"].clone();
    assert!(holder.is_string());
    let (before, key) = (stage.identity("team-a"), stage.key("team-a"));
    stage.helm(&["upgrade", NAME, &chart()]);
    assert!(stage.says_of_bundles("the only authorities to trust"));
    assert_eq!(stage.identity("team-a"), before);
    assert_eq!(stage.lease()["spec"]["holderIdentity"], holder);
    stage.rotate("team-a");
    assert_ne!(stage.key("team-a"), key);
    assert_eq!(stage.refusals(mark), [""; 0]);

    // Upgraded to fewer rights.
    let narrow = [
        "--set=rbac.secretAccess=PerNamespace",
        "--set=watchNamespaces={team-a,team-b}",
    ];
    stage.helm(&[&["upgrade", NAME, &chart()][..], &narrow].concat());
    assert_eq!(stage.lease()["spec"]["holderIdentity"], holder);
    operator.terminate(PATIENCE).unwrap();
    stage.await_rights(&[
        ("get", "secrets", "team-a", true),
        ("create", "events.events.k8s.io", "team-b", true),
        ("get", "secrets", NAME, true),
        ("list", "secrets", NAME, false),
        ("get", "secrets", "default", false),
        ("create", "secrets", "default", false),
    ]);
    let mark = stage.plane.audit_mark().unwrap();
    let mut operator = stage.operator("narrow");
    stage.token("team-b");
    stage.ready("team-a");
    assert_eq!(stage.refusals(mark), [""; 0]);
    operator.terminate(PATIENCE).unwrap();

    // Rolled back.
    stage.helm(&["rollback", NAME, "1"]);
    assert!(stage.says_of_bundles("besides the usual ones"));
    assert_eq!(stage.identity("team-a"), before);
    stage.await_rights(&[("get", "secrets", "default", true)]);
    let role = stage
        .plane
        .get("role", "team-a", "launchdarkly-token-operator-secrets");
    assert!(role.is_err(), "a Role of the upgrade is left");
    let mark = stage.plane.audit_mark().unwrap();
    let mut operator = stage.operator("back");
    for namespace in ["team-a", "team-b"] {
        stage.ready(namespace);
        stage
            .plane
            .kubectl(&["delete", "accesstoken", "web", "--namespace", namespace])
            .unwrap();
    }
    assert_eq!(stage.refusals(mark), [""; 0]);
    operator.terminate(PATIENCE).unwrap();

    secrets::helm_tells_no_key(&stage.helm, &stage.simulator);

    // Uninstalled: the kinds stay, and the accounts with them.
    stage.helm(&["uninstall", NAME]);
    assert_eq!(stage.kinds(), 3);
    assert_eq!(
        stage
            .plane
            .client()
            .list("launchdarklyaccounts", "")
            .unwrap()
            .len(),
        2
    );
    for kind in [
        "deployment",
        "lease",
        "serviceaccount",
        "service",
        "networkpolicy",
        "poddisruptionbudget",
    ] {
        assert!(
            stage.plane.get(kind, NAME, NAME).is_err(),
            "a {kind} is left"
        );
    }
    assert!(stage.plane.get("clusterrole", "", NAME).is_err());
}
