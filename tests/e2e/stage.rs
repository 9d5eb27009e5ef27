//! The parts that all tests of this binary share.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rig::{
    ControlPlane, ControlPlaneOptions, Operator, OperatorOptions, SecretAccess, SimulatorOptions,
    SimulatorProcess, rights,
};

pub use crate::home::Home;
pub use crate::keys::{accepted, refused};

/// How long anything may take before a test fails.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The namespaces of the tests: where the operator may use the Secrets of single namespaces only, they have to be named when it starts.
/// A test whose namespace is missing here fails.
const NAMESPACES: [&str; 83] = [
    "crowd",
    "ending-all",
    "ending-new",
    "leaks-again",
    "leaks-foreign",
    "leaks-policy",
    "life-leaky",
    "life-reset",
    "life-retain",
    "life-revoke",
    "life-role",
    "life-schedule",
    "life-simple",
    "life-suspend",
    "losses-again",
    "losses-here",
    "losses-many",
    "losses-there",
    "manage-own",
    "manage-personal",
    "manage-strict",
    "manage-undeletable",
    "odd-expired",
    "odd-ignored",
    "odd-overlap",
    "odd-patch",
    "odd-refused",
    "odd-terse",
    "odd-unproven",
    "pace-elsewhere",
    "pace-first",
    "pace-outage",
    "pace-second",
    "quiet",
    "remote-401",
    "remote-403",
    "remote-404",
    "remote-409",
    "remote-422",
    "remote-429",
    "remote-500",
    "remote-ahead",
    "remote-dateless",
    "remote-drift",
    "remote-elsewhere",
    "remote-gone",
    "remote-html",
    "remote-kept",
    "remote-late",
    "remote-lost",
    "remote-old",
    "remote-page",
    "remote-refused",
    "remote-reset",
    "remote-truncated",
    "secret-annotations",
    "secret-deleted",
    "secret-edited",
    "secret-foreign",
    "secret-moved",
    "secret-quota",
    "secret-refused",
    "tls-garbage",
    "tls-other",
    "tls-plain",
    "tls-private",
    "tls-words",
    "trouble-admitted",
    "trouble-borrower",
    "trouble-entry",
    "trouble-giveup",
    "trouble-host",
    "trouble-missing",
    "trouble-order",
    "trouble-orphan",
    "trouble-other",
    "trouble-owner",
    "trouble-role",
    "trouble-stranger",
    "trouble-two",
    "trouble-unknown",
    "trouble-wrong",
    "unknown-copied",
];

/// How many tests ask for a rough simulator.
const ROUGH: u64 = 25;

/// The processes; they end with this one.
pub struct Stage {
    pub plane: ControlPlane,
    /// Where nothing goes wrong.
    pub calm: SimulatorProcess,
    /// Where faults and switches are set: one for each test that asks.
    rough: Vec<SimulatorProcess>,
    taken: AtomicUsize,
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
    /// Whose resets cut the previous key.
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
    /// Whose managing key makes personal tokens, and no service tokens.
    pub personal: SimulatorProcess,
    /// Which refuses the token on which a reset is tried.
    pub strict: SimulatorProcess,
    /// Behind https, with a certificate of its own authority.
    pub private: SimulatorProcess,
    /// The operator that all tests share; it is never ended.
    pub operator: Operator,
    /// Whose Secrets it may use.
    pub access: SecretAccess,
    /// Where tests may be at home, if not everywhere.
    pub namespaces: Option<&'static [&'static str]>,
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
        let rough: Vec<_> = (100..100 + ROUGH)
            .map(|seed| simulator(seed, &[], "2026-10"))
            .collect();
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
        let personal = simulator(16, &[], "2026-10");
        let strict = simulator(17, &[], "2026-10");
        let private = SimulatorProcess::start(&SimulatorOptions {
            seed: 9,
            tls: true,
            ..SimulatorOptions::default()
        })
        .unwrap();
        let rough_hosts: Vec<_> = rough.iter().map(SimulatorProcess::host).collect();
        let hosts = [
            &rough_hosts.join(","),
            calm.host(),
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
            personal.host(),
            strict.host(),
            private.host(),
        ]
        .join(",");
        let options = patient().with_access(access, &NAMESPACES).allowing(&hosts);
        let mut operator = Operator::start(&plane, &options).unwrap();
        operator.await_ready(PATIENCE).unwrap();
        Self {
            plane,
            calm,
            rough,
            taken: AtomicUsize::new(0),
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
            personal,
            strict,
            private,
            operator,
            access,
            namespaces: Some(&NAMESPACES),
        }
    }

    /// A simulator where things may go wrong, for the caller alone.
    pub fn rough(&self) -> &SimulatorProcess {
        // If this is out of bounds, ROUGH is too small.
        &self.rough[self.taken.fetch_add(1, Ordering::Relaxed)]
    }
}

/// Times as short as a busy machine allows.
pub fn patient() -> OperatorOptions {
    OperatorOptions::fast()
        .flag("--request-timeout", "2s")
        .flag("--settle-time", "4s")
        .flag("--lease-duration", "6s")
}
