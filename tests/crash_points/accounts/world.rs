//! One world of accounts: Kubernetes in memory, two simulated LaunchDarkly accounts, and processes that come and go.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fakes::{Author, FakeCluster, Part, TIMING, Thing};
use jiff::SignedDuration;
use launchdarkly_simulator::{Config, Running, Simulator};
use launchdarkly_token_operator::api::{AccountStatus, LaunchDarklyAccount};
use launchdarkly_token_operator::cluster::{ClusterError, Managed as _, NamespaceFacts, Shown};
use launchdarkly_token_operator::controller::account::{
    AccountContext, AccountSettings, Accounts, Availability, Entry, Usage, reconcile,
};
use launchdarkly_token_operator::domain::account::AccountKey;
use launchdarkly_token_operator::domain::account::handler::ThisInstallation;
use launchdarkly_token_operator::domain::ids::{AccountId, ObjectUid, TokenId};
use launchdarkly_token_operator::domain::record::Identity;
use launchdarkly_token_operator::launchdarkly::{
    AllowedHosts, Connect, Endpoint, EndpointError, HttpConnect, LimiterOptions, Limiters, Options,
    TokensApi as _,
};
use launchdarkly_token_operator::redaction::Key;
use launchdarkly_token_operator::runtime::clock::Clock as _;
use serde_json::{Value, json};

use crate::clock::TestClock;
use crate::cluster::WiredCluster;
use crate::launchdarkly::{Warden, WiredApi};
use crate::wire::{Trace, Wire, WireGate};
use crate::world::{Ended, merge};

pub const NAMESPACE: &str = "team";
pub const NAME: &str = "default";
pub const SECRET: &str = "managing-key";
/// The managing key of both accounts.
pub const KEY: &str = "api-5b6ad0b2-5b5c-4b5e-8c1a-0c5e9a7d1f00";

/// An `AccessToken` that uses the account.
fn user_of(name: &str) -> Identity {
    Identity {
        uid: ObjectUid::new(name),
        namespace: NAMESPACE.to_owned(),
        name: name.to_owned(),
    }
}

/// How often a credential that does not work is asked about.
pub const RETRY_EVERY: SignedDuration = SignedDuration::from_mins(5);
/// More reconciles than any story needs.
const MAX_RECONCILES: usize = 60;

pub struct World {
    pub cluster: FakeCluster,
    pub clock: Arc<TestClock>,
    /// The account of most stories, and another one.
    pub here: Running,
    pub elsewhere: Running,
    /// The AccessTokens that use the account.
    pub users: Mutex<BTreeSet<&'static str>>,
    /// Whether objects tell that many keys were replaced though nobody asked for it, and that one more waits.
    many_lost: AtomicBool,
    trace: Arc<Trace>,
    warden: Arc<Warden>,
}

/// One process of the operator: everything it knows dies with it.
pub struct Process {
    pub wire: Arc<Wire>,
    pub ctx: AccountContext<WiredCluster, WiredConnect>,
    pub asked: Arc<Mutex<Vec<String>>>,
}

/// Connects for real, by the process's wire.
pub struct WiredConnect {
    far: HttpConnect,
    near: WiredApi,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Connect for WiredConnect {
    type Api = WiredApi;

    fn connect(&self, endpoint: &Endpoint, key: Key) -> Result<WiredApi, EndpointError> {
        self.asked.lock().unwrap().push(endpoint.host());
        let far = self.far.connect(endpoint, key)?;
        Ok(WiredApi {
            far,
            ..self.near.clone()
        })
    }

    fn identified(
        &self,
        api: &WiredApi,
        host: &str,
        account: &AccountId,
        credential: Option<TokenId>,
    ) -> WiredApi {
        let far = self.far.identified(&api.far, host, account, credential);
        WiredApi { far, ..api.clone() }
    }
}

pub async fn simulator(config: Config) -> Running {
    let mut config = config.managing_key(KEY);
    for limit in ["rateLimits.global", "rateLimits.route", "rateLimits.token"] {
        config.switches.set(limit, &json!(0)).unwrap();
    }
    Simulator::start(config).await.unwrap()
}

impl World {
    pub async fn new() -> Arc<Self> {
        let here = simulator(Config::default().seed(7)).await;
        let elsewhere = simulator(Config::default().seed(8)).await;
        Self::between(here, elsewhere)
    }

    pub fn between(here: Running, elsewhere: Running) -> Arc<Self> {
        let clock = Arc::new(TestClock::default());
        let cluster = FakeCluster::new(clock.clone());
        cluster.set_namespace(NAMESPACE, NamespaceFacts::default());
        let warden = Arc::new(Warden {
            cluster: cluster.clone(),
            simulator: here.simulator().clone(),
            sent: Mutex::default(),
            complaints: Mutex::default(),
            slip: Mutex::default(),
            jams: Mutex::default(),
        });
        Arc::new(Self {
            cluster,
            clock,
            here,
            elsewhere,
            users: Mutex::default(),
            many_lost: AtomicBool::new(false),
            trace: Arc::default(),
            warden,
        })
    }

