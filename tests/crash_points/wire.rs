//! The wire between one process and the world: every effect on it is numbered, and one of them can go wrong.

use std::future::{Future, pending};
use std::sync::Arc;

use launchdarkly_token_operator::gate::{Gate, GateClosed};
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Notify;

/// What goes wrong with an effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// The process dies before the call is sent.
    Before,
    /// The process dies while the answer is under way: the call took effect.
    Unanswered,
    /// The process dies right after it got the answer.
    Answered,
    /// The call takes effect, its answer is lost, and the process lives on.
    LostAnswer,
    /// The call is lost on its way, and the process lives on without knowing.
    LostRequest,
    /// The process stops before the call is sent, until it is resumed.
    Paused,
    /// The call is held up on its way until it is resumed; nothing else passes the gate after it.
    Late,
}

/// What travels on the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    /// It changes something.
    Effect(String),
    /// It changes nothing that matters, but is part of the story: a dry run, an event.
    Aside(String),
    /// It only reads: how often depends on the second that a story falls into.
    Look,
}

/// Which effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// The one with this number, from 1.
    Number(usize),
    /// The first of this name.
    Name(&'static str),
}

#[derive(Default)]
struct State {
    shut: bool,
    counts: bool,
    effects: Vec<String>,
    cut: Option<(At, Cut)>,
    life: Life,
}

/// How a process is.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Life {
    #[default]
    Lives,
    /// It dies with its next call, whichever that is.
    Dying,
    Dead,
    Paused,
}

/// The steps of all processes of a world, each followed by the calls that it made.
#[derive(Debug, Default)]
pub struct Trace(Mutex<Vec<String>>);

impl Trace {
    fn lines(&self) -> MutexGuard<'_, Vec<String>> {
        self.0.lock()
    }

    /// Adds a line.
    pub fn note(&self, line: String) {
        self.lines().push(line);
    }

    /// Forgets what was before a story.
    pub fn clear(&self) {
        self.lines().clear();
    }

    /// All lines.
    pub fn text(&self) -> String {
        self.lines().join("\n")
    }
}

/// One process's wire, which is also its gate.
pub struct Wire {
    pub trace: Arc<Trace>,
    state: Mutex<State>,
    changed: Notify,
    resumed: Notify,
}

impl Wire {
    pub fn new(trace: Arc<Trace>) -> Self {
        Self {
            trace,
            state: Mutex::default(),
            changed: Notify::new(),
            resumed: Notify::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    /// Numbers effects from here on, from 1, and lets one of them go wrong.
    pub fn count(&self, cut: Option<(At, Cut)>) {
        let mut state = self.state();
        (state.counts, state.cut) = (true, cut);
        state.effects.clear();
    }

    /// What was done since counting began.
    pub fn effects(&self) -> Vec<String> {
        self.state().effects.clone()
    }

    /// The process may not act any more.
    pub fn shut(&self) {
        self.state().shut = true;
    }

    pub fn is_shut(&self) -> bool {
        self.state().shut
    }

    pub fn is_dying(&self) -> bool {
        self.state().life == Life::Dying
    }

    /// Comes back when the process has died.
    pub async fn death(&self) {
        self.until(|state| state.life == Life::Dead).await;
    }

    /// Comes back when the process is paused.
    pub async fn pause(&self) {
        self.until(|state| state.life == Life::Paused).await;
    }

    async fn until(&self, holds: impl Fn(&State) -> bool) {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if holds(&self.state()) {
                return;
            }
            changed.await;
        }
    }

    /// Lets a paused process go on.
    pub fn resume(&self) {
        self.state().life = Life::Lives;
        self.resumed.notify_one();
    }

    /// Carries a call; `lost` is what the caller sees of a lost answer.
    pub async fn carry<T>(
        &self,
        message: Call,
        call: impl Future<Output = T>,
        lost: impl FnOnce() -> T,
    ) -> T {
        if self.is_dying() {
            return self.die().await;
        }
        match self.number(message) {
            None => call.await,
            Some(Cut::Before) => self.die().await,
            Some(Cut::Unanswered) => {
                call.await;
                self.die().await
            }
            Some(Cut::Answered) => {
                let answer = call.await;
                self.state().life = Life::Dying;
                answer
            }
            Some(Cut::LostAnswer) => {
                call.await;
                lost()
            }
            Some(Cut::LostRequest) => lost(),
            Some(Cut::Paused) => {
                self.wait().await;
                call.await
            }
            Some(Cut::Late) => {
                self.wait().await;
                let answer = call.await;
                self.shut();
                answer
            }
        }
    }

    /// The number of an effect decides what becomes of it.
    fn number(&self, call: Call) -> Option<Cut> {
        let effect = match call {
            Call::Look => return None,
            Call::Aside(name) => {
                self.trace.note(format!("  {name}"));
                return None;
            }
            Call::Effect(name) => name,
        };
        self.trace.note(format!("  effect: {effect}"));
        let mut state = self.state();
        if !state.counts {
            return None;
        }
        state.effects.push(effect);
        let number = state.effects.len();
        let named = state.effects.last().cloned().unwrap_or_default();
        let here = |at: &At| match at {
            At::Number(wanted) => *wanted == number,
            At::Name(name) => named == *name,
        };
        let (_, cut) = state.cut.take_if(|(at, _)| here(at))?;
        Some(cut)
    }

    async fn wait(&self) {
        self.state().life = Life::Paused;
        self.changed.notify_waiters();
        self.resumed.notified().await;
    }

    async fn die<T>(&self) -> T {
        self.state().life = Life::Dead;
        self.changed.notify_waiters();
        pending().await
    }
}

/// The gate of the process at this end of the wire.
pub struct WireGate(pub Arc<Wire>);

impl Gate for WireGate {
    fn pass(&self, _needed: std::time::Duration) -> Result<(), GateClosed> {
        if self.0.is_shut() {
            Err(GateClosed)
        } else {
            Ok(())
        }
    }
}
