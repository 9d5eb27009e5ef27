//! The only reader: gathers what is known around one object.

mod account;
mod remote;

use std::sync::Arc;

use jiff::Timestamp;
use kube::ResourceExt;

use crate::api::record;
use crate::api::validate;
use crate::api::{AccessToken, SKIP_CLEANUP_ANNOTATION};
use crate::cluster::{Cluster, ClusterError};
use crate::controller::account::registry::Session;
use crate::controller::account::state::is_believable;
use crate::controller::token::context::Context;
use crate::controller::token::memory::Memory;
use crate::domain::decide::{heard, token_in_question};
use crate::domain::desired::DeletionPolicy;
use crate::domain::desired::Desired;
use crate::domain::ids::Attempt;
use crate::domain::observed::{Deletion, Observed, PendingCall, Remote, SecretKeyProof};
use crate::domain::problem::Problem;
use crate::domain::reason::Reason;
use crate::domain::record::{Identity, Record};
use crate::domain::secret::SecretLayout;
use crate::domain::secret::SecretState;
use crate::domain::time::{Clocks, plus};
use crate::launchdarkly::{Listing, TokensApi};

use crate::controller::token::observe::account::{AccountQuery, roles, unusable_account_missing};

use self::remote::{found, remote, secret_key_proof};
use crate::controller::age::new_until;
use crate::controller::token::world::World;

/// Reads everything that a decision needs.
pub(in crate::controller) async fn observe<C: Cluster, L: TokensApi>(
    ctx: &Context<C, L>,
    object: &AccessToken,
    memory: &mut Memory,
) -> Result<World<L>, ClusterError> {
    let identity = object.identity();
    let record = object.status.as_ref().map(record::read).unwrap_or_default();
    let wish = match validate::desired(object) {
        Ok(desired) => Ok(desired),
        Err(mistakes) => Err(Problem::user(Reason::InvalidSpec, explain(&mistakes))),
    };
    let layout = layout(&heard(&wish, &record), &record);
    let now = ctx.clock.now();
    let namespace = ctx.namespace(&identity.namespace).await?;
    let is_new = new_until(&object.metadata, ctx.timing.settle).is_some_and(|at| at > now);
    let secret = secret_state(ctx, &identity, &record, &layout, is_new, memory).await?;
    let former_secret = former_state(ctx, &identity, &record, &layout, is_new, memory).await?;
    let account_key = object.account_key();
    let entry = ctx.accounts.get(&account_key);
    let roles = roles(&wish, memory, now);
    let deletion = deletion(object, memory, now);
    let (account, session) = match entry.as_deref() {
        None => (unusable_account_missing(&account_key, is_new), None),
        Some(entry) => AccountQuery {
            ctx,
            key: &account_key,
            identity: &identity,
            namespace_labels: &namespace.labels,
            wish: &wish,
            record: &record,
            deleting: deletion.is_some(),
            has_finalizer: object.has_finalizer(),
            is_new,
            now,
        }
        .account(entry, memory),
    };
    let clocks = clocks(session.as_ref(), now);
    let listing = listing(session.as_ref(), now);
    ctx.claims.note(&identity, &record);
    memory.forget_tokens(&record, deletion.is_some(), listing.as_deref());
    let mut observed = Observed {
        generation: object.metadata.generation.unwrap_or_default(),
        finalizer: object.has_finalizer(),
        namespace_terminating: namespace.terminating,
        call: record
            .pending
            .as_ref()
            .map_or(PendingCall::Empty, |intent| {
                memory.pending_call(&intent.attempt)
            }),
        remote: Remote::Unknown,
        secret_key: SecretKeyProof::Unasked,
        // Of an earlier process's calls only their intents tell: counting from our own start would put the end of a
        // deletion off with every restart.
        calls_ended_by: memory.unanswered_at.unwrap_or(Timestamp::MIN),
        roles_seen_at: memory.roles.as_ref().map(|answer| answer.at),
        claimed_by: None,
        listed_at: listing.as_ref().map(|listing| listing.started_at),
        found: listing
            .as_ref()
            .map(|listing| found(listing, &identity.uid, &record))
            .unwrap_or_default(),
        gone: memory.gone.clone(),
        life_limited: memory.life_limited.clone(),
        retries: memory.retries.clone(),
        timing: ctx.timing,
        holder: ctx.holder.clone(),
        nonce: nonce(),
        identity,
        deletion,
        record,
        account,
        secret,
        former_secret,
        roles,
        clocks,
    };
    let subject = token_in_question(&observed).cloned();
    if let Some(token_id) = subject {
        observed.claimed_by = ctx.claims.other(&token_id, &observed.identity);
        observed.secret_key = secret_key_proof(&observed, &token_id, memory);
        observed.remote = remote(
            &wish,
            &observed,
            &token_id,
            listing.as_deref(),
            &layout,
            memory,
        );
    }
    Ok(World {
        wish,
        observed,
        session,
        account_key,
        layout,
    })
}

