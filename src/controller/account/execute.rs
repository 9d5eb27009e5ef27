//! The only writer and caller: one arm a step.

use std::sync::atomic::Ordering;
use std::time::Duration;

use kube::ResourceExt as _;

use crate::api::account::ControllerStatus;
use crate::cluster::{Cluster, ClusterError, CredentialRef};
use crate::controller::account::conditions;
use crate::controller::account::context::AccountContext;
use crate::controller::account::credential;
use crate::controller::account::features::Features;
use crate::controller::account::kept::Why;
use crate::controller::account::kinds::AccountObject;
use crate::controller::account::known::Checked;
use crate::controller::account::registry::CredentialToken;
use crate::controller::account::world::World;
use crate::domain::account::decide::LOOK_EVERY;
use crate::domain::account::finding::{Access, Finding};
use crate::domain::account::handler::{ControllerRef, Rival, Unseen};
use crate::domain::account::report::Report;
use crate::domain::account::step::AccountStep;
use crate::domain::problem::Problem;
use crate::launchdarkly::Connect;
use crate::redaction::Key;

/// What follows a step.
pub(super) enum NextReconcile {
    /// The next decision.
    Decide,
    /// The next decision, on the object as it is by then.
    ReadAgain,
    /// A look after this time.
    Wait(Duration),
}

/// Carries out a step.
pub(super) async fn execute<C: Cluster, D: Connect, K: AccountObject>(
    ctx: &AccountContext<C, D>,
    world: &mut World<K>,
    step: AccountStep,
) -> Result<NextReconcile, ClusterError> {
    if !matches!(
        step,
        AccountStep::ReadLease | AccountStep::LeaveAlone { .. }
    ) && ctx.accounts.take_up(&world.key)
    {
        tracing::info!(
            account = world.object.name_any(),
            "this installation handles the account from now on"
        );
    }
    match step {
        AccountStep::ReadLease => world.rival = read_lease(ctx, world).await?,
        AccountStep::LeaveAlone { to, wait } => {
            leave_alone(ctx, world, to);
            return Ok(NextReconcile::Wait(wait));
        }
        AccountStep::Claim => claim(ctx, world).await?,
        AccountStep::CountUsers => world.unseen = Some(count_users(ctx, world).await?),
        AccountStep::ReadCredential => {
            world.credential = Some(read_credential(ctx, world).await);
        }
        AccountStep::JoinLine => join_line(ctx, world),
        AccountStep::CheckCredential { access } => check_credential(ctx, world, *access).await,
        AccountStep::Publish(offer) => {
            adopt_features(ctx, world);
            ctx.accounts.publish(&world.key, &world.uid, *offer);
        }
        AccountStep::AddFinalizer => {
            world.object = ctx.cluster.add_finalizer(&world.object).await?;
        }
        AccountStep::RemoveFinalizer => {
            ctx.cluster.remove_finalizer(&world.object).await?;
            return Ok(NextReconcile::ReadAgain);
        }
        AccountStep::Forget => ctx.accounts.forget(&world.key, &world.uid),
        AccountStep::Release => {
            ctx.cluster.remove_finalizer(&world.object).await?;
            return Ok(NextReconcile::Wait(LOOK_EVERY));
        }
        AccountStep::WriteStatus(report) => write_status(ctx, world, *report).await?,
        AccountStep::Hold { wait, .. } | AccountStep::Rest { wait } => {
            return Ok(NextReconcile::Wait(wait));
        }
    }
    Ok(NextReconcile::Decide)
}

async fn read_lease<C: Cluster, D: Connect, K: AccountObject>(
    ctx: &AccountContext<C, D>,
    world: &World<K>,
) -> Result<Option<Rival>, ClusterError> {
    let Some(at) = world.object.controller() else {
        return Ok(None);
    };
    match ctx.cluster.read_lease(&at).await {
        Ok(found) => {
            let (now, ours) = (ctx.clock.moment(), ctx.settings.lease);
            Ok(Some(ctx.rivals.see(&at, found, now, ours)))
        }
        Err(ClusterError::Forbidden { .. }) => Ok(Some(Rival::Unreadable)),
        Err(error) => Err(error),
    }
}

/// Nothing is written: said is it in the log, and in a metric.
fn leave_alone<C, D: Connect, K: AccountObject>(
    ctx: &AccountContext<C, D>,
    world: &World<K>,
    to: Option<ControllerRef>,
) {
    if ctx.accounts.leave(&world.key, &world.uid, to.clone())
        && let Some(controller) = to
    {
        tracing::warn!(
            account = world.object.name_any(), %controller,
            "another installation of the same class handles the account, and this one leaves it and its AccessTokens alone; give each \
             installation a --controller-class, and its accounts the same spec.controllerClass"
        );
    }
}

