//! Puts the controllers together and lets them run while this process leads.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures::{StreamExt, future};
use jiff::SignedDuration;
use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::api::{Api, ListParams, PartialObjectMeta};
use kube::runtime::controller::{Action, Config as ControllerConfig, Controller};
use kube::runtime::reflector::{ObjectRef, Store};
use kube::runtime::watcher::Config as WatchConfig;
use kube::{Client, Resource, ResourceExt};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use super::account::{AccountKey, Accounts};
use super::accounts::{self, AccountContext, AccountObject};
use super::listing;
use super::objects::Objects;
use super::observe::account_key;
use super::reconcile::{Context, Outcome, reconcile};
use crate::api::{AccessToken, ClusterLaunchDarklyAccount, LaunchDarklyAccount};
use crate::cluster::manifest::annotation;
use crate::cluster::{FIELD_MANAGER, KubeCluster};
use crate::domain::names::{Installation, ObjectUid};
use crate::domain::observed::Timing;
use crate::launchdarkly::{
    AllowedHosts, CallObserver, HttpClient, LineOptions, Lines, Operation, Options,
};
use crate::runtime::args::RunArgs;
use crate::runtime::metrics::{Controller as ControllerLabel, Metrics, Outcome as MetricOutcome};
use crate::runtime::work::{Leading, Work, WorkError};

/// How long a deletion waits out trouble that may pass.
const GIVE_UP_TRANSIENT: SignedDuration = SignedDuration::from_hours(24);

/// The controllers, as the process runs them.
#[derive(Debug, Clone, Copy, Default)]
pub struct Operator;

type Shared = Arc<Context<KubeCluster, HttpClient>>;

impl Work for Operator {
    async fn lead(self, leading: Leading) -> Result<(), WorkError> {
        let parts = Parts::new(&leading).await?;
        parts.run(&leading).await
    }
}

struct Parts {
    ctx: Shared,
    accounts: Arc<AccountContext>,
    objects: Objects,
    controllers: Vec<Controller<AccessToken>>,
    tick: watch::Sender<u64>,
    open: watch::Sender<bool>,
}

impl Parts {
    async fn new(leading: &Leading) -> Result<Self, WorkError> {
        let args = &leading.args;
        let calls = leading.clients.calls.clone();
        let registry = Arc::new(Accounts::new(installation(&calls).await?));
        let timing = timing(args);
        let call_time = args.timing.request_timeout;
        let namespace = &args.leadership.namespace;
        let cluster = KubeCluster::new(
            calls.clone(),
            leading.gate.clone(),
            namespace,
            &args.leadership.pod_name,
            call_time,
        );
        let ctx = Arc::new(Context::new(
            cluster,
            registry.clone(),
            leading.clock.clone(),
            leading.metrics.clone(),
            timing,
            leading.identity.clone(),
        ));
        let (tick, _) = watch::channel(0);
        let (open, _) = watch::channel(false);
        let controllers: Vec<_> = scopes(args)
            .iter()
            .map(|scope| token_controller(leading, scope.as_deref(), &ctx, &tick))
            .collect();
        let objects = Objects::new(controllers.iter().map(Controller::store).collect());
        let users = objects.clone();
        let accounts = Arc::new(AccountContext::new(
            calls,
            leading.gate.clone(),
            call_time,
            namespace.clone(),
            registry,
            Arc::new(Lines::new(
                line_options(args),
                Arc::new(Observer(leading.metrics.clone())),
            )),
            allowed_hosts(args)?,
            Options {
                request_timeout: args.timing.request_timeout,
                ..Options::default()
            },
            leading.clock.clone(),
            signed(args.timing.drift_interval),
            Box::new(move |key| users.using(key)),
        ));
        Ok(Self {
            ctx,
            accounts,
            objects,
            controllers,
            tick,
            open,
        })
    }

