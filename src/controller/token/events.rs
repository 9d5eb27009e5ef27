//! What is worth telling the user once, as events.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt;

use crate::api::conditions::find_condition;
use crate::api::validate::RequestKind;
use crate::api::{AccessToken, AccessTokenStatus};
use crate::cluster::{Cluster, Notice};
use crate::controller::token::context::Context;
use crate::controller::token::world::World;
use crate::domain::cause::Cause;
use crate::domain::conditions::ConditionType;
use crate::domain::ids::TokenId;
use crate::domain::reason::Reason;
use crate::domain::record::Record;
use crate::domain::time::whole_second_up;
use crate::launchdarkly::{ApiError, TokensApi};
use crate::runtime::metrics::OutcomeLabel;

/// A key was published, by an attempt that began at `begun`, on the steady clock.
pub(in crate::controller) async fn published<C: Cluster, L: TokensApi>(
    ctx: &Context<C, L>,
    object: &AccessToken,
    record: &Record,
    begun: Option<Timestamp>,
) {
    let (Some(entry), Some(secret)) = (record.history.first(), &record.secret) else {
        return;
    };
    let (reason, action) = match entry.cause {
        Cause::Created | Cause::CutOff => ("TokenCreated", "Create"),
        Cause::Revoke => ("KeyRevoked", "Revoke"),
        Cause::Schedule | Cause::Trigger => ("KeyRotated", "Rotate"),
        Cause::SpecChanged | Cause::Expiring | Cause::Reclaimed => ("TokenReplaced", "Replace"),
        Cause::SecretDeleted
        | Cause::SecretEdited
        | Cause::ResetElsewhere
        | Cause::LostKey
        | Cause::TokenMissing => ("KeyRecovered", "Recover"),
    };
    let old = entry
        .previous_key_expiration_time
        .map_or_else(String::new, |until| {
            format!("; the previous key works until {}", whole_second_up(until))
        });
    let note = format!(
        "Secret {:?} holds the key of token {} ({}){old}",
        secret.name, entry.token_id, entry.cause
    );
    tracing::info!(object = %log_name(object), token = %entry.token_id, cause = %entry.cause, "key published");
    ctx.metrics
        .rotated(entry.cause.into(), OutcomeLabel::Success);
    if let Some(begun) = begun {
        let took = ctx.clock.steady().duration_since(begun);
        ctx.metrics.rotation_took(
            entry.cause.into(),
            Duration::try_from(took).unwrap_or_default(),
        );
    }
    tell(
        ctx,
        object,
        Notice {
            warning: entry.cause.is_unasked(),
            reason,
            action,
            note,
        },
    )
    .await;
}

/// A value that was handled before was set again: it does nothing, and that is said.
pub(in crate::controller) async fn came_back<C: Cluster, L: TokensApi>(
    ctx: &Context<C, L>,
    object: &AccessToken,
    kind: RequestKind,
) {
    let note = format!(
        "this value of {} was handled before, so nothing is done; use one that was never used, such as the time",
        kind.place()
    );
    tracing::warn!(object = %log_name(object), "{note}");
    let notice = Notice {
        warning: true,
        reason: Reason::RequestRepeated.as_str(),
        action: "Rotate",
        note,
    };
    tell(ctx, object, notice).await;
}

/// Every key of the object is about to end.
pub(in crate::controller) async fn cut_off<C: Cluster, L: TokensApi>(
    ctx: &Context<C, L>,
    object: &AccessToken,
    record: &Record,
) {
    let ends = record.retiring.iter().filter(|r| r.ends_at_once());
    let ids: Vec<&str> = ends.map(|r| r.token_id.as_str()).collect();
    let note = format!(
        "every key of this object ends on request: tokens {}",
        ids.join(", ")
    );
    tracing::warn!(object = %log_name(object), tokens = %ids.join(","), "keys cut off");
    ctx.metrics.became(Reason::KeyCutOff);
    let notice = Notice {
        warning: true,
        reason: Reason::KeyCutOff.as_str(),
        action: "CutOff",
        note,
    };
    tell(ctx, object, notice).await;
}

/// Tokens stay at LaunchDarkly that nobody looks after any more.
pub(in crate::controller) async fn left_behind<C: Cluster, L: TokensApi>(
    ctx: &Context<C, L>,
    object: &AccessToken,
    world: &World<L>,
    tokens: &[TokenId],
) {
    let ids: Vec<&str> = tokens.iter().map(TokenId::as_str).collect();
    let pending = world.observed.record.pending.as_ref();
    let kept = pending.and_then(|pending| pending.previous_key_expiration_time);
    let kept = kept.map_or_else(String::new, |end| {
        format!("; a kept Secret's key may end at {}", whole_second_up(end))
    });
    let note = format!(
        "tokens that may still exist at LaunchDarkly: {}; delete them by hand{kept}",
        ids.join(", ")
    );
    tracing::warn!(object = %log_name(object), tokens = %ids.join(","), "left behind");
    for _ in tokens {
        ctx.metrics.left_behind();
    }
    let now = ctx.clock.steady();
    ctx.accounts.leave_behind(&world.account_key, tokens, now);
    let reason = Reason::LeftBehind.as_str();
    tell(
        ctx,
        object,
        Notice {
            warning: true,
            reason,
            action: "Delete",
            note,
        },
    )
    .await;
    if let Err(error) = ctx
        .cluster
        .report_left_behind(&world.observed.identity, tokens)
        .await
    {
        tracing::error!(object = %log_name(object), %error, tokens = %ids.join(","), "left behind, and it could not be noted down");
    }
}