/// Our clock, and LaunchDarkly's as far as it is known.
fn clocks<L: TokensApi>(session: Option<&Session<L>>, now: Timestamp) -> Clocks {
    let offset = session.map(|session| session.api.clock_offset());
    Clocks {
        local: now,
        remote: plus(now, offset.unwrap_or_default()),
    }
}

/// The account's newest listing; one from the future was dated by a clock that stood wrong.
fn listing<L>(session: Option<&Session<L>>, now: Timestamp) -> Option<Arc<Listing>> {
    session
        .and_then(|session| session.state.listing())
        .filter(|listing| is_believable(listing.started_at, now))
}

/// All mistakes of a spec in one line.
pub(in crate::controller) fn explain(mistakes: &[validate::Invalid]) -> String {
    mistakes
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("; ")
}

fn deletion(object: &AccessToken, memory: &mut Memory, now: Timestamp) -> Option<Deletion> {
    let requested_at = object.metadata.deletion_timestamp.as_ref()?.0;
    let skip = object
        .annotations()
        .get(SKIP_CLEANUP_ANNOTATION)
        .is_some_and(|value| value == "true");
    Some(Deletion {
        requested_at,
        tried_since: *memory.deletion_seen.get_or_insert(now),
        policy: object
            .spec
            .deletion_policy
            .unwrap_or(DeletionPolicy::Delete),
        skip_cleanup: skip,
    })
}

/// The wished layout; without a valid wish, or with a call pending, under the name that is recorded.
pub(in crate::controller) fn layout(
    wish: &Result<Desired, Problem>,
    record: &Record,
) -> SecretLayout {
    let mut layout = match wish {
        Ok(desired) => desired.secret.clone(),
        Err(_) => SecretLayout::default(),
    };
    let recorded = record.secret.as_ref().map(|secret| &secret.name);
    let pending = record.pending.as_ref().map(|intent| &intent.secret_name);
    if let Some(name) = pending.or(recorded.filter(|_| layout.name.is_empty())) {
        layout.name.clone_from(name);
    }
    layout
}

pub(in crate::controller) async fn secret_state<C: Cluster, L: TokensApi>(
    ctx: &Context<C, L>,
    identity: &Identity,
    record: &Record,
    layout: &SecretLayout,
    is_new: bool,
    memory: &mut Memory,
) -> Result<SecretState, ClusterError> {
    if layout.name.is_empty() {
        return Ok(SecretState::Absent);
    }
    if memory.secret(&layout.name).is_none() {
        match ctx
            .cluster
            .read_secret(&identity.namespace, &layout.name)
            .await
        {
            Ok(snapshot) => memory.remember_secret(&layout.name, snapshot, ctx.clock.since_boot()),
            Err(ClusterError::Forbidden { message }) => return Ok(unreadable(message, false)),
            // The RoleBinding may have been applied together with the object.
            Err(ClusterError::NotOptedIn { advice }) => return Ok(unreadable(advice, is_new)),
            Err(error) => return Err(error),
        }
    }
    let recorded = record
        .secret
        .as_ref()
        .filter(|secret| secret.name == layout.name)
        .map(|secret| &secret.uid);
    Ok(match memory.secret(&layout.name) {
        Some(Some(snapshot)) => snapshot.state(identity, recorded, layout),
        Some(None) | None => SecretState::Absent,
    })
}

fn unreadable(message: String, transient: bool) -> SecretState {
    SecretState::Unreadable(
        Problem::user(Reason::SecretAccessDenied, message).passing_if(transient),
    )
}

/// The Secret that the key comes from, or that is left for a while, when it is not the wished one.
pub(in crate::controller) async fn former_state<C: Cluster, L: TokensApi>(
    ctx: &Context<C, L>,
    identity: &Identity,
    record: &Record,
    layout: &SecretLayout,
    is_new: bool,
    memory: &mut Memory,
) -> Result<SecretState, ClusterError> {
    let moved = record
        .secret
        .as_ref()
        .map(|secret| secret.name.clone())
        .filter(|name| *name != layout.name);
    let Some(name) = moved.or_else(|| {
        record
            .former_secret
            .as_ref()
            .map(|former| former.name.clone())
    }) else {
        return Ok(SecretState::Absent);
    };
    let layout = SecretLayout {
        name,
        ..layout.clone()
    };
    secret_state(ctx, identity, record, &layout, is_new, memory).await
}

pub(in crate::controller) fn nonce() -> Attempt {
    let random = uuid::Uuid::new_v4().simple().to_string();
    Attempt::new(random.chars().take(8).collect::<String>())
}
