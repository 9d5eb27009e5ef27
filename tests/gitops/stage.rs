//! The parts that all tests of this binary share.

use std::sync::LazyLock;
use std::time::Duration;

use rig::{
    ControlPlane, ControlPlaneOptions, Operator, OperatorOptions, SecretAccess, SimulatorOptions,
    SimulatorProcess,
};
use serde_json::{Value, json};

pub use crate::home::Home;
pub use crate::keys::{accepted, refused};

/// How long anything may take before a test fails.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The processes; they end with this one.
pub struct Stage {
    pub plane: ControlPlane,
    /// Where nothing goes wrong.
    pub calm: SimulatorProcess,
    /// For many objects at once.
    pub crowded: SimulatorProcess,
    /// Where creates will fail.
    pub failing: SimulatorProcess,
    /// Where creates are refused by the rate limit.
    pub limited: SimulatorProcess,
    /// Where nothing can be deleted.
    pub held: SimulatorProcess,
    /// Where nobody learns who they are.
    pub deaf: SimulatorProcess,
    /// Where many keys are lost at once.
    pub plundered: SimulatorProcess,
    /// Whose Secrets the operator may use.
    pub access: SecretAccess,
    /// Where tests may be at home, if not everywhere.
    pub namespaces: Option<&'static [&'static str]>,
    _operator: Operator,
}

/// The stage, started once.
pub fn stage() -> &'static Stage {
    static STAGE: LazyLock<Stage> = LazyLock::new(Stage::start);
    &STAGE
}

impl Stage {
    fn start() -> Self {
        let plane = ControlPlane::start(ControlPlaneOptions::default()).unwrap();
        let simulator = |seed: u64| {
            SimulatorProcess::start(&SimulatorOptions {
                seed,
                roles: vec!["deployer".to_owned(), "deploy-production".to_owned()],
                flags: vec!["--switch".to_owned(), "tokenLimit=1000".to_owned()],
                ..SimulatorOptions::default()
            })
            .unwrap()
        };
        let simulators = [1, 2, 3, 4, 5, 6, 7].map(simulator);
        let hosts = simulators.each_ref().map(SimulatorProcess::host).join(",");
        let options = OperatorOptions::fast()
            .flag("--request-timeout", "2s")
            .flag("--settle-time", "4s")
            .flag("--lease-duration", "6s")
            .allowing(&hosts);
        let mut operator = Operator::start(&plane, &options).unwrap();
        operator.await_ready(PATIENCE).unwrap();
        let [calm, crowded, failing, limited, held, deaf, plundered] = simulators;
        Self {
            plane,
            calm,
            crowded,
            failing,
            limited,
            held,
            deaf,
            plundered,
            access: SecretAccess::Cluster,
            namespaces: None,
            _operator: operator,
        }
    }
}

/// From now on every such call is answered like this.
pub fn answer_always(simulator: &SimulatorProcess, method: &str, route: &str, status: u16) {
    let fault =
        json!({"method": method, "route": route, "count": 0, "kind": "status", "status": status});
    simulator.fault(&fault).unwrap();
}

/// A ClusterLaunchDarklyAccount and its credential, which is named like it.
pub fn cluster_account(simulator: &SimulatorProcess, name: &str, spec: &Value) -> [Value; 2] {
    let mut spec = spec.clone();
    spec["apiUrl"] = json!(simulator.url());
    spec["credentialsSecretRef"] = json!({"name": name, "key": "token"});
    let account = json!({
        "apiVersion": "ldtokens.dev/v1alpha1", "kind": "ClusterLaunchDarklyAccount", "metadata": {"name": name}, "spec": spec,
    });
    let namespace = rig::install::NAMESPACE;
    [credential(simulator, namespace, name, "token"), account]
}

/// Applies objects.
pub fn apply(objects: &[Value]) {
    stage().plane.apply(&list(objects)).unwrap();
}

/// A Secret with the key that an account needs.
pub fn credential(simulator: &SimulatorProcess, namespace: &str, name: &str, entry: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": namespace},
        "stringData": {entry: simulator.managing_key()},
    })
}

/// Objects as one for kubectl.
pub fn list(objects: &[Value]) -> String {
    json!({"apiVersion": "v1", "kind": "List", "items": objects}).to_string()
}
