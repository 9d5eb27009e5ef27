//! The parts that all tests of this binary share.

use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rig::{
    ControlPlane, ControlPlaneOptions, Operator, OperatorOptions, SecretAccess, SimulatorOptions,
    SimulatorProcess, rights,
};

pub use crate::home::Home;
pub use crate::keys::{accepted, refused};

/// How long anything may take before a test fails.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The namespaces of the tests that are run in every mode (see `xtask/src/test/access.rs`): where the operator may use the Secrets of
/// single namespaces only, they have to be named when it starts.
const NAMED: [&str; 16] = [
    "ending-all",
    "ending-new",
    "life-reset",
    "life-retain",
    "life-revoke",
    "life-role",
    "life-simple",
    "life-suspend",
    "remote-lost",
    "secret-annotations",
    "secret-deleted",
    "secret-edited",
    "secret-foreign",
    "secret-moved",
    "secret-quota",
    "secret-refused",
];

/// The processes; they end with this one.
pub struct Stage {
    pub plane: ControlPlane,
    /// Where nothing goes wrong.
    pub calm: SimulatorProcess,
    /// Where faults and switches are set, by one test at a time; another account than the calm one.
    rough: Mutex<SimulatorProcess>,
    /// An instance that knows neither `expiry` nor reset.
    pub old: SimulatorProcess,
    /// Where Secrets are lost: replacements that nobody asked for are limited an account.
    pub careless: SimulatorProcess,
    /// Whose managing key is taken away.
    pub doomed: SimulatorProcess,
    /// An instance for many objects at once.
    pub crowded: SimulatorProcess,
    /// Where many keys are lost at once.
    pub plundered: SimulatorProcess,
    /// Where one key is lost again and again.
    pub contested: SimulatorProcess,
    /// Whose resets cut the old key.
    pub broken: SimulatorProcess,
    /// Whose clock is five minutes ahead.
    pub ahead: SimulatorProcess,
    /// An instance that does not know `expiry`.
    pub dateless: SimulatorProcess,
    /// An instance that cuts descriptions.
    pub terse: SimulatorProcess,
    /// Which fails everything for a while.
    pub failing: SimulatorProcess,
    /// Which two account objects lead to.
    pub shared: SimulatorProcess,
    /// Behind https, with a certificate of its own authority.
    pub private: SimulatorProcess,
    /// The operator that all tests share; it is never ended.
    pub operator: Operator,
    /// Whose Secrets it may use.
    pub access: SecretAccess,
}

/// The stage, started once.
pub fn stage() -> &'static Stage {
    static STAGE: LazyLock<Stage> = LazyLock::new(Stage::start);
    &STAGE
}

impl Stage {
    fn start() -> Self {
        let access = SecretAccess::from_environment().unwrap();
        let plane = ControlPlane::start(ControlPlaneOptions {
            audit: rights::evidence(access).unwrap(),
            ..ControlPlaneOptions::default()
        })
        .unwrap();
        let simulator = |seed, flags: &[&str], profile: &str| {
            SimulatorProcess::start(&SimulatorOptions {
                seed,
                profile: profile.to_owned(),
                roles: vec!["deployer".to_owned()],
                flags: flags.iter().map(|flag| (*flag).to_owned()).collect(),
                ..SimulatorOptions::default()
            })
            .unwrap()
        };
        let calm = simulator(1, &[], "2026-10");
        let rough = simulator(2, &["--account-id", "569f514156e003339cfd3999"], "2026-10");
        let old = simulator(3, &[], "2024");
        let doomed = simulator(6, &[], "2026-10");
        let careless = simulator(5, &[], "2026-10");
        let crowded = simulator(4, &["--switch", "tokenLimit=1000"], "2026-10");
        let plundered = simulator(7, &[], "2026-10");
        let contested = simulator(10, &[], "2026-10");
        let broken = simulator(12, &[], "2026-10");
        let ahead = simulator(11, &["--clock-offset-ms", "300000"], "2026-10");
        let terse = simulator(13, &["--switch", "description.maxLength=150"], "2026-10");
        let dateless = simulator(8, &[], "2024");
        let failing = simulator(14, &[], "2026-10");
        let shared = simulator(15, &[], "2026-10");
        let private = SimulatorProcess::start(&SimulatorOptions {
            seed: 9,
            tls: true,
            ..SimulatorOptions::default()
        })
        .unwrap();
        let hosts = [
            calm.host(),
            rough.host(),
            old.host(),
            careless.host(),
            doomed.host(),
            crowded.host(),
            plundered.host(),
            contested.host(),
            broken.host(),
            ahead.host(),
            dateless.host(),
            terse.host(),
            failing.host(),
            shared.host(),
            private.host(),
        ]
        .join(",");
        let options = patient().with_access(access, &NAMED).allowing(&hosts);
        let mut operator = Operator::start(&plane, &options).unwrap();
        operator.await_ready(PATIENCE).unwrap();
        Self {
            plane,
            calm,
            rough: Mutex::new(rough),
            old,
            careless,
            doomed,
            crowded,
            plundered,
            contested,
            broken,
            ahead,
            dateless,
            terse,
            failing,
            shared,
            private,
            operator,
            access,
        }
    }

    /// The simulator where things go wrong, for one test at a time, without faults and with default switches.
    pub fn rough(&self) -> MutexGuard<'_, SimulatorProcess> {
        let rough = self.rough.lock().unwrap_or_else(PoisonError::into_inner);
        rough.clear_faults().unwrap();
        rough
    }
}

/// Times as short as a busy machine allows.
pub fn patient() -> OperatorOptions {
    OperatorOptions::fast()
        .flag("--request-timeout", "2s")
        .flag("--settle-time", "4s")
        .flag("--lease-duration", "6s")
}
