//! Writes the record into the status, and does what follows from it.

use super::session;
use crate::api::AccessToken;
use crate::cluster::Cluster;
use crate::cluster::secret::manifest::{KeySource, SecretManifest};
use crate::controller::account::registry::Session;
use crate::controller::failure::Failure;
use crate::controller::token::context::Context;
use crate::controller::token::events;
use crate::controller::token::memory::{CallMemory, CallState, Memory};
use crate::controller::token::status::with_status;
use crate::controller::token::world::World;
use crate::domain::account::budget::Allowance;
use crate::domain::decide::replaces_unasked;
use crate::domain::record::Record;
use crate::domain::secret::{Arrangement, SecretPlan};
use crate::domain::step::{RecordStep, Step};
use crate::launchdarkly::TokensApi;

/// Writes the record into the status, and does what follows from it.
pub(super) async fn record<C: Cluster, L: TokensApi>(
    ctx: &Context<C, L>,
    object: &mut AccessToken,
    world: &World<L>,
    memory: &mut Memory,
    step: &RecordStep,
) -> Result<(), Failure> {
    match step {
        RecordStep::RecordIntent {
            record,
            arrangement,
            rehearsal,
        } => {
            rehearse(ctx, world, memory, rehearsal).await?;
            let braked = spend_budget(ctx, world, record)?;
            let written = write_status(ctx, object, world, step).await;
            if let (Err(_), Some(session)) = (&written, braked) {
                session
                    .state
                    .give_back_unasked(&world.observed.identity.uid);
            }
            written?;
            arm(memory, record, arrangement.clone());
            Ok(())
        }
        RecordStep::RecordPublication(record) => {
            write_status(ctx, object, world, step).await?;
            let intent = world.observed.record.pending.as_ref();
            let begun = intent.map(|intent| memory.begun(intent));
            memory.call = None;
            memory.absent = None;
            // Previous keys may have been promised more time.
            memory.life_limited.clear();
            if let (Some(secret), Some(token)) = (&record.secret, &record.token) {
                memory.secret_proof = secret
                    .proven
                    .then(|| (secret.fingerprint.clone(), token.id.clone(), true));
            }
            events::published(ctx, object, record, begun).await;
            Ok(())
        }
        RecordStep::ForgetIntent(_record) => {
            write_status(ctx, object, world, step).await?;
            memory.call = None;
            let forgotten = world.observed.record.pending.as_ref();
            if let (Some(session), true) = (
                &world.session,
                forgotten.is_some_and(|intent| intent.cause.is_unasked()),
            ) {
                // It had no effect, so it does not count.
                session
                    .state
                    .give_back_unasked(&world.observed.identity.uid);
            }
            Ok(())
        }
        RecordStep::AbandonAttempt(_record) => {
            write_status(ctx, object, world, step).await?;
            memory.call = None;
            Ok(())
        }
        RecordStep::RecordTakeOver(record) => {
            let identity = &world.observed.identity;
            let token = record.token.as_ref();
            if !token.is_some_and(|token| ctx.claims.take(&token.id, identity)) {
                return Err(Failure::stale());
            }
            write_status(ctx, object, world, step).await
        }
        RecordStep::RecordRetirement(record) => {
            write_status(ctx, object, world, step).await?;
            ctx.claims.release(&world.observed.record, record);
            Ok(())
        }
        RecordStep::RecordSecret(_record) | RecordStep::RecordSettings(_record) => {
            write_status(ctx, object, world, step).await
        }
    }
}

/// Writes a new record and the conditions that go with it, fenced by the version that was read.
async fn write_status<C: Cluster, L: TokensApi>(
    ctx: &Context<C, L>,
    object: &mut AccessToken,
    world: &World<L>,
    step: &RecordStep,
) -> Result<(), Failure> {
    let chosen = Step::Record(step.clone());
    let next = with_status(object, world, step.record(), &chosen);
    *object = ctx.cluster.replace_status(&next).await?;
    Ok(())
}

/// The Secret is tried without effect, so that no key is made that has nowhere to go (C0).
async fn rehearse<C: Cluster, L: TokensApi>(
    ctx: &Context<C, L>,
    world: &World<L>,
    memory: &mut Memory,
    plan: &SecretPlan,
) -> Result<(), Failure> {
    let name = plan.layout.name.clone();
    let manifest =
        SecretManifest::render(&world.observed.identity, plan, KeySource::Rehearsal, None)
            .ok_or_else(Failure::stale)?;
    let tried = ctx
        .cluster
        .write_secret(
            &world.observed.identity.namespace,
            &plan.at,
            &manifest,
            true,
        )
        .await;
    if tried.is_err() {
        memory.forget_secret(&name);
    }
    tried.map(drop).map_err(Failure::from)
}

/// The intent is written: this process may make the one call that it announces.
fn arm(memory: &mut Memory, record: &Record, arrangement: Box<Arrangement>) {
    if let Some(intent) = &record.pending {
        memory.call = Some(CallMemory {
            attempt: intent.attempt.clone(),
            begun: intent.start_time,
            arrangement,
            state: CallState::Armed,
        });
    }
}

/// A replacement nobody asked for needs room in the account's budget (I14). Gives back the account whose room it took.
fn spend_budget<'a, C: Cluster, L: TokensApi>(
    ctx: &Context<C, L>,
    world: &'a World<L>,
    record: &Record,
) -> Result<Option<&'a Session<L>>, Failure> {
    let observed = &world.observed;
    let unasked = record
        .pending
        .as_ref()
        .is_some_and(|intent| replaces_unasked(&observed.record, intent.cause));
    if !unasked {
        return Ok(None);
    }
    let session = session(world)?;
    match session
        .state
        .request_replacement(&observed.identity.uid, ctx.clock.now())
    {
        Allowance::Go => Ok(Some(session)),
        Allowance::Wait(until) => Err(Failure::not_before(
            until,
            "waiting a moment to see whether other keys of the account were lost too",
        )),
        Allowance::Stop => {
            ctx.accounts.budget_changed();
            Err(Failure::stale())
        }
    }
}
