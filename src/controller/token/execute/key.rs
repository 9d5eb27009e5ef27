//! Keys: receiving them, proving them, publishing them.

use crate::controller::token::execute::secret::write_secret;
use crate::controller::token::execute::session;

use crate::api::AccessToken;
use crate::cluster::Cluster;
use crate::cluster::secret::manifest::{KeySource, SecretManifest};
use crate::controller::account::registry::Session;
use crate::controller::account::state::Features;
use crate::controller::failure::Failure;
use crate::controller::token::context::Context;
use crate::controller::token::events;
use crate::controller::token::memory::{HandMemory, HandState, Held, Memory};
use crate::controller::token::world::World;
use crate::controller::token::world::asks_version;

use crate::domain::account::budget::Answer;
use crate::domain::decide::replaces_unasked;
use crate::domain::ids::{AccountId, Attempt, Fingerprint, TokenId};
use crate::domain::observed::Proof;
use crate::domain::reason::Reason;
use crate::domain::record::{PendingOperation, Record};
use crate::domain::secret::Arrangement;
use crate::domain::secret::SecretPlan;
use crate::domain::settings::TokenSettings;
use crate::launchdarkly::{ApiError, Identity, Issued, NewToken, TokensApi};

/// The intent is written: this process may make the one call that it announces.
pub(in crate::controller) fn arm(
    memory: &mut Memory,
    record: &Record,
    arrangement: Box<Arrangement>,
) {
    if let Some(intent) = &record.pending {
        memory.hand = Some(HandMemory {
            attempt: intent.attempt.clone(),
            begun: intent.start_time,
            arrangement,
            state: HandState::Armed,
        });
    }
}

/// A replacement nobody asked for needs room in the account's brake (I14). Gives back the account whose room it took.
pub(in crate::controller) fn pass_brake<'a, C: Cluster, L: TokensApi>(
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
        .shared
        .ask_brake(&observed.identity.uid, ctx.clock.now())
    {
        Answer::Go => Ok(Some(session)),
        Answer::Wait(until) => Err(Failure::not_before(
            until,
            "waiting a moment to see whether other keys of the account were lost too",
        )),
        Answer::Stop => {
            ctx.accounts.brake_changed();
            Err(Failure::stale())
        }
    }
}