    pub fn key() -> AccountKey {
        AccountKey::Namespaced {
            namespace: NAMESPACE.to_owned(),
            name: NAME.to_owned(),
        }
    }

    /// Starts a process; as in the real one, objects that have a token keep their slots.
    pub fn start(&self) -> Process {
        let wire = Arc::new(Wire::new(self.trace.clone()));
        let gate = Arc::new(WireGate(wire.clone()));
        let clock = self.clock.clone();
        let limiters = Limiters::new(LimiterOptions::default(), Arc::new(()), clock);
        let far = HttpConnect::new(Arc::new(limiters), Options::default(), gate.clone());
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let hosts = [&self.here, &self.elsewhere].map(|server| server.address().to_string());
        let hosts = AllowedHosts::new(hosts.iter().map(|host| host.parse().unwrap()));
        let anywhere = Endpoint::parse(&self.here.url(), None, &hosts).unwrap();
        let near = WiredApi {
            far: far
                .connect(&anywhere, Key::from_bytes(KEY.as_bytes()).unwrap())
                .unwrap(),
            wire: wire.clone(),
            clock: self.clock.clone(),
            warden: self.warden.clone(),
        };
        let connect = WiredConnect {
            far,
            near,
            asked: asked.clone(),
        };
        let cluster = WiredCluster {
            far: self.cluster.behind(gate),
            wire: wire.clone(),
        };
        let settings = AccountSettings {
            own_namespace: "operator".to_owned(),
            allowed_hosts: hosts,
            retry_every: RETRY_EVERY,
            settle: TIMING.settle,
            installation: ThisInstallation::default(),
            lease: Duration::from_secs(30),
            whole_cluster: true,
            by_consent: false,
        };
        let accounts = Arc::new(Accounts::new("0a1b2c3d".into()));
        let ctx = AccountContext::new(cluster, connect, accounts, self.clock.clone(), settings);
        let process = Process { wire, ctx, asked };
        self.tell_users(&process);
        process
    }

    /// Who uses the account, as the AccessTokens tell.
    pub fn tell_users(&self, process: &Process) {
        for user in self.users.lock().unwrap().iter() {
            process
                .ctx
                .accounts
                .occupy(&Self::key(), &user_of(user), Usage::default());
        }
        if self.many_lost.load(Ordering::Relaxed) {
            let (host, account) = (self.here.address().to_string(), account_of(&self.here));
            let state = process.ctx.accounts.account_state(&host, &account);
            // Ahead of now: stories may take long, and what is counted ends with its window.
            let at = self.clock.steady() + SignedDuration::from_mins(5);
            state.remember_unasked(&user_of("web"), [at; 3].into_iter());
            state.note_unasked(&user_of("ci"), true, at);
            process.ctx.accounts.budget_changed();
        }
        for user in ["web", "ci"] {
            if !self.users.lock().unwrap().contains(user) {
                let now = process.ctx.clock.steady();
                process.ctx.accounts.release(&ObjectUid::new(user), now);
            }
        }
    }

    pub fn lose_many_keys(&self) {
        self.many_lost.store(true, Ordering::Relaxed);
    }

    pub fn advance(&self, by: Duration) {
        let by_ms = i64::try_from(by.as_millis()).unwrap();
        self.clock.advance(by_ms);
        self.here.simulator().advance_clock(by_ms);
        self.elsewhere.simulator().advance_clock(by_ms);
    }

    pub fn account(&self) -> Option<LaunchDarklyAccount> {
        self.cluster.get(NAMESPACE, NAME)
    }

    pub fn status(&self) -> AccountStatus {
        self.account().and_then(|it| it.status).unwrap_or_default()
    }

    /// The reason of a condition, where it is there.
    pub fn reason(&self, kind: &str) -> Option<String> {
        let conditions = self.status().conditions;
        let condition = conditions.into_iter().find(|it| it.type_ == kind)?;
        Some(condition.reason)
    }

    pub fn put_key(&self, key: &str) {
        let entry = ((Part::Entry, "token".to_owned()), key.as_bytes().to_vec());
        self.cluster.put_secret(NAMESPACE, SECRET, [entry].into());
    }

    /// Creates the account at a simulator.
    pub fn create(&self, at: &Running) {
        self.create_with(at, &json!({}));
    }