    /// Runs until told to drain; then the keys in hand are published, and nothing acts any more.
    async fn run(self, leading: &Leading) -> Result<(), WorkError> {
        let Self {
            ctx,
            accounts,
            objects,
            controllers,
            tick,
            open,
        } = self;
        let tokens: Vec<_> = controllers
            .into_iter()
            .map(|controller| spawn_tokens(controller, leading, ctx.clone(), open.subscribe()))
            .collect();
        // Nothing is decided before every object and every account has been seen once.
        let seen = async {
            objects.wait_until_seen().await?;
            objects.occupy(&ctx.accounts);
            check_accounts(leading, &accounts).await
        };
        match leading.drain.run_until_cancelled(seen).await {
            None => return Ok(()),
            Some(result) => result?,
        }
        open.send_replace(true);
        let account_tasks = spawn_accounts(leading, &accounts);
        let listing = AbortOnDropHandle::new(tokio::spawn(listing::run(
            ctx.clone(),
            accounts.lines.clone(),
            objects.clone(),
            tick,
            leading.args.timing.drift_interval,
        )));
        let drained = future::join_all(tokens).await;
        ctx.draining.store(true, Ordering::Relaxed);
        drop((listing, account_tasks));
        publish_what_is_in_hand(&ctx, &objects).await;
        drained
            .into_iter()
            .find_map(Result::err)
            .map_or(Ok(()), |error| Err(error.into()))
    }
}

/// The namespaces to look after, `None` for all.
fn scopes(args: &RunArgs) -> Vec<Option<String>> {
    let named: Vec<_> = args
        .scope
        .namespaces()
        .into_iter()
        .map(|name| Some(name.to_owned()))
        .collect();
    if named.is_empty() { vec![None] } else { named }
}

fn api<K>(client: &Client, scope: Option<&str>) -> Api<K>
where
    K: Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>,
{
    match scope {
        Some(namespace) => Api::namespaced(client.clone(), namespace),
        None => Api::all(client.clone()),
    }
}

fn token_controller(
    leading: &Leading,
    scope: Option<&str>,
    ctx: &Shared,
    tick: &watch::Sender<u64>,
) -> Controller<AccessToken> {
    let watches = &leading.clients.watches;
    let controller = Controller::new(api::<AccessToken>(watches, scope), WatchConfig::default());
    let store = controller.store();
    let ours =
        WatchConfig::default().labels(&format!("app.kubernetes.io/managed-by={FIELD_MANAGER}"));
    let touched = ctx.clone();
    let drain = leading.drain.clone();
    let (by_cluster, by_namespace) = (store.clone(), store.clone());
    controller
        .with_config(ControllerConfig::default().concurrency(leading.args.scope.concurrency))
        .watches(
            api::<PartialObjectMeta<Secret>>(watches, scope),
            ours,
            move |secret| owners(&touched, &store, &secret),
        )
        .watches(
            Api::<ClusterLaunchDarklyAccount>::all(watches.clone()),
            WatchConfig::default(),
            move |account| users_of(&by_cluster, &account.key()),
        )
        .watches(
            api::<LaunchDarklyAccount>(watches, scope),
            WatchConfig::default(),
            move |account| users_of(&by_namespace, &account.key()),
        )
        .reconcile_all_on(rounds(tick.subscribe()))
        .graceful_shutdown_on(async move { drain.cancelled_owned().await })
}

/// The objects whose Secret was changed; what is remembered of that Secret no longer holds.
fn owners(
    ctx: &Shared,
    store: &Store<AccessToken>,
    secret: &PartialObjectMeta<Secret>,
) -> Vec<ObjectRef<AccessToken>> {
    let (namespace, name) = (secret.namespace().unwrap_or_default(), secret.name_any());
    ctx.touch_secret(&namespace, &name, secret.resource_version());
    if let Some((owner_namespace, owner)) = secret
        .annotations()
        .get(annotation::OWNED_BY)
        .and_then(|mark| mark.split_once('/'))
    {
        return vec![ObjectRef::new(owner).within(owner_namespace)];
    }
    let records = |object: &AccessToken| {
        object
            .status
            .as_ref()
            .and_then(|status| status.secret.as_ref())
            .is_some_and(|s| s.name == name)
    };
    let in_namespace = store
        .state()
        .into_iter()
        .filter(|object| object.namespace().as_deref() == Some(&namespace));
    in_namespace
        .filter(|object| records(object))
        .map(|object| ObjectRef::from_obj(&*object))
        .collect()
}