/// The instance lacks something, as `reason` says, and LaunchDarkly's refusal, where it gave one; there is another way, so
/// that no condition turns bad.
pub(in crate::controller) async fn instance_lacks<C: Cluster, L: TokensApi>(
    ctx: &Context<C, L>,
    object: &AccessToken,
    reason: Reason,
    refusal: Option<&ApiError>,
) {
    let why = refusal.map_or_else(String::new, |refusal| format!("{}. ", refusal.explained()));
    tracing::warn!(object = %log_name(object), reason = reason.as_str(), why, "{}", reason.meaning());
    let notice = Notice {
        warning: true,
        reason: reason.as_str(),
        action: "Rotate",
        note: format!("{} {why}{}", reason.meaning(), reason.advice()),
    };
    tell(ctx, object, notice).await;
}

/// A condition changed: told as a warning, but for progress and for a status that is True with a reason that warns of nothing
/// (those that do are `RotationDelayed`, `Unproven` and `UnknownTokens`).
pub(in crate::controller) async fn conditions_changed<C: Cluster, L: TokensApi>(
    ctx: &Context<C, L>,
    object: &AccessToken,
    before: &AccessTokenStatus,
    after: &AccessTokenStatus,
) {
    let in_progress = [
        Reason::Creating,
        Reason::Replacing,
        Reason::Rotating,
        Reason::Updating,
        Reason::Deleting,
    ];
    let worth_it = |condition: &Condition| {
        let progress = in_progress
            .map(Reason::as_str)
            .contains(&condition.reason.as_str());
        !progress && (condition.status != "True" || is_warning(&condition.reason))
    };
    tell_first(ctx, object, before, after, worth_it).await;
}

/// A status was written on the way to something else: what it warns of although all is well is told, since it will not change again.
pub(in crate::controller) async fn warned<C: Cluster, L: TokensApi>(
    ctx: &Context<C, L>,
    object: &AccessToken,
    before: &AccessTokenStatus,
    after: &AccessTokenStatus,
) {
    let worth_it =
        |condition: &Condition| condition.status == "True" && is_warning(&condition.reason);
    tell_first(ctx, object, before, after, worth_it).await;
}

/// Tells of the first condition that changed and is worth it.
async fn tell_first<C: Cluster, L: TokensApi>(
    ctx: &Context<C, L>,
    object: &AccessToken,
    before: &AccessTokenStatus,
    after: &AccessTokenStatus,
    worth_it: impl Fn(&Condition) -> bool,
) {
    let changed = |kind| {
        let old = find_condition(&before.conditions, kind);
        let new = find_condition(&after.conditions, kind)?;
        let same = old.is_some_and(|old| old.reason == new.reason && old.status == new.status);
        Some(new).filter(|new| !same && worth_it(new))
    };
    let kinds = [ConditionType::Ready, ConditionType::TokenSynced];
    let Some(new) = kinds.into_iter().find_map(changed) else {
        return;
    };
    let Ok(reason) = new.reason.parse::<Reason>() else {
        return;
    };
    ctx.metrics.became(reason);
    let notice = Notice {
        warning: true,
        reason: reason.as_str(),
        action: "Reconcile",
        note: new.message.clone(),
    };
    tell(ctx, object, notice).await;
}

/// The spec's inline role does not confine its token: told once a generation.
pub(in crate::controller) async fn policy_leaks<C: Cluster, L: TokensApi>(
    ctx: &Context<C, L>,
    written: &AccessToken,
    before: Option<&AccessTokenStatus>,
) {
    let said = |status: &AccessTokenStatus| {
        find_condition(&status.conditions, ConditionType::LeakyPolicy).cloned()
    };
    let Some(new) = written.status.as_ref().and_then(said) else {
        return;
    };
    let old = before.and_then(said);
    if old.is_some_and(|old| old.observed_generation == new.observed_generation) {
        return;
    }
    tracing::warn!(object = %log_name(written), reason = new.reason, "{}", new.message);
    let notice = Notice {
        warning: true,
        reason: Reason::LeakyPolicy.as_str(),
        action: "Reconcile",
        note: new.message,
    };
    tell(ctx, written, notice).await;
}

fn is_warning(reason: &str) -> bool {
    [
        Reason::RotationDelayed,
        Reason::Unproven,
        Reason::UnknownTokens,
    ]
    .iter()
    .any(|known| known.as_str() == reason)
}

async fn tell<C: Cluster, L: TokensApi>(ctx: &Context<C, L>, object: &AccessToken, notice: Notice) {
    ctx.metrics.event(notice.reason);
    ctx.cluster.notify(object, notice).await;
}

/// The name of an object, for logs.
pub(in crate::controller) fn log_name(object: &AccessToken) -> String {
    format!(
        "{}/{}",
        object.namespace().unwrap_or_default(),
        object.name_any()
    )
}
