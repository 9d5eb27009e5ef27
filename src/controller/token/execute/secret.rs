//! Writes a Secret.

use crate::cluster::Cluster;
use crate::cluster::secret::Recorded;
use crate::cluster::secret::annotation;
use crate::cluster::secret::manifest::{KeySource, SecretManifest};
use crate::controller::failure::Failure;
use crate::controller::token::context::Context;
use crate::controller::token::memory::ObjectMemory;
use crate::controller::token::world::World;
use crate::domain::cause::Cause;
use crate::domain::ids::{Attempt, Fingerprint};
use crate::domain::secret::{PreviousKey, SecretFacts, SecretPlan, SecretRevision, SecretState};
use crate::domain::step::SecretStep;
use crate::launchdarkly::TokensApi;
use crate::redaction::Key;

/// Writes a Secret.
pub(super) async fn secret<C: Cluster, L: TokensApi>(
    ctx: &Context<C, L>,
    world: &World<L>,
    memory: &mut ObjectMemory,
    step: SecretStep,
) -> Result<(), Failure> {
    let namespace = &world.observed.identity.namespace;
    match step {
        SecretStep::PublishKey { attempt, plan } => {
            publish(ctx, world, memory, &attempt, &plan).await
        }
        SecretStep::RenderSecret { plan } => {
            let name = plan.layout.name.clone();
            let fingerprint = plan.marks.fingerprint.clone();
            rewrite(ctx, world, memory, &name, fingerprint.as_ref(), &plan).await
        }
        SecretStep::MoveSecret {
            from,
            fingerprint,
            plan,
        } => rewrite(ctx, world, memory, &from, Some(&fingerprint), &plan).await,
        SecretStep::RestoreSecret { fingerprint, plan } => {
            restore(ctx, world, memory, &fingerprint, &plan).await
        }
        SecretStep::FenceSecret { name, at, attempt } => {
            memory.forget_secret(&name);
            let mark = (annotation::FENCE, attempt.as_str());
            Ok(ctx
                .cluster
                .annotate_secret(namespace, &name, &at, mark)
                .await?)
        }
        SecretStep::DeleteSecret { name, at } => {
            memory.forget_secret(&name);
            ctx.cluster.delete_secret(namespace, &name, &at).await?;
            memory.remember_secret(&name, None, ctx.clock.since_boot());
            Ok(())
        }
    }
}

async fn publish<C: Cluster, L: TokensApi>(
    ctx: &Context<C, L>,
    world: &World<L>,
    memory: &mut ObjectMemory,
    attempt: &Attempt,
    plan: &SecretPlan,
) -> Result<(), Failure> {
    let name = plan.layout.name.clone();
    let before = memory.secret(&name).cloned().flatten();
    let key = memory.key(attempt).ok_or_else(Failure::stale)?;
    let manifest = SecretManifest::render(
        &world.observed.identity,
        plan,
        KeySource::InHand(key),
        before.as_ref(),
    )
    .ok_or_else(Failure::stale)?;
    let intent = world.observed.record.pending.as_ref();
    let ends = intent.is_some_and(|intent| intent.cause == Cause::Revoke);
    let revoked = ends.then(|| keys_in_use(world, memory));
    // They are kept before the write: where its answer is lost it may have happened.
    memory.keep_revoked(revoked.unwrap_or_default());
    write_secret(ctx, world, memory, &plan.at, &manifest).await?;
    // Without the mark of this attempt nobody would know that the key is published.
    let written = memory.secret(&name).and_then(Option::as_ref);
    let marked = written.is_some_and(|written| written.is_marked(attempt));
    marked
        .then_some(())
        .ok_or_else(|| Failure::contested(&name))
}

/// The keys that consumers may have from the recorded Secret: the one that was published there, and the previous one during its grace.
pub(super) fn keys_in_use<L: TokensApi>(world: &World<L>, memory: &ObjectMemory) -> Vec<Key> {
    let record = &world.observed.record;
    let Some(recorded) = &record.secret else {
        return Vec::new();
    };
    let Some(snapshot) = memory.secret(&recorded.name).and_then(Option::as_ref) else {
        return Vec::new();
    };
    let entry = snapshot.entry_of(&recorded.fingerprint);
    let in_grace = record.rotation.previous_key_expiration_time.is_some();
    let previous = world.layout.previous_key.as_deref().filter(|_| in_grace);
    let keys = entry.into_iter().chain(previous);
    keys.filter_map(|entry| snapshot.key(entry)).collect()
}

/// Renders a Secret from a key that a Secret holds already.
async fn rewrite<C: Cluster, L: TokensApi>(
    ctx: &Context<C, L>,
    world: &World<L>,
    memory: &mut ObjectMemory,
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

/// Writes a Secret again with the key that the account is managed with: nobody else has it (I7: it goes from the session to the Secret).
async fn restore<C: Cluster, L: TokensApi>(
    ctx: &Context<C, L>,
    world: &World<L>,
    memory: &mut ObjectMemory,
    fingerprint: &Fingerprint,
    plan: &SecretPlan,
) -> Result<(), Failure> {
    let entry = ctx.accounts.get(&world.account_key);
    let session = entry
        .as_ref()
        .and_then(|entry| entry.state.newest_session());
    let key = session
        .map(|session| &session.managing_key)
        .filter(|key| key.fingerprint() == *fingerprint)
        .ok_or_else(Failure::stale)?;
    let source = KeySource::InHand(key);
    let manifest = SecretManifest::render(&world.observed.identity, plan, source, None)
        .ok_or_else(Failure::stale)?;
    write_secret(ctx, world, memory, &plan.at, &manifest).await?;
    ctx.accounts.credential_written();
    stays_as_written(world, memory, plan)
}

/// A webhook or another manager may undo what is written: then it is not written again at once (I8).
fn stays_as_written<L>(
    world: &World<L>,
    memory: &ObjectMemory,
    plan: &SecretPlan,
) -> Result<(), Failure> {
    let written = memory.secret(&plan.layout.name).and_then(Option::as_ref);
    let state = written.map(|written| {
        let recorded = Recorded {
            uid: Some(&written.uid),
            fingerprint: plan.marks.fingerprint.as_ref(),
        };
        written.state(&world.observed.identity, recorded, &plan.layout)
    });
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

async fn write_secret<C: Cluster, L: TokensApi>(
    ctx: &Context<C, L>,
    world: &World<L>,
    memory: &mut ObjectMemory,
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