fn users_of(store: &Store<AccessToken>, key: &AccountKey) -> Vec<ObjectRef<AccessToken>> {
    let users = store
        .state()
        .into_iter()
        .filter(|object| account_key(object) == *key);
    users.map(|object| ObjectRef::from_obj(&*object)).collect()
}

fn spawn_tokens(
    controller: Controller<AccessToken>,
    leading: &Leading,
    ctx: Shared,
    open: watch::Receiver<bool>,
) -> tokio::task::JoinHandle<()> {
    let metrics = leading.metrics.clone();
    let stream = controller.run(
        move |object: Arc<AccessToken>, ctx: Arc<Visitor>| async move { ctx.visit(&object).await },
        |_, error: &Never, _| match *error {},
        Arc::new(Visitor { ctx, open, metrics }),
    );
    tokio::spawn(stream.for_each(|visited| async move {
        if let Err(error) = visited {
            tracing::debug!(%error, "a visit was not possible");
        }
    }))
}

/// Visits never fail: what went wrong is in the object's status and in the wait.
#[derive(Debug, thiserror::Error)]
enum Never {}

struct Visitor {
    ctx: Shared,
    open: watch::Receiver<bool>,
    metrics: Metrics,
}

impl Visitor {
    async fn visit(&self, object: &AccessToken) -> Result<Action, Never> {
        let mut open = self.open.clone();
        if open.wait_for(|open| *open).await.is_err() {
            return Ok(Action::await_change());
        }
        let begun = std::time::Instant::now();
        let outcome = reconcile(&self.ctx, object.clone()).await;
        let result = if outcome == Outcome::Stop {
            MetricOutcome::Error
        } else {
            MetricOutcome::Success
        };
        self.metrics
            .reconciled(ControllerLabel::AccessToken, result, begun.elapsed());
        Ok(match outcome {
            Outcome::Again(wait) => Action::requeue(wait),
            Outcome::Gone => Action::await_change(),
            Outcome::Stop => Action::requeue(Duration::from_secs(1)),
        })
    }
}

/// Every account is checked once before any token is decided on.
async fn check_accounts(leading: &Leading, ctx: &Arc<AccountContext>) -> Result<(), WorkError> {
    let calls = &leading.clients.calls;
    let clusters = Api::<ClusterLaunchDarklyAccount>::all(calls.clone())
        .list(&ListParams::default())
        .await?;
    future::join_all(
        clusters
            .items
            .iter()
            .map(|account| accounts::reconcile(ctx, account)),
    )
    .await;
    for scope in scopes(&leading.args) {
        let accounts = api::<LaunchDarklyAccount>(calls, scope.as_deref())
            .list(&ListParams::default())
            .await?;
        future::join_all(
            accounts
                .items
                .iter()
                .map(|account| accounts::reconcile(ctx, account)),
        )
        .await;
    }
    Ok(())
}

fn spawn_accounts(leading: &Leading, ctx: &Arc<AccountContext>) -> Vec<AbortOnDropHandle<()>> {
    let watches = &leading.clients.watches;
    let mut tasks = vec![spawn_account_kind(
        leading,
        Api::<ClusterLaunchDarklyAccount>::all(watches.clone()),
        ctx,
    )];
    for scope in scopes(&leading.args) {
        tasks.push(spawn_account_kind(
            leading,
            api::<LaunchDarklyAccount>(watches, scope.as_deref()),
            ctx,
        ));
    }
    tasks
}

