//! Convergence: from every state, a bounded number of rounds without faults brings everything right.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use launchdarkly_token_operator::domain::decide::record_at_rest;
use launchdarkly_token_operator::domain::reason::Reason;
use launchdarkly_token_operator::domain::secret::SecretState;
use launchdarkly_token_operator::domain::step::{Step, WaitStep};
use launchdarkly_token_operator::domain::time::plus;

use super::edits::Edit;
use super::execute::{Fate, perform};
use super::observe::Seen;
use super::properties::{is_refused, requests_rotate_once};
use super::system::{System, World, sleep};
use super::world::{Core, ROOM, Secret};

/// Waits of the leader that are enough for everything; each ends when the leader means to look again.
const ROUNDS: usize = 24;
/// Steps between two waits, the most that one reconcile of the operator takes.
const STEPS: usize = 40;

/// Runs the rounds; says what is still wrong after them, or what went wrong in them.
pub fn comes_right(system: &System, world: &World) -> Result<(), String> {
    let mut world = world.clone();
    // A paused process may never wake up again; the states in which it does are judged on their own.
    world.core.paused = None;
    world.core.room = ROOM;
    world.core.deletable = true;
    let mut path = Vec::new();
    let mut last = String::new();
    for _ in 0..ROUNDS {
        let decided = reconcile(system, &mut world)?;
        let here = fingerprint(&world);
        let known = system.settled.lock().map_err(|error| error.to_string())?;
        if known.contains(&here) {
            drop(known);
            return remember(system, path);
        }
        drop(known);
        path.push(here);
        match what_is_wrong(system, &world.core, decided.as_ref()) {
            None => return remember(system, path),
            Some(why) => last = why,
        }
        let gone = Step::Wait(WaitStep::Rest { until: None });
        let (seen, step) = decided
            .as_ref()
            .map_or((None, &gone), |(seen, step)| (Some(seen), step));
        sleep(&mut world.core, seen, step, system.physics);
        keeps_promises(system, &mut world)?;
    }
    Err(last)
}

/// The leader works until it has nothing to do now; tells what it decided then.
fn reconcile(system: &System, world: &mut World) -> Result<Option<(Seen, Step)>, String> {
    for _ in 0..STEPS {
        let Some((seen, step)) = system.decide(&world.core) else {
            return Ok(None);
        };
        if step.is_pause() {
            return Ok(Some((seen, step)));
        }
        let (core, ledger) = (&mut world.core, &mut world.ledger);
        perform(system.physics, core, ledger, &seen, &step, Fate::Works);
        keeps_promises(system, world)?;
    }
    Err(format!("no end in sight: {:?}", system.decide(&world.core)))
}

/// Nothing that must never happen happens on the way.
fn keeps_promises(system: &System, world: &mut World) -> Result<(), String> {
    world.ledger.forget_old(world.core.clock);
    if is_refused(system, world) {
        return Err("a consumer is refused".into());
    }
    if !requests_rotate_once(world) {
        return Err("a request rotates twice".into());
    }
    match world.ledger.breaches.first() {
        Some(breach) => Err(format!("{breach:?}")),
        None => Ok(()),
    }
}

fn fingerprint(world: &World) -> u64 {
    let mut hasher = DefaultHasher::new();
    (&world.core, &world.ledger).hash(&mut hasher);
    hasher.finish()
}

fn remember(system: &System, path: Vec<u64>) -> Result<(), String> {
    let mut known = system.settled.lock().map_err(|error| error.to_string())?;
    known.extend(path);
    Ok(())
}

/// What is not yet as it is to be when nothing happens any more (I1, I2).
fn what_is_wrong(system: &System, core: &Core, decided: Option<&(Seen, Step)>) -> Option<String> {
    if !core.flights.is_empty() {
        return Some("a call is on its way".into());
    }
    let Some((seen, step)) = decided else {
        return what_is_left(system, core);
    };
    let contested = core.secrets.values().any(|secret| !secret.ours);
    match step {
        Step::Wait(WaitStep::Rest { .. }) => {}
        // Only a user can do something about a Secret that is somebody else's.
        Step::Wait(WaitStep::Hold { problem, .. })
            if contested && problem.reason == Reason::SecretForeign =>
        {
            return None;
        }
        step => return Some(format!("not at rest: {step:?}")),
    }
    let record = &seen.observed.record;
    let in_use = record.token.as_ref().map(|token| &token.id);
    // What was recorded nowhere else, or is in somebody else's use, is told and left alone (I6).
    let edits = &system.begin.budget.edits;
    let may_be_unknown = edits
        .iter()
        .any(|edit| matches!(edit, Edit::LoseStatus | Edit::ResetToken));
    let at_rest = record_at_rest(&seen.desired, &seen.observed);
    let told = |id| may_be_unknown && at_rest.unknown_tokens.contains(id);
    let stray = core
        .tokens
        .iter()
        .find(|(id, token)| !token.foreign && Some(*id) != in_use && !told(id));
    if let Some((stray, _)) = stray {
        return Some(format!("{stray} is still there"));
    }
    if record.pending.is_some() {
        return Some("a call is unresolved".into());
    }
    let SecretState::Ours(secret) = &seen.observed.secret else {
        return Some("no Secret of ours".into());
    };
    let now = plus(core.clock, system.physics.offset);
    let token = in_use.and_then(|id| core.tokens.get(id));
    let key = secret.key.as_ref();
    let shown = token.and_then(|token| token.shown_key());
    if key.is_none() || key != shown || !key.is_some_and(|key| core.accepts(key, now)) {
        return Some("the Secret's key is not the token's".into());
    }
    let ours = core.secrets.values().filter(|secret| secret.ours).count();
    (ours != 1).then(|| "a former Secret is still there".into())
}

/// What a deleted object left behind.
fn what_is_left(system: &System, core: &Core) -> Option<String> {
    if core.tokens.values().any(|token| token.attempt.is_some()) {
        return Some("a token was left behind".into());
    }
    let begin = system.begin.core.object.as_ref();
    let retains = begin.is_some_and(|object| object.spec.retains);
    let now = plus(core.clock, system.physics.offset);
    let mut ours = core.secrets.values().filter(|secret| secret.ours);
    // A retained key without its token would serve nobody.
    let whole = |secret: &Secret| retains && core.accepts(&secret.key, now);
    (!ours.all(whole)).then(|| "a Secret was left behind".into())
}
