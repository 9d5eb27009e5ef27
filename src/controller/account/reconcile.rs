//! One reconcile of one account object: observe, decide, execute, again and again, until there is nothing to do now.

use std::time::Duration;

use kube::{Resource as _, ResourceExt as _};

use super::context::AccountContext;
use super::execute::{NextReconcile, execute};
use super::kinds::AccountObject;
use super::observe::observe;
use super::world::World;
use crate::cluster::{Cluster, ClusterError, Shown};
use crate::domain::account::decide::{LOOK_EVERY, decide};
use crate::launchdarkly::Connect;

/// More steps than any situation needs: beyond it something is wrong, and it is slowed down.
const MAX_STEPS: usize = 16;
/// More reads than racing with others explains: beyond it, somebody writes all the time, and it is slowed down.
const MAX_READS: usize = 4;

/// Reconciles one account object; how long to wait before the next look.
///
/// A cache may show an older object of the name, or an older version: everything is decided on the object as it is now.
///
/// # Errors
/// Kubernetes could not be read or written.
pub async fn reconcile<C: Cluster, D: Connect, K: AccountObject>(
    ctx: &AccountContext<C, D>,
    shown: &Shown<K>,
) -> Result<Duration, ClusterError> {
    let (namespace, name) = (shown.namespace(), shown.name_any());
    for _ in 0..MAX_READS {
        let read = ctx.cluster.read_object(namespace.as_deref(), &name);
        let Some(object) = read.await? else {
            let key = K::key_of(shown.meta());
            ctx.accounts.retire(&key);
            ctx.accounts.forget_left(&key);
            break;
        };
        let world: World<K> = World::new(object, &ctx.settings.allowed_hosts);
        ctx.accounts.meet(&world.key, &world.uid);
        match reconcile_as_read(ctx, world).await {
            Ok(Some(wait)) => return Ok(wait),
            Ok(None) | Err(ClusterError::Conflict | ClusterError::NotFound) => {}
            // The process ends.
            Err(ClusterError::NotLeading(_)) => break,
            Err(error) => return Err(error),
        }
    }
    Ok(LOOK_EVERY)
}

/// `None` where the object must be read again.
async fn reconcile_as_read<C: Cluster, D: Connect, K: AccountObject>(
    ctx: &AccountContext<C, D>,
    mut world: World<K>,
) -> Result<Option<Duration>, ClusterError> {
    for _ in 0..MAX_STEPS {
        let step = decide(&world.desired, &observe(ctx, &world));
        tracing::debug!(step = step.name(), "step");
        match execute(ctx, &mut world, step).await? {
            NextReconcile::Decide => {}
            NextReconcile::ReadAgain => return Ok(None),
            NextReconcile::Wait(wait) => return Ok(Some(wait)),
        }
    }
    Ok(Some(LOOK_EVERY))
}
