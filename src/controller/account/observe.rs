//! The only reader: everything that is known of an account object, in one value that decisions are made on.

use std::sync::atomic::Ordering;

use kube::ResourceExt as _;

use crate::api::AccountStatus;
use crate::controller::account::context::AccountContext;
use crate::controller::account::kinds::AccountObject;
use crate::controller::account::registry::{CredentialToken, Session};
use crate::controller::account::world::World;
use crate::controller::age::new_until;
use crate::domain::account::desired::DesiredAccount;
use crate::domain::account::finding::Access;
use crate::domain::account::handler::{Handler, Unseen};
use crate::domain::account::observed::{Awaited, Credential, ObservedAccount, RemoteAccountFacts};
use crate::launchdarkly::{Connect, TokensApi};
use crate::redaction::Key;
use crate::runtime::clock::Moment;

/// Gathers what is known of an account object.
pub(super) fn observe<C, D: Connect, K: AccountObject>(
    ctx: &AccountContext<C, D>,
    world: &World<K>,
) -> ObservedAccount {
    let (moment, metadata) = (ctx.clock.moment(), world.object.meta());
    let now = moment.wall;
    let nothing = AccountStatus::default();
    let status = world.object.status().unwrap_or(&nothing);
    let checked = ctx.accounts.checked(&world.key, &world.uid);
    let session = checked
        .as_ref()
        .and_then(|checked| checked.session.as_ref());
    ObservedAccount {
        now: moment.steady(),
        generation: metadata.generation,
        deleting: metadata.deletion_timestamp.is_some(),
        held: world.object.is_held(),
        awaited: match new_until(metadata, ctx.settings.settle) {
            Some(at) if at > now && ctx.settings.by_consent => Awaited::SecretAndRight,
            Some(at) if at > now => Awaited::Secret,
            Some(_) | None => Awaited::Nothing,
        },
        handler: handler(ctx, world),
        users: ctx.accounts.users(&world.key),
        unseen: unseen(ctx, world),
        pinned: status.account_id.clone(),
        credential: credential(world),
        behind: session.map(|session| behind(ctx, world, session, moment)),
        known: checked.map(|checked| checked.finding),
        turn: match world.object.namespace() {
            Some(_) => ctx.line.lock().place(&world.uid),
            // Whoever makes accounts of the whole cluster may do anything.
            None => Some(moment.steady()),
        },
        retry_every: ctx.settings.retry_every,
        offered: ctx.accounts.offer(&world.key, &world.uid),
        told: world.told.clone(),
    }
}

/// Which installation handles the account.
fn handler<C, D: Connect, K: AccountObject>(
    ctx: &AccountContext<C, D>,
    world: &World<K>,
) -> Handler {
    let (class, controller) = (world.object.class(), world.object.controller());
    match ctx.settings.installation.handler(class, controller) {
        Handler::Another { controller, lease } => Handler::Another {
            controller,
            lease: world.rival.unwrap_or(lease),
        },
        Handler::Nobody if ctx.is_unsaid.load(Ordering::Relaxed) => Handler::Us,
        handler @ (Handler::Us | Handler::Nobody | Handler::OtherClass) => handler,
    }
}

/// An account of one namespace is used from there alone.
fn unseen<C, D: Connect, K: AccountObject>(ctx: &AccountContext<C, D>, world: &World<K>) -> Unseen {
    if ctx.settings.whole_cluster || world.object.namespace().is_some() {
        Unseen::None
    } else {
        world.unseen.unwrap_or(Unseen::Uncounted)
    }
}

fn credential<K: AccountObject>(world: &World<K>) -> Credential {
    match (&world.endpoint, &world.desired, &world.credential) {
        (Err(problem), _, _) | (_, Err(problem), _) | (_, _, Some(Err(problem))) => {
            Credential::Unusable(problem.clone())
        }
        (Ok(_), Ok(_), None) => Credential::Unread,
        (Ok(_), Ok(desired), Some(Ok(key))) => Credential::Read(access(desired, key)),
    }
}

fn access(desired: &DesiredAccount, key: &Key) -> Access {
    Access {
        api_url: desired.api_url.clone(),
        ca_bundle: desired.ca_bundle.clone(),
        fingerprint: key.fingerprint(),
    }
}

fn behind<C, D: Connect, K: AccountObject>(
    ctx: &AccountContext<C, D>,
    world: &World<K>,
    session: &Session<D::Api>,
    now: Moment,
) -> RemoteAccountFacts {
    let features = session.features(now.steady());
    let (state, own_namespace) = (&session.state, &ctx.settings.own_namespace);
    let orphans = state.orphans(&world.key, own_namespace);
    let desired = world.desired.as_ref().ok();
    let max = desired.and_then(|desired| desired.policy.max_tokens);
    let own = session.listing().map(|it| session.credential.alike(&*it));
    RemoteAccountFacts {
        credential: match (&session.credential, own.as_deref()) {
            (CredentialToken::Named(id), _) => Some(id.clone()),
            (CredentialToken::Described { .. }, Some([one])) => Some(one.clone()),
            (CredentialToken::Described { .. }, Some(_) | None) => None,
        },
        reset: features.reset,
        expiry: features.expiry,
        probe_time: features.probe_time,
        orphans: orphans.map(|orphans| orphans.into_iter().collect()),
        unknown_tokens: ctx.accounts.unknown(&world.key).into_iter().collect(),
        left_behind: state.left_behind(&world.key).into_iter().collect(),
        full_at: max.filter(|max| ctx.accounts.tokens(&world.key) >= *max),
        held_by_budget: state.worst_hold(now.steady()),
        clock_offset: session.api.clock_offset().likely,
    }
}