fn spawn_account_kind<K: AccountObject>(
    leading: &Leading,
    api: Api<K>,
    ctx: &Arc<AccountContext>,
) -> AbortOnDropHandle<()> {
    let metrics = leading.metrics.clone();
    let controller = Controller::new(api, WatchConfig::default());
    let stream = controller.reconcile_all_on(doubts(ctx.clone())).run(
        move |object: Arc<K>, ctx: Arc<AccountContext>| {
            let metrics = metrics.clone();
            async move {
                let begun = std::time::Instant::now();
                let visited = accounts::reconcile(&ctx, &*object).await;
                let result = if visited.is_ok() {
                    MetricOutcome::Success
                } else {
                    MetricOutcome::Error
                };
                metrics.reconciled(ControllerLabel::Account, result, begun.elapsed());
                visited.map(Action::requeue)
            }
        },
        |_, error, _| {
            tracing::warn!(%error, "could not look after an account");
            Action::requeue(Duration::from_secs(5))
        },
        ctx.clone(),
    );
    AbortOnDropHandle::new(tokio::spawn(stream.for_each(|_| future::ready(()))))
}

/// One item a round of listings.
fn rounds(tick: watch::Receiver<u64>) -> impl futures::Stream<Item = ()> + Send + 'static {
    futures::stream::unfold(tick, |mut tick| async move {
        tick.changed().await.ok().map(|()| ((), tick))
    })
}

/// One item whenever a credential is in doubt: accounts are few, so all of them are looked at.
fn doubts(ctx: Arc<AccountContext>) -> impl futures::Stream<Item = ()> + Send + 'static {
    let receiver = ctx.accounts.doubts();
    futures::stream::unfold((receiver, ctx), |(mut receiver, ctx)| async move {
        match receiver.recv().await {
            Ok(key) => ctx.doubt(&key),
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return None,
        }
        Some(((), (receiver, ctx)))
    })
}

/// Keys that were issued but not published yet are published before this process ends: nobody else has them.
async fn publish_what_is_in_hand(ctx: &Shared, objects: &Objects) {
    while ctx.holds_keys() {
        for object in objects.all() {
            if ctx.holds_key_of(&ObjectUid::new(object.uid().unwrap_or_default())) {
                reconcile(ctx, (*object).clone()).await;
            }
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

/// The first half of the UID of `kube-system`: which cluster this is.
async fn installation(client: &Client) -> Result<Installation, WorkError> {
    let namespace = Api::<Namespace>::all(client.clone())
        .get("kube-system")
        .await?;
    let uid = namespace.uid().unwrap_or_default();
    Ok(Installation::new(uid.chars().take(8).collect::<String>()))
}

fn timing(args: &RunArgs) -> Timing {
    Timing {
        settle: signed(args.timing.settle_time),
        lease: signed(args.leadership.lease_duration),
        publication_margin: signed(args.timing.publication_margin),
        give_up: signed(args.timing.deletion_give_up_after),
        give_up_transient: GIVE_UP_TRANSIENT,
    }
}

fn signed(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}

fn line_options(args: &RunArgs) -> LineOptions {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "validated to be between 0 and 0.9"
    )]
    let headroom_percent = (args.remote.rate_limit_headroom * 100.0).round() as u8;
    LineOptions {
        headroom_percent,
        ..LineOptions::default()
    }
}

fn allowed_hosts(args: &RunArgs) -> Result<AllowedHosts, WorkError> {
    let hosts: Result<Vec<_>, _> = args
        .remote
        .allowed_hosts()
        .into_iter()
        .map(str::parse)
        .collect();
    Ok(AllowedHosts::new(hosts?))
}

/// Counts the calls to LaunchDarkly.
struct Observer(Metrics);

impl CallObserver for Observer {
    fn called(&self, operation: Operation, result: &'static str, took: Duration) {
        self.0.requested(operation.into(), result, took);
    }
}
