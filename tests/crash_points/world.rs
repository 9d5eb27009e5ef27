//! One world: Kubernetes in memory, a simulated LaunchDarkly, a clock for both, and processes that come and go.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

pub use fakes::TIMING;
use fakes::{FakeCluster, Thing};
use launchdarkly_simulator::switches::IdentityTokenId;
use launchdarkly_simulator::{Config, Running, Simulator};
use launchdarkly_token_operator::api::AccessToken;
use launchdarkly_token_operator::api::access_token::AccessTokenSpec;
use launchdarkly_token_operator::cluster::NamespaceFacts;
use launchdarkly_token_operator::controller::account::{
    Accounts, Availability, CredentialToken, Entry, Session, Usage, list_accounts,
};
use launchdarkly_token_operator::controller::token::{Context, Outcome, reconcile};
use launchdarkly_token_operator::domain::account::AccountKey;
use launchdarkly_token_operator::domain::ids::{AccountId, AccountUid, TokenId};
use launchdarkly_token_operator::domain::policy::AccountPolicy;
use launchdarkly_token_operator::domain::problem::Problem;
use launchdarkly_token_operator::domain::reason::Reason;
use launchdarkly_token_operator::domain::record::Identity;
use launchdarkly_token_operator::domain::settings::{BaseRole, Effect, Statement};
use launchdarkly_token_operator::launchdarkly::{
    AccountLimiter, AllowedHosts, Endpoint, HttpClient, LimiterOptions, NewToken, Options,
    ResolvedGrant, TokensApi,
};
use launchdarkly_token_operator::redaction::Key;
use launchdarkly_token_operator::runtime::clock::Clock;
use launchdarkly_token_operator::runtime::metrics::Metrics;
use parking_lot::Mutex;
use serde_json::{Value, json};

use tokio_util::sync::CancellationToken;
use tracing::instrument::WithSubscriber as _;
use tracing_subscriber::Registry;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::clock::{RightClock, TestClock};
use crate::cluster::WiredCluster;
use crate::launchdarkly::{Warden, WiredApi};
use crate::steps::Steps;
use crate::wire::{Trace, Wire, WireGate};

pub const NAMESPACE: &str = "team";
pub const NAME: &str = "ci";

/// The name of tokens that are made to manage an account with.
pub const MANAGING: &str = "managing";

/// The drift interval, and the longest a test lets pass at once.
const STRIDE: Duration = Duration::from_secs(300);
/// More reconciles than any story needs.
const MAX_RECONCILES: usize = 200;

pub struct World {
    pub server: Arc<Running>,
    pub cluster: FakeCluster,
    pub clock: Arc<TestClock>,
    pub warden: Arc<Warden>,
    pub trace: Arc<Trace>,
    /// After how many events somebody set LaunchDarkly's clock, and by how many milliseconds.
    pub far_clock_set: Mutex<Option<(usize, i64)>>,
    processes: AtomicUsize,
}

/// One process of the operator: everything it knows dies with it.
pub struct Process {
    pub wire: Arc<Wire>,
    ctx: Context<WiredCluster, WiredApi>,
    api: WiredApi,
    /// Since boot.
    listed_at: Option<Duration>,
}

/// Why a process does no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Nothing is left to do.
    Settled,
    /// It died.
    Cut,
    /// It may not act any more.
    Stopped,
    /// It never comes to rest.
    Restless,
}

impl World {
    pub async fn new() -> Arc<Self> {
        Self::with(Config::default().seed(7)).await
    }

    /// A world with such a LaunchDarkly.
    pub async fn with(mut config: Config) -> Arc<Self> {
        for limit in ["rateLimits.global", "rateLimits.route", "rateLimits.token"] {
            config.switches.set(limit, &json!(0)).unwrap();
        }
        let server = Simulator::start(config).await.unwrap();
        let clock = Arc::new(TestClock::default());
        let cluster = FakeCluster::new(Arc::new(RightClock(clock.clone())));
        cluster.set_namespace(NAMESPACE, NamespaceFacts::default());
        let warden = Arc::new(Warden::new(&cluster, server.simulator()));
        Arc::new(Self {
            server: Arc::new(server),
            cluster,
            clock,
            warden,
            trace: Arc::default(),
            far_clock_set: Mutex::default(),
            processes: AtomicUsize::default(),
        })
    }

    /// Another cluster that was restored from a backup of this one, on the same LaunchDarkly account.
    pub fn fork(&self) -> Self {
        let cluster = self.cluster.fork();
        let warden = Warden::new(&cluster, self.simulator());
        Self {
            server: self.server.clone(),
            cluster,
            clock: self.clock.clone(),
            warden: Arc::new(warden),
            trace: Arc::default(),
            far_clock_set: Mutex::default(),
            // No two processes have a name.
            processes: AtomicUsize::new(100),
        }
    }

