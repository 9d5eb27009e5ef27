//! Puts the controllers together and lets them run while this process leads.

mod accounts;
mod cache;
mod collector;
mod rounds;
mod settings;
mod tokens;
mod wake;
mod watched;

use std::sync::Arc;

use futures::FutureExt as _;
use kube::runtime::controller::Controller;
use tokio::sync::watch;

use self::collector::facts;
use crate::api::AccessToken;
use crate::cluster::{KubeCluster, OptIn};
use crate::controller::account::context;
use crate::controller::account::registry::Accounts;
use crate::controller::token::context::Context;
use crate::launchdarkly::{HttpClient, HttpConnect, Limiters, Options};
use crate::runtime::leader::{LeaderContext, LeaderTask, LeaderTaskError};
use crate::runtime::readiness::Part;
use crate::runtime::supervise::Task;

use cache::ObjectCache;

use self::accounts::{AccountControllers, check_accounts};
use self::settings::{
    Observer, account_settings, installation, line_options, scopes, this_installation, timing,
};
use self::tokens::{drop_unsent_calls, publish_keys_in_hand, spawn_tokens, token_controller};
use self::wake::Wake;

/// The controllers, as the process runs them.
#[derive(Debug, Clone, Copy, Default)]
pub struct Operator;

pub(in crate::controller) type TokenContext = Arc<Context<KubeCluster, HttpClient>>;

pub(in crate::controller) type AccountContext = context::AccountContext<KubeCluster, HttpConnect>;

impl LeaderTask for Operator {
    async fn lead(self, leader: LeaderContext) -> Result<(), LeaderTaskError> {
        // Who leads and has not looked around yet is not ready.
        let unchecked = leader.readiness.expect("accounts");
        unchecked.waits("not all AccessTokens are listed yet");
        let parts = Parts::new(&leader).await?;
        parts.run(&leader, unchecked).await
    }
}

struct Parts {
    ctx: TokenContext,
    accounts: Arc<AccountContext>,
    objects: ObjectCache,
    controllers: Vec<Controller<AccessToken>>,
    wake: Wake,
    open: watch::Sender<bool>,
}

impl Parts {
    async fn new(leader: &LeaderContext) -> Result<Self, LeaderTaskError> {
        let args = &leader.args;
        let calls = leader.clients.calls.clone();
        let registry = Arc::new(Accounts::new(installation(&calls).await?));
        let timing = timing(args);
        // The API server's clients give up after twice that.
        let call_time = args.timing.request_timeout.saturating_mul(2);
        let namespace = &args.leadership.namespace;
        let opt_in = args.scope.opt_in_role.as_deref().map(OptIn::new);
        let cluster = KubeCluster::new(
            calls.clone(),
            leader.gate.clone(),
            namespace,
            &args.leadership.pod_name,
            call_time,
        )
        .where_opted_in(opt_in.clone());
        let mut ctx = Context::new(
            cluster.clone(),
            registry.clone(),
            leader.clock.clone(),
            leader.metrics.clone(),
            timing,
            leader.identity.clone(),
        );
        ctx = ctx.of_installation(this_installation(args));
        // As soon as the process is to end, not when its controllers have: what they have under way begins no call any more.
        ctx.draining = leader.drain.clone();
        if opt_in.is_some() {
            // Less than the time between two rounds, so that each round reads it.
            ctx = ctx.believing_secrets_for(args.timing.drift_interval.mul_f32(0.75));
        }
        let ctx = Arc::new(ctx);
        let wake = Wake::new();
        let (open, _) = watch::channel(false);
        let controllers: Vec<_> = scopes(args)
            .iter()
            .map(|scope| token_controller(leader, scope.as_deref(), &ctx, &wake))
            .collect();
        let objects = ObjectCache::new(controllers.iter().map(Controller::store).collect());
        let limiters = Limiters::new(
            line_options(args),
            Arc::new(Observer(leader.metrics.clone())),
            leader.clock.clone(),
        );
        let options = Options {
            request_timeout: args.timing.request_timeout,
            ..Options::default()
        };
        let accounts = Arc::new(AccountContext::new(
            cluster,
            HttpConnect::new(Arc::new(limiters), options, leader.gate.clone()),
            registry,
            leader.clock.clone(),
            account_settings(args)?,
        ));
        Ok(Self {
            ctx,
            accounts,
            objects,
            controllers,
            wake,
            open,
        })
    }

    /// Runs until told to drain, or until a task ends; then the keys in hand are published, and nothing acts any more.
    async fn run(self, leader: &LeaderContext, unchecked: Part) -> Result<(), LeaderTaskError> {
        let mut tasks = leader.task_set();
        for controller in self.controllers {
            let (ctx, open) = (self.ctx.clone(), self.open.subscribe());
            spawn_tokens(&mut tasks, controller, leader, ctx, open);
        }
        let (ctx, objects, accounts) = (self.ctx, self.objects, self.accounts);
        let (shown, known) = (ctx.clone(), objects.clone());
        let per_object = leader.args.admin.metrics_per_object;
        leader
            .metrics
            .show(move || facts(&shown, &known, per_object));
        // Nothing is decided before every object and every account has been seen once.
        let seen = async {
            objects.wait_until_seen().await?;
            objects.occupy(&ctx.accounts);
            check_accounts(leader, &accounts, &unchecked).await;
            Ok::<_, LeaderTaskError>(())
        };
        match tasks.until(leader.drain.run_until_cancelled(seen)).await? {
            None => return Ok(()),
            Some(result) => result?,
        }
        self.open.send_replace(true);
        // The controllers may have missed that their stores are complete: a first round wakes them.
        self.wake.all();
        let controllers = AccountControllers::spawn(&mut tasks, leader, &accounts);
        let listing = rounds::run(
            ctx.clone(),
            objects.clone(),
            (accounts, controllers),
            self.wake,
            leader.args.timing.drift_interval,
            leader.args.scope.namespaces().is_empty(),
        );
        tasks.spawn(Task::AccountListing, listing.map(Ok));
        let guard = tasks.guard(Task::AccessTokenController);
        let publish = async {
            publish_keys_in_hand(&ctx, &objects, &guard).await;
            drop_unsent_calls(&ctx, &objects, &guard).await;
        };
        Ok(tasks.run(Task::AccessTokenController, publish).await?)
    }
}

#[cfg(test)]
mod tests;
