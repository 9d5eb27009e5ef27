//! The controller of access tokens: what it watches, and when it reconciles an object.

use super::TokenContext;
use super::cache::ObjectCache;
use super::settings::{api, reconcile_span};
use super::wake::{Wake, users_of};
use super::watched::{controller, in_pages};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures::{FutureExt as _, StreamExt};
use k8s_openapi::api::core::v1::Secret;
use kube::api::Api;
use kube::runtime::controller::{Action, Config as ControllerConfig, Controller};
use kube::runtime::reflector::{ObjectRef, Store};
use kube::runtime::watcher::Config as WatchConfig;
use kube::{Client, Resource as _, ResourceExt};
use tokio::sync::watch;
use tracing::Instrument as _;

use crate::api::FIELD_MANAGER;
use crate::api::{AccessToken, ClusterLaunchDarklyAccount, LaunchDarklyAccount};
use crate::cluster::secret::annotation;
use crate::cluster::{Received, Shown};
use crate::controller::account::kinds::AccountObject;
use crate::controller::token::reconcile::{Outcome, reconcile};
use crate::domain::ids::ObjectUid;
use crate::runtime::leader::LeaderContext;
use crate::runtime::metrics::{Controller as ControllerLabel, Metrics, OutcomeLabel};
use crate::runtime::supervise::{PanicGuard, Task, TaskSet};

pub(super) fn token_controller(
    leader: &LeaderContext,
    scope: Option<&str>,
    ctx: &TokenContext,
    wake: &Wake,
) -> Controller<AccessToken> {
    let watches = &leader.clients.watches;
    let controller = controller(api::<Received<AccessToken>>(watches, scope));
    let store = controller.store();
    let (secrets, ours) = secrets_of_ours(watches, scope);
    let touched = ctx.clone();
    let drain = leader.drain.clone();
    let woken = wake.woken(store.clone());
    let (by_cluster, by_namespace) = (store.clone(), store.clone());
    let controller = controller
        .with_config(ControllerConfig::default().concurrency(leader.args.scope.concurrency));
    let controller = if leader.args.scope.opt_in_role.is_some() {
        // The right to watch Secrets is a right to read all of a namespace.
        controller
    } else {
        controller.watches(secrets, ours, move |secret| {
            let namespace = secret.namespace().unwrap_or_default();
            touched.touch_secret(&namespace, &secret.name_any(), secret.resource_version());
            owners(&store, &secret)
        })
    };
    controller
        .watches(
            Api::<Shown<ClusterLaunchDarklyAccount>>::all(watches.clone()),
            in_pages(),
            move |account| {
                let key = ClusterLaunchDarklyAccount::key_of(account.meta());
                users_of(&by_cluster, |used| *used == key)
            },
        )
        .watches(
            api::<Shown<LaunchDarklyAccount>>(watches, scope),
            in_pages(),
            move |account| {
                let key = LaunchDarklyAccount::key_of(account.meta());
                users_of(&by_namespace, |used| *used == key)
            },
        )
        .reconcile_on(woken)
        .graceful_shutdown_on(async move { drain.cancelled_owned().await })
}

/// Secrets with our label: their metadata, never what they hold. Neither list nor watch may ask for more, or every key would pass
/// through this process again and again.
fn secrets_of_ours(client: &Client, scope: Option<&str>) -> (Api<Shown<Secret>>, WatchConfig) {
    let label = format!("app.kubernetes.io/managed-by={FIELD_MANAGER}");
    (api(client, scope), in_pages().labels(&label))
}

