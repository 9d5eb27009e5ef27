//! The only writer: carries one step out, and tells what came of it.

mod key;
mod secret;
mod token;

use std::time::Duration;

use crate::api::AccessToken;
use crate::api::record;
use crate::cluster::Cluster;
use crate::cluster::secret::annotation;
use crate::controller::account::poll::list_since;
use crate::controller::account::probe;
use crate::controller::account::probe::Lack;
use crate::controller::account::registry::Session;
use crate::controller::failure::Failure;
use crate::controller::token::context::Context;
use crate::controller::token::memory::{HandState, Memory};
use crate::controller::token::world::World;
use crate::controller::token::{conditions, events};
use crate::domain::reason::Reason;
use crate::domain::record::Record;
use crate::domain::step::Step;
use crate::launchdarkly::{ApiError, Lane, NewToken, TokensApi};

use crate::controller::token::execute::key::{
    arm, note_reset, pass_brake, prove, prove_secret_key, publish, receive,
};
use crate::controller::token::execute::secret::{rehearse, rewrite};
use crate::controller::token::execute::token::{limit_life, mark_retained, patch, resolve_roles};

/// Carries a step out. `object` is replaced by what the API server answered.
#[expect(
    clippy::too_many_lines,
    reason = "one arm a step, so that no step can be forgotten"
)]
pub(in crate::controller) async fn execute<C: Cluster, L: TokensApi>(
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
            let braked = pass_brake(ctx, world, &record)?;
            let written = write_status(ctx, object, world, &record, &step).await;
            if let (Err(_), Some(session)) = (&written, braked) {
                session
                    .shared
                    .give_back_unasked(&world.observed.identity.uid);
            }
            written?;
            arm(memory, &record, arrangement);
            Ok(())
        }
        Step::RecordPublication(ref record) => {
            write_status(ctx, object, world, record, &step).await?;
            let intent = world.observed.record.pending.as_ref();
            let begun = intent.map(|intent| memory.begun(intent));
            memory.hand = None;
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
        Step::ForgetIntent(ref record) => {
            write_status(ctx, object, world, record, &step).await?;
            memory.hand = None;
            let forgotten = world.observed.record.pending.as_ref();
            if let (Some(session), true) = (
                &world.session,
                forgotten.is_some_and(|intent| intent.cause.is_unasked()),
            ) {
                // It had no effect, so it does not count.
                session
                    .shared
                    .give_back_unasked(&world.observed.identity.uid);
            }
            Ok(())
        }
        Step::AbandonAttempt(ref record) => {
            write_status(ctx, object, world, record, &step).await?;
            memory.hand = None;
            Ok(())
        }
        Step::RecordTakeOver(ref record) => {
            let identity = &world.observed.identity;
            let token = record.token.as_ref();
            if !token.is_some_and(|token| ctx.claims.take(&token.id, identity)) {
                return Err(Failure::stale());
            }
            write_status(ctx, object, world, record, &step).await
        }
        Step::RecordRetirement(ref record) => {
            write_status(ctx, object, world, record, &step).await?;
            ctx.claims.release(&world.observed.record, record);
            Ok(())
        }
        Step::RecordSecret(ref record) | Step::RecordSettings(ref record) => {
            write_status(ctx, object, world, record, &step).await
        }
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
                events::left_behind(ctx, object, world, &left_behind).await;
            }
            Ok(ctx.cluster.remove_finalizer(object).await?)
        }
        Step::CreateToken {
            attempt,
            settings,
            urgent,
        } => {
            let session = session(world)?;
            // Whatever becomes of this visit, the call may have been made.
            memory.set_hand(&attempt, HandState::Uncertain);
            let answer = lane(session, urgent)
                .create(&NewToken::from(&*settings))
                .await;
            let answer = answer.map(|issued| (issued, None));
            receive(ctx, world, memory, &attempt, Some(&settings), answer)
        }
        Step::ResetKey {
            attempt,
            token_id,
            previous_key_lives,
            urgent,
        } => {
            let session = session(world)?;
            memory.set_hand(&attempt, HandState::Uncertain);
            let lives = Duration::try_from(previous_key_lives).unwrap_or_default();
            let answer = lane(session, urgent).reset(&token_id, lives).await;
            note_reset(ctx, object, world, &answer).await;
            let answer =
                answer.map(|reset| (reset.issued, Some(reset.previous_key_expiration_time)));
            if answer.as_ref().is_err_and(ApiError::is_definite_refusal) {
                memory.look = None;
            }
            receive(ctx, world, memory, &attempt, None, answer)
        }
        Step::ProveKey { attempt, token_id } => {
            prove(ctx, object, world, memory, &attempt, &token_id).await
        }
        Step::ProveSecretKey {
            fingerprint,
            token_id,
        } => prove_secret_key(ctx, world, memory, fingerprint, token_id).await,
        Step::FetchToken { token_id } => {
            let at = ctx.clock.now();
            match session(world)?.api.get(&token_id).await {
                Ok(token) => memory.note_look(token, at),
                Err(ApiError::NotFound { .. }) => {
                    memory.note_absence(&token_id, at, ctx.timing.settle);
                }
                Err(error) => return Err(error.into()),
            }
            Ok(())
        }
        Step::ListTokens { begun_after } => {
            list_since(session(world)?, begun_after, ctx.clock.now()).await?;
            Ok(())
        }
        Step::ResolveRoles { roles } => resolve_roles(ctx, world, memory, roles).await,
        Step::PatchToken {
            token_id,
            settings,
            grant,
        } => patch(ctx, world, memory, &token_id, &settings, grant).await,
        Step::LimitLife { token_id, expiry } => {
            limit_life(ctx, object, world, memory, token_id, expiry).await
        }
        Step::DeleteToken { token_id, urgent } => {
            lane(session(world)?, urgent).delete(&token_id).await?;
            memory.gone.insert(token_id);
            Ok(())
        }
        Step::MarkRetained { token_id } => mark_retained(world, memory, token_id).await,
        Step::ProbeReset { service_token } => {
            let session = session(world)?;
            let lack = probe::probe(
                session,
                &ctx.accounts.installation,
                &world.account_key,
                service_token,
                ctx.clock.now(),
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
        Step::Hold { .. } | Step::Rest { .. } => Ok(()),
    }
}

pub(in crate::controller) fn session<L>(world: &World<L>) -> Result<&Session<L>, Failure> {
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
    record::write(record, status);
    conditions::report(&world.wish, &world.observed, record, step, status);
    *object = ctx.cluster.replace_status(&next).await?;
    Ok(())
}