    pub fn simulator(&self) -> &Simulator {
        self.server.simulator()
    }

    /// Lets time pass for everybody.
    pub fn advance(&self, by: Duration) {
        let by_ms = i64::try_from(by.as_millis()).unwrap();
        self.clock.advance(by_ms);
        self.simulator().advance_clock(by_ms);
    }

    /// Sets LaunchDarkly's clock forward or back.
    pub fn set_far_clock(&self, by_ms: i64) {
        let events = self.simulator().history(0).len();
        *self.far_clock_set.lock() = Some((events, by_ms));
        self.simulator().advance_clock(by_ms);
    }

    pub fn object(&self) -> Option<AccessToken> {
        self.cluster.object(NAMESPACE, NAME)
    }

    /// The object as it was before its last change.
    pub fn object_before(&self) -> Option<AccessToken> {
        let log = self.cluster.log();
        let mut states = log.iter().rev().filter_map(|write| match &write.thing {
            Thing::Object { after, .. } => Some(after.clone()),
            Thing::Account { .. } | Thing::Secret { .. } => None,
        });
        states.nth(1)?.map(|object| *object)
    }

    /// Creates the object from a spec.
    pub fn apply(&self, spec: Value) {
        let spec: AccessTokenSpec = serde_json::from_value(spec).unwrap();
        let mut object = AccessToken::new(NAME, spec);
        object.metadata.namespace = Some(NAMESPACE.to_owned());
        self.cluster.create_object(object).unwrap();
    }

    /// Lays a change over the spec; `null` takes a field away.
    pub fn edit(&self, change: &Value) {
        let edit = |object: &mut AccessToken| {
            let mut spec = serde_json::to_value(&object.spec).unwrap();
            merge(&mut spec, change);
            object.spec = serde_json::from_value(spec).unwrap();
        };
        self.cluster.edit_object(NAMESPACE, NAME, edit).unwrap();
    }

    /// Annotates the object.
    pub fn annotate(&self, name: &str, value: &str) {
        let edit = |object: &mut AccessToken| {
            let annotations = object.metadata.annotations.get_or_insert_default();
            annotations.insert(name.to_owned(), value.to_owned());
        };
        self.cluster.edit_object(NAMESPACE, NAME, edit).unwrap();
    }

    /// How much happened so far, anywhere.
    pub fn events(&self) -> (usize, usize) {
        (self.cluster.log().len(), self.simulator().history(0).len())
    }

    /// Starts a process; its account is known and usable, as the account controller leaves it.
    pub fn start(&self) -> Process {
        self.start_under(AccountPolicy::open())
    }

    /// The same with another policy of the account.
    pub fn start_under(&self, policy: AccountPolicy) -> Process {
        self.start_with((self.managing_token(), self.managing_key()), policy)
    }

    /// The same with another credential, which somebody gave the account.
    pub fn start_as(&self, credential: (TokenId, Key)) -> Process {
        self.start_with(credential, AccountPolicy::open())
    }

    fn start_with(&self, (id, key): (TokenId, Key), policy: AccountPolicy) -> Process {
        let number = self.processes.fetch_add(1, Ordering::Relaxed);
        let wire = Arc::new(Wire::new(self.trace.clone()));
        let api = WiredApi {
            far: self.client(&wire, id.clone(), key.clone()),
            wire: wire.clone(),
            clock: self.clock.clone(),
            warden: self.warden.clone(),
        };
        let accounts = Accounts::new("0a1b2c3d".into());
        let own = self.credential(&id, &key);
        let entry = Entry {
            policy,
            ..usable(self, api.clone(), own, key, &accounts)
        };
        accounts.put(&account_key(), &AccountUid::new("account"), entry);
        let far = self.cluster.behind(Arc::new(WireGate(wire.clone())));
        let cluster = WiredCluster {
            far,
            wire: wire.clone(),
        };
        let ctx = Context::new(
            cluster,
            Arc::new(accounts),
            self.clock.clone(),
            Metrics::default(),
            TIMING,
            format!("operator-{number}"),
        );
        Process {
            wire,
            ctx,
            api,
            listed_at: None,
        }
    }

    /// The token that the operator itself uses.
    pub fn managing_token(&self) -> TokenId {
        TokenId::new(self.simulator().tokens_ever()[0].id.clone())
    }

    /// The same as LaunchDarkly says it to its caller.
    fn credential(&self, id: &TokenId, key: &Key) -> CredentialToken {
        if self.simulator().switches().identity_token_id == IdentityTokenId::Always {
            return CredentialToken::Named(id.clone());
        }
        let mut tokens = self.simulator().tokens_ever().into_iter();
        let own = tokens.find(|token| token.id == id.as_str());
        CredentialToken::Described {
            name: own.map(|token| token.name),
            last_four: key.last_four(),
            since: self.clock.steady(),
        }
    }

