//! Which installation an access token is handled by: that of its account.

use crate::api::{AccessToken, ClusterLaunchDarklyAccount, LaunchDarklyAccount};
use crate::cluster::{Cluster, ClusterError};
use crate::controller::account::kinds::AccountObject;
use crate::controller::token::context::Context;
use crate::domain::account::AccountKey;
use crate::domain::account::handler::Handler;
use crate::launchdarkly::TokensApi;

/// Which installation handles an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::controller) enum Ownership {
    /// This one.
    Ours,
    /// Another one: nothing is written to the object, and nothing said about it.
    Theirs,
    /// That is about to be settled.
    Unclear,
}

/// Whether an account is being deleted.
#[derive(Debug, Clone, Copy)]
struct Goes(bool);

/// Finds out which installation handles an object. Of an account that this process has met it is known; of any other the API server
/// is asked, since a cache may not have it yet.
pub(super) async fn ownership<C: Cluster, L: TokensApi>(
    ctx: &Context<C, L>,
    object: &AccessToken,
) -> Result<Ownership, ClusterError> {
    let key = object.account_key();
    if let Some(known) = known(ctx, &key) {
        return Ok(known);
    }
    let found = match &key {
        AccountKey::Namespaced { namespace, name } => {
            handler::<C, L, LaunchDarklyAccount>(ctx, Some(namespace), name).await?
        }
        AccountKey::Cluster { name } => {
            handler::<C, L, ClusterLaunchDarklyAccount>(ctx, None, name).await?
        }
    };
    Ok(match found {
        // It is about to be claimed, or its credential to be checked; one that goes is not.
        Some((Handler::Us | Handler::Nobody, Goes(false))) => Ownership::Unclear,
        Some((Handler::Us | Handler::Nobody, Goes(true))) => Ownership::Ours,
        None if remembers_us(ctx, object) => Ownership::Ours,
        Some((Handler::OtherClass | Handler::Another { .. }, _)) | None => Ownership::Theirs,
    })
}

/// The same as far as it is known without a question; what is in doubt counts as what the object remembers.
pub(in crate::controller) fn is_ours<C: Cluster, L: TokensApi>(
    ctx: &Context<C, L>,
    object: &AccessToken,
) -> bool {
    match known(ctx, &object.account_key()) {
        Some(known) => known == Ownership::Ours,
        None => remembers_us(ctx, object),
    }
}

fn known<C: Cluster, L: TokensApi>(ctx: &Context<C, L>, key: &AccountKey) -> Option<Ownership> {
    if ctx.accounts.is_left(key) {
        return Some(Ownership::Theirs);
    }
    ctx.accounts.get(key).map(|_| Ownership::Ours)
}

fn remembers_us<C, L>(ctx: &Context<C, L>, object: &AccessToken) -> bool {
    let status = object.status.as_ref();
    status.and_then(|status| status.controller_class.as_ref()) == ctx.installation.class.as_ref()
}

async fn handler<C: Cluster, L: TokensApi, K: AccountObject>(
    ctx: &Context<C, L>,
    namespace: Option<&str>,
    name: &str,
) -> Result<Option<(Handler, Goes)>, ClusterError> {
    let account = ctx.cluster.read_object::<K>(namespace, name).await?;
    Ok(account.map(|account| {
        let installation = &ctx.installation;
        let handler = installation.handler(account.class(), account.controller());
        (handler, Goes(account.meta().deletion_timestamp.is_some()))
    }))
}