    pub fn create_with(&self, at: &Running, change: &Value) {
        let mut spec = json!({"apiUrl": at.url(), "credentialsSecretRef": {"name": SECRET}});
        merge(&mut spec, change);
        let spec = serde_json::from_value(spec).unwrap();
        let mut account = LaunchDarklyAccount::new(NAME, spec);
        account.metadata.namespace = Some(NAMESPACE.to_owned());
        self.cluster.create_account(account).unwrap();
    }

    pub fn edit(&self, change: &Value) {
        let edit = |account: &mut LaunchDarklyAccount| {
            let mut spec = serde_json::to_value(&account.spec).unwrap();
            merge(&mut spec, change);
            account.spec = serde_json::from_value(spec).unwrap();
        };
        self.cluster.edit_object(NAMESPACE, NAME, edit).unwrap();
    }

    pub fn delete(&self) {
        self.cluster.delete::<LaunchDarklyAccount>(NAMESPACE, NAME);
    }

    /// Deletes the account whoever still holds it, and creates it again at once.
    pub fn make_anew(&self, at: &Running, change: &Value) {
        let let_go = |account: &mut LaunchDarklyAccount| account.metadata.finalizers = None;
        self.cluster.edit_object(NAMESPACE, NAME, let_go).unwrap();
        self.delete();
        self.create_with(at, change);
    }

    /// One reconcile of the account as a cache shows it.
    pub async fn reconcile(&self, process: &Process) -> Result<Duration, Option<ClusterError>> {
        let Some(account) = self.account() else {
            return Ok(Duration::from_secs(60));
        };
        process.tell_time().await;
        let shown = Shown::from(&account);
        let outcome = tokio::select! {
            outcome = reconcile(&process.ctx, &shown) => outcome,
            () = process.wire.death() => return Err(None),
        };
        if process.wire.is_dying() {
            return Err(None);
        }
        outcome.map_err(Some)
    }

    /// Reconciles until nothing changes any more.
    pub async fn settle(&self, process: &Process) -> Ended {
        let mut quiet = 0;
        for _ in 0..MAX_RECONCILES {
            let before = self.cluster.log().len();
            let wait = match self.reconcile(process).await {
                Ok(wait) => wait,
                Err(None) => return Ended::Cut,
                Err(Some(_)) => Duration::from_secs(5),
            };
            let busy = self.cluster.log().len() != before || wait < Duration::from_secs(5);
            quiet = if busy { 0 } else { quiet + 1 };
            if quiet == 3 {
                return Ended::Settled;
            }
            self.advance(wait);
        }
        Ended::Restless
    }

    /// What stays when nothing is left to do.
    pub fn at_rest(&self, process: &Process) -> String {
        let Some(account) = self.account() else {
            return format!("gone; {}", describe(process));
        };
        let mut status = account.status.clone().unwrap_or_default();
        for condition in &mut status.conditions {
            condition.last_transition_time =
                k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(jiff::Timestamp::UNIX_EPOCH);
        }
        let status = serde_json::to_string_pretty(&status).unwrap();
        let held = if account.is_held() {
            "held"
        } else {
            "not held"
        };
        format!("{held}; {}; {status}", describe(process))
    }

    /// How often the operator changed an account.
    pub fn writes(&self) -> usize {
        let log = self.cluster.log();
        let by_us = log.iter().filter(|write| write.author == Author::Operator);
        by_us
            .filter(|write| matches!(write.thing, Thing::Account { .. }))
            .count()
    }
}

impl Process {
    pub fn entry(&self) -> Option<Arc<Entry<WiredApi>>> {
        self.ctx.accounts.get(&World::key())
    }

    /// Calls of access tokens tell what time it is there; a leap counts when a second one confirms it.
    pub async fn tell_time(&self) {
        let entry = self.entry();
        if let Some(Availability::Usable(session)) = entry.as_deref().map(|entry| &entry.state) {
            for _ in 0..2 {
                // A key that was refused tells the time too.
                let _ = session.api.identify().await;
            }
        }
    }

    /// The account whose calls can be made.
    pub fn usable(&self) -> Option<AccountId> {
        match &self.entry()?.state {
            Availability::Usable(session) => Some(session.account_id.clone()),
            Availability::Unusable { .. } => None,
        }
    }

    /// The account whose last good credential serves for deletions.
    pub fn last(&self) -> Option<AccountId> {
        match &self.entry()?.state {
            Availability::Usable(_) => None,
            Availability::Unusable { last, .. } => Some(last.as_ref()?.account_id.clone()),
        }
    }

    pub fn asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

fn describe(process: &Process) -> String {
    match process.entry().map(|entry| entry.state.clone()) {
        None => "unknown".to_owned(),
        Some(Availability::Usable(session)) => format!("usable: {}", session.account_id),
        Some(Availability::Unusable { own_reason, .. }) => format!("unusable: {own_reason}"),
    }
}

pub fn account_of(server: &Running) -> AccountId {
    AccountId::new(server.simulator().account_id())
}
