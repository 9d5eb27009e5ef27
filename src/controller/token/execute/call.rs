//! Changes something at LaunchDarkly.

use super::end::{delete, end_key, limit_life, mark_retained};
use super::priority_of;
use crate::api::AccessToken;
use crate::cluster::Cluster;
use crate::controller::account::probe;
use crate::controller::account::probe::Lack;
use crate::controller::failure::Failure;
use crate::controller::token::context::Context;
use crate::controller::token::events;
use crate::controller::token::memory::ObjectMemory;
use crate::controller::token::world::{World, asks_version};
use crate::domain::decide::MAX_RESETS_REFUSED;
use crate::domain::ids::{Attempt, TokenId};
use crate::domain::memory::{CallProgress, IssuedKey};
use crate::domain::observed::{Feature, Proof};
use crate::domain::reason::Reason;
use crate::domain::settings::TokenSettings;
use crate::domain::step::CallStep;
use crate::launchdarkly::{ApiError, Issued, NewToken, Overlap, TokensApi};
use std::time::Duration;

/// Changes something at LaunchDarkly.
pub(super) async fn call<C: Cluster, L: TokensApi>(
    ctx: &Context<C, L>,
    object: &AccessToken,
    world: &World<L>,
    memory: &mut ObjectMemory,
    step: CallStep,
) -> Result<(), Failure> {
    match step {
        CallStep::CreateToken {
            attempt,
            settings,
            urgent,
        } => {
            let session = world.session()?;
            // Whatever becomes of this reconcile, the call may have been made.
            let call = &mut memory.facts.call;
            call.progress(&attempt, CallProgress::Uncertain);
            let answer = priority_of(session, urgent)
                .create(&NewToken::from(&*settings))
                .await;
            let answer = answer.map(|issued| (issued, None));
            receive(ctx, world, memory, &attempt, Some(&settings), answer)
        }
        CallStep::ResetKey {
            attempt,
            token_id,
            previous_key_lives,
            urgent,
        } => {
            let session = world.session()?;
            let call = &mut memory.facts.call;
            call.progress(&attempt, CallProgress::Uncertain);
            let lives = Duration::try_from(previous_key_lives).unwrap_or_default();
            let overlap = if urgent {
                Overlap::AtMost(lives)
            } else {
                Overlap::AtLeast(lives)
            };
            let answer = priority_of(session, urgent).reset(&token_id, overlap).await;
            note_reset(ctx, object, world, &answer).await;
            note_reset_refusal(ctx, object, memory, &answer).await;
            let answer =
                answer.map(|reset| (reset.issued, Some(reset.previous_key_expiration_time)));
            if answer.as_ref().is_err_and(ApiError::is_definite_refusal) {
                memory.facts.token.look = None;
            }
            receive(ctx, world, memory, &attempt, None, answer)
        }
        CallStep::PatchToken {
            token_id,
            settings,
            grant,
        } => patch(ctx, world, memory, &token_id, &settings, grant).await,
        CallStep::LimitLife { token_id, expiry } => {
            limit_life(ctx, object, world, memory, token_id, expiry).await
        }
        CallStep::EndKey { token_id } => end_key(world, memory, token_id).await,
        CallStep::DeleteToken { token_id, urgent } => delete(world, memory, token_id, urgent).await,
        CallStep::MarkRetained { token_id } => mark_retained(ctx, world, memory, token_id).await,
        CallStep::ProbeReset { service_token } => {
            probe_reset(ctx, object, world, service_token).await
        }
    }
}

/// Tries a reset on a throw-away token, and tells if it cannot be done.
async fn probe_reset<C: Cluster, L: TokensApi>(
    ctx: &Context<C, L>,
    object: &AccessToken,
    world: &World<L>,
    service_token: bool,
) -> Result<(), Failure> {
    let lack = probe::probe(
        world.session()?,
        &ctx.accounts.installation,
        &world.account_key,
        service_token,
        ctx.clock.moment(),
        Duration::try_from(ctx.timing.settle).unwrap_or_default(),
    )
    .await?;
    match lack {
        None => {}
        Some(Lack::Reset) => {
            events::instance_lacks(ctx, object, Reason::ResetUnavailable, None).await;
        }
        Some(Lack::ThrowAway(refusal)) => {
            let why = Some(&refusal);
            events::instance_lacks(ctx, object, Reason::ResetUntried, why).await;
        }
    }
    Ok(())
}

