//! The controllers of the two account kinds.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures::future::{self, BoxFuture};
use futures::stream::FuturesUnordered;
use futures::{FutureExt as _, StreamExt, TryFutureExt as _};
use kube::Resource as _;
use kube::ResourceExt as _;
use kube::api::{Api, ListParams};
use kube::runtime::controller::{Action, Controller};
use tokio::sync::broadcast::error::RecvError;
use tracing::Instrument as _;

use super::AccountContext;
use super::settings::{api, reconcile_span, scopes};
use super::watched::in_pages;
use crate::api::{ClusterLaunchDarklyAccount, LaunchDarklyAccount};
use crate::cluster::{ClusterError, Shown, pages};
use crate::controller::account::kinds::AccountObject;
use crate::controller::account::{Unseen, look_for, reconcile};
use crate::domain::account::AccountKey;
use crate::domain::ids::AccountUid;
use crate::runtime::leader::LeaderContext;
use crate::runtime::metrics::{Controller as ControllerLabel, Metrics, OutcomeLabel};
use crate::runtime::readiness::Part;
use crate::runtime::supervise::{PanicGuard, Task, TaskSet};
use crate::traces;

/// How soon a refused list is asked for again.
const LIST_AGAIN: Duration = Duration::from_secs(2);

/// How often an account is checked before the others go on without it.
const MAX_FIRST_CHECKS: usize = 3;

/// The first checks are waited for no longer than this, so that an account whose host hangs keeps no others waiting.
const AT_LAST: Duration = Duration::from_secs(30);

/// Every account is checked once before any token is decided on, and before this process says that it is ready.
pub(super) async fn check_accounts(leader: &LeaderContext, ctx: &Arc<AccountContext>, part: &Part) {
    let calls = &leader.clients.calls;
    let all = Api::<Shown<ClusterLaunchDarklyAccount>>::all(calls.clone());
    let mut checks = first_checks(all, ctx, part).await;
    for scope in scopes(&leader.args) {
        let accounts = api::<Shown<LaunchDarklyAccount>>(calls, scope.as_deref());
        checks.extend(first_checks(accounts, ctx, part).await);
    }
    run_first_checks(checks, part).await;
}

/// The checks of all accounts of a kind. Lists until the API server answers: right after a kind was made known it can refuse for a while.
async fn first_checks<K: AccountObject>(
    api: Api<Shown<K>>,
    ctx: &Arc<AccountContext>,
    part: &Part,
) -> Vec<BoxFuture<'static, ()>> {
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
    let check = |account| check(Arc::clone(ctx), account).boxed();
    accounts.into_iter().map(check).collect()
}

/// Runs all checks at once, and tells how many are done. Those that take too long are left to the controllers.
async fn run_first_checks(checks: Vec<BoxFuture<'static, ()>>, part: &Part) {
    let all = checks.len();
    let mut left = FuturesUnordered::from_iter(checks);
    let at_last = tokio::time::sleep(AT_LAST);
    tokio::pin!(at_last);
    while !left.is_empty() {
        let done = all - left.len();
        part.waits(format!("{done} of {all} are checked"));
        tokio::select! {
            _ = left.next() => {}
            () = &mut at_last => {
                tracing::warn!("only {done} of {all} accounts could be checked so far");
                break;
            }
        }
    }
    part.is_ready();
}

/// A few times: an account that cannot be read or written at all must not keep the others waiting.
async fn check<K: AccountObject>(ctx: Arc<AccountContext>, account: Shown<K>) {
    for _ in 0..MAX_FIRST_CHECKS {
        let Err(error) = reconcile::reconcile(&ctx, &account).await else {
            return;
        };
        tracing::warn!(account = account.name_any(), %error, "could not check an account yet");
        tokio::time::sleep(LIST_AGAIN).await;
    }
}

/// Whether a cache shows an account; any object of that name, if none is named.
type IsShown = Box<dyn Fn(&AccountKey, Option<&AccountUid>) -> bool + Send + Sync>;

/// What the controllers of accounts know of the objects.
pub(super) struct AccountControllers {
    shown: Vec<IsShown>,
    /// Those that no cache showed at the last sweep.
    unseen: HashSet<Unseen>,
}

impl AccountControllers {
    pub(super) fn spawn(
        tasks: &mut TaskSet,
        leader: &LeaderContext,
        ctx: &Arc<AccountContext>,
    ) -> Self {
        let watches = &leader.clients.watches;
        let mut controllers = Self {
            shown: Vec::new(),
            unseen: HashSet::new(),
        };
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

    /// Takes away the accounts whose objects are gone, with all that is remembered of them. What no cache shows at two sweeps, one after
    /// the other, is read: a cache may be late, or the object came and went between two looks.
    pub(super) async fn sweep(&mut self, ctx: &AccountContext) {
        ctx.accounts
            .retire_gone(|key, uid| self.shows(key, Some(uid)));
        let unseen = ctx.accounts.unseen().into_iter();
        let unseen = unseen.filter(|it| !self.shows(&it.key, it.uid.as_ref()));
        let unseen: HashSet<Unseen> = unseen.collect();
        let before = std::mem::replace(&mut self.unseen, unseen);
        for unseen in self.unseen.intersection(&before) {
            if let Err(error) = look_for(ctx, unseen).await {
                tracing::debug!(%error, "cannot look for an account; the next sweep does");
                break;
            }
        }
    }

    fn shows(&self, key: &AccountKey, uid: Option<&AccountUid>) -> bool {
        self.shown.iter().any(|shown| shown(key, uid))
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
                K::key_of(object.meta()) == *key
                    && uid.is_none_or(|uid| object.uid().as_deref() == Some(uid.as_str()))
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

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;
    use crate::runtime::readiness::Readiness;

    /// Checks that are done when a test says so.
    fn checks(count: usize) -> (Vec<oneshot::Sender<()>>, Vec<BoxFuture<'static, ()>>) {
        let ends = (0..count).map(|_| oneshot::channel::<()>());
        let (senders, receivers): (Vec<_>, Vec<_>) = ends.unzip();
        let check = |receiver: oneshot::Receiver<()>| receiver.map(drop).boxed();
        (senders, receivers.into_iter().map(check).collect())
    }

    #[tokio::test(start_paused = true)]
    async fn who_leads_is_ready_once_every_account_was_checked() {
        let readiness = Readiness::default();
        let part = readiness.expect("accounts");
        let (mut ends, checks) = checks(12);
        let running = tokio::spawn(async move { run_first_checks(checks, &part).await });
        for done in 0..12 {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let missing = format!("accounts: {done} of 12 are checked");
            assert_eq!(readiness.missing(), [missing]);
            drop(ends.pop());
        }
        running.await.unwrap();
        assert!(readiness.missing().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn accounts_whose_host_hangs_keep_nobody_waiting_for_ever() {
        let readiness = Readiness::default();
        let part = readiness.expect("accounts");
        let (_ends, checks) = checks(3);
        let running = tokio::spawn(async move { run_first_checks(checks, &part).await });
        tokio::time::sleep(AT_LAST.saturating_sub(Duration::from_secs(1))).await;
        assert_eq!(readiness.missing(), ["accounts: 0 of 3 are checked"]);
        assert!(!running.is_finished());
        running.await.unwrap();
        assert!(readiness.missing().is_empty());
    }

    #[tokio::test]
    async fn without_accounts_there_is_nothing_to_wait_for() {
        let readiness = Readiness::default();
        let part = readiness.expect("accounts");
        run_first_checks(Vec::new(), &part).await;
        assert!(readiness.missing().is_empty());
    }
}
