//! Writes the record into the status, and does what follows from it.

use super::secret::keys_in_use;
use crate::api::AccessToken;
use crate::cluster::Cluster;
use crate::cluster::secret::manifest::{KeySource, SecretManifest};
use crate::controller::failure::Failure;
use crate::controller::token::context::Context;
use crate::controller::token::events;
use crate::controller::token::memory::ObjectMemory;
use crate::controller::token::reservation::{claim_replacement, claim_token, reserve};
use crate::controller::token::status::with_status;
use crate::controller::token::world::World;
use crate::domain::secret::SecretPlan;
use crate::domain::step::{RecordStep, Step};
use crate::launchdarkly::TokensApi;

/// Writes the record into the status, and does what follows from it.
pub(super) async fn record<C: Cluster, L: TokensApi>(
    ctx: &Context<C, L>,
    object: &mut AccessToken,
    world: &World<L>,
    memory: &mut ObjectMemory,
    step: &RecordStep,
) -> Result<(), Failure> {
    match step {
        RecordStep::RecordIntent {
            record,
            arrangement,
            rehearsal,
        } => {
            rehearse(ctx, world, memory, rehearsal).await?;
            record_intent(ctx, object, world, step).await?;
            if let Some(intent) = &record.pending {
                let clocks = world.observed.clocks;
                memory.begin_call(intent, arrangement.clone(), clocks);
            }
            Ok(())
        }
        RecordStep::RecordPublication(record) => {
            write_status(ctx, object, world, step).await?;
            let intent = world.observed.record.pending.as_ref();
            let clocks = world.observed.clocks;
            let begun = intent.map(|intent| memory.facts.call.begun(intent, clocks));
            memory.published(record);
            events::published(ctx, object, record, begun).await;
            Ok(())
        }
        RecordStep::ForgetIntent(_) | RecordStep::AbandonAttempt(_) => {
            write_status(ctx, object, world, step).await?;
            memory.forget_call();
            if matches!(step, RecordStep::ForgetIntent(_)) {
                give_back_replacement(world);
            }
            Ok(())
        }
        RecordStep::RecordCutOff(record) => {
            write_status(ctx, object, world, step).await?;
            let keys = keys_in_use(world, memory);
            memory.cut_off(keys);
            events::cut_off(ctx, object, record).await;
            Ok(())
        }
        RecordStep::RecordTakeOver(record) => {
            let claim = claim_token(ctx, world, record)?;
            let written = write_status(ctx, object, world, step).await;
            match &written {
                // It surely did not happen. One without an answer may have.
                Err(failure) if failure.stale => drop(claim),
                Ok(()) | Err(_) => claim.keep(),
            }
            written
        }
        RecordStep::RecordRetirement(record) => {
            write_status(ctx, object, world, step).await?;
            ctx.accounts.claims.release(&world.observed.record, record);
            Ok(())
        }
        RecordStep::RecordSecret(_) | RecordStep::RecordSettings(_) => {
            write_status(ctx, object, world, step).await
        }
    }
}

/// Takes what the intent needs of what all objects share, and writes it down.
async fn record_intent<C: Cluster, L: TokensApi>(
    ctx: &Context<C, L>,
    object: &mut AccessToken,
    world: &World<L>,
    step: &RecordStep,
) -> Result<(), Failure> {
    let slot = reserve(ctx, world)?;
    let replacement = claim_replacement(ctx, world, step.record())?;
    let written = write_status(ctx, object, world, step).await;
    match &written {
        Ok(()) => {
            slot.keep();
            replacement.keep();
        }
        // It surely did not happen. One without an answer may have.
        Err(failure) if failure.stale => {}
        Err(_) => slot.keep(),
    }
    written
}

/// Writes a new record and the conditions that go with it, fenced by the version that was read.
async fn write_status<C: Cluster, L: TokensApi>(
    ctx: &Context<C, L>,
    object: &mut AccessToken,
    world: &World<L>,
    step: &RecordStep,
) -> Result<(), Failure> {
    let chosen = Step::Record(step.clone());
    let next = with_status(ctx, object, world, step.record(), &chosen);
    let before = object.status.clone().unwrap_or_default();
    *object = ctx.cluster.replace_status(&next).await?;
    let after = next.status.unwrap_or_default();
    events::warned(ctx, object, &before, &after).await;
    events::policy_leaks(ctx, object, Some(&before)).await;
    Ok(())
}

/// The Secret is tried without effect, so that no key is made that has nowhere to go (C0).
async fn rehearse<C: Cluster, L: TokensApi>(
    ctx: &Context<C, L>,
    world: &World<L>,
    memory: &mut ObjectMemory,
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

/// A call that had no effect does not count in the replacement budget.
fn give_back_replacement<L>(world: &World<L>) {
    let forgotten = world.observed.record.pending.as_ref();
    if let (Some(session), true) = (
        &world.session,
        forgotten.is_some_and(|intent| intent.cause.is_unasked()),
    ) {
        session
            .state
            .give_back_unasked(&world.observed.identity.uid);
    }
}
