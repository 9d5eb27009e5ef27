//! Secrets: trying, writing, rendering again.

use crate::cluster::Cluster;
use crate::cluster::secret::manifest::{KeySource, SecretManifest};
use crate::controller::failure::Failure;
use crate::controller::token::context::Context;
use crate::controller::token::memory::Memory;
use crate::controller::token::world::World;
use crate::domain::ids::Fingerprint;
use crate::domain::secret::{PreviousKey, SecretPlan, SecretRevision};
use crate::domain::secret::{SecretFacts, SecretState};
use crate::launchdarkly::TokensApi;

/// The Secret is tried without effect, so that no key is made that has nowhere to go (C0).
pub(in crate::controller) async fn rehearse<C: Cluster, L: TokensApi>(
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

/// Renders a Secret from a key that a Secret holds already.
pub(in crate::controller) async fn rewrite<C: Cluster, L: TokensApi>(
    ctx: &Context<C, L>,
    world: &World<L>,
    memory: &mut Memory,
    from: &str,
    fingerprint: Option<&Fingerprint>,
    plan: &SecretPlan,
) -> Result<(), Failure> {
    let (Some(before), Some(fingerprint)) = (memory.secret(from).cloned().flatten(), fingerprint)
    else {
        memory.forget_secret(from);
        return Err(Failure::stale());
    };
    let source = KeySource::Held {
        by: &before,
        fingerprint,
    };
    let manifest = SecretManifest::render(&world.observed.identity, plan, source, Some(&before))
        .ok_or_else(Failure::stale)?;
    write_secret(ctx, world, memory, &plan.at, &manifest).await?;
    stays_as_written(world, memory, plan)
}

/// A webhook or another manager may undo what is written: then it is not written again at once (I8).
fn stays_as_written<L>(
    world: &World<L>,
    memory: &Memory,
    plan: &SecretPlan,
) -> Result<(), Failure> {
    let written = memory.secret(&plan.layout.name).and_then(Option::as_ref);
    let state = written
        .map(|written| written.state(&world.observed.identity, Some(&written.uid), &plan.layout));
    match state {
        Some(SecretState::Ours(facts)) if facts.intact && is_marked(&facts, plan) => Ok(()),
        _ => Err(Failure::contested(&plan.layout.name)),
    }
}

fn is_marked(facts: &SecretFacts, plan: &SecretPlan) -> bool {
    let (written, asked) = (&facts.marks, &plan.marks);
    written.token_id == asked.token_id
        && written.account_id == asked.account_id
        && written.fingerprint == asked.fingerprint
        && !(plan.previous == PreviousKey::Drop && facts.previous.is_some())
}

pub(in crate::controller) async fn write_secret<C: Cluster, L: TokensApi>(
    ctx: &Context<C, L>,
    world: &World<L>,
    memory: &mut Memory,
    at: &SecretRevision,
    manifest: &SecretManifest,
) -> Result<(), Failure> {
    // Whatever comes of it, what was known of the Secret no longer holds.
    memory.forget_secret(&manifest.name);
    let written = ctx
        .cluster
        .write_secret(&world.observed.identity.namespace, at, manifest, false)
        .await?;
    memory.remember_secret(&manifest.name, Some(written), ctx.clock.since_boot());
    Ok(())
}
