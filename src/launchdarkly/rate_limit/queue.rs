//! What an account's limiter knows between two events. No waiting, no clock: only bookkeeping.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::clock::Moment;
use crate::launchdarkly::rate_limit::circuit_breaker::CircuitBreaker;
use crate::launchdarkly::rate_limit::headers::RateHeaders;
use crate::launchdarkly::rate_limit::remote_clock::RemoteClock;
use crate::launchdarkly::rate_limit::turns::{Party, Turns};
use crate::launchdarkly::rate_limit::windows::{Family, LONGEST_WAIT, Windows};
use crate::launchdarkly::rate_limit::{LimiterOptions, Permit, Priority};

/// The first wait after a refusal that does not say how long to wait.
const FIRST_BACK_OFF: Duration = Duration::from_secs(1);

/// A place in the queue: by priority, then by the round in which the namespace's turn comes, then first come first served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ticket {
    priority: Priority,
    round: u64,
    number: u64,
}

/// Somebody who waits.
#[derive(Debug)]
pub(super) struct Waiter {
    pub(super) families: Vec<Family>,
    pub(super) grant: oneshot::Sender<Result<Permit, Instant>>,
}

/// What becomes of those who wait.
#[derive(Debug, Default)]
pub(super) struct Departures {
    /// They leave now.
    pub(super) leaving: Vec<Waiter>,
    /// They need not wait: nothing leaves before then.
    pub(super) turned_away: Option<(Vec<Waiter>, Instant)>,
    /// When to look again, if anybody still waits for a time to come.
    pub(super) look_again: Option<Instant>,
}

#[derive(Debug)]
pub(super) struct Queue {
    pub(super) windows: Windows,
    pub(super) clock: RemoteClock,
    /// Requests under way.
    pub(super) under_way: usize,
    /// Refusals in a row.
    pub(super) refusals: u32,
    pub(super) circuit_breaker: CircuitBreaker,
    in_flight: usize,
    waiting: BTreeMap<Ticket, Waiter>,
    turns: Turns,
    next_number: u64,
    paused_until: Option<Instant>,
    alarm: Option<Instant>,
}

impl Queue {
    pub(super) fn new(options: LimiterOptions) -> Self {
        Self {
            windows: Windows::new(options.headroom_percent),
            clock: RemoteClock::default(),
            under_way: 0,
            refusals: 0,
            circuit_breaker: CircuitBreaker::default(),
            in_flight: options.in_flight.max(1),
            waiting: BTreeMap::new(),
            turns: Turns::default(),
            next_number: 0,
            paused_until: None,
            alarm: None,
        }
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    pub(super) fn join(&mut self, priority: Priority, party: &Party, waiter: Waiter) -> Ticket {
        let ticket = Ticket {
            priority,
            round: self.turns.join(priority, party),
            number: self.next_number,
        };
        self.next_number += 1;
        self.waiting.insert(ticket, waiter);
        ticket
    }

    pub(super) fn leave(&mut self, ticket: &Ticket) {
        self.waiting.remove(ticket);
    }

    pub(super) fn pause_until(&mut self, until: Instant) {
        self.paused_until = self.paused_until.max(Some(until));
    }

    /// Takes out those who may leave now, and those who would wait in vain.
    pub(super) fn next_to_leave(&mut self, now: Instant) -> Departures {
        if let Some(until) = self.circuit_breaker.lasts_until(now) {
            let waiting = std::mem::take(&mut self.waiting).into_values().collect();
            return Departures {
                turned_away: Some((waiting, until)),
                ..Departures::default()
            };
        }
        if let Some(until) = self.paused_until.filter(|until| *until > now) {
            let anybody = !self.waiting.is_empty();
            return Departures {
                look_again: anybody.then_some(until),
                ..Departures::default()
            };
        }
        self.paused_until = None;
        let mut departures = Departures::default();
        // After an outage one call finds out whether it is over.
        let at_once = if self.circuit_breaker.is_on() {
            1
        } else {
            self.in_flight
        };
        while self.under_way < at_once {
            match self.first_admitted(now) {
                Ok(ticket) => {
                    let Some(waiter) = self.waiting.remove(&ticket) else {
                        break;
                    };
                    self.turns.leave(ticket.priority, ticket.round);
                    self.windows.depart(&waiter.families);
                    self.under_way += 1;
                    departures.leaving.push(waiter);
                }
                Err(look_again) => {
                    departures.look_again = look_again;
                    break;
                }
            }
        }
        departures
    }

    /// A call that its own route holds up does not hold up those behind it.
    fn first_admitted(&mut self, now: Instant) -> Result<Ticket, Option<Instant>> {
        if self.waiting.is_empty() {
            self.turns.clear();
            return Err(None);
        }
        self.windows.admit(&[Family::Global], now)?;
        let mut look_again: Option<Instant> = None;
        for (ticket, waiter) in &self.waiting {
            match self.windows.admit(&waiter.families, now) {
                Ok(()) => return Ok(*ticket),
                Err(Some(at)) => look_again = Some(look_again.map_or(at, |first| first.min(at))),
                Err(None) => {}
            }
        }
        Err(look_again)
    }

    pub(super) fn arrive(
        &mut self,
        families: &[Family],
        headers: Option<&RateHeaders>,
        now: (Instant, Moment),
    ) {
        self.windows.arrive(families, headers, &self.clock, now);
    }

    /// `Retry-After` or the last reset time that lies ahead, whichever is longer; else longer with every refusal in a row.
    pub(super) fn wait_after_refusal(&mut self, headers: &RateHeaders, wall: Moment) -> Duration {
        let resets = [
            headers.global.reset,
            headers.route.reset,
            headers.token.reset,
        ];
        let waits = resets.into_iter().flatten().filter_map(|reset| {
            Duration::try_from(self.clock.longest_wait_until(reset, wall)).ok()
        });
        let told = waits
            .chain(headers.retry_after)
            .max()
            .filter(|wait| !wait.is_zero());
        let wait = told.unwrap_or_else(|| FIRST_BACK_OFF.saturating_mul(1 << self.refusals.min(6)));
        self.refusals = self.refusals.saturating_add(1);
        wait.min(LONGEST_WAIT)
    }

    /// True when nobody else will look as early as `at`.
    pub(super) fn set_alarm(&mut self, at: Instant) -> bool {
        if self.alarm.is_some_and(|alarm| alarm <= at) {
            return false;
        }
        self.alarm = Some(at);
        true
    }

    pub(super) fn clear_alarm(&mut self, at: Instant) {
        if self.alarm == Some(at) {
            self.alarm = None;
        }
    }
}
