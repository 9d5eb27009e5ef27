//! Tokens at LaunchDarkly: looking, changing, letting go.

use crate::controller::token::execute::session;

use crate::api::AccessToken;
use crate::cluster::Cluster;
use crate::controller::failure::Failure;
use crate::controller::token::context::Context;
use crate::controller::token::events;
use crate::controller::token::memory::{Memory, RolesAnswer};
use crate::controller::token::world::World;
use crate::domain::decide::Wish;
use crate::domain::ids::TokenId;
use crate::domain::marker;
use crate::domain::observed::Feature;
use crate::domain::reason::Reason;
use crate::domain::settings::TokenSettings;
use crate::launchdarkly::{ApiError, NewToken, TokensApi};

pub(in crate::controller) async fn resolve_roles<C: Cluster, L: TokensApi>(
    ctx: &Context<C, L>,
    world: &World<L>,
    memory: &mut Memory,
    asked: Vec<String>,
) -> Result<(), Failure> {
    let api = &session(world)?.api;
    let mut known = Vec::with_capacity(asked.len());
    for role in &asked {
        match api.role(role).await {
            Ok(found) => known.push((found.id, found.key)),
            Err(ApiError::NotFound { .. } | ApiError::Malformed { .. }) => {
                memory.roles = Some(RolesAnswer {
                    answer: Err(role.clone()),
                    asked,
                    at: ctx.clock.now(),
                });
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        }
    }
    memory.roles = Some(RolesAnswer {
        asked,
        answer: Ok(known),
        at: ctx.clock.now(),
    });
    Ok(())
}

pub(in crate::controller) async fn patch<C: Cluster, L: TokensApi>(
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
    let mut wish = NewToken::from(settings);
    wish.expiry = look.token.expiry;
    if !grant {
        // Only name and description change: for the rest the token is taken as it is.
        wish.grant = look.token.grant();
    }
    let asked = match &world.wish {
        Wish::Valid(desired) => Some(desired.settings.hash()),
        Wish::Invalid(_) => None,
    };
    let changes = crate::launchdarkly::patch_towards(&wish, &look.token);
    let at = ctx.clock.now();
    if changes.is_empty() {
        let token = look.token.clone();
        memory.note_patch(token, at, asked.clone());
        return Ok(());
    }
    let api = session(world)?.api.clone();
    match api.patch(token_id, &changes).await {
        Ok(token) => {
            session(world)?.shared.learn_description(&token.description);
            memory.note_patch(token, at, asked.clone());
            Ok(())
        }
        Err(error) => {
            memory.look = None;
            memory.roles = None;
            Err(error.into())
        }
    }
}

/// A second safety for a retiring token; what an instance cannot do is not asked of it again.
pub(in crate::controller) async fn limit_life<C: Cluster, L: TokensApi>(
    ctx: &Context<C, L>,
    object: &AccessToken,
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
    let mut news = false;
    session.shared.update_features(|features| {
        if known != Feature::Unknown {
            news = features.expiry != known;
            features.expiry = known;
            features.probe_time.get_or_insert(ctx.clock.now());
        }
    });
    if news && known == Feature::Unavailable {
        events::instance_lacks(ctx, object, Reason::ExpiryIgnored, None).await;
    }
    memory.life_limited.insert(token_id);
    Ok(())
}

pub(in crate::controller) async fn mark_retained<L: TokensApi>(
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
