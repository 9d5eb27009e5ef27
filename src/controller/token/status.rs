//! What the status of an object says next.

use crate::api::{AccessToken, conditions, record};
use crate::controller::token::context::Context;
use crate::controller::token::requests::note_handled;
use crate::controller::token::world::World;
use crate::domain::conditions::conditions;
use crate::domain::record::Record;
use crate::domain::step::Step;

/// The object with the status that goes with a record, written by `step` or standing while it waits.
pub(super) fn with_status<C, L>(
    ctx: &Context<C, L>,
    object: &AccessToken,
    world: &World<L>,
    record: &Record,
    step: &Step,
) -> AccessToken {
    let observed = &world.observed;
    let told = conditions(&world.desired, observed, record, step);
    let mut next = object.clone();
    let status = next.status.get_or_insert_default();
    record::write(record, status);
    let before = &observed.record.rotation.handled;
    note_handled(object, before, status, observed.clocks.local);
    status.controller_class.clone_from(&ctx.installation.class);
    let generation = Some(observed.generation);
    conditions::write(
        &mut status.conditions,
        &told,
        generation,
        observed.clocks.local,
    );
    next
}
