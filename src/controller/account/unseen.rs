//! Accounts that came and went between two looks: no cache ever showed them, so none can show that they are gone.

use super::context::AccountContext;
use super::kinds::AccountObject;
use super::known::Unseen;
use crate::api::{ClusterLaunchDarklyAccount, LaunchDarklyAccount};
use crate::cluster::{Cluster, ClusterError};
use crate::domain::account::AccountKey;
use crate::domain::ids::AccountUid;
use crate::launchdarkly::Connect;

/// Reads an account that no cache shows. If it is gone, it is forgotten as if a cache had shown that.
///
/// # Errors
/// It could not be read.
pub async fn look_for<C: Cluster, D: Connect>(
    ctx: &AccountContext<C, D>,
    unseen: &Unseen,
) -> Result<(), ClusterError> {
    let found = match &unseen.key {
        AccountKey::Namespaced { namespace, name } => {
            uid::<C, LaunchDarklyAccount>(&ctx.cluster, Some(namespace), name).await?
        }
        AccountKey::Cluster { name } => {
            uid::<C, ClusterLaunchDarklyAccount>(&ctx.cluster, None, name).await?
        }
    };
    match &unseen.uid {
        Some(uid) if found.as_ref() != Some(uid) => ctx.accounts.retire_object(&unseen.key, uid),
        None if found.is_none() => ctx.accounts.forget_left(&unseen.key),
        Some(_) | None => {}
    }
    Ok(())
}

async fn uid<C: Cluster, K: AccountObject>(
    cluster: &C,
    namespace: Option<&str>,
    name: &str,
) -> Result<Option<AccountUid>, ClusterError> {
    let found: Option<K> = cluster.read_object(namespace, name).await?;
    Ok(found.map(|object| object.account_uid()))
}
