//! The only writer: carries one step out, and tells what came of it.

mod call;
mod end;
mod look;
mod record;
mod secret;

use crate::api::AccessToken;
use crate::cluster::Cluster;
use crate::controller::account::registry::Session;
use crate::controller::failure::Failure;
use crate::controller::token::context::Context;
use crate::controller::token::events;
use crate::controller::token::memory::ObjectMemory;
use crate::controller::token::world::World;
use crate::domain::step::{ObjectStep, Step};
use crate::launchdarkly::{Priority, TokensApi};

/// Carries a step out. `object` is replaced by what the API server answered.
pub(in crate::controller) async fn execute<C: Cluster, L: TokensApi>(
    ctx: &Context<C, L>,
    object: &mut AccessToken,
    world: &World<L>,
    memory: &mut ObjectMemory,
    step: Step,
) -> Result<(), Failure> {
    match step {
        Step::Look(step) => look::look(ctx, object, world, memory, step).await,
        Step::Call(step) => call::call(ctx, object, world, memory, step).await,
        Step::Record(step) => record::record(ctx, object, world, memory, &step).await,
        Step::Secret(step) => secret::secret(ctx, world, memory, step).await,
        Step::Object(ObjectStep::AddFinalizer) => {
            *object = ctx.cluster.add_finalizer(object).await?;
            Ok(())
        }
        Step::Object(ObjectStep::RemoveFinalizer { left_behind }) => {
            if !left_behind.is_empty() {
                events::left_behind(ctx, object, world, &left_behind).await;
            }
            ctx.cluster.remove_finalizer(object).await?;
            // What it recorded is gone, retained, or told of.
            ctx.accounts.claims.forget(&world.observed.identity.uid);
            Ok(())
        }
        Step::Wait(_) => Ok(()),
    }
}

fn priority_of<L: TokensApi>(session: &Session<L>, urgent: bool) -> L {
    if urgent {
        session.api.with_priority(Priority::Revoke)
    } else {
        session.api.clone()
    }
}
