//! An operator that has seen a little of everything, a Prometheus that has watched it, and a collector of its traces.

use std::fs;
use std::sync::LazyLock;
use std::time::Duration;

use rig::{
    ControlPlane, ControlPlaneOptions, Helm, Operator, OperatorOptions, Prometheus,
    SimulatorOptions, SimulatorProcess, wait, workspace,
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::collector::Collector;
use crate::exposition::{Sample, samples};

/// How long anything may take before a test fails.
pub const PATIENCE: Duration = Duration::from_secs(60);
pub const TEAM: &str = "team-a";
/// Of the operator, which the chart is rendered for too.
const NAMESPACE: &str = "launchdarkly-token-operator";

/// The parts; they end with this process.
pub struct Stage {
    pub operator: Operator,
    pub prometheus: Prometheus,
    pub simulator: SimulatorProcess,
    pub collector: Collector,
    plane: ControlPlane,
    _rules: TempDir,
}

/// The stage, after everything has happened on it.
pub fn stage() -> &'static Stage {
    static STAGE: LazyLock<Stage> = LazyLock::new(|| {
        let stage = Stage::start();
        stage.play();
        stage
    });
    &STAGE
}

/// The objects that the chart makes for the Prometheus operator and for Grafana.
pub fn rendered() -> Vec<Value> {
    let root = workspace::root();
    let chart = root.join("charts/launchdarkly-token-operator");
    let text = Helm::offline().unwrap().run(&[
        "template",
        NAMESPACE,
        &chart.display().to_string(),
        "--namespace",
        NAMESPACE,
        "--set-json",
        r#"monitoring={"prometheusRule": {"enabled": true}, "dashboard": {"enabled": true}}"#,
    ]);
    let documents: Vec<Value> = serde_saphyr::from_multiple(&text.unwrap()).unwrap();
    documents.into_iter().filter(|one| !one.is_null()).collect()
}

/// The spec of the chart's `PrometheusRule`, which is a file of rules as it is.
pub fn rules() -> Value {
    let objects = rendered();
    let rule = objects.iter().find(|one| one["kind"] == "PrometheusRule");
    rule.unwrap()["spec"].clone()
}

/// The operator as Cargo built it, with traces to a collector at this address.
pub fn operator_options(simulator: &SimulatorProcess, collector: &str) -> OperatorOptions {
    let mut options = OperatorOptions::fast()
        .allowing(simulator.host())
        .flag("--otlp-endpoint", collector);
    options.program = Some(env!("CARGO_BIN_EXE_launchdarkly-token-operator").into());
    options.environment = [
        ("OTEL_SERVICE_NAME", "from-the-environment"),
        ("OTEL_BSP_SCHEDULE_DELAY", "500"),
    ]
    .map(|(variable, value)| (variable.to_owned(), value.to_owned()))
    .to_vec();
    options
}

impl Stage {
    fn start() -> Self {
        let plane = ControlPlane::start(ControlPlaneOptions::default()).unwrap();
        let simulator = SimulatorProcess::start(&SimulatorOptions::default()).unwrap();
        let collector = Collector::start();
        let options = operator_options(&simulator, &collector.url());
        let mut operator = Operator::start(&plane, &options).unwrap();
        operator.await_ready(PATIENCE).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("rules.yaml");
        fs::write(&file, rules().to_string()).unwrap();
        let target = operator.url().trim_start_matches("http://").to_owned();
        let job = format!("{NAMESPACE}-metrics");
        let labels = [("namespace", NAMESPACE), ("job", &job), ("pod", "operator")];
        let prometheus = Prometheus::start(&target, &labels, &[&file]).unwrap();
        Self {
            operator,
            prometheus,
            simulator,
            collector,
            plane,
            _rules: folder,
        }
    }

    /// What /metrics says now.
    pub fn samples(&self) -> Vec<Sample> {
        samples(&self.operator.metrics().unwrap())
    }