/// Takes the answer of a create or a reset, until which the hand is uncertain: the key is in it from here on.
fn receive<C: Cluster, L: TokensApi>(
    ctx: &Context<C, L>,
    world: &World<L>,
    memory: &mut ObjectMemory,
    attempt: &Attempt,
    settings: Option<&TokenSettings>,
    answer: Result<(Issued, Option<jiff::Timestamp>), ApiError>,
) -> Result<(), Failure> {
    let now = ctx.clock.steady();
    match answer {
        Ok((issued, _)) if resets_another(world, settings, &issued) => {
            memory.facts.call.unanswered_at = Some(now);
            Err(Failure::unexpected(
                "LaunchDarkly answered the reset with another token",
            ))
        }
        Ok((issued, previous_key_expiration_time)) => {
            let token = &issued.token;
            if let (Some(_), Some(session)) = (settings, &world.session) {
                session
                    .state
                    .found_out()
                    .learn_description(&token.description);
            }
            let differs = settings.map_or_else(Vec::new, |desired| {
                let fields = crate::launchdarkly::differences(&NewToken::from(desired), token);
                fields.into_iter().map(str::to_owned).collect()
            });
            let before = world.observed.record.token.as_ref();
            let kept = before.filter(|_| settings.is_none());
            let issued_key = IssuedKey {
                token_id: token.id.clone(),
                fingerprint: issued.key.fingerprint(),
                creation_time: token
                    .creation_time
                    .or_else(|| kept.and_then(|token| token.creation_time)),
                observed_hash: token.settings(asks_version(&world.desired)).hash(),
                differs: kept.map_or(differs, |token| token.differs.clone()),
                previous_key_expiration_time,
                since: now,
                proof: Proof::Unasked,
            };
            memory.facts.receive(attempt, issued_key);
            memory.take_key(attempt, issued.key);
            Ok(())
        }
        Err(error) => {
            // It may have named a role that is not what it was.
            if matches!(
                error,
                ApiError::Invalid { .. } | ApiError::NotFound { .. } | ApiError::Forbidden { .. }
            ) {
                memory.facts.roles.forget();
            }
            if error.is_definite_refusal() {
                memory.facts.call.progress(attempt, CallProgress::Refused);
            } else {
                memory.facts.call.unanswered_at = Some(now);
            }
            Err(error.into())
        }
    }
}

/// Whether a reset was answered with a token that was not asked about: whose key came back nobody knows.
fn resets_another<L>(world: &World<L>, settings: Option<&TokenSettings>, issued: &Issued) -> bool {
    let pending = world.observed.record.pending.as_ref();
    let asked = pending.and_then(|intent| intent.token_id.as_ref());
    settings.is_none() && asked != Some(&issued.token.id)
}

/// What a refusal of the reset route says about the credential; twice in a row, and its rotations go by replacement.
async fn note_reset<C: Cluster, L: TokensApi, T>(
    ctx: &Context<C, L>,
    object: &AccessToken,
    world: &World<L>,
    answer: &Result<T, ApiError>,
) {
    let Some(session) = &world.session else {
        return;
    };
    let (now, key) = (ctx.clock.moment(), &session.key);
    let news = match answer {
        Err(error) if error.is_not_offered() => {
            let mut found_out = session.state.found_out();
            found_out.note_reset_refusal(key)
                && found_out.refuse_reset(key, Feature::Unavailable, now)
        }
        Ok(_) => {
            session.state.found_out().note_reset(key);
            false
        }
        Err(_) => false,
    };
    if news {
        events::instance_lacks(ctx, object, Reason::ResetUnavailable, None).await;
    }
}

/// What else refuses this token's reset; twice, and this rotation goes by replacement.
async fn note_reset_refusal<C: Cluster, L: TokensApi, T>(
    ctx: &Context<C, L>,
    object: &AccessToken,
    memory: &mut ObjectMemory,
    answer: &Result<T, ApiError>,
) {
    let Err(refusal) = answer else {
        return;
    };
    if refusal.is_not_offered() || !refusal.is_lasting_refusal() {
        return;
    }
    let refused = &mut memory.facts.resets_refused;
    *refused = refused.saturating_add(1);
    if *refused == MAX_RESETS_REFUSED {
        events::instance_lacks(ctx, object, Reason::ResetRefused, Some(refusal)).await;
    }
}

async fn patch<C: Cluster, L: TokensApi>(
    ctx: &Context<C, L>,
    world: &World<L>,
    memory: &mut ObjectMemory,
    token_id: &TokenId,
    settings: &TokenSettings,
    grant: bool,
) -> Result<(), Failure> {
    let look = memory
        .facts
        .token
        .look_at(token_id)
        .ok_or_else(Failure::stale)?;
    let mut desired = NewToken::from(settings);
    desired.expiry = look.token.expiry;
    if !grant {
        // Only name and description change: for the rest the token is taken as it is.
        desired.grant = look.token.grant();
    }
    let asked = match &world.desired {
        Ok(desired) => Some(desired.settings.hash()),
        Err(_) => None,
    };
    let changes = crate::launchdarkly::patch_towards(&desired, &look.token);
    if changes.is_empty() {
        let (token, at) = (look.token.clone(), ctx.clock.steady());
        memory.facts.token.note_patch(token, at, asked.clone());
        return Ok(());
    }
    let api = world.session()?.api.clone();
    let answer = api.patch(token_id, &changes).await;
    match answer.outcome {
        Ok(token) => {
            let state = &world.session()?.state;
            state.found_out().learn_description(&token.description);
            let at = answer.sent.at;
            memory.facts.token.note_patch(token, at, asked.clone());
            Ok(())
        }
        Err(error) => {
            memory.facts.token.look = None;
            memory.facts.roles.forget();
            Err(error.into())
        }
    }
}
