//! The parts that all tests of this binary share, one test at a time: there is one Lease.

use std::io::Write as _;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use parking_lot::{Mutex, MutexGuard};
use rig::{
    Cable, ControlPlane, ControlPlaneOptions, Operator, OperatorOptions, SimulatorOptions,
    SimulatorProcess, install, wait,
};
use serde_json::{Value, json};

pub const LEASE: &str = "launchdarkly-token-operator";

/// As short as the program allows.
pub const LEASE_DURATION: Duration = Duration::from_secs(3);

/// Several leases, settle times and a slow machine.
pub const SOON: Duration = Duration::from_secs(60);

/// A replica, and the only way from it to the API server.
pub struct Replica {
    pub operator: Operator,
    cable: Cable,
}

/// A control plane, a simulated LaunchDarkly and two replicas.
pub struct Stage {
    // Dropped in this order: nobody loses what it talks to.
    pub replicas: [Replica; 2],
    pub simulator: SimulatorProcess,
    pub plane: ControlPlane,
}

/// The stage, with both replicas running and one of them leading.
pub fn stage() -> MutexGuard<'static, Stage> {
    static STAGE: LazyLock<Mutex<Stage>> = LazyLock::new(|| Mutex::new(Stage::start()));
    let mut stage = STAGE.lock();
    stage.both_run();
    stage
}

impl Replica {
    fn start(plane: &ControlPlane, simulator: &SimulatorProcess, name: &str) -> Self {
        let cable = Cable::to(&install::api_server(plane).unwrap()).unwrap();
        let options = OperatorOptions {
            program: Some(env!("CARGO_BIN_EXE_launchdarkly-token-operator").into()),
            api_server: Some(cable.address()),
            ..OperatorOptions::fast()
        };
        let options = options.named(name).allowing(simulator.host());
        let operator = Operator::start(plane, &options).unwrap();
        Self { operator, cable }
    }

    /// Whether it says that it leads.
    pub fn leads(&self) -> bool {
        let leader = self.operator.metric("launchdarkly_operator_leader", &[]);
        leader.is_ok_and(|value| value > 0.5)
    }

    /// Breaks its connections to the API server.
    pub fn cut(&self) {
        self.cable.cut();
    }

    /// Lets nothing more through to the API server or back.
    pub fn silence(&self) {
        self.cable.silence();
    }

    /// Ends [`Replica::cut`] and [`Replica::silence`].
    pub fn mend(&self) {
        self.cable.mend();
    }
}

impl Stage {
    fn start() -> Self {
        let plane = ControlPlane::start(ControlPlaneOptions::default()).unwrap();
        let unlimited = [
            "rateLimits.route=100000",
            "rateLimits.token=100000",
            "rateLimits.global=100000",
        ];
        let simulator = SimulatorProcess::start(&SimulatorOptions {
            // Consumers call as often as they like.
            flags: unlimited
                .into_iter()
                .flat_map(|switch| ["--switch".to_owned(), switch.to_owned()])
                .collect(),
            ..SimulatorOptions::default()
        })
        .unwrap();
        let replicas = ["one", "other"].map(|name| Replica::start(&plane, &simulator, name));
        Self {
            replicas,
            simulator,
            plane,
        }
    }

    /// Starts again what has ended, as a Deployment does, until both are ready and one leads.
    pub fn both_run(&mut self) {
        wait::until_true(SOON, "two replicas of which one leads", || {
            let mut ready = true;
            for replica in &mut self.replicas {
                replica.mend();
                if !replica.operator.is_running()? {
                    replica.operator.restart()?;
                }
                ready &= replica.operator.ready()?.is_ok();
            }
            let leaders = self.replicas.iter().filter(|replica| replica.leads());
            Ok(ready && leaders.count() == 1)
        })
        .unwrap();
    }

    /// Has both end, and so the Lease released.
    pub fn both_end(&mut self) {
        for replica in &mut self.replicas {
            assert_eq!(replica.operator.terminate(SOON).unwrap().code(), Some(0));
        }
    }

    /// The replica that leads, and the other one.
    pub fn leader_and_standby(&mut self) -> (&mut Replica, &mut Replica) {
        let [one, other] = &mut self.replicas;
        if one.leads() {
            assert!(!other.leads(), "both lead");
            (one, other)
        } else {
            (other, one)
        }
    }

    /// A namespace with an account that is Ready.
    pub fn home(&self, namespace: &str) {
        for object in [
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}),
            json!({
                "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "managing-key", "namespace": namespace},
                "stringData": {"managing": self.simulator.managing_key()},
            }),
            json!({
                "apiVersion": "ldtokens.dev/v1alpha1", "kind": "LaunchDarklyAccount",
                "metadata": {"name": "default", "namespace": namespace},
                "spec": {
                    "apiUrl": self.simulator.url(),
                    "credentialsSecretRef": {"name": "managing-key", "key": "managing"},
                },
            }),
        ] {
            self.plane.apply(&object.to_string()).unwrap();
        }
        let account = "launchdarklyaccount";
        let ready = self.plane.await_ready(account, namespace, "default", SOON);
        ready.unwrap();
    }

    /// Applies an `AccessToken`.
    pub fn token(&self, namespace: &str, name: &str, spec: &Value) {
        let metadata = json!({"name": name, "namespace": namespace});
        let object = json!({
            "apiVersion": "ldtokens.dev/v1alpha1", "kind": "AccessToken", "metadata": metadata, "spec": spec,
        });
        self.plane.apply(&object.to_string()).unwrap();
    }

    /// Gives an `AccessToken` another trigger value.
    pub fn rotate(&self, namespace: &str, name: &str, trigger: &str) {
        let patch = json!({"spec": {"rotation": {"trigger": trigger}}}).to_string();
        let arguments = [
            "patch",
            "accesstoken",
            name,
            "--namespace",
            namespace,
            "--type=merge",
            "--patch",
            &patch,
        ];
        self.plane.kubectl(&arguments).unwrap();
    }

    /// Waits until an `AccessToken` is Ready.
    pub fn ready(&self, namespace: &str, name: &str) {
        let ready = self.plane.await_ready("accesstoken", namespace, name, SOON);
        ready.unwrap();
    }

    /// Has LaunchDarkly take its time for the next call of this kind: before it handles it, or before it answers.
    pub fn delay(&self, route: &str, handled: bool) {
        self.simulator.clear_faults().unwrap();
        let fault = json!({"method": "POST", "route": route, "kind": "delay", "delayMs": 800, "handled": handled});
        self.simulator.fault(&fault).unwrap();
    }

    /// Waits until the call that is delayed is under way.
    pub fn await_call(&self) {
        wait::until_true(SOON, "a call to LaunchDarkly", || {
            let faults = self.simulator.admin("GET", "/faults", &Value::Null)?;
            Ok(faults["items"][0]["seen"].as_u64() >= Some(1))
        })
        .unwrap();
    }
}

/// Waits until a replica leads, and says how long that took.
pub fn await_leader(replica: &Replica) -> Duration {
    let begun = Instant::now();
    wait::until_true(SOON, "the standby to lead", || Ok(replica.leads())).unwrap();
    begun.elapsed()
}

/// Told also when the test passes.
pub fn tell(text: &str) {
    std::io::stderr()
        .write_all(format!("{text}\n").as_bytes())
        .unwrap();
}
