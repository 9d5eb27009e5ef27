//! The gate that every effect passes: does this process lead for long enough to begin?

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use crate::gate::{Gate, GateClosed};
use crate::runtime::clock::{Clock, Moment};

/// Open while the lease is known to last. Cloned around; all clones speak of the same lease.
#[derive(Clone)]
pub struct LeaseGate {
    clock: Arc<dyn Clock>,
    term: Arc<Mutex<Term>>,
}

#[derive(Debug, Clone, Copy)]
enum Term {
    NotYet,
    /// Runs from the moment when the last renewal that succeeded was *sent*: the server may have handled it then,
    /// and a rival counts from there.
    Held {
        from: Moment,
        duration: Duration,
    },
    Over,
}

impl LeaseGate {
    /// A gate that nothing passes yet.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            term: Arc::new(Mutex::new(Term::NotYet)),
        }
    }

    /// Opens for `duration` from `sent`, the moment when the renewal that succeeded was sent; never after
    /// [`close`](Self::close).
    pub fn renewed(&self, sent: Moment, duration: Duration) {
        let mut term = self.term.lock();
        if !matches!(*term, Term::Over) {
            *term = Term::Held {
                from: sent,
                duration,
            };
        }
    }

    /// Closes for ever.
    pub fn close(&self) {
        *self.term.lock() = Term::Over;
    }

    /// How long the lease still lasts; zero when this process does not lead.
    #[must_use]
    pub fn remaining(&self) -> Duration {
        match *self.term.lock() {
            Term::NotYet | Term::Over => Duration::ZERO,
            Term::Held { from, duration } => {
                duration.saturating_sub(self.clock.moment().at_most_since(&from))
            }
        }
    }
}

impl Gate for LeaseGate {
    fn pass(&self, needed: Duration) -> Result<(), GateClosed> {
        let remaining = self.remaining();
        if remaining >= needed && !remaining.is_zero() {
            Ok(())
        } else {
            Err(GateClosed)
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};

    use super::*;
    use crate::runtime::clock::ManualClock;

    const LEASE: Duration = Duration::from_secs(30);
    const CREATE: Duration = Duration::from_secs(15);

    fn gate() -> (Arc<ManualClock>, LeaseGate) {
        let clock = Arc::new(ManualClock::new(Timestamp::UNIX_EPOCH));
        (clock.clone(), LeaseGate::new(clock))
    }

    #[test]
    fn nothing_passes_before_this_process_leads() {
        let (_, gate) = gate();
        assert_eq!(gate.pass(Duration::ZERO), Err(GateClosed));
    }

    #[test]
    fn an_effect_begins_only_when_the_lease_outlives_it() {
        let (clock, gate) = gate();
        gate.renewed(clock.moment(), LEASE);
        clock.advance(Duration::from_secs(15));
        assert_eq!(gate.pass(CREATE), Ok(()));
        clock.advance(Duration::from_millis(1));
        assert_eq!(gate.pass(CREATE), Err(GateClosed));
        clock.advance(LEASE);
        assert_eq!(gate.pass(Duration::ZERO), Err(GateClosed));
    }

    #[test]
    fn a_slow_renewal_counts_from_when_it_was_sent() {
        let (clock, gate) = gate();
        let sent = clock.moment();
        clock.advance(Duration::from_secs(16));
        gate.renewed(sent, LEASE);
        assert_eq!(gate.pass(CREATE), Err(GateClosed));
        assert_eq!(gate.remaining(), Duration::from_secs(14));
    }

    #[test]
    fn a_wall_clock_that_jumps_ahead_closes_until_the_next_renewal() {
        let (clock, gate) = gate();
        gate.renewed(clock.moment(), LEASE);
        clock.jump(SignedDuration::from_hours(1));
        assert_eq!(gate.pass(CREATE), Err(GateClosed));
        gate.renewed(clock.moment(), LEASE);
        assert_eq!(gate.pass(CREATE), Ok(()));
    }

    #[test]
    fn a_wall_clock_that_is_set_back_does_not_hold_the_gate_open() {
        let (clock, gate) = gate();
        gate.renewed(clock.moment(), LEASE);
        clock.jump(SignedDuration::from_hours(-24));
        clock.advance(Duration::from_secs(16));
        assert_eq!(gate.pass(CREATE), Err(GateClosed));
    }

    #[test]
    fn a_gate_that_was_closed_never_opens_again() {
        let (clock, gate) = gate();
        gate.renewed(clock.moment(), LEASE);
        gate.close();
        gate.renewed(clock.moment(), LEASE);
        assert_eq!(gate.pass(Duration::ZERO), Err(GateClosed));
    }
}
