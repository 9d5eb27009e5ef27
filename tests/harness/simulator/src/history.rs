//! The history: what happened to tokens and keys, for judging invariants on the whole run.

use serde::Serialize;

use crate::clock::{Clock, wall_ms};

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum EventKind {
    /// A token came into being; its first key follows as [`EventKind::KeyIssued`].
    TokenCreated,
    /// Name, description or rights changed.
    TokenChanged,
    /// The token's own `expiry` was set, moved or cleared.
    TokenExpirySet,
    /// The token's own `expiry` passed.
    TokenExpired,
    /// The token was deleted.
    TokenDeleted,
    /// A key became valid.
    KeyIssued,
    /// A previous key was given the time at which it dies.
    KeyExpirySet,
    /// A key stopped working; `cause` says why.
    KeyDied,
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// Counts from 1; events are in the order in which they happened.
    pub seq: u64,
    /// Simulator's clock, milliseconds since the epoch.
    pub at: i64,
    /// Wall clock, milliseconds since the epoch.
    pub wall_at: i64,
    /// What happened.
    pub kind: EventKind,
    /// To which token.
    pub token_id: String,
    /// To which of its keys, counted from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<u32>,
    /// The time that was set (milliseconds since the epoch), where one was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expiry: Option<i64>,
    /// Why a key died: `expired`, `reset`, `slot`, `token-expired` or `token-deleted`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// Who did it: a token's ID, `admin`, or nobody when time did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

/// Everything that happened, in order.
#[derive(Debug, Default)]
pub struct History {
    events: Vec<Event>,
    clock_set_at: i64,
}

/// An event before it has a number and a time.
#[derive(Debug, Clone)]
pub struct Happening {
    /// What happened.
    pub kind: EventKind,
    /// To which token.
    pub token_id: String,
    /// To which key.
    pub key: Option<u32>,
    /// The time that was set.
    pub expiry: Option<i64>,
    /// Why.
    pub cause: Option<String>,
    /// Who did it.
    pub by: Option<String>,
}

impl Happening {
    /// An event of `kind` at `token_id`, the rest left open.
    #[must_use]
    pub fn new(kind: EventKind, token_id: &str) -> Self {
        Self {
            kind,
            token_id: token_id.to_owned(),
            key: None,
            expiry: None,
            cause: None,
            by: None,
        }
    }

    /// Names the key.
    #[must_use]
    pub fn key(mut self, number: u32) -> Self {
        self.key = Some(number);
        self
    }

    /// Names the time that was set.
    #[must_use]
    pub fn expiry(mut self, expiry: Option<i64>) -> Self {
        self.expiry = expiry;
        self
    }

    /// Names the cause.
    #[must_use]
    pub fn cause(mut self, cause: &str) -> Self {
        self.cause = Some(cause.to_owned());
        self
    }

    /// Names who did it.
    #[must_use]
    pub fn by(mut self, by: &str) -> Self {
        self.by = Some(by.to_owned());
        self
    }
}

impl History {
    /// Records that something happened at `at` on the simulator's clock.
    pub fn record(&mut self, clock: Clock, at: i64, happening: Happening) {
        // A death that time brought is noticed late; it happened when its time came, or, if the
        // clock jumped over that time, at the jump.
        let wall_at = at.saturating_sub(clock.offset_ms()).max(self.clock_set_at);
        self.events.push(Event {
            seq: self.events.len() as u64 + 1,
            at,
            wall_at,
            kind: happening.kind,
            token_id: happening.token_id,
            key: happening.key,
            expiry: happening.expiry,
            cause: happening.cause,
            by: happening.by,
        });
    }

    /// Notes that the clock was moved now.
    pub fn clock_was_set(&mut self) {
        self.clock_set_at = wall_ms();
    }

    /// The events with a number above `since`, oldest first.
    #[must_use]
    pub fn since(&self, since: u64) -> Vec<Event> {
        let skip = usize::try_from(since).unwrap_or(usize::MAX);
        self.events.get(skip..).unwrap_or_default().to_vec()
    }
}