/// The objects whose Secret was changed. They are in its namespace, whatever it says: nobody wakes strangers.
fn owners(store: &Store<AccessToken>, secret: &Shown<Secret>) -> Vec<ObjectRef<AccessToken>> {
    let (namespace, name) = (secret.namespace().unwrap_or_default(), secret.name_any());
    if let Some((_, owner)) = secret
        .annotations()
        .get(annotation::OWNED_BY)
        .and_then(|mark| mark.split_once('/'))
        .filter(|(owner_namespace, _)| *owner_namespace == namespace)
    {
        return vec![ObjectRef::new(owner).within(&namespace)];
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

/// Reconciles until told to drain, then finishes what is under way.
pub(super) fn spawn_tokens(
    tasks: &mut TaskSet,
    controller: Controller<AccessToken>,
    leader: &LeaderContext,
    ctx: TokenContext,
    open: watch::Receiver<bool>,
) {
    let metrics = leader.metrics.clone();
    let guard = tasks.guard(Task::AccessTokenController);
    let concurrency = leader.args.scope.concurrency;
    metrics.set_max_concurrent(ControllerLabel::AccessToken, concurrency);
    let stream = controller.run(
        move |object: Arc<AccessToken>, ctx: Arc<Reconciler>| async move {
            ctx.reconcile(&object).await
        },
        |_, error: &Never, _| match *error {},
        Arc::new(Reconciler {
            ctx,
            open,
            metrics,
            guard,
        }),
    );
    let run = stream.for_each(|reconciled| async move {
        if let Err(error) = reconciled {
            tracing::debug!(%error, "a reconcile was not possible");
        }
    });
    tasks.spawn(Task::AccessTokenController, run.map(Ok));
}

/// Reconciles never fail: what went wrong is in the object's status and in the wait.
#[derive(Debug, thiserror::Error)]
pub(super) enum Never {}

pub(super) struct Reconciler {
    pub(super) ctx: TokenContext,
    pub(super) open: watch::Receiver<bool>,
    pub(super) metrics: Metrics,
    pub(super) guard: PanicGuard,
}

impl Reconciler {
    async fn reconcile(&self, object: &AccessToken) -> Result<Action, Never> {
        let mut open = self.open.clone();
        if open.wait_for(|open| *open).await.is_err() {
            return Ok(Action::await_change());
        }
        let _under_way = self.metrics.reconciling(ControllerLabel::AccessToken);
        let begun = std::time::Instant::now();
        let span = reconcile_span(ControllerLabel::AccessToken, object);
        let reconciling = Box::pin(reconcile(&self.ctx, object.clone())).instrument(span);
        let outcome = self.guard.run(reconciling).await;
        let result = match outcome {
            None | Some(Outcome::Stop) => OutcomeLabel::Error,
            Some(Outcome::Again(_) | Outcome::Gone) => OutcomeLabel::Success,
        };
        self.metrics
            .reconciled(ControllerLabel::AccessToken, result, begun.elapsed());
        Ok(match outcome {
            Some(Outcome::Again(wait)) => Action::requeue(wait),
            // After a panic the process ends.
            Some(Outcome::Gone) | None => Action::await_change(),
            Some(Outcome::Stop) => Action::requeue(Duration::from_secs(1)),
        })
    }
}

/// Keys that were issued but not published yet are published before this process ends: nobody else has them.
///
/// An object whose reconcile panics is not tried again, and does not keep the others from theirs. Its key stays in hand, so this
/// goes on until the process is cut off.
pub(super) async fn publish_keys_in_hand(
    ctx: &TokenContext,
    objects: &ObjectCache,
    guard: &PanicGuard,
) {
    let mut given_up = HashSet::new();
    while ctx.holds_keys() {
        for object in objects.all() {
            let uid = ObjectUid::new(object.uid().unwrap_or_default());
            if given_up.contains(&uid) || !ctx.holds_key_of(&uid) {
                continue;
            }
            let published = guard.run(Box::pin(reconcile(ctx, (*object).clone()))).await;
            if published.is_none() {
                given_up.insert(uid);
            }
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

/// Calls that were announced and waited for something, so that they were never sent, are announced no more: who comes next need not find
/// out what became of them.
pub(super) async fn drop_unsent_calls(
    ctx: &TokenContext,
    objects: &ObjectCache,
    guard: &PanicGuard,
) {
    for object in objects.all() {
        let uid = ObjectUid::new(object.uid().unwrap_or_default());
        if ctx.has_unsent_call(&uid) {
            guard.run(Box::pin(reconcile(ctx, (*object).clone()))).await;
        }
    }
}

#[cfg(test)]
mod tests;
