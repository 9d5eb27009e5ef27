//! The only writer: carries one step out, and tells what came of it.

use std::time::Duration;

use super::account::Session;
use super::failure::Failure;
use super::memory::{HandMemory, HandState, Held, Memory, RolesAnswer};
use super::observe::{World, hash_of};
use super::reconcile::Context;
use super::{notices, probe, report};
use crate::api::{AccessToken, Reason};
use crate::cluster::manifest::{KeySource, SecretManifest, annotation};
use crate::cluster::{Cluster, status};
use crate::domain::marker;
use crate::domain::names::{Attempt, Fingerprint, RoleId, TokenId};
use crate::domain::observed::{Arrangement, Feature, Proof, Source};
use crate::domain::plan::{SecretPlan, SecretRevision, Step};
use crate::domain::record::{Operation, Record};
use crate::domain::settings::{Grant, TokenSettings};
use crate::launchdarkly::{
    ApiError, Identity, Issued, Lane, Listing, NewToken, ResolvedGrant, TokensApi,
};

/// Carries a step out. `object` is replaced by what the API server answered.
#[expect(
    clippy::too_many_lines,
    reason = "one arm a step, so that no step can be forgotten"
)]
pub(super) async fn execute<C: Cluster, L: TokensApi>(
    ctx: &Context<C, L>,
    object: &mut AccessToken,
    world: &World<L>,
    memory: &mut Memory,
    step: Step,
) -> Result<(), Failure> {
    let namespace = &world.observed.identity.namespace;
    match step {
        Step::AddFinalizer => {
            *object = ctx.cluster.add_finalizer(object).await?;
            Ok(())
        }
        Step::RecordIntent {
            ref record,
            ref arrangement,
            ref rehearsal,
        } => {
            let (record, arrangement) = (record.clone(), arrangement.clone());
            rehearse(ctx, world, memory, rehearsal).await?;
            write_status(ctx, object, world, &record, &step).await?;
            arm(world, memory, &record, arrangement, ctx.clock.now());
            Ok(())
        }
        Step::RecordPublication(ref record) => {
            write_status(ctx, object, world, record, &step).await?;
            memory.hand = None;
            memory.absent = None;
            if let (Some(secret), Some(token)) = (&record.secret, &record.token) {
                memory.secret_proof = secret
                    .proven
                    .then(|| (secret.fingerprint.clone(), token.id.clone(), true));
            }
            notices::published(ctx, object, record).await;
            Ok(())
        }
        Step::ForgetIntent(ref record) | Step::AbandonAttempt(ref record) => {
            write_status(ctx, object, world, record, &step).await?;
            memory.hand = None;
            Ok(())
        }
        Step::RecordTakeOver(ref record)
        | Step::RecordSecret(ref record)
        | Step::RecordRetirement(ref record)
        | Step::RecordSettings(ref record) => write_status(ctx, object, world, record, &step).await,
        Step::FenceSecret { name, at, attempt } => {
            memory.forget_secret(&name);
            let mark = (annotation::FENCE, attempt.as_str());
            Ok(ctx
                .cluster
                .annotate_secret(namespace, &name, &at, mark)
                .await?)
        }
        Step::PublishKey { attempt, plan } => publish(ctx, world, memory, &attempt, &plan).await,
        Step::RenderSecret { plan } => {
            let name = plan.layout.name.clone();
            let fingerprint = plan.marks.fingerprint.clone();
            rewrite(ctx, world, memory, &name, fingerprint.as_ref(), &plan).await
        }
        Step::MoveSecret {
            from,
            fingerprint,
            plan,
        } => rewrite(ctx, world, memory, &from, Some(&fingerprint), &plan).await,
        Step::DeleteSecret { name, at } => {
            memory.forget_secret(&name);
            ctx.cluster.delete_secret(namespace, &name, &at).await?;
            memory.remember_secret(&name, None, ctx.clock.since_boot());
            Ok(())
        }
        Step::RemoveFinalizer { left_behind } => {
            if !left_behind.is_empty() {
                notices::left_behind(ctx, object, world, &left_behind).await;
            }
            Ok(ctx.cluster.remove_finalizer(object).await?)
        }
        Step::CreateToken {
            attempt,
            settings,
            urgent,
        } => {
            let session = session(world)?;
            let answer = lane(session, urgent)
                .create(&wire_settings(&settings))
                .await;
            let answer = answer.map(|issued| (issued, None));
            receive(ctx, world, memory, &attempt, Some(&settings), answer)
        }
        Step::ResetKey {
            attempt,
            token_id,
            old_key_lives,
            urgent,
        } => {
            let session = session(world)?;
            let lives = Duration::try_from(old_key_lives).unwrap_or_default();
            let answer = lane(session, urgent).reset(&token_id, lives).await;
            note_reset(world, &answer, ctx);
            let answer = answer.map(|reset| (reset.issued, Some(reset.old_key_until)));
            if answer.as_ref().is_err_and(ApiError::is_definite_refusal) {
                memory.look = None;
            }
            receive(ctx, world, memory, &attempt, None, answer)
        }
        Step::ProveKey { attempt, token_id } => {
            prove(ctx, world, memory, &attempt, &token_id).await
        }
        Step::ProveSecretKey {
            fingerprint,
            token_id,
        } => prove_secret_key(ctx, world, memory, fingerprint, token_id).await,
        Step::FetchToken { token_id } => {
            let at = ctx.clock.now();
            match session(world)?.api.get(&token_id).await {
                Ok(token) => memory.note_look(token, at, Source::Get),
                Err(ApiError::NotFound { .. }) => {
                    memory.note_absence(&token_id, at, ctx.timing.settle);
                }
                Err(error) => return Err(error.into()),
            }
            Ok(())
        }
        Step::ListTokens { begun_after } => {
            list_since(session(world)?, begun_after).await?;
            Ok(())
        }
        Step::ResolveRoles { roles } => resolve_roles(ctx, world, memory, roles).await,
        Step::PatchToken {
            token_id,
            settings,
            grant,
        } => patch(ctx, world, memory, &token_id, &settings, grant).await,
        Step::LimitLife { token_id, expiry } => {
            limit_life(ctx, world, memory, token_id, expiry).await
        }
        Step::DeleteToken { token_id, urgent } => {
            lane(session(world)?, urgent).delete(&token_id).await?;
            memory.gone.insert(token_id);
            Ok(())
        }
        Step::MarkRetained { token_id } => mark_retained(world, memory, token_id).await,
        Step::ProbeReset => {
            let session = session(world)?;
            probe::probe(
                session,
                &ctx.accounts.installation,
                &world.account_key,
                ctx.clock.now(),
            )
            .await?;
            Ok(())
        }
        Step::Hold { .. } | Step::Rest { .. } => Ok(()),
    }
}

