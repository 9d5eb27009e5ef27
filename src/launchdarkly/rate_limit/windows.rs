//! The rate-limit windows of one account, kept from what the headers say. Pure: every method is told the time.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use crate::clock::Moment;
use crate::domain::ids::Fingerprint;
use crate::launchdarkly::error::Operation;
use crate::launchdarkly::rate_limit::headers::{Count, RateHeaders};
use crate::launchdarkly::rate_limit::remote_clock::RemoteClock;

/// The documented length of a window, assumed when no reset time comes along.
const USUAL_WINDOW: Duration = Duration::from_secs(10);

/// No window and no refusal holds longer: waits of almost this length were seen (observed), longer ones are mistakes.
pub(super) const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// Windows of keys that were only proven once are forgotten beyond this many.
const WINDOWS_KEPT: usize = 64;

/// What a limit is counted over.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Family {
    /// All calls of the account.
    Global,
    /// The calls of one operation, account-wide.
    Route(Operation),
    /// The calls with one key.
    Token(Fingerprint),
}

impl Family {
    /// The kind of limit, for metrics: bounded, and nothing of a key.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self {
            Self::Global => "global",
            Self::Route(_) => "route",
            Self::Token(_) => "token",
        }
    }

    /// The families a call counts in.
    pub(super) fn of(operation: Operation, key: &Fingerprint) -> [Self; 3] {
        [
            Self::Global,
            Self::Route(operation),
            Self::Token(key.clone()),
        ]
    }

    fn is_shared(&self) -> bool {
        !matches!(self, Self::Token(_))
    }

    fn count(&self, headers: &RateHeaders) -> Count {
        match self {
            Self::Global => headers.global,
            Self::Route(_) => headers.route,
            Self::Token(_) => headers.token,
        }
    }
}

/// What is left of a limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RateLeft {
    /// Which limit.
    pub family: Family,
    /// Requests a window allows, as far as known.
    pub limit: Option<u32>,
    /// Requests left in this window by the last answer.
    pub remaining: u32,
}

/// All windows of one account.
#[derive(Debug)]
pub(super) struct Windows {
    known: HashMap<Family, Window>,
    headroom_percent: u8,
}

#[derive(Debug, Default)]
struct Window {
    limit: Option<u32>,
    remaining: Option<u32>,
    reset: Option<Timestamp>,
    ends: Option<Instant>,
    in_flight: u32,
}

impl Windows {
    pub(super) fn new(headroom_percent: u8) -> Self {
        Self {
            known: HashMap::new(),
            headroom_percent: headroom_percent.min(90),
        }
    }

    /// Whether a call may leave now. If not: when to look again, unless an answer that is awaited comes first.
    pub(super) fn admit(
        &mut self,
        families: &[Family],
        now: Instant,
    ) -> Result<(), Option<Instant>> {
        let mut look_again = None;
        let mut admitted = true;
        for family in families {
            let Some(window) = self.known.get_mut(family) else {
                continue;
            };
            window.roll(now);
            let headroom = if family.is_shared() {
                self.headroom_percent
            } else {
                0
            };
            if !window.has_room(headroom) {
                admitted = false;
                look_again = look_again.max(window.ends);
            }
        }
        if admitted { Ok(()) } else { Err(look_again) }
    }

    /// Notes that a call leaves.
    pub(super) fn depart(&mut self, families: &[Family]) {
        for family in families {
            self.known.entry(family.clone()).or_default().in_flight += 1;
        }
    }

    /// Notes that a call that had departed was not sent after all.
    pub(super) fn turn_back(&mut self, families: &[Family]) {
        for family in families {
            if let Some(window) = self.known.get_mut(family) {
                window.in_flight = window.in_flight.saturating_sub(1);
            }
        }
    }

    /// Notes the end of a call, with what its answer said if there was one.
    pub(super) fn arrive(
        &mut self,
        families: &[Family],
        headers: Option<&RateHeaders>,
        clock: &RemoteClock,
        (now, wall): (Instant, Moment),
    ) {
        self.turn_back(families);
        for family in families {
            let Some(window) = self.known.get_mut(family) else {
                continue;
            };
            window.roll(now);
            match headers.map(|headers| family.count(headers)) {
                Some(count) if count.remaining.is_some() => window.heed(count, clock, now, wall),
                _ => window.count_down(now),
            }
        }
        if self.known.len() > WINDOWS_KEPT {
            self.known.retain(|family, window| {
                family.is_shared()
                    || window.in_flight > 0
                    || window.ends.is_some_and(|end| end > now)
            });
        }
    }

    /// Closes the families that the refusing answer shows as used up. False when it shows none.
    pub(super) fn close(
        &mut self,
        families: &[Family],
        headers: &RateHeaders,
        until: Instant,
    ) -> bool {
        let mut closed = false;
        for family in families {
            if family.count(headers).remaining == Some(0) {
                let window = self.known.entry(family.clone()).or_default();
                window.remaining = Some(0);
                window.ends = Some(until);
                closed = true;
            }
        }
        closed
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.known.len()
    }

    pub(super) fn left(&self) -> Vec<RateLeft> {
        let left = self.known.iter().filter(|(family, _)| family.is_shared());
        left.filter_map(|(family, window)| {
            Some(RateLeft {
                family: family.clone(),
                limit: window.limit,
                remaining: window.remaining?,
            })
        })
        .collect()
    }
}

impl Window {
    /// Begins a new window when the old one is over; until an answer says more it has what the limit allows.
    fn roll(&mut self, now: Instant) {
        if self.ends.is_some_and(|end| end <= now) {
            self.ends = None;
            self.remaining = self.limit.filter(|limit| *limit > 0);
        }
    }

    /// An answer without this family's headers, or none at all, used up one request all the same.
    fn count_down(&mut self, now: Instant) {
        if let Some(left) = &mut self.remaining {
            *left = left.saturating_sub(1);
            self.ends.get_or_insert(now + USUAL_WINDOW);
        }
    }

    /// Calls in flight may not be in `remaining` yet, so they count once more: rather too slow than refused.
    fn has_room(&self, headroom_percent: u8) -> bool {
        let Some(remaining) = self.remaining else {
            return true;
        };
        let limit = u64::from(self.limit.unwrap_or(remaining));
        let headroom = limit * u64::from(headroom_percent) / 100;
        u64::from(remaining) > headroom + u64::from(self.in_flight)
    }

    fn heed(&mut self, count: Count, clock: &RemoteClock, now: Instant, wall: Moment) {
        let remaining = count.remaining.unwrap_or_default();
        if self.ends.is_some() && count.reset.is_some() && count.reset < self.reset {
            return; // a late answer about a window that is over
        }
        let same_window = self.ends.is_some() && count.reset == self.reset;
        self.remaining = match self.remaining {
            // Answers may overtake each other.
            Some(known) if same_window => Some(known.min(remaining)),
            _ => Some(remaining),
        };
        // Old instances do not tell the limit: the most that was ever left is the best guess.
        self.limit = count.limit.or_else(|| self.limit.max(Some(remaining)));
        self.ends = match count.reset {
            Some(reset) if !same_window => {
                let wait = clock.longest_wait_until(reset, wall);
                // A reset time in the past happens (observed): that window is over.
                Some(
                    now + Duration::try_from(wait)
                        .unwrap_or_default()
                        .min(LONGEST_WAIT),
                )
            }
            None if self.ends.is_none() => Some(now + USUAL_WINDOW),
            _ => self.ends,
        };
        self.reset = count.reset;
    }
}
