//! The parts that all tests share: a node, a simulated LaunchDarkly that its pods know by its real name, a release, and consumers.

use std::fs;
use std::io::{self, Write as _};
use std::sync::LazyLock;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use rig::{
    Helm, Node, NodeOptions, SimulatorOptions, SimulatorProcess, build, node_impossible, object,
    wait, workspace,
};
use serde_json::{Value, json};

/// How long anything may take before a test fails.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Name and namespace of the release.
pub const NAME: &str = "launchdarkly-token-operator";
/// Where consumers and their tokens are.
pub const TEAM: &str = "team-a";
/// The address that stands for LaunchDarkly in pods.
pub const LAUNCHDARKLY: &str = "192.0.2.1";
/// Tokens whose keys are rotated by Reset, one for each disturbance: a reset has to wait for the end of the one before.
pub const RESET: [&str; 7] = [
    "undisturbed",
    "deleted",
    "killed",
    "stopped",
    "drained",
    "upgraded",
    "rolled-back",
];
/// A token that is replaced in each of them.
pub const REPLACED: &str = "replaced";
/// A second name of the image.
pub const NEXT_TAG: &str = "next";

/// Everything that runs.
pub struct Stage {
    pub node: Node,
    pub simulator: SimulatorProcess,
    /// How many rotations were asked for, so that each has a value of its own.
    rotations: u32,
    /// What consumers did, as far as it was asked for.
    pub calls: Mutex<Vec<Value>>,
}

/// The stage, for one test at a time; nothing where there can be no node, which is said in one line.
pub fn stage() -> Option<MutexGuard<'static, Stage>> {
    static STAGE: LazyLock<Option<Mutex<Stage>>> = LazyLock::new(|| {
        if let Some(reason) = node_impossible() {
            // Not by a macro: the output of tests that pass is not shown.
            let _ = writeln!(
                io::stderr(),
                "the tests of real pods are left out: {reason}"
            );
            return None;
        }
        Some(Mutex::new(Stage::start()))
    });
    let stage = STAGE.as_ref()?;
    Some(stage.lock())
}

impl Stage {
    fn start() -> Self {
        let simulator = SimulatorProcess::start(&SimulatorOptions {
            tls: true,
            flags: [
                "--tls-name=app.launchdarkly.com",
                "--switch=rateLimits.global=100000",
                "--switch=rateLimits.route=100000",
                "--switch=rateLimits.token=100000",
            ]
            .map(str::to_owned)
            .to_vec(),
            ..SimulatorOptions::default()
        })
        .unwrap();
        let node = Node::start(&NodeOptions {
            reach: vec![(format!("{LAUNCHDARKLY}:443"), simulator.host().to_owned())],
            ..NodeOptions::default()
        })
        .unwrap();
        node.import(&build::image().unwrap()).unwrap();
        let image = |tag| format!("docker.io/library/{NAME}:{tag}");
        node.tag(&image(env!("CARGO_PKG_VERSION")), &image(NEXT_TAG))
            .unwrap();
        let stage = Self {
            node,
            simulator,
            rotations: 0,
            calls: Mutex::default(),
        };
        stage.install();
        stage.settle_team();
        stage
    }

    /// Installs the chart with two replicas, as shipped but for shorter times, where only restricted pods may run.
    fn install(&self) {
        for name in [NAME, TEAM] {
            self.apply(&json!({
                "apiVersion": "v1", "kind": "Namespace",
                "metadata": {"name": name, "labels": {"pod-security.kubernetes.io/enforce": "restricted"}},
            }));
        }
        self.release("install", &json!({}));
    }

