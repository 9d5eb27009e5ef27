//! The world in motion: what may happen next.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use jiff::SignedDuration;
use launchdarkly_token_operator::domain::desired::Desired;
use launchdarkly_token_operator::domain::observed::Observed;
use launchdarkly_token_operator::domain::problem::Problem;
use launchdarkly_token_operator::domain::step::{Step, WaitStep};
use launchdarkly_token_operator::domain::time::plus;
use stateright::{Model, Property};

use super::calls::{land, list};
use super::count::{Counts, Next};
use super::edits::Edit;
use super::execute::{Act, Fate, Physics, Sort, perform};
use super::ledger::Ledger;
use super::observe::{Seen, keep_up, observe};
use super::properties;
use super::world::{Core, Memory, Paused, ROOM};

/// The production decision, or a mutation of it.
pub type Decide = fn(&Result<Desired, Problem>, &Observed) -> Step;

/// A scenario: where it begins, and how much may happen in it.
#[derive(Clone)]
pub struct System {
    pub decide: Decide,
    pub physics: Physics,
    pub begin: World,
    /// How steps may fail.
    pub fates: &'static [Fate],
    /// Worlds from which everything is known to come right.
    pub settled: Arc<Mutex<HashSet<u64>>>,
    /// How often each step was next.
    pub counts: Arc<Counts>,
}

/// A state of the model.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct World {
    pub core: Core,
    pub ledger: Ledger,
    pub budget: Budget,
    pub next: Next,
}

/// How much may still go wrong.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Budget {
    /// Steps that do not just work.
    pub faults: u8,
    /// Crashes between two steps.
    pub crashes: u8,
    /// Pauses of the leader between deciding and acting.
    pub pauses: u8,
    /// Minutes that pass while there is work to do.
    pub minutes: u8,
    /// Waits of the leader for what it waits for.
    pub waits: u8,
    /// What users and others may do, each once.
    pub edits: Vec<Edit>,
}

/// What may happen.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Event {
    /// The leader carries its next step out.
    Step(Fate),
    /// The leader's process ends; another one begins with an empty memory.
    Crash,
    /// The leader is paused right before its step, and another process leads.
    Pause,
    /// The paused process wakes up, carries out what it had decided, and ends.
    Resume,
    /// A call that was on its way arrives.
    Land(usize),
    /// A minute and a second pass.
    Minute,
    /// The leader sleeps as long as it means to, at most the longest wait, and looks at the account again.
    Wait,
    /// Somebody else does something.
    Edit(Edit),
}

impl System {
    /// What the leader sees and decides; nothing once the object is gone.
    pub fn decide(&self, core: &Core) -> Option<(Seen, Step)> {
        let seen = observe(core, self.physics.offset)?;
        let step = (self.decide)(&seen.desired, &seen.observed);
        Some((seen, step))
    }

    /// The same, worked out once for each state.
    pub fn next<'a>(&self, world: &'a World) -> Option<&'a (Seen, Step)> {
        world.next.get(|| self.decide(&world.core))
    }

    fn resume(&self, world: &mut World) {
        let Some(paused) = world.core.paused.take() else {
            return;
        };
        let mut memory = paused.memory;
        Act {
            physics: self.physics,
            core: &mut world.core,
            ledger: &mut world.ledger,
            memory: &mut memory,
            revision: paused.revision,
            cause: paused.cause,
            late: true,
            failed: 0,
        }
        .carry_out(&paused.step, Fate::Works);
    }
}

impl Model for System {
    type State = World;
    type Action = Event;

    fn init_states(&self) -> Vec<World> {
        vec![self.begin.clone()]
    }