/// Takes the answer of a create or a reset, until which the hand is uncertain: the key is in it from here on.
pub(in crate::controller) fn receive<C: Cluster, L: TokensApi>(
    ctx: &Context<C, L>,
    world: &World<L>,
    memory: &mut Memory,
    attempt: &Attempt,
    settings: Option<&TokenSettings>,
    answer: Result<(Issued, Option<jiff::Timestamp>), ApiError>,
) -> Result<(), Failure> {
    let now = ctx.clock.now();
    match answer {
        Ok((issued, _)) if resets_another(world, settings, &issued) => {
            memory.unanswered_at = Some(now);
            Err(Failure::unexpected(
                "LaunchDarkly answered the reset with another token",
            ))
        }
        Ok((issued, previous_key_expiration_time)) => {
            let token = &issued.token;
            if let (Some(_), Some(session)) = (settings, &world.session) {
                session.shared.learn_description(&token.description);
            }
            let differs = settings.map_or_else(Vec::new, |wish| {
                let fields = crate::launchdarkly::differences(&NewToken::from(wish), token);
                fields.into_iter().map(str::to_owned).collect()
            });
            let before = world.observed.record.token.as_ref();
            let kept = before.filter(|_| settings.is_none());
            let held = Held {
                token_id: token.id.clone(),
                creation_time: token
                    .creation_time
                    .or_else(|| kept.and_then(|token| token.creation_time)),
                observed_hash: token.settings(asks_version(&world.wish)).hash(),
                differs: kept.map_or(differs, |token| token.differs.clone()),
                previous_key_expiration_time,
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
            // It may have named a role that is not what it was.
            if matches!(
                error,
                ApiError::Invalid { .. } | ApiError::NotFound { .. } | ApiError::Forbidden { .. }
            ) {
                memory.roles = None;
            }
            if error.is_definite_refusal() {
                memory.set_hand(attempt, HandState::Refused);
            } else {
                memory.unanswered_at = Some(now);
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

/// What a refusal of the reset route says about the instance; twice in a row, and rotations go by replacement.
pub(in crate::controller) async fn note_reset<C: Cluster, L: TokensApi, T>(
    ctx: &Context<C, L>,
    object: &AccessToken,
    world: &World<L>,
    answer: &Result<T, ApiError>,
) {
    let Some(session) = &world.session else {
        return;
    };
    let refused = answer.as_ref().is_err_and(ApiError::is_not_offered);
    if !refused {
        let forget = |features: &mut Features| features.reset_refusals = 0;
        session.shared.update_features(forget);
    } else if session.shared.note_reset_refusal() && session.shared.give_up_reset(ctx.clock.now()) {
        events::instance_lacks(ctx, object, Reason::ResetUnavailable, None).await;
    }
}

pub(in crate::controller) async fn publish<C: Cluster, L: TokensApi>(
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
    write_secret(ctx, world, memory, &plan.at, &manifest).await?;
    // Without the mark of this attempt nobody would know that the key is published.
    let written = memory.secret(&name).and_then(Option::as_ref);
    let marked = written.is_some_and(|written| written.is_marked(attempt));
    marked
        .then_some(())
        .ok_or_else(|| Failure::contested(&name))
}

/// Asks LaunchDarkly who the key in hand is. A 401 counts only while the managing key is accepted.
pub(in crate::controller) async fn prove<C: Cluster, L: TokensApi>(
    ctx: &Context<C, L>,
    object: &AccessToken,
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
        .is_some_and(|p| p.operation == PendingOperation::Reset);
    let held = memory.held_mut(attempt).ok_or_else(Failure::stale)?;
    let answer = session.api.identify_with(&held.key).await;
    let (proof, failure) = judge(
        session,
        answer,
        token_id,
        pinned.as_ref().map(AccountId::as_str),
    )
    .await;
    held.proof = proof;
    if proof == Proof::Accepted && resets {
        watch_overlap(ctx, object, world, memory, session).await;
    }
    failure.map_or(Ok(()), Err)
}

/// After a reset the previous key must still work; where it does not, rotations go by replacement from now on (R3).
async fn watch_overlap<C: Cluster, L: TokensApi>(
    ctx: &Context<C, L>,
    object: &AccessToken,
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
    let refused = session.api.identify_with(&old).await == Err(ApiError::Unauthorized);
    // It counts only while the managing key is accepted.
    if refused
        && session.api.identify().await.is_ok()
        && session.shared.give_up_reset(ctx.clock.now())
    {
        events::instance_lacks(ctx, object, Reason::OverlapBroken, None).await;
    }
}

pub(in crate::controller) async fn judge<L: TokensApi>(
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

pub(in crate::controller) async fn prove_secret_key<C: Cluster, L: TokensApi>(
    ctx: &Context<C, L>,
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
        (Proof::OtherOwner, _) => memory.secret_proof = Some((fingerprint, token_id, false)),
        (Proof::Rejected, failure) => {
            // One refusal alone proves nothing (documented).
            let now = ctx.clock.now();
            let since = match &memory.secret_refused {
                Some((known, since)) if *known == fingerprint => *since,
                Some(_) | None => now,
            };
            memory.secret_refused = Some((fingerprint.clone(), since));
            if now.duration_since(since) < ctx.timing.settle {
                return failure.map_or(Ok(()), Err);
            }
            memory.secret_proof = Some((fingerprint, token_id, false));
        }
        (Proof::Unasked | Proof::Unavailable, failure) => return failure.map_or(Ok(()), Err),
    }
    Ok(())
}
