//! Ends tokens at LaunchDarkly, or leaves them there with a mark.

use jiff::Timestamp;

use super::priority_of;
use crate::api::AccessToken;
use crate::cluster::Cluster;
use crate::controller::failure::Failure;
use crate::controller::token::context::Context;
use crate::controller::token::events;
use crate::controller::token::memory::ObjectMemory;
use crate::controller::token::world::World;
use crate::domain::ids::TokenId;
use crate::domain::marker;
use crate::domain::observed::{Feature, Remote};
use crate::domain::problem::Problem;
use crate::domain::reason::Reason;
use crate::launchdarkly::{ApiError, Deleted, Overlap, PatchOp, TokensApi};

/// Deletes a token, and notes whether it is gone or could not be deleted.
pub(super) async fn delete<L: TokensApi>(
    world: &World<L>,
    memory: &mut ObjectMemory,
    token_id: TokenId,
    urgent: bool,
) -> Result<(), Failure> {
    let session = priority_of(world.session()?, urgent);
    let failure: Failure = match session.delete(&token_id).await {
        Ok(Deleted::Deleted) => {
            note_gone(world, memory, token_id);
            return Ok(());
        }
        Ok(Deleted::AlreadyGone) => match note_not_found(world, memory, &token_id).await {
            Ok(()) => return Ok(()),
            Err(failure) => failure,
        },
        Err(error) => error.into(),
    };
    memory.facts.token.note_undeleted(&token_id);
    Err(failure)
}

/// Resets a token whose key is to die, and forgets the new key: made again after a lost answer it does no more harm.
pub(super) async fn end_key<L: TokensApi>(
    world: &World<L>,
    memory: &mut ObjectMemory,
    token_id: TokenId,
) -> Result<(), Failure> {
    let session = priority_of(world.session()?, true);
    session.reset(&token_id, Overlap::Nothing).await?;
    memory.facts.token.keys_ended.insert(token_id);
    Ok(())
}

/// A second safety for a retiring token; what an instance cannot do is not asked of it again.
pub(super) async fn limit_life<C: Cluster, L: TokensApi>(
    ctx: &Context<C, L>,
    object: &AccessToken,
    world: &World<L>,
    memory: &mut ObjectMemory,
    token_id: TokenId,
    expiry: Timestamp,
) -> Result<(), Failure> {
    let session = world.session()?;
    let changes = [PatchOp::expire_at(expiry)];
    let answer = session.api.patch(&token_id, &changes).await;
    let known = match answer.outcome {
        Ok(token) if token.expiry.is_some() => Feature::Available,
        Ok(_) => Feature::Unavailable,
        Err(ApiError::NotFound { .. }) => {
            note_not_found(world, memory, &token_id).await?;
            Feature::Unknown
        }
        // It is a second safety only, while the object lives: the deletion comes all the same. Its clock may stand elsewhere than was
        // thought, which its first refusal tells.
        Err(error) if error.is_definite_refusal() => {
            if memory.facts.token.end_refused.insert(token_id.clone()) {
                return Err(error.into());
            }
            memory.facts.token.life_limited.insert(token_id);
            return Ok(());
        }
        Err(error) => return Err(error.into()),
    };
    let now = ctx.clock.moment();
    let news = session.state.found_out().learn_expiry(known, now);
    if news && known == Feature::Unavailable {
        events::instance_lacks(ctx, object, Reason::ExpiryIgnored, None).await;
    }
    memory.facts.token.end_refused.remove(&token_id);
    memory.facts.token.life_limited.insert(token_id);
    Ok(())
}

pub(super) async fn mark_retained<C: Cluster, L: TokensApi>(
    ctx: &Context<C, L>,
    world: &World<L>,
    memory: &mut ObjectMemory,
    token_id: TokenId,
) -> Result<(), Failure> {
    let api = &world.session()?.api;
    let token = match api.get(&token_id).await.outcome {
        Ok(token) => token,
        Err(ApiError::NotFound { .. }) => {
            return note_not_found(world, memory, &token_id).await;
        }
        Err(error) => return Err(error.into()),
    };
    let (user_part, found) = marker::split(&token.description);
    let session = world.session()?;
    if let Some(found) = found {
        let mark = world.account_key.mark(&ctx.accounts.installation);
        let retained = found.retained(mark);
        // It can be longer than the description that it takes the place of, and than what is kept here.
        for _ in 0..2 {
            let longest = session.features(ctx.clock.steady()).longest_description;
            let text = marker::with_marker(user_part, &retained, longest);
            let patched = api.patch(&token_id, &[PatchOp::describe(&text)]).await;
            let came_back = patched.outcome?.description;
            if came_back == text {
                break;
            }
            session.state.found_out().learn_description(&came_back);
        }
    }
    let account = &world.account_key;
    ctx.accounts
        .retain_token(account, &token_id, ctx.clock.steady());
    note_gone(world, memory, token_id);
    Ok(())
}

fn note_gone<L>(world: &World<L>, memory: &mut ObjectMemory, token_id: TokenId) {
    let since = world.observed.clocks.steady;
    memory.facts.token.note_gone(token_id, since);
}

/// A token is not found: it is gone, unless the credential only does not see it.
async fn note_not_found<L: TokensApi>(
    world: &World<L>,
    memory: &mut ObjectMemory,
    token_id: &TokenId,
) -> Result<(), Failure> {
    if is_blind(world, memory, token_id).await? {
        let message = format!(
            "the account's credential does not see token {token_id}; give the account a credential that sees it"
        );
        return Err(Problem::user(Reason::NotVisible, message).into());
    }
    note_gone(world, memory, token_id.clone());
    Ok(())
}

/// Whether a token that is not found is only not visible to the credential: it does not see the token in use either, whose key works.
async fn is_blind<L: TokensApi>(
    world: &World<L>,
    memory: &ObjectMemory,
    not_found: &TokenId,
) -> Result<bool, Failure> {
    let (observed, session) = (&world.observed, world.session()?);
    let (Some(token), Some(secret)) = (&observed.record.token, &observed.record.secret) else {
        return Ok(false);
    };
    let seen = matches!(observed.remote, Remote::Present(_)) && token.id != *not_found;
    let key = memory.key_in(&secret.name, &secret.fingerprint);
    let Some(key) = key.filter(|_| !seen && !observed.gone.contains(&token.id)) else {
        return Ok(false);
    };
    match session.api.get(&token.id).await.outcome {
        Ok(_) => return Ok(false),
        Err(ApiError::NotFound { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    match session.api.identify_with(&key).await.outcome {
        Ok(identity) => Ok(identity.token_id.is_none_or(|id| id == token.id)),
        // It counts only while the managing key is accepted.
        Err(ApiError::Unauthorized) => Ok(session.api.identify().await.map(|_| false)?),
        Err(error) => Err(error.into()),
    }
}
