//! The real parts: a control plane, a simulated LaunchDarkly for each account, and the shipped operator.

use std::fmt::Write as _;
use std::time::Duration;

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use rig::{ControlPlane, ControlPlaneOptions, Operator, OperatorOptions};
use rig::{SimulatorOptions, SimulatorProcess};
use serde_json::json;
use tokio::runtime::Runtime;

use crate::film::Film;
use crate::{tell, weather};

/// How many accounts there are. Unasked replacements are held at three an account within ten minutes of one
/// process (I14): an account has three objects at most, so that the keys which one kill loses stay within that.
pub const ACCOUNTS: usize = 7;

/// How long the parts may take to start.
const PATIENCE: Duration = Duration::from_secs(60);

/// Everything, running.
pub struct Stage {
    // Dropped in this order: nobody loses what it talks to.
    pub film: Film,
    pub client: Client,
    pub runtime: Runtime,
    pub operator: Operator,
    pub simulators: Vec<SimulatorProcess>,
    _plane: ControlPlane,
}

/// The namespace of an account.
pub fn namespace(account: usize) -> String {
    format!("storm-{account}")
}

impl Stage {
    /// Starts all parts, with a Ready account in each namespace.
    pub fn start(seed: u64) -> Self {
        let plane = ControlPlane::start(ControlPlaneOptions::default()).unwrap();
        let simulators: Vec<_> = (0..ACCOUNTS)
            .map(|account| simulator(seed, account))
            .collect();
        let hosts: Vec<&str> = simulators.iter().map(SimulatorProcess::host).collect();
        let options = OperatorOptions::fast()
            .flag("--lease-duration", "3s")
            .flag("--settle-time", "2s")
            .flag("--request-timeout", "1s")
            // The previous key of a reset gets no more life than this, however long the operator is killed before it has replaced
            // a lost new one: I3 holds in full for recoveries within it. On a busy machine one kill after the other hits a recovery.
            .flag("--publication-margin", "120s")
            // What is left behind because nobody was there to delete it in time is no leak, and would look like one.
            .flag("--deletion-give-up-after", "10m")
            .allowing(&hosts.join(","));
        let mut operator = Operator::start(&plane, &options).unwrap();
        operator.await_ready(PATIENCE).unwrap();
        accounts(&plane, &simulators);

        let runtime = Runtime::new().unwrap();
        let client = runtime.block_on(client(&plane));
        let film = runtime.block_on(Film::start(&client));
        Self {
            film,
            client,
            runtime,
            operator,
            simulators,
            _plane: plane,
        }
    }
}

/// A LaunchDarkly that takes 50 to 300 ms for each of the operator's calls, part of it before the call counts, part after.
fn simulator(seed: u64, account: usize) -> SimulatorProcess {
    // Consumers call as often as they like: limits are not what is tested here.
    let limits = ["route", "token", "global"].map(|family| format!("rateLimits.{family}=100000"));
    let weather = weather::drawn(seed, account);
    tell(&format!("account {account}: {}", weather.join(" ")));
    let simulator = SimulatorProcess::start(&SimulatorOptions {
        flags: limits
            .into_iter()
            .chain(weather)
            .flat_map(|switch| ["--switch".to_owned(), switch])
            .collect(),
        seed: next_seed(),
        ..SimulatorOptions::default()
    })
    .unwrap();
    let tokens = simulator.tokens().unwrap();
    let managing = tokens.iter().find(|token| token.created_by.is_none());
    for handled in [false, true] {
        let delay = json!({
            "kind": "delay", "count": 0, "minDelayMs": 25, "maxDelayMs": 150, "handled": handled, "caller": managing.unwrap().id,
        });
        simulator.fault(&delay).unwrap();
    }
    simulator
}

/// No two simulators draw the same IDs and keys.
fn next_seed() -> u64 {
    use std::sync::atomic::{AtomicU64, Ordering};
    static SEED: AtomicU64 = AtomicU64::new(1);
    SEED.fetch_add(1, Ordering::Relaxed)
}

fn accounts(plane: &ControlPlane, simulators: &[SimulatorProcess]) {
    let mut objects = String::new();
    for (account, simulator) in simulators.iter().enumerate() {
        let home = namespace(account);
        for object in [
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": home}}),
            json!({
                "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "managing-key", "namespace": home},
                "stringData": {"token": simulator.managing_key()},
            }),
            json!({
                "apiVersion": "ldtokens.dev/v1alpha1", "kind": "LaunchDarklyAccount",
                "metadata": {"name": "default", "namespace": home},
                "spec": {"apiUrl": simulator.url(), "credentialsSecretRef": {"name": "managing-key"}},
            }),
        ] {
            let _ = writeln!(objects, "---\n{object}");
        }
    }
    plane.apply(&objects).unwrap();
    for account in 0..ACCOUNTS {
        let home = namespace(account);
        let ready = plane.await_ready("launchdarklyaccount", &home, "default", PATIENCE);
        ready.unwrap();
    }
}

async fn client(plane: &ControlPlane) -> Client {
    let kubeconfig = Kubeconfig::read_from(plane.kubeconfig()).unwrap();
    let options = KubeConfigOptions::default();
    let config = Config::from_custom_kubeconfig(kubeconfig, &options)
        .await
        .unwrap();
    Client::try_from(config).unwrap()
}