    /// Gives the team an account, two tokens and their consumers.
    fn settle_team(&self) {
        self.apply(&json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "managing-key", "namespace": TEAM},
            "stringData": {"token": self.simulator.managing_key()},
        }));
        // Without an address: LaunchDarkly's own.
        self.apply(&json!({
            "apiVersion": "ldtokens.dev/v1alpha1", "kind": "LaunchDarklyAccount", "metadata": {"name": "default", "namespace": TEAM},
            "spec": {"credentialsSecretRef": {"name": "managing-key"}, "caBundle": self.simulator.ca().unwrap()},
        }));
        for name in RESET {
            self.token(
                name,
                &json!({"interval": "720h", "gracePeriod": "1m", "strategy": "Reset"}),
            );
        }
        self.token(
            REPLACED,
            &json!({"interval": "720h", "gracePeriod": "20s", "strategy": "Replace"}),
        );
        self.await_ready();
        self.start_consumers();
    }

    fn token(&self, name: &str, rotation: &Value) {
        self.apply(&json!({
            "apiVersion": "ldtokens.dev/v1alpha1", "kind": "AccessToken", "metadata": {"name": name, "namespace": TEAM},
            "spec": {"role": "reader", "rotation": rotation},
        }));
    }

    pub fn apply(&self, object: &Value) {
        // The kinds may be seconds old.
        let apply = || self.node.plane().apply(&object.to_string()).map(Some);
        wait::until(PATIENCE, "the object to be taken", apply).unwrap();
    }

    /// Installs or upgrades the chart with the values of the stage and `more`, and waits until its pods are ready.
    pub fn release(&self, verb: &str, more: &Value) {
        let file = self.node.directory().join("values.json");
        fs::write(&file, values(more).to_string()).unwrap();
        let chart = workspace::root().join("charts").join(NAME);
        let (chart, file) = (chart.display().to_string(), file.display().to_string());
        self.helm(&[verb, NAME, &chart, "--values", &file]);
    }

    /// Runs helm on the release, and waits until its pods are ready.
    pub fn helm(&self, arguments: &[&str]) {
        let helm = Helm::on(self.node.plane()).unwrap();
        helm.run(&[arguments, &["--namespace", NAME]].concat())
            .unwrap();
        self.rolled_out(NAME, NAME);
    }

    pub fn kubectl(&self, arguments: &[&str]) -> String {
        self.node.plane().kubectl(arguments).unwrap()
    }

    /// Waits until all pods of a Deployment are the newest and ready.
    pub fn rolled_out(&self, namespace: &str, deployment: &str) {
        let deployment = format!("deployment/{deployment}");
        let limit = format!("--timeout={}s", PATIENCE.as_secs());
        self.kubectl(&[
            "rollout",
            "status",
            &deployment,
            &limit,
            "--namespace",
            namespace,
        ]);
    }

    /// All `AccessTokens` by name; an error if one is not Ready.
    pub fn objects(&self) -> Result<Vec<(String, Value)>, String> {
        let objects = self.node.plane().client().list("accesstokens", TEAM);
        let named = |object: Value| {
            let name = object["metadata"]["name"]
                .as_str()
                .unwrap_or_default()
                .to_owned();
            object::ready(&object).map_err(|says| format!("{name}: {says}"))?;
            Ok((name, object))
        };
        objects
            .map_err(|error| format!("{error:?}"))?
            .into_iter()
            .map(named)
            .collect()
    }

    /// Waits until all `AccessTokens` are Ready.
    pub fn await_ready(&self) {
        wait::until_ok(PATIENCE, "Ready AccessTokens", || self.objects()).unwrap();
    }

    /// Asks for rotations, without waiting for them.
    pub fn ask_for_rotation(&mut self, names: &[&str]) {
        self.rotations += 1;
        let value = format!("ldtokens.dev/rotate=time-{}", self.rotations);
        let annotate = [
            &["annotate", "accesstokens"],
            names,
            &[&value, "--overwrite", "--namespace", TEAM],
        ];
        self.kubectl(&annotate.concat());
    }
}

/// The names of all `AccessTokens`, and so of their Secrets.
pub fn all_tokens() -> impl Iterator<Item = &'static str> {
    RESET.into_iter().chain([REPLACED])
}

/// The values of the release, and `more`.
fn values(more: &Value) -> Value {
    let mut values = json!({
        "image": {"pullPolicy": "Never"},
        "hostAliases": [{"ip": LAUNCHDARKLY, "hostnames": ["app.launchdarkly.com"]}],
        // As short as a busy machine allows.
        "flags": {
            "lease-duration": "8s", "request-timeout": "2s", "settle-time": "4s", "publication-margin": "5s", "drift-interval": "5s",
        },
    });
    for (name, value) in more.as_object().unwrap() {
        match (&mut values[name], value) {
            (Value::Object(old), Value::Object(new)) => old.extend(new.clone()),
            (old, new) => *old = new.clone(),
        }
    }
    values
}