    fn endpoint(&self) -> Endpoint {
        let host = self.server.address().to_string().parse().unwrap();
        Endpoint::parse(&self.server.url(), None, &AllowedHosts::new([host])).unwrap()
    }

    fn managing_key(&self) -> Key {
        Key::from_bytes(self.server.managing_key().as_bytes()).unwrap()
    }

    fn client(&self, wire: &Arc<Wire>, own: TokenId, key: Key) -> HttpClient {
        let endpoint = self.endpoint();
        let clock = self.clock.clone();
        let line = AccountLimiter::new(LimiterOptions::default(), Arc::new(()), clock);
        let gate = Arc::new(WireGate(wire.clone()));
        HttpClient::new(endpoint, key, Some(own), line, Options::default(), gate).unwrap()
    }

    /// Lets a process reconcile the object until nothing is left to do, and then some.
    pub async fn settle(&self, process: &mut Process) -> Ended {
        let mut quiet = 0;
        for _ in 0..MAX_RECONCILES {
            let before = self.events();
            match self.reconcile(process).await {
                Ok(_) if process.wire.is_shut() => return Ended::Stopped,
                Ok(Outcome::Again(wait)) => {
                    // Who wants to look again before long is not done.
                    let busy = self.events() != before || self.is_busy() || wait < STRIDE;
                    quiet = if busy { 0 } else { quiet + 1 };
                    if quiet == 3 {
                        return Ended::Settled;
                    }
                    self.advance(wait.min(STRIDE));
                }
                Ok(Outcome::Gone) => return Ended::Settled,
                Ok(Outcome::Stop) => return Ended::Stopped,
                Err(ended) => return ended,
            }
        }
        Ended::Restless
    }

    /// One reconcile, with a look at the account first where one is due.
    pub async fn reconcile(&self, process: &mut Process) -> Result<Outcome, Ended> {
        let Some(object) = self.object() else {
            return Err(Ended::Settled);
        };
        self.reconcile_as(process, object).await
    }

    /// One reconcile of the object as a cache shows it.
    pub async fn reconcile_as(
        &self,
        process: &mut Process,
        object: AccessToken,
    ) -> Result<Outcome, Ended> {
        let wire = process.wire.clone();
        let run = async {
            process.look_around(self.clock.since_boot()).await;
            Box::pin(reconcile(&process.ctx, object)).await
        };
        let run = run.with_subscriber(Registry::default().with(Steps(wire.clone())));
        let outcome = tokio::select! {
            outcome = run => outcome,
            () = wire.death() => return Err(Ended::Cut),
        };
        if wire.is_dying() {
            return Err(Ended::Cut);
        }
        Ok(outcome)
    }

    /// Whether something is under way that time will end.
    fn is_busy(&self) -> bool {
        let Some(object) = self.object() else {
            return false;
        };
        let deleting = object.metadata.deletion_timestamp.is_some();
        let status = object.status.unwrap_or_default();
        let former = status.secret.is_some_and(|secret| secret.former.is_some());
        let overlap = status
            .rotation
            .is_some_and(|rotation| rotation.previous_key_expiration_time.is_some());
        deleting || former || overlap || status.pending.is_some() || !status.retiring.is_empty()
    }

    /// What a watch tells a process of a Secret that somebody changed.
    pub fn touch(&self, process: &Process) {
        for name in self.cluster.secret_names(NAMESPACE) {
            process.ctx.touch_secret(NAMESPACE, &name, None);
        }
        process.ctx.touch_secret(NAMESPACE, NAME, None);
    }
}

fn account_key() -> AccountKey {
    named("default")
}

fn named(account: &str) -> AccountKey {
    AccountKey::Namespaced {
        namespace: NAMESPACE.to_owned(),
        name: account.to_owned(),
    }
}

/// The world's account as this credential reaches it, without a policy.
fn usable(
    world: &World,
    api: WiredApi,
    own: CredentialToken,
    managing_key: Key,
    accounts: &Accounts<WiredApi>,
) -> Entry<WiredApi> {
    let account = AccountId::new(world.simulator().account_id());
    let session = Session {
        api,
        credential: own,
        key: managing_key.fingerprint(),
        managing_key,
        state: accounts.account_state("launchdarkly", &account),
        account_id: account,
    };
    Entry {
        state: Availability::Usable(session),
        policy: AccountPolicy::open(),
        allowed_namespaces: None,
    }
}

