//! Asks LaunchDarkly.

use crate::api::AccessToken;
use crate::cluster::Cluster;
use crate::controller::account::poll::list_since;
use crate::controller::account::registry::Session;
use crate::controller::failure::Failure;
use crate::controller::token::context::Context;
use crate::controller::token::events;
use crate::controller::token::memory::ObjectMemory;
use crate::controller::token::world::World;
use crate::domain::ids::{Attempt, Fingerprint, TokenId};
use crate::domain::observed::{Feature, Proof};
use crate::domain::reason::Reason;
use crate::domain::record::PendingOperation;
use crate::domain::step::LookStep;
use crate::launchdarkly::{ApiError, CallerIdentity, TokensApi};
use crate::redaction::Key;

/// Asks LaunchDarkly.
pub(super) async fn look<C: Cluster, L: TokensApi>(
    ctx: &Context<C, L>,
    object: &AccessToken,
    world: &World<L>,
    memory: &mut ObjectMemory,
    step: LookStep,
) -> Result<(), Failure> {
    match step {
        LookStep::ProveKey { attempt, token_id } => {
            prove(ctx, object, world, memory, &attempt, &token_id).await
        }
        LookStep::ProveSecretKey {
            fingerprint,
            token_id,
        } => prove_secret_key(ctx, world, memory, fingerprint, token_id).await,
        LookStep::ProveRevokedKey { fingerprint } => {
            prove_revoked(world, memory, &fingerprint).await
        }
        LookStep::FetchToken { token_id } => {
            let answer = world.session()?.api.get(&token_id).await;
            let at = answer.sent.at;
            match answer.outcome {
                Ok(token) => memory.facts.token.note_look(token, at),
                Err(ApiError::NotFound { .. }) => {
                    memory
                        .facts
                        .token
                        .note_absence(&token_id, at, ctx.timing.settle);
                }
                Err(error) => return Err(error.into()),
            }
            Ok(())
        }
        LookStep::ListTokens { begun_after } => {
            let begun_after = world.observed.clocks.steadily(begun_after);
            list_since(world.session()?, begun_after).await?;
            Ok(())
        }
        LookStep::ResolveRoles { roles } => resolve_roles(ctx, world, memory, roles).await,
    }
}

/// Asks LaunchDarkly who the key in hand is. A 401 counts only while the managing key is accepted.
async fn prove<C: Cluster, L: TokensApi>(
    ctx: &Context<C, L>,
    object: &AccessToken,
    world: &World<L>,
    memory: &mut ObjectMemory,
    attempt: &Attempt,
    token_id: &TokenId,
) -> Result<(), Failure> {
    let session = world.session()?;
    let resets = world
        .observed
        .record
        .pending
        .as_ref()
        .is_some_and(|p| p.operation == PendingOperation::Reset);
    let key = memory.key(attempt).ok_or_else(Failure::stale)?;
    let answer = session.api.identify_with(key).await;
    let (proof, failure) = match judge(session, answer.outcome, token_id).await {
        // It came with the answer that named its token.
        Ok(Whose::Its | Whose::OfItsAccount(_)) => (Proof::Accepted, None),
        Ok(Whose::Another) => (Proof::OtherOwner, None),
        Err((proof, failure)) => (proof, Some(failure)),
    };
    memory.facts.call.prove(attempt, proof);
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
    memory: &ObjectMemory,
    session: &Session<L>,
) {
    let recorded = world.observed.record.secret.as_ref();
    let old =
        recorded.and_then(|recorded| memory.key_in(&world.layout.name, &recorded.fingerprint));
    let Some(old) = old else { return };
    let answer = session.api.identify_with(&old).await.outcome;
    let refused = answer == Err(ApiError::Unauthorized);
    // It counts only while the managing key is accepted.
    if refused && session.api.identify().await.is_ok() && {
        let (mut found_out, now) = (session.state.found_out(), ctx.clock.moment());
        found_out.learn_reset(&session.key, Feature::Unavailable, now)
    } {
        events::instance_lacks(ctx, object, Reason::OverlapBroken, None).await;
    }
}

