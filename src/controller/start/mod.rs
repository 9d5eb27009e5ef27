//! Puts the controllers together and lets them run while this process leads.

mod account_kinds;
mod settings;
mod tokens;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures::future;
use kube::runtime::controller::Controller;
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use super::objects::Objects;
use crate::api::AccessToken;
use crate::cluster::{KubeCluster, OptIn};
use crate::controller::account::context::AccountContext;
use crate::controller::account::poll;
use crate::controller::account::registry::Accounts;
use crate::controller::collector::facts;
use crate::controller::token::context::Context;
use crate::launchdarkly::{HttpClient, Lines, Options};
use crate::runtime::work::{Leading, Work, WorkError};

use self::account_kinds::{AccountControllers, check_accounts};
use self::settings::{Observer, allowed_hosts, installation, line_options, scopes, signed, timing};
use self::tokens::{publish_what_is_in_hand, spawn_tokens, token_controller};

/// The controllers, as the process runs them.
#[derive(Debug, Clone, Copy, Default)]
pub struct Operator;

pub(in crate::controller) type Shared = Arc<Context<KubeCluster, HttpClient>>;

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
        // The API server's clients give up after twice that.
        let call_time = args.timing.request_timeout.saturating_mul(2);
        let namespace = &args.leadership.namespace;
        let opt_in = args.scope.opt_in_role.as_deref().map(OptIn::new);
        let cluster = KubeCluster::new(
            calls.clone(),
            leading.gate.clone(),
            namespace,
            &args.leadership.pod_name,
            call_time,
        )
        .where_opted_in(opt_in.clone());
        let mut ctx = Context::new(
            cluster,
            registry.clone(),
            leading.clock.clone(),
            leading.metrics.clone(),
            timing,
            leading.identity.clone(),
        );
        if opt_in.is_some() {
            // Less than the time between two rounds, so that each round reads it.
            ctx = ctx.believing_secrets_for(args.timing.drift_interval.mul_f32(0.75));
        }
        let ctx = Arc::new(ctx);
        let (tick, _) = watch::channel(0);
        let (open, _) = watch::channel(false);
        let controllers: Vec<_> = scopes(args)
            .iter()
            .map(|scope| token_controller(leading, scope.as_deref(), &ctx, &tick))
            .collect();
        let objects = Objects::new(controllers.iter().map(Controller::store).collect());
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
            timing.settle,
            opt_in,
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
        let (shown, known) = (ctx.clone(), objects.clone());
        let per_object = leading.args.admin.metrics_per_object;
        leading
            .metrics
            .show(move || facts(&shown, &known, per_object));
        // Nothing is decided before every object and every account has been seen once.
        let seen = async {
            objects.wait_until_seen().await?;
            objects.occupy(&ctx.accounts, &ctx.claims);
            check_accounts(leading, &accounts).await;
            Ok::<_, WorkError>(())
        };
        match leading.drain.run_until_cancelled(seen).await {
            None => return Ok(()),
            Some(result) => result?,
        }
        open.send_replace(true);
        // The controllers may have missed that their stores are complete: a first round wakes them.
        tick.send_modify(|round| *round += 1);
        let kinds = AccountControllers::spawn(leading, &accounts);
        let listing = AbortOnDropHandle::new(tokio::spawn(poll::run(
            ctx.clone(),
            accounts.lines.clone(),
            objects.clone(),
            tick,
            leading.args.timing.drift_interval,
            leading.args.scope.namespaces().is_empty(),
            move || kinds.sweep(&accounts),
        )));
        let drained = future::join_all(tokens).await;
        ctx.draining.store(true, Ordering::Relaxed);
        drop(listing);
        publish_what_is_in_hand(&ctx, &objects).await;
        drained
            .into_iter()
            .find_map(Result::err)
            .map_or(Ok(()), |error| Err(error.into()))
    }
}
