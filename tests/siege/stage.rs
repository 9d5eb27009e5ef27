//! The real parts, with what the tenants have made before the siege begins.

use std::collections::BTreeMap;
use std::time::Duration;

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use rig::{ControlPlane, ControlPlaneOptions, Operator, OperatorOptions};
use rig::{SimulatorOptions, SimulatorProcess};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::{Force, tenants, victim};

pub const DRIFT_INTERVAL: Duration = Duration::from_secs(5);

/// Who fills a namespace with large objects.
const HOARDER: &str = "hoarder";

/// How long the parts may take to start.
const PATIENCE: Duration = Duration::from_secs(120);

pub struct Stage {
    // Dropped in this order: nobody loses what it talks to.
    pub client: Client,
    pub runtime: Runtime,
    pub operator: Operator,
    pub simulator: SimulatorProcess,
    pub plane: ControlPlane,
}

impl Stage {
    /// All accounts lead to one LaunchDarkly account, with one credential: nothing keeps the tenants apart there.
    pub fn start(force: Force) -> Self {
        let plane = ControlPlane::start(ControlPlaneOptions::default()).unwrap();
        let simulator = SimulatorProcess::start(&SimulatorOptions::default()).unwrap();
        let port = simulator.host().rsplit_once(':').unwrap().1;
        let options = OperatorOptions::fast()
            .flag("--drift-interval", "5s")
            .allowing(&format!("{},localhost:{port}", simulator.host()));
        // Installs the kinds.
        let mut operator = Operator::start(&plane, &options).unwrap();
        operator.await_ready(PATIENCE).unwrap();
        operator.terminate(PATIENCE).unwrap();
        for namespace in [
            victim::NAMESPACE,
            HOARDER,
            tenants::EDITOR,
            tenants::RETAINER,
        ] {
            plane.apply(&home(&simulator, namespace)).unwrap();
        }
        for few in (0..force.large).collect::<Vec<_>>().chunks(10) {
            let items: Vec<Value> = few.iter().flat_map(|n| large(*n)).collect();
            let list = json!({"apiVersion": "v1", "kind": "List", "items": items});
            plane
                .kubectl_with_input(&["create", "-f", "-"], &list.to_string())
                .unwrap();
        }
        operator = Operator::start(&plane, &options).unwrap();
        operator.await_ready(PATIENCE).unwrap();
        let runtime = Runtime::new().unwrap();
        let client = runtime.block_on(client(&plane));
        let stage = Self {
            client,
            runtime,
            operator,
            simulator,
            plane,
        };
        victim::settle(&stage);
        stage
    }

    /// How many tokens live at LaunchDarkly that were made for a namespace.
    pub fn tokens_of(&self, namespace: &str) -> usize {
        let tokens = self.simulator.tokens().unwrap();
        let prefix = format!("{namespace}/");
        tokens
            .iter()
            .filter(|token| token.name.starts_with(&prefix))
            .count()
    }

    /// How often an operator has begun to lead.
    pub fn starts(&self) -> usize {
        let logs = self.operator.logs();
        logs.matches("\"message\":\"leading\"").count()
    }
}

/// A namespace with a credential and an account.
fn home(simulator: &SimulatorProcess, namespace: &str) -> String {
    let policy = if namespace == tenants::RETAINER {
        json!({"maxTokens": tenants::MAX_TOKENS})
    } else {
        json!({})
    };
    let objects = [
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}),
        json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "managing-key", "namespace": namespace},
            "stringData": {"token": simulator.managing_key()},
        }),
        json!({
            "apiVersion": "ldtokens.dev/v1alpha1", "kind": "LaunchDarklyAccount",
            "metadata": {"name": "default", "namespace": namespace},
            "spec": {"apiUrl": simulator.url(), "credentialsSecretRef": {"name": "managing-key"}, "policy": policy},
        }),
    ];
    objects.map(|object| format!("---\n{object}\n")).concat()
}

/// A Secret and an AccessToken with as many labels as the API server takes.
fn large(n: usize) -> [Value; 2] {
    let long = (0..2_800).map(|n| (format!("long-{n:05}"), "v".repeat(60)));
    let short = (0..20_000).map(|n| (format!("s{n:05}"), String::new()));
    let mut labels: BTreeMap<String, String> = long.chain(short).collect();
    let token = json!({
        "apiVersion": "ldtokens.dev/v1alpha1", "kind": "AccessToken",
        "metadata": {"name": format!("large-{n}"), "namespace": HOARDER, "labels": labels},
        // It asks for what is not there, so that LaunchDarkly is not asked for hundreds of tokens.
        "spec": {"role": "reader", "accountRef": {"kind": "LaunchDarklyAccount", "name": "missing"}, "secret": {"name": "large-0"}},
    });
    let ours = "app.kubernetes.io/managed-by".to_owned();
    labels.insert(ours, "launchdarkly-token-operator".to_owned());
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": format!("large-{n}"), "namespace": HOARDER, "labels": labels},
    });
    [secret, token]
}

async fn client(plane: &ControlPlane) -> Client {
    let kubeconfig = Kubeconfig::read_from(plane.kubeconfig()).unwrap();
    let options = KubeConfigOptions::default();
    let config = Config::from_custom_kubeconfig(kubeconfig, &options)
        .await
        .unwrap();
    Client::try_from(config).unwrap()
}
