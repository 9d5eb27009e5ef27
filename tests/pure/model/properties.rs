//! What must hold in every state, on the history that led there.

use launchdarkly_token_operator::domain::decide::heard;
use launchdarkly_token_operator::domain::secret::SecretState;
use launchdarkly_token_operator::domain::step::{Step, WaitStep};
use launchdarkly_token_operator::domain::time::plus;
use stateright::Property;

use super::ledger::Breach;
use super::settle;
use super::system::{System, World};
use crate::decide_properties::invariants::{Case, Verdict};

pub const COMES_RIGHT: &str = "I1 nothing leaks, and all comes right";
pub const KEY_AT_REST: &str = "I2 a key at rest works";
pub const NO_DEAD_KEY: &str = "I2 no key is published that does not work";
pub const NO_OUTAGE: &str = "I3 no consumer is refused";
pub const SECRET_STAYS: &str = "I3 the Secret in use is not deleted";
pub const REQUESTED_ONCE: &str = "I4 a trigger or a revocation rotates once";
pub const DUE_ONCE: &str = "I4 a due time rotates once";
pub const NO_BLIND_CALL: &str = "I5 no call without a durable intent";
pub const NO_RESET_AGAIN: &str = "I5 no reset is repeated";
pub const NO_RESET_IN_GRACE: &str = "I5 no reset while a previous key is in its grace";
pub const NOTHING_FOREIGN: &str = "I6 nothing of somebody else is touched";
pub const BOUNDED: &str = "bounded lists stay bounded";
pub const EVERY_STEP: &str = "every step keeps what every step must keep";
/// The only one that must have an example instead of no counterexample.
pub const TOLD: &str = "everything that may happen happens, and then there is rest";

/// All of them.
///
/// `eventually` is only right on graphs without joins and cycles, so that everything comes right is an `always` property.
pub fn all() -> Vec<Property<System>> {
    type P = Property<System>;
    vec![
        P::always(COMES_RIGHT, |system, world| {
            world.next.undisturbed() || settle::comes_right(system, world).is_ok()
        }),
        P::always(KEY_AT_REST, key_at_rest_works),
        P::always(NO_DEAD_KEY, |_, world| never(world, Breach::DeadKey)),
        P::always(NO_OUTAGE, |system, world| !is_refused(system, world)),
        P::always(SECRET_STAYS, |_, world| never(world, Breach::SecretInUse)),
        P::always(REQUESTED_ONCE, |_, world| requests_rotate_once(world)),
        P::always(DUE_ONCE, |_, world| never(world, Breach::DueTwice)),
        P::always(NO_BLIND_CALL, |_, world| never(world, Breach::NoIntent)),
        P::always(NO_RESET_AGAIN, |_, world| never(world, Breach::ResetAgain)),
        P::always(NO_RESET_IN_GRACE, |_, world| {
            never(world, Breach::ResetInGrace)
        }),
        P::always(NOTHING_FOREIGN, |_, world| never(world, Breach::Foreign)),
        P::always(BOUNDED, |_, world| never(world, Breach::Overflow)),
        P::always(EVERY_STEP, |system, world| judge(system, world).is_ok()),
        P::sometimes(TOLD, is_told),
    ]
}

fn never(world: &World, breach: Breach) -> bool {
    !world.ledger.breaches.contains(&breach)
}

/// A consumer that holds a key in good faith is refused by LaunchDarkly (I3).
pub fn is_refused(system: &System, world: &World) -> bool {
    let now = plus(world.core.clock, system.physics.offset);
    world.ledger.refused(&world.core, now).is_some()
}

/// Each trigger and revoke value was answered at most once (I4); that it is answered at all follows from coming to rest.
pub fn requests_rotate_once(world: &World) -> bool {
    let spec = world.core.object.as_ref().map(|object| object.spec);
    spec.is_none_or(|spec| {
        world.ledger.triggered <= spec.triggers && world.ledger.revoked <= spec.revokes
    })
}

/// What the operator calls settled has a key that LaunchDarkly accepts (I2).
fn key_at_rest_works(system: &System, world: &World) -> bool {
    if world.ledger.tampered {
        return true;
    }
    let Some((seen, step)) = system.next(world) else {
        return true;
    };
    let record = &seen.observed.record;
    let (Step::Wait(WaitStep::Rest { .. }), SecretState::Ours(secret)) =
        (step, &seen.observed.secret)
    else {
        return true;
    };
    let live = seen.observed.deletion.is_none() && record.pending.is_none();
    let now = plus(world.core.clock, system.physics.offset);
    let key = secret.key.as_ref();
    let works = key.is_some_and(|key| world.core.accepts(key, now));
    !live || record.token.is_none() || works
}

/// The invariants that `decide_properties` holds every single decision to.
pub fn judge(system: &System, world: &World) -> Verdict {
    let Some((seen, step)) = system.next(world) else {
        return Ok(());
    };
    let desired = heard(&seen.desired, &seen.observed.record);
    let case = Case {
        desired: &desired,
        observed: &seen.observed,
        step,
    };
    case.judge()
}

/// Nothing more can go wrong, and the leader has nothing to do.
fn is_told(system: &System, world: &World) -> bool {
    let budget = &world.budget;
    let spent = budget.faults == 0 && budget.crashes == 0 && budget.pauses == 0;
    let quiet = world.core.paused.is_none() && world.core.flights.is_empty();
    let resting = |(_, step): &(_, Step)| step.is_pause();
    spent && quiet && budget.edits.is_empty() && system.next(world).is_none_or(resting)
}