fn session<L>(world: &World<L>) -> Result<&Session<L>, Failure> {
    world
        .session
        .as_ref()
        .ok_or_else(|| Failure::unsettled("the account cannot be used now"))
}

fn lane<L: TokensApi>(session: &Session<L>, urgent: bool) -> L {
    if urgent {
        session.api.in_lane(Lane::Revoke)
    } else {
        session.api.clone()
    }
}

/// Writes a new record and the conditions that go with it, fenced by the version that was read.
async fn write_status<C: Cluster, L: TokensApi>(
    ctx: &Context<C, L>,
    object: &mut AccessToken,
    world: &World<L>,
    record: &Record,
    step: &Step,
) -> Result<(), Failure> {
    let mut next = object.clone();
    let status = next.status.get_or_insert_default();
    status::write(record, status);
    report::report(&world.wish, &world.observed, record, step, status);
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

fn arm<L>(
    world: &World<L>,
    memory: &mut Memory,
    record: &Record,
    arrangement: Box<Arrangement>,
    now: jiff::Timestamp,
) {
    let Some(intent) = &record.pending else {
        return;
    };
    memory.hand = Some(HandMemory {
        attempt: intent.attempt.clone(),
        arrangement,
        state: HandState::Armed,
    });
    if intent.cause.is_unasked()
        && world.observed.record.token.is_some()
        && let Some(session) = &world.session
    {
        session.shared.note_unasked(now);
    }
}

/// Takes the answer of a create or a reset: the key is in hand from here on.
fn receive<C: Cluster, L: TokensApi>(
    ctx: &Context<C, L>,
    world: &World<L>,
    memory: &mut Memory,
    attempt: &Attempt,
    settings: Option<&TokenSettings>,
    answer: Result<(Issued, Option<jiff::Timestamp>), ApiError>,
) -> Result<(), Failure> {
    let now = ctx.clock.now();
    match answer {
        Ok((issued, old_key_until)) => {
            let token = &issued.token;
            let (user_part, _) = marker::split(&token.description);
            let differs = settings.map_or_else(Vec::new, |wish| {
                let fields = crate::launchdarkly::differences(&wire_settings(wish), token);
                fields.into_iter().map(str::to_owned).collect()
            });
            let before = world.observed.record.token.as_ref();
            let kept = before.filter(|_| settings.is_none());
            let held = Held {
                token_id: token.id.clone(),
                created_at: token
                    .created_at
                    .or_else(|| kept.and_then(|token| token.created_at)),
                observed_hash: hash_of(token, user_part, &world.wish),
                differs: kept.map_or(differs, |token| token.differs.clone()),
                old_key_until,
                since: now,
                proof: Proof::Unasked,
                key: issued.key,
            };
            memory.last_write = Some(now);
            memory.look = None;
            memory.set_hand(attempt, HandState::Held(Box::new(held)));
            Ok(())
        }
        Err(error) => {
            let refused = error.is_definite_refusal();
            memory.set_hand(
                attempt,
                if refused {
                    HandState::Refused
                } else {
                    HandState::Uncertain
                },
            );
            Err(error.into())
        }
    }
}

/// What a refusal of the reset route says about the instance; twice in a row, and rotations go by replacement.
fn note_reset<C: Cluster, L: TokensApi, T>(
    world: &World<L>,
    answer: &Result<T, ApiError>,
    ctx: &Context<C, L>,
) {
    let Some(session) = &world.session else {
        return;
    };
    let refused = matches!(
        answer,
        Err(ApiError::NotFound { .. } | ApiError::MethodGone { .. } | ApiError::Forbidden { .. })
            | Err(ApiError::Invalid { status: 415, .. })
    );
    session.shared.update_features(|features| {
        features.reset_refusals = if refused {
            features.reset_refusals + 1
        } else {
            0
        };
        if features.reset_refusals >= 2 {
            features.reset = Feature::Unavailable;
            features.probed_at = Some(ctx.clock.now());
        }
    });
}

async fn publish<C: Cluster, L: TokensApi>(
    ctx: &Context<C, L>,
    world: &World<L>,
    memory: &mut Memory,
    attempt: &Attempt,
    plan: &SecretPlan,
) -> Result<(), Failure> {
    let name = plan.layout.name.clone();
    let before = memory.secret(&name).cloned().flatten();
    let held = memory.held_mut(attempt).ok_or_else(Failure::stale)?;
    let manifest = SecretManifest::render(
        &world.observed.identity,
        plan,
        KeySource::InHand(&held.key),
        before.as_ref(),
    )
    .ok_or_else(Failure::stale)?;
    write_secret(ctx, world, memory, &plan.at, &manifest).await
}

/// Renders a Secret from a key that a Secret holds already.
async fn rewrite<C: Cluster, L: TokensApi>(
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
    write_secret(ctx, world, memory, &plan.at, &manifest).await
}

async fn write_secret<C: Cluster, L: TokensApi>(
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

/// Asks LaunchDarkly who the key in hand is. A 401 counts only while the managing key is accepted.
async fn prove<C: Cluster, L: TokensApi>(
    ctx: &Context<C, L>,
    world: &World<L>,
    memory: &mut Memory,
    attempt: &Attempt,
    token_id: &TokenId,
) -> Result<(), Failure> {
    let session = session(world)?;
    let pinned = world.observed.record.account_id.clone();
    let resets = world
        .observed
        .record
        .pending
        .as_ref()
        .is_some_and(|p| p.operation == Operation::Reset);
    let held = memory.held_mut(attempt).ok_or_else(Failure::stale)?;
    let answer = session.api.identify_with(&held.key).await;
    let (proof, failure) = judge(
        session,
        answer,
        token_id,
        pinned.as_ref().map(|id| id.as_str()),
    )
    .await;
    held.proof = proof;
    if proof == Proof::Accepted && resets {
        watch_overlap(ctx, world, memory, session).await;
    }
    failure.map_or(Ok(()), Err)
}

/// After a reset the old key must still work; where it does not, rotations go by replacement from now on (R3).
async fn watch_overlap<C: Cluster, L: TokensApi>(
    ctx: &Context<C, L>,
    world: &World<L>,
    memory: &Memory,
    session: &Session<L>,
) {
    let name = &world.layout.name;
    let old = world.observed.record.secret.as_ref().and_then(|recorded| {
        let snapshot = memory.secret(name)?.as_ref()?;
        snapshot.key(snapshot.entry_of(&recorded.fingerprint)?)
    });
    let Some(old) = old else { return };
    if session.api.identify_with(&old).await == Err(ApiError::Unauthorized) {
        session.shared.update_features(|features| {
            features.reset = Feature::Unavailable;
            features.probed_at = Some(ctx.clock.now());
        });
        tracing::warn!(
            reason = Reason::OverlapBroken.as_str(),
            "the old key stopped working at the reset"
        );
    }
}

async fn judge<L: TokensApi>(
    session: &Session<L>,
    answer: Result<Identity, ApiError>,
    token_id: &TokenId,
    account: Option<&str>,
) -> (Proof, Option<Failure>) {
    match answer {
        Ok(identity) => {
            let other_token = identity.token_id.as_ref().is_some_and(|id| id != token_id);
            let other_account = identity
                .account_id
                .as_ref()
                .zip(account)
                .is_some_and(|(id, pinned)| id.as_str() != pinned);
            let silent = identity.token_id.is_none() || identity.account_id.is_none();
            if other_token || other_account {
                (Proof::OtherOwner, None)
            } else if silent {
                (
                    Proof::Unavailable,
                    Some(Failure::unsettled(
                        "LaunchDarkly does not say whose the new key is",
                    )),
                )
            } else {
                (Proof::Accepted, None)
            }
        }
        Err(ApiError::Unauthorized) => match session.api.identify().await {
            Ok(_) => (
                Proof::Rejected,
                Some(Failure::unsettled(
                    "LaunchDarkly does not accept the new key yet",
                )),
            ),
            Err(error) => (Proof::Unavailable, Some(error.into())),
        },
        Err(error) => (Proof::Unavailable, Some(error.into())),
    }
}

async fn prove_secret_key<C: Cluster, L: TokensApi>(
    _ctx: &Context<C, L>,
    world: &World<L>,
    memory: &mut Memory,
    fingerprint: Fingerprint,
    token_id: TokenId,
) -> Result<(), Failure> {
    let session = session(world)?;
    let snapshot = memory.secret(&world.layout.name).cloned().flatten();
    let key = snapshot.and_then(|snapshot| snapshot.key(snapshot.entry_of(&fingerprint)?));
    let Some(key) = key else {
        memory.secret_proof = Some((fingerprint, token_id, false));
        return Ok(());
    };
    let answer = session.api.identify_with(&key).await;
    match judge(
        session,
        answer,
        &token_id,
        Some(session.account_id.as_str()),
    )
    .await
    {
        (Proof::Accepted, _) => memory.secret_proof = Some((fingerprint, token_id, true)),
        (Proof::OtherOwner | Proof::Rejected, _) => {
            memory.secret_proof = Some((fingerprint, token_id, false))
        }
        (Proof::Unasked | Proof::Unavailable, failure) => return failure.map_or(Ok(()), Err),
    }
    Ok(())
}

/// Lists the account unless a listing that began after `begun_after` is there; one listing serves all who wait (I13).
pub(super) async fn list_since<L: TokensApi>(
    session: &Session<L>,
    begun_after: jiff::Timestamp,
) -> Result<std::sync::Arc<Listing>, Failure> {
    let _turn = session.shared.listing_turn.lock().await;
    if let Some(listing) = session
        .shared
        .listing()
        .filter(|listing| listing.started_at >= begun_after)
    {
        return Ok(listing);
    }
    let listing = session.api.list_all().await?;
    session.shared.keep_listing(listing);
    session.shared.listing().ok_or_else(Failure::stale)
}

async fn resolve_roles<C: Cluster, L: TokensApi>(
    ctx: &Context<C, L>,
    world: &World<L>,
    memory: &mut Memory,
    asked: Vec<String>,
) -> Result<(), Failure> {
    let api = &session(world)?.api;
    let at = ctx.clock.now();
    let mut known = Vec::with_capacity(asked.len());
    for role in &asked {
        match api.role(role).await {
            Ok(found) => known.push((found.id, found.key)),
            Err(ApiError::NotFound { .. } | ApiError::Malformed { .. }) => {
                memory.roles = Some(RolesAnswer {
                    answer: Err(role.clone()),
                    asked,
                    at,
                });
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        }
    }
    memory.roles = Some(RolesAnswer {
        asked,
        answer: Ok(known),
        at,
    });
    Ok(())
}

async fn patch<C: Cluster, L: TokensApi>(
    ctx: &Context<C, L>,
    world: &World<L>,
    memory: &mut Memory,
    token_id: &TokenId,
    settings: &TokenSettings,
    grant: bool,
) -> Result<(), Failure> {
    let look = memory
        .look
        .as_ref()
        .filter(|look| look.token.id == *token_id)
        .ok_or_else(Failure::stale)?;
    let mut wish = wire_settings(settings);
    wish.expiry = look.token.expiry;
    if !grant {
        // Only name and description change: for the rest the token is taken as it is.
        wish.grant = grant_of(&look.token);
    }
    let changes = crate::launchdarkly::patch_towards(&wish, &look.token);
    let at = ctx.clock.now();
    if changes.is_empty() {
        let token = look.token.clone();
        memory.note_look(token, at, Source::Patch);
        return Ok(());
    }
    let api = session(world)?.api.clone();
    match api.patch(token_id, &changes).await {
        Ok(token) => {
            memory.note_look(token, at, Source::Patch);
            Ok(())
        }
        Err(error) => {
            memory.look = None;
            Err(error.into())
        }
    }
}

fn grant_of(token: &crate::launchdarkly::Token) -> ResolvedGrant {
    if !token.custom_role_ids.is_empty() {
        ResolvedGrant::CustomRoles(token.custom_role_ids.iter().cloned().collect())
    } else if let Some(role) = token.role.as_ref().and_then(|role| role.parse().ok()) {
        ResolvedGrant::Role(role)
    } else {
        ResolvedGrant::Inline(token.inline_role.clone())
    }
}

/// A second safety for a retiring token; what an instance cannot do is not asked of it again.
async fn limit_life<C: Cluster, L: TokensApi>(
    ctx: &Context<C, L>,
    world: &World<L>,
    memory: &mut Memory,
    token_id: TokenId,
    expiry: jiff::Timestamp,
) -> Result<(), Failure> {
    let session = session(world)?;
    let changes = [crate::launchdarkly::PatchOp::expire_at(expiry)];
    let answer = session.api.patch(&token_id, &changes).await;
    let known = match answer {
        Ok(token) if token.expiry.is_some() => Feature::Available,
        Ok(_) => Feature::Unavailable,
        Err(ApiError::NotFound { .. }) => {
            memory.gone.insert(token_id.clone());
            Feature::Unknown
        }
        // It is a second safety only: the deletion comes all the same.
        Err(error) if error.is_definite_refusal() => Feature::Unknown,
        Err(error) => return Err(error.into()),
    };
    session.shared.update_features(|features| {
        if known != Feature::Unknown {
            features.expiry = known;
            features.probed_at.get_or_insert(ctx.clock.now());
        }
    });
    memory.life_limited.insert(token_id);
    Ok(())
}

async fn mark_retained<L: TokensApi>(
    world: &World<L>,
    memory: &mut Memory,
    token_id: TokenId,
) -> Result<(), Failure> {
    let api = &session(world)?.api;
    let token = match api.get(&token_id).await {
        Ok(token) => token,
        Err(ApiError::NotFound { .. }) => {
            memory.gone.insert(token_id);
            return Ok(());
        }
        Err(error) => return Err(error.into()),
    };
    let (user_part, found) = marker::split(&token.description);
    if let Some(found) = found {
        let retained = marker::with_marker(user_part, &found.retained(), token.description.len());
        api.patch(
            &token_id,
            &[crate::launchdarkly::PatchOp::describe(&retained)],
        )
        .await?;
    }
    memory.gone.insert(token_id);
    Ok(())
}

/// The settings as the client sends them: what `decide` made them of is resolved already.
pub(super) fn wire_settings(settings: &TokenSettings) -> NewToken {
    NewToken {
        name: settings.name.clone(),
        description: settings.description.clone(),
        grant: match &settings.grant {
            Grant::Role(role) => ResolvedGrant::Role(*role),
            Grant::CustomRoles(ids) => {
                ResolvedGrant::CustomRoles(ids.iter().map(RoleId::new).collect())
            }
            Grant::Inline(statements) => ResolvedGrant::Inline(statements.clone()),
        },
        service_token: settings.service_token,
        default_api_version: settings.default_api_version,
        expiry: None,
    }
}