    /// Lets something happen for every metric.
    fn play(&self) {
        self.plane.kubectl(&["create", "namespace", TEAM]).unwrap();
        self.apply(&json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "managing-key"},
            "stringData": {"token": self.simulator.managing_key()},
        }));
        let account = |name: &str, more: Value| {
            let mut spec = json!({
                "apiUrl": self.simulator.url(),
                "credentialsSecretRef": {"name": "managing-key"},
            });
            spec.as_object_mut()
                .unwrap()
                .extend(more.as_object().unwrap().clone());
            let metadata = json!({"name": name});
            self.apply(&json!({
                "apiVersion": "ldtokens.dev/v1alpha1", "kind": "LaunchDarklyAccount",
                "metadata": metadata, "spec": spec,
            }));
        };
        account("default", json!({}));
        account("strict", json!({"policy": {"roles": ["reader"]}}));
        account(
            "broken",
            json!({"credentialsSecretRef": {"name": "no-such-secret"}}),
        );
        self.ready("launchdarklyaccount", "default");

        let rotation = json!({"interval": "1h", "gracePeriod": "10m"});
        self.token("web", &json!({"role": "writer", "rotation": rotation}));
        let replace = json!({"strategy": "Replace", "gracePeriod": "10m"});
        self.token("batch", &json!({"role": "reader", "rotation": replace}));
        self.ready("accesstoken", "web");
        self.ready("accesstoken", "batch");
        for name in ["web", "batch"] {
            self.patch(name, &json!({"spec": {"rotation": {"trigger": "1"}}}));
            wait::until_true(PATIENCE, "a previous key besides the new one", || {
                let object = self.plane.get("accesstoken", TEAM, name)?;
                Ok(object["status"]["rotation"]["previousKeyExpirationTime"].is_string())
            })
            .unwrap();
        }
        let batch = self.plane.get("accesstoken", TEAM, "batch").unwrap();
        let id = batch["status"]["token"]["id"].as_str().unwrap();
        // Two thousand days after 2026: far enough away for nothing to be done about it.
        self.simulator
            .patch_token(id, &json!({"expiry": 1_965_000_000_000_u64}))
            .unwrap();

        // What is refused, contested, and waits.
        let strict = json!({"name": "strict"});
        self.token("forbidden", &json!({"role": "admin", "accountRef": strict}));
        self.apply(&json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "foreign"},
            "stringData": {"token": "not ours"},
        }));
        self.token("foreign", &json!({"role": "reader"}));
        let refusal = json!({
            "method": "POST", "route": "/api/v2/tokens", "kind": "status", "status": 429,
        });
        self.simulator.fault(&refusal).unwrap();
        self.token("limited", &json!({"role": "reader"}));
        self.ready("accesstoken", "limited");
        self.await_everything();
    }

    /// Waits until the catalogue is filled: orphans can be told after two listings, expiry dates after one.
    fn await_everything(&self) {
        wait::until_ok(PATIENCE, "every metric to be filled", || {
            let samples = self.samples();
            let missing: Vec<_> = crate::metrics::missing(&samples);
            if missing.is_empty() {
                Ok(())
            } else {
                Err(missing.join(", "))
            }
        })
        .unwrap();
        // What came last: the refused create, and the second listing.
        let late = "increase(launchdarkly_operator_rotations_total{result=\"error\"}[5m]) > 0 \
            and on (instance) launchdarkly_account_orphaned_tokens{name=\"default\"}";
        wait::until_ok(
            PATIENCE,
            "Prometheus to have seen all of that",
            || match self.prometheus.query(late).unwrap().len() {
                0 => Err(self.prometheus.scrape_error().unwrap()),
                _ => Ok(()),
            },
        )
        .unwrap();
    }

    fn token(&self, name: &str, spec: &Value) {
        self.apply(&json!({
            "apiVersion": "ldtokens.dev/v1alpha1", "kind": "AccessToken",
            "metadata": {"name": name}, "spec": spec,
        }));
    }

    fn apply(&self, object: &Value) {
        let mut object = object.clone();
        object["metadata"]["namespace"] = json!(TEAM);
        self.plane.apply(&object.to_string()).unwrap();
    }

    fn patch(&self, name: &str, patch: &Value) {
        let patch = patch.to_string();
        let arguments = ["patch", "accesstoken", name, "--namespace", TEAM];
        let more = ["--type=merge", "--patch", &patch];
        self.plane
            .kubectl(&[&arguments[..], &more].concat())
            .unwrap();
    }

    fn ready(&self, kind: &str, name: &str) {
        self.plane.await_ready(kind, TEAM, name, PATIENCE).unwrap();
    }

    /// An `AccessToken` as it is.
    pub fn object(&self, name: &str) -> Value {
        self.plane.get("accesstoken", TEAM, name).unwrap()
    }

    /// Deletes an object and waits until it is gone.
    pub fn delete(&self, name: &str) {
        let arguments = ["delete", "accesstoken", name, "--namespace", TEAM];
        self.plane.kubectl(&arguments).unwrap();
    }

    /// Makes another token, which is Ready.
    pub fn another_token(&self, name: &str) {
        self.token(name, &json!({"role": "reader"}));
        self.ready("accesstoken", name);
    }
}