/// Asks LaunchDarkly with a key that is to be dead. The key of a token that is not this object's is forgotten.
async fn prove_revoked<L: TokensApi>(
    world: &World<L>,
    memory: &mut ObjectMemory,
    fingerprint: &Fingerprint,
) -> Result<(), Failure> {
    let session = world.session()?;
    let Some(key) = memory.revoked(fingerprint) else {
        memory.forget_revoked(fingerprint);
        return Ok(());
    };
    let answer = session.api.identify_with(key).await;
    let known = |id: &TokenId| {
        let mut history = world.observed.record.history.iter();
        history.any(|entry| entry.token_id == *id)
    };
    match answer.outcome {
        Ok(identity) if identity.token_id.as_ref().is_none_or(known) => {
            let revoked = &mut memory.facts.revoked;
            revoked.note_accepted(fingerprint, answer.sent.at);
            Ok(())
        }
        Ok(_) => {
            memory.forget_revoked(fingerprint);
            Ok(())
        }
        // It counts only while the managing key is accepted.
        Err(ApiError::Unauthorized) => {
            session.api.identify().await?;
            memory.forget_revoked(fingerprint);
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}

/// Whose a key is that LaunchDarkly accepts.
enum Whose {
    /// The token's.
    Its,
    /// A token's of the account; LaunchDarkly does not say which (observed of service tokens).
    OfItsAccount(CallerIdentity),
    /// Another token's, or of another account.
    Another,
}

/// Whose the key is that was asked with. A 401 counts only while the managing key is accepted.
async fn judge<L: TokensApi>(
    session: &Session<L>,
    answer: Result<CallerIdentity, ApiError>,
    token_id: &TokenId,
) -> Result<Whose, (Proof, Failure)> {
    match answer {
        Ok(identity) => {
            let account = identity.account_id.as_ref();
            let other_token = identity.token_id.as_ref().is_some_and(|id| id != token_id);
            if other_token || account.is_some_and(|id| *id != session.account_id) {
                Ok(Whose::Another)
            } else if account.is_none() {
                let silence = "LaunchDarkly does not say whose the new key is";
                Err((Proof::Unavailable, Failure::unsettled(silence)))
            } else if identity.token_id.is_none() {
                Ok(Whose::OfItsAccount(identity))
            } else {
                Ok(Whose::Its)
            }
        }
        Err(ApiError::Unauthorized) => Err(match session.api.identify().await {
            Ok(_) => {
                let refusal = "LaunchDarkly does not accept the new key yet";
                (Proof::Rejected, Failure::unsettled(refusal))
            }
            Err(error) => (Proof::Unavailable, error.into()),
        }),
        Err(error) => Err((Proof::Unavailable, error.into())),
    }
}

async fn prove_secret_key<C: Cluster, L: TokensApi>(
    ctx: &Context<C, L>,
    world: &World<L>,
    memory: &mut ObjectMemory,
    fingerprint: Fingerprint,
    token_id: TokenId,
) -> Result<(), Failure> {
    let session = world.session()?;
    let Some(key) = memory.key_in(&world.layout.name, &fingerprint) else {
        let at = ctx.clock.steady();
        memory
            .facts
            .secret_key
            .note(fingerprint, token_id, false, at);
        return Ok(());
    };
    let record = &world.observed.record;
    // The key that was published for this very token needs no other sign.
    let published = record.secret.as_ref().map(|secret| &secret.fingerprint) == Some(&fingerprint)
        && record.token.as_ref().map(|token| &token.id) == Some(&token_id);
    let answer = session.api.identify_with(&key).await;
    let at = answer.sent.at;
    let refused = match judge(session, answer.outcome, &token_id).await {
        Ok(Whose::Its) => None,
        Ok(Whose::OfItsAccount(_)) if published => None,
        Ok(Whose::OfItsAccount(identity)) => {
            let shown = shows(session, &token_id, &identity, &key).await?;
            let other = "LaunchDarkly shows this token with another name or key";
            (!shown).then(|| Failure::unsettled(other))
        }
        Ok(Whose::Another) => {
            memory
                .facts
                .secret_key
                .note(fingerprint, token_id, false, at);
            return Ok(());
        }
        Err((Proof::Rejected, failure)) => Some(failure),
        Err((_, failure)) => return Err(failure),
    };
    let missed = published && memory.facts.token.is_missed(&token_id);
    let known = &mut memory.facts.secret_key;
    let Some(failure) = refused else {
        known.note(fingerprint, token_id, true, at);
        return Ok(());
    };
    let counts = known.note_refusal(&fingerprint, &token_id, at, ctx.timing.settle);
    // Of a token that is missed it is no failure: it is asked again with the second look at the token.
    if counts || missed {
        return Ok(());
    }
    Err(failure)
}

/// Whether LaunchDarkly shows the token as what the key's owner was said to be, and with the end of the key: whoever can write the
/// Secret can put any token's id beside any key.
async fn shows<L: TokensApi>(
    session: &Session<L>,
    token_id: &TokenId,
    identity: &CallerIdentity,
    key: &Key,
) -> Result<bool, Failure> {
    let token = match session.api.get(token_id).await.outcome {
        Ok(token) => token,
        Err(ApiError::NotFound { .. }) => return Ok(false),
        Err(error) => return Err(error.into()),
    };
    Ok(token.last_four == Some(key.last_four())
        && identity.token_name.as_ref() == Some(&token.name)
        && identity.service_token == Some(token.service_token))
}

async fn resolve_roles<C: Cluster, L: TokensApi>(
    ctx: &Context<C, L>,
    world: &World<L>,
    memory: &mut ObjectMemory,
    asked: Vec<String>,
) -> Result<(), Failure> {
    let api = &world.session()?.api;
    let mut known = Vec::with_capacity(asked.len());
    let mut at = ctx.clock.steady();
    for role in &asked {
        let answer = api.role(role).await;
        // They count as seen when the last of them was asked for: as many as wait may be, they are not asked for again and again.
        at = answer.sent.at;
        match answer.outcome {
            Ok(found) => known.push((found.id, found.key)),
            Err(ApiError::NotFound { .. } | ApiError::Malformed { .. }) => {
                let missing = Err(role.clone());
                memory.facts.roles.note(asked, missing, at);
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        }
    }
    memory.facts.roles.note(asked, Ok(known), at);
    Ok(())
}