impl Process {
    /// A token with the rights of these actions on all tokens, and its key.
    pub async fn managing(&self, actions: &[&str]) -> (TokenId, Key) {
        let statement = Statement {
            effect: Effect::Allow,
            resources: vec!["service-token/*".to_owned()],
            not_resources: Vec::new(),
            actions: actions.iter().map(|&action| action.to_owned()).collect(),
            not_actions: Vec::new(),
        };
        let managing = NewToken {
            name: MANAGING.to_owned(),
            description: "of another team".to_owned(),
            grant: ResolvedGrant::Inline(vec![statement]),
            service_token: true,
            default_api_version: None,
            expiry: None,
        };
        let issued = self.api.far.create(&managing).await.unwrap();
        (issued.token.id, issued.key)
    }

    /// Another account object of the same account, with a credential of its own.
    pub fn add_account(&self, world: &World, name: &str, credential: (TokenId, Key)) {
        let (own, key) = credential;
        let limiter = self.api.far.limiter().clone();
        let (gate, options) = (Arc::new(WireGate(self.wire.clone())), Options::default());
        let endpoint = world.endpoint();
        let managing_key = key.clone();
        let far = HttpClient::new(endpoint, key, Some(own.clone()), limiter, options, gate);
        let api = WiredApi {
            far: far.unwrap(),
            ..self.api.clone()
        };
        self.ctx.accounts.put(
            &named(name),
            &AccountUid::new(name),
            usable(
                world,
                api,
                CredentialToken::Named(own),
                managing_key,
                &self.ctx.accounts,
            ),
        );
    }

    /// The Secret of the account's credential is gone: the last good one is in memory.
    pub fn lose_credential(&self) {
        let last = self.session("default");
        let problem = Problem::user(Reason::AccountNotReady, "the account cannot be used");
        let entry = Entry {
            state: Availability::Unusable {
                problem,
                own_reason: Reason::CredentialMissing,
                last,
            },
            policy: AccountPolicy::open(),
            allowed_namespaces: None,
        };
        let (key, uid) = (account_key(), AccountUid::new("default"));
        self.ctx.accounts.put(&key, &uid, entry);
    }

    /// What access tokens find of an account object.
    pub fn session(&self, name: &str) -> Option<Session<WiredApi>> {
        match &self.ctx.accounts.get(&named(name))?.state {
            Availability::Usable(session) => Some(session.clone()),
            Availability::Unusable { .. } => None,
        }
    }

    /// An object takes a slot of an account.
    pub fn occupy_of(&self, account: &str, object: &str) {
        self.ctx
            .accounts
            .occupy(&named(account), &stranger(object), Usage::default());
    }

    /// Tokens of others, made before whatever comes next.
    pub async fn crowd(&self, tokens: usize) {
        let other = NewToken {
            name: "of others".to_owned(),
            description: "not marked".to_owned(),
            grant: ResolvedGrant::Role(BaseRole::Reader),
            service_token: true,
            default_api_version: None,
            expiry: None,
        };
        for _ in 0..tokens {
            self.api.far.create(&other).await.unwrap();
        }
    }

    /// Another object takes a slot of the account.
    pub fn occupy(&self, object: &str) {
        self.ctx
            .accounts
            .occupy(&account_key(), &stranger(object), Usage::default());
    }

    /// How many objects have a slot of the account.
    pub fn users(&self) -> usize {
        self.ctx.accounts.users(&account_key())
    }

    /// The account is listed once a drift interval; in between, and before the account is usable at all, any call tells the time there.
    async fn look_around(&mut self, now: Duration) {
        let due = self
            .listed_at
            .is_none_or(|at| now.saturating_sub(at) >= STRIDE);
        if !due || self.listed_at.is_none() {
            self.api.identify().await.unwrap();
        }
        if !due {
            return;
        }
        list_accounts(&self.ctx.accounts, &*self.ctx.clock).await;
        self.listed_at = Some(now);
    }

    /// What the process does when it is told to end: it begins nothing more.
    pub fn drain(&self) -> CancellationToken {
        self.ctx.draining.clone()
    }

    /// As it signs intents.
    pub fn holder(&self) -> &str {
        &self.ctx.holder
    }

    /// Whether a key is in hand that is not published yet.
    pub fn holds_keys(&self) -> bool {
        self.ctx.holds_keys()
    }

    /// Lists the account as of now.
    pub async fn list(&self) {
        list_accounts(&self.ctx.accounts, &*self.ctx.clock).await;
    }
}

/// Another object of the namespace.
fn stranger(name: &str) -> Identity {
    Identity {
        uid: name.into(),
        namespace: NAMESPACE.to_owned(),
        name: name.to_owned(),
    }
}

pub fn merge(into: &mut Value, change: &Value) {
    let (Value::Object(fields), Value::Object(changes)) = (&mut *into, change) else {
        *into = change.clone();
        return;
    };
    for (name, change) in changes {
        if change.is_null() {
            fields.remove(name);
        } else {
            merge(fields.entry(name.clone()).or_insert(Value::Null), change);
        }
    }
}