async fn claim<C: Cluster, D: Connect, K: AccountObject>(
    ctx: &AccountContext<C, D>,
    world: &mut World<K>,
) -> Result<(), ClusterError> {
    let us = &ctx.settings.installation.controller;
    let mut next = world.object.clone();
    let status = next.status_mut().get_or_insert_default();
    status.controller = Some(ControllerStatus {
        namespace: us.namespace.clone(),
        name: us.name.clone(),
    });
    world.object = ctx.cluster.replace_status(&next).await?;
    if world.object.controller().as_ref() != Some(us)
        && !ctx.is_unsaid.swap(true, Ordering::Relaxed)
    {
        tracing::warn!(
            "the definitions of the accounts are older than this operator and drop status.controller: two installations of one class \
             would not notice each other; apply the definitions of this version"
        );
    }
    Ok(())
}

async fn count_users<C: Cluster, D: Connect, K: AccountObject>(
    ctx: &AccountContext<C, D>,
    world: &World<K>,
) -> Result<Unseen, ClusterError> {
    match ctx.cluster.count_users(&world.object.name_any()).await {
        Ok(users) => Ok(Unseen::Counted(users)),
        Err(ClusterError::Forbidden { .. }) => Ok(Unseen::Unknown),
        Err(error) => Err(error),
    }
}

async fn read_credential<C: Cluster, D: Connect, K: AccountObject>(
    ctx: &AccountContext<C, D>,
    world: &World<K>,
) -> Result<Key, Problem> {
    let desired = world.desired.as_ref().map_err(Clone::clone)?;
    // A cluster-scoped account's credential is in the operator's own namespace.
    let own = world.object.namespace();
    let at = CredentialRef {
        by_consent: own.is_some() && ctx.settings.by_consent,
        namespace: own.unwrap_or_else(|| ctx.settings.own_namespace.clone()),
        name: desired.credentials_name.clone(),
        entry: desired.credentials_key.clone(),
    };
    credential::read(&ctx.cluster, &at).await
}

fn join_line<C, D: Connect, K: AccountObject>(ctx: &AccountContext<C, D>, world: &World<K>) {
    let namespace = world.object.namespace().unwrap_or_default();
    let now = ctx.clock.steady();
    ctx.line.lock().join(&namespace, &world.uid, now);
}

async fn check_credential<C: Cluster, D: Connect, K: AccountObject>(
    ctx: &AccountContext<C, D>,
    world: &World<K>,
    access: Access,
) {
    let (Ok(endpoint), Some(Ok(key))) = (&world.endpoint, &world.credential) else {
        return;
    };
    ctx.line.lock().leave(&world.uid);
    let status = world.object.status();
    let pinned = status.and_then(|status| status.account_id.as_ref());
    let namespace = world.object.namespace();
    let whose = (namespace.as_deref(), pinned);
    let (answer, session) = match credential::check(ctx, endpoint, key.clone(), whose).await {
        Ok((behind, session)) => (Ok(behind), Some(session)),
        Err(problem) => (Err(problem), None),
    };
    // Read again: a call may have been refused meanwhile.
    let before = ctx.accounts.checked(&world.key, &world.uid);
    let known = before.as_ref().map(|before| &before.finding);
    let finding = Finding::after(known, access, answer, ctx.clock.steady());
    let kept = before.and_then(|before| before.session);
    let session = session.or_else(|| kept.filter(|_| finding.result.is_ok()));
    let checked = Checked { finding, session };
    ctx.accounts.remember(&world.key, &world.uid, checked);
}

/// What an earlier process found out about the account is taken over from the status.
fn adopt_features<C, D: Connect, K: AccountObject>(ctx: &AccountContext<C, D>, world: &World<K>) {
    let status = world.object.status();
    let checked = ctx.accounts.checked(&world.key, &world.uid);
    let session = checked.and_then(|checked| checked.session);
    let (Some(status), Some(session)) = (status, session) else {
        return;
    };
    let (state, now) = (&session.state, ctx.clock.steady());
    let made = (&world.key, &session.key);
    state.keep(Why::LeftBehind, made, &status.left_behind, now);
    if world.object.namespace().is_some() {
        // An account of the whole cluster tells of tokens whose makers nobody knows, too.
        state.keep(Why::Forsaken, made, &status.orphans, now);
    }
    let Some(noted) = &status.features else {
        return;
    };
    let before = Features {
        reset: conditions::to_domain(noted.reset),
        expiry: conditions::to_domain(noted.expiry),
        probe_time: noted.probe_time,
        ..Features::default()
    };
    let credential = status.credential_token_id.as_ref();
    let is_same =
        matches!(&session.credential, CredentialToken::Named(id) if credential == Some(id));
    let mut found_out = session.state.found_out();
    found_out.adopt(&session.key, &before, is_same, ctx.clock.moment());
}

/// Nothing is written when only time would change.
async fn write_status<C: Cluster, D: Connect, K: AccountObject>(
    ctx: &AccountContext<C, D>,
    world: &mut World<K>,
    report: Report,
) -> Result<(), ClusterError> {
    let mut next = world.object.clone();
    let status = next.status_mut().get_or_insert_default();
    conditions::write(&report, ctx.clock.now(), status);
    if next.status() != world.object.status() {
        world.object = ctx.cluster.replace_status(&next).await?;
    }
    world.told = Some(report);
    Ok(())
}
