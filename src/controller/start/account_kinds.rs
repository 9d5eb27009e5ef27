//! The controllers of the two account kinds.

use super::settings::{api, scopes, visit_span};
use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, TryFutureExt as _, future};
use kube::api::{Api, ListParams};
use kube::runtime::controller::{Action, Controller};
use kube::runtime::watcher::Config as WatchConfig;
use tokio::sync::broadcast::error::RecvError;
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument as _;

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use crate::api::{ClusterLaunchDarklyAccount, LaunchDarklyAccount};
use crate::controller::account::context::AccountContext;
use crate::controller::account::kinds::AccountObject;
use crate::controller::account::reconcile;
use crate::controller::account::registry::Sign;
use crate::domain::account::AccountKey;
use crate::runtime::metrics::{Controller as ControllerLabel, Outcome as MetricOutcome};
use crate::runtime::work::Leading;
use crate::traces;

/// How soon a refused list is asked for again.
const LIST_AGAIN: Duration = Duration::from_secs(2);

/// Every account is checked once before any token is decided on.
pub(super) async fn check_accounts(leading: &Leading, ctx: &Arc<AccountContext>) {
    let calls = &leading.clients.calls;
    check_all(
        Api::<ClusterLaunchDarklyAccount>::all(calls.clone()),
        leading,
        ctx,
    )
    .await;
    for scope in scopes(&leading.args) {
        let accounts = api::<LaunchDarklyAccount>(calls, scope.as_deref());
        check_all(accounts, leading, ctx).await;
    }
}

/// Lists until the API server answers: right after a kind was made known it can refuse for a while.
async fn check_all<K: AccountObject>(api: Api<K>, leading: &Leading, ctx: &Arc<AccountContext>) {
    let part = leading.readiness.expect("list of accounts");
    let accounts = loop {
        match api.list(&ListParams::default()).await {
            Ok(list) => break list.items,
            Err(error) => {
                tracing::warn!(%error, "cannot list accounts yet");
                part.waits(format!("cannot list {}: {error}", K::plural(&())));
                tokio::time::sleep(LIST_AGAIN).await;
            }
        }
    };
    part.is_ready();
    future::join_all(
        accounts
            .iter()
            .map(|account| reconcile::reconcile(ctx, account)),
    )
    .await;
}

/// Whether a cache shows an account.
type Shown = Box<dyn Fn(&AccountKey) -> bool + Send + Sync>;

/// The running controllers of accounts.
pub(super) struct AccountControllers {
    tasks: Vec<AbortOnDropHandle<()>>,
    shown: Vec<Shown>,
    visited: Arc<Mutex<HashSet<AccountKey>>>,
}

impl AccountControllers {
    pub(super) fn spawn(leading: &Leading, ctx: &Arc<AccountContext>) -> Self {
        let watches = &leading.clients.watches;
        let mut controllers = Self {
            tasks: Vec::new(),
            shown: Vec::new(),
            visited: Arc::default(),
        };
        controllers.add(
            leading,
            Api::<ClusterLaunchDarklyAccount>::all(watches.clone()),
            ctx,
        );
        for scope in scopes(&leading.args) {
            let accounts = api::<LaunchDarklyAccount>(watches, scope.as_deref());
            controllers.add(leading, accounts, ctx);
        }
        controllers
    }

    /// Takes away the accounts whose objects are gone, with all that is remembered of them.
    pub(super) fn sweep(&self, ctx: &AccountContext) {
        ctx.accounts.retire_gone(|key| self.is_gone(key));
        ctx.forget_gone();
        self.visited
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|key| ctx.accounts.get(key).is_some());
    }

    /// Whether an account object was there and is not any more: a cache that has not shown it yet proves nothing.
    fn is_gone(&self, key: &AccountKey) -> bool {
        let visited = self
            .visited
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .contains(key);
        visited && !self.shown.iter().any(|shown| shown(key))
    }

    fn add<K: AccountObject>(&mut self, leading: &Leading, api: Api<K>, ctx: &Arc<AccountContext>) {
        let (metrics, visited) = (leading.metrics.clone(), self.visited.clone());
        let controller = Controller::new(api, WatchConfig::default());
        let store = controller.store();
        self.shown.push(Box::new(move |key| {
            store.state().iter().any(|object| object.key() == *key)
        }));
        let stream = controller.reconcile_all_on(signs(ctx.clone())).run(
            move |object: Arc<K>, ctx: Arc<AccountContext>| {
                visited
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .insert(object.key());
                let metrics = metrics.clone();
                async move {
                    let _under_way = metrics.reconciling(ControllerLabel::Account);
                    let begun = std::time::Instant::now();
                    let visited = reconcile::reconcile(&ctx, &*object)
                        .inspect_err(|_| traces::interrupted())
                        .instrument(visit_span(ControllerLabel::Account, &*object))
                        .await;
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
        let visits = stream.for_each(|_| future::ready(()));
        self.tasks
            .push(AbortOnDropHandle::new(tokio::spawn(visits)));
    }
}

/// One item whenever an account should be looked at before its time: accounts are few, so all of them are.
pub(super) fn signs(ctx: Arc<AccountContext>) -> impl futures::Stream<Item = ()> + Send + 'static {
    let receiver = ctx.accounts.signs();
    futures::stream::unfold((receiver, ctx), |(mut receiver, ctx)| async move {
        match receiver.recv().await {
            Ok(Sign::Doubt(key)) => ctx.doubt(&key),
            Ok(Sign::Status) | Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return None,
        }
        Some(((), (receiver, ctx)))
    })
}