    fn actions(&self, world: &World, events: &mut Vec<Event>) {
        let budget = &world.budget;
        for flight in 0..world.core.flights.len() {
            events.push(Event::Land(flight));
        }
        if world.core.paused.is_some() {
            events.push(Event::Resume);
        }
        let Some((_, step)) = self.next(world) else {
            return;
        };
        self.counts.note(step.kind());
        events.extend(budget.edits.iter().map(|edit| Event::Edit(*edit)));
        if step.is_pause() {
            if budget.waits > 0 {
                events.push(Event::Wait);
            }
            return;
        }
        events.push(Event::Step(Fate::Works));
        if budget.faults > 0 {
            let befall = |fate: &&Fate| fate.may_befall(step.kind());
            events.extend(self.fates.iter().filter(befall).copied().map(Event::Step));
        }
        if budget.crashes > 0 && world.core.leader.memory != Memory::default() {
            events.push(Event::Crash);
        }
        if budget.pauses > 0 && world.core.paused.is_none() && Sort::of(step.kind()) == Sort::Write
        {
            events.push(Event::Pause);
        }
        if budget.minutes > 0 {
            events.push(Event::Minute);
        }
    }

    fn next_state(&self, last: &World, event: Event) -> Option<World> {
        let mut world = last.clone();
        let free = last.core.room >= ROOM && last.core.deletable;
        let works = event == Event::Step(Fate::Works) && free;
        world.next = Next::undecided(works);
        match event {
            Event::Step(fate) => {
                let (seen, step) = self.next(last)?;
                let (core, ledger) = (&mut world.core, &mut world.ledger);
                perform(self.physics, core, ledger, seen, step, fate);
                if fate != Fate::Works {
                    world.budget.faults -= 1;
                }
            }
            Event::Crash => {
                world.budget.crashes -= 1;
                world.core.restart();
            }
            Event::Pause => {
                let (seen, step) = self.next(last)?;
                let pending = seen.observed.record.pending.as_ref();
                world.budget.pauses -= 1;
                world.core.paused = Some(Box::new(Paused {
                    step: step.clone(),
                    revision: seen.revision,
                    memory: world.core.leader.memory.clone(),
                    cause: pending.map(|pending| pending.cause),
                }));
                world.core.restart();
            }
            Event::Resume => self.resume(&mut world),
            Event::Land(n) => {
                let flight = world.core.flights.remove(n);
                land(&mut world.core, &flight.call, self.physics.offset);
            }
            Event::Minute => {
                world.budget.minutes -= 1;
                pass(&mut world.core, SignedDuration::from_secs(61), self.physics);
            }
            Event::Wait => {
                let (seen, step) = self.next(last)?;
                world.budget.waits -= 1;
                sleep(&mut world.core, Some(seen), step, self.physics);
            }
            Event::Edit(edit) => {
                world.budget.edits.retain(|known| *known != edit);
                if !edit.apply(&mut world.core, &mut world.ledger, self.physics) {
                    return None;
                }
            }
        }
        world.ledger.forget_old(world.core.clock);
        Some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties::all()
    }
}

/// Time passes; calls arrive within the time that they may take.
pub fn pass(core: &mut Core, duration: SignedDuration, physics: Physics) {
    let until = plus(core.clock, duration);
    let (due, flying): (Vec<_>, Vec<_>) = core
        .flights
        .drain(..)
        .partition(|flight| flight.lands_by <= until);
    core.flights = flying;
    for flight in due {
        land(core, &flight.call, physics.offset);
    }
    core.clock = until;
    // What ended at LaunchDarkly is gone from there.
    let remote_now = plus(until, physics.offset);
    core.tokens
        .retain(|_, token| token.expiry.is_none_or(|end| end > remote_now));
}

/// The leader waits as long as it means to, and the account is listed again.
pub fn sleep(core: &mut Core, seen: Option<&Seen>, step: &Step, physics: Physics) {
    let usual = SignedDuration::from_mins(5);
    let until = match step {
        Step::Wait(WaitStep::Rest { until } | WaitStep::Hold { until, .. }) => *until,
        _ => None,
    };
    let wait = until.map_or(usual, |until| until.duration_since(core.clock));
    pass(core, wait + SignedDuration::from_secs(1), physics);
    let mut memory = std::mem::take(&mut core.leader.memory);
    if let Some(seen) = seen {
        keep_up(&mut memory, seen);
    }
    list(core, &mut memory);
    core.leader.memory = memory;
}
