//! The controllers of the two account kinds.

use std::sync::Arc;
use std::time::Duration;

use futures::{FutureExt as _, StreamExt, TryFutureExt as _, future};
use kube::api::{Api, ListParams};
use kube::runtime::controller::{Action, Controller};
use kube::{Resource as _, ResourceExt as _};
use tokio::sync::broadcast::error::RecvError;
use tracing::Instrument as _;

use super::AccountContext;
use super::settings::{api, reconcile_span, scopes};
use super::watched::in_pages;
use crate::api::{ClusterLaunchDarklyAccount, LaunchDarklyAccount};
use crate::cluster::{ClusterError, Shown, pages};
use crate::controller::account::kinds::AccountObject;
use crate::controller::account::reconcile;
use crate::domain::account::AccountKey;
use crate::domain::ids::AccountUid;
use crate::runtime::leader::LeaderContext;
use crate::runtime::metrics::{Controller as ControllerLabel, Metrics, OutcomeLabel};
use crate::runtime::supervise::{PanicGuard, Task, TaskSet};
use crate::traces;

/// How soon a refused list is asked for again.
const LIST_AGAIN: Duration = Duration::from_secs(2);

/// How often an account is checked before the others go on without it.
const MAX_FIRST_CHECKS: usize = 3;

/// Every account is checked once before any token is decided on.
pub(super) async fn check_accounts(leader: &LeaderContext, ctx: &Arc<AccountContext>) {
    let calls = &leader.clients.calls;
    check_all(
        Api::<Shown<ClusterLaunchDarklyAccount>>::all(calls.clone()),
        leader,
        ctx,
    )
    .await;
    for scope in scopes(&leader.args) {
        let accounts = api::<Shown<LaunchDarklyAccount>>(calls, scope.as_deref());
        check_all(accounts, leader, ctx).await;
    }
}

/// Lists until the API server answers: right after a kind was made known it can refuse for a while.
async fn check_all<K: AccountObject>(
    api: Api<Shown<K>>,
    leader: &LeaderContext,
    ctx: &Arc<AccountContext>,
) {
    let part = leader.readiness.expect("list of accounts");
    let accounts = loop {
        match pages::list(&api, ListParams::default(), Some).await {
            Ok(accounts) => break accounts,
            Err(error) => {
                tracing::warn!(%error, "cannot list accounts yet");
                part.waits(format!("cannot list {}: {error}", K::plural(&())));
                tokio::time::sleep(LIST_AGAIN).await;
            }
        }
    };
    part.is_ready();
    future::join_all(accounts.iter().map(|account| check(ctx, account))).await;
}

/// A few times: an account that cannot be read or written at all must not keep the others waiting.
async fn check<K: AccountObject>(ctx: &AccountContext, account: &Shown<K>) {
    for _ in 0..MAX_FIRST_CHECKS {
        let Err(error) = reconcile::reconcile(ctx, account).await else {
            return;
        };
        tracing::warn!(account = account.name_any(), %error, "could not check an account yet");
        tokio::time::sleep(LIST_AGAIN).await;
    }
}

/// Whether a cache shows an account.
type IsShown = Box<dyn Fn(&AccountKey, &AccountUid) -> bool + Send + Sync>;

/// What the controllers of accounts know of the objects.
pub(super) struct AccountControllers {
    shown: Vec<IsShown>,
}

impl AccountControllers {
    pub(super) fn spawn(
        tasks: &mut TaskSet,
        leader: &LeaderContext,
        ctx: &Arc<AccountContext>,
    ) -> Self {
        let watches = &leader.clients.watches;
        let mut controllers = Self { shown: Vec::new() };
        controllers.add(
            tasks,
            leader,
            Api::<Shown<ClusterLaunchDarklyAccount>>::all(watches.clone()),
            ctx,
        );
        for scope in scopes(&leader.args) {
            let accounts = api::<Shown<LaunchDarklyAccount>>(watches, scope.as_deref());
            controllers.add(tasks, leader, accounts, ctx);
        }
        controllers
    }

    /// Takes away the accounts whose objects are gone, with all that is remembered of them.
    pub(super) fn sweep(&self, ctx: &AccountContext) {
        ctx.accounts
            .retire_gone(|key, uid| self.shown.iter().any(|shown| shown(key, uid)));
    }

    fn add<K: AccountObject>(
        &mut self,
        tasks: &mut TaskSet,
        leader: &LeaderContext,
        api: Api<Shown<K>>,
        ctx: &Arc<AccountContext>,
    ) {
        let reconciler = Arc::new(Reconciler {
            ctx: ctx.clone(),
            metrics: leader.metrics.clone(),
            guard: tasks.guard(Task::AccountController),
        });
        let controller = Controller::new(api, in_pages());
        let store = controller.store();
        self.shown.push(Box::new(move |key, uid| {
            let is_it = |object: &Arc<Shown<K>>| {
                K::key_of(object.meta()) == *key && object.uid().as_deref() == Some(uid.as_str())
            };
            store.state().iter().any(is_it)
        }));
        let stream = controller.reconcile_all_on(signals(ctx)).run(
            |object: Arc<Shown<K>>, reconciler: Arc<Reconciler>| async move {
                reconciler.reconcile(&*object).await
            },
            |_, error, _| {
                tracing::warn!(%error, "could not look after an account");
                Action::requeue(Duration::from_secs(5))
            },
            reconciler,
        );
        let run = stream.for_each(|_| future::ready(()));
        tasks.spawn(Task::AccountController, run.map(Ok));
    }
}

struct Reconciler {
    ctx: Arc<AccountContext>,
    metrics: Metrics,
    guard: PanicGuard,
}

impl Reconciler {
    async fn reconcile<K: AccountObject>(&self, object: &Shown<K>) -> Result<Action, ClusterError> {
        let _under_way = self.metrics.reconciling(ControllerLabel::Account);
        let begun = std::time::Instant::now();
        let reconciling = reconcile::reconcile(&self.ctx, object)
            .inspect_err(|_| traces::interrupted())
            .instrument(reconcile_span(ControllerLabel::Account, object));
        let outcome = self.guard.run(reconciling).await;
        let uid = AccountUid::new(object.uid().unwrap_or_default());
        self.ctx
            .accounts
            .note_shown(&K::key_of(object.meta()), &uid);
        let result = if matches!(outcome, Some(Ok(_))) {
            OutcomeLabel::Success
        } else {
            OutcomeLabel::Error
        };
        self.metrics
            .reconciled(ControllerLabel::Account, result, begun.elapsed());
        // After a panic the process ends.
        outcome.map_or(Ok(Action::await_change()), |outcome| {
            outcome.map(Action::requeue)
        })
    }
}

/// One item whenever an account should be looked at before its time: accounts are few, so all of them are.
pub(super) fn signals(ctx: &AccountContext) -> impl futures::Stream<Item = ()> + Send + 'static {
    let receiver = ctx.accounts.signals();
    futures::stream::unfold(receiver, |mut receiver| async move {
        match receiver.recv().await {
            Ok(()) | Err(RecvError::Lagged(_)) => Some(((), receiver)),
            Err(RecvError::Closed) => None,
        }
    })
}
