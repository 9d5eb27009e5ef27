//! The one place that reads the time.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;

/// Tells the time; everything else is given a moment and never asks for it.
pub trait Clock: Send + Sync {
    /// The wall clock: may be wrong, may jump either way.
    fn now(&self) -> Timestamp;

    /// Time since the machine started, suspended time included; never goes back.
    fn since_boot(&self) -> Duration;

    /// The steady clock: see [`Moment::steady`].
    fn steady(&self) -> Timestamp {
        self.moment().steady()
    }

    /// Both clocks, read one after the other.
    fn moment(&self) -> Moment {
        Moment {
            wall: self.now(),
            boot: self.since_boot(),
        }
    }
}

/// One moment, by both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// By the wall clock.
    pub wall: Timestamp,
    /// By the boot-time clock.
    pub boot: Duration,
}

impl Moment {
    /// How much time has passed since `earlier`, by whichever clock saw more of it.
    ///
    /// The boot-time clock stands still while a virtual machine is frozen or moved, the wall clock may be set
    /// back: where too little is dangerous, neither is enough.
    #[must_use]
    pub fn at_most_since(&self, earlier: &Self) -> Duration {
        let by_wall = self.wall.duration_since(earlier.wall);
        self.boot_since(earlier)
            .max(Duration::try_from(by_wall).unwrap_or(Duration::ZERO))
    }

    /// This moment by the steady clock: the time since the machine started, counted from 1970 so that it can be added to and compared
    /// like any other. Whatever a process waits for or remembers is dated by it: nobody can set it, so that a wall clock that is set
    /// delays nothing. It never leaves the process, since it means nothing to another.
    #[must_use]
    pub fn steady(&self) -> Timestamp {
        SignedDuration::try_from(self.boot)
            .ok()
            .and_then(|since| Timestamp::UNIX_EPOCH.checked_add(since).ok())
            .unwrap_or(Timestamp::MAX)
    }

    /// A time by the steady clock, as the wall clock shows it.
    #[must_use]
    pub fn shown(&self, steady: Timestamp) -> Timestamp {
        let by = self.wall.duration_since(self.steady());
        steady.checked_add(by).unwrap_or(steady)
    }

    /// A time by the wall clock, as the steady one shows it.
    #[must_use]
    pub fn steadily(&self, wall: Timestamp) -> Timestamp {
        let by = self.steady().duration_since(self.wall);
        wall.checked_add(by).unwrap_or(wall)
    }

    /// How much time has passed since `earlier` by the boot-time clock, which nobody can set.
    #[must_use]
    pub fn boot_since(&self, earlier: &Self) -> Duration {
        self.boot.saturating_sub(earlier.boot)
    }
}

/// The clocks of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn since_boot(&self) -> Duration {
        // `Instant` would not do: on Linux it stands still while the machine is suspended.
        #[cfg(target_os = "linux")]
        let clock = rustix::time::ClockId::Boottime;
        #[cfg(not(target_os = "linux"))]
        let clock = rustix::time::ClockId::Monotonic;
        Duration::try_from(rustix::time::clock_gettime(clock)).unwrap_or(Duration::ZERO)
    }
}

/// A clock that is set by hand, for tests.
#[derive(Debug)]
pub struct ManualClock(Mutex<Moment>);

impl ManualClock {
    /// Starts at `wall`, on a machine that was started an hour before.
    #[must_use]
    pub fn new(wall: Timestamp) -> Self {
        Self(Mutex::new(Moment {
            wall,
            boot: Duration::from_secs(3600),
        }))
    }

    /// Lets time pass on both clocks.
    pub fn advance(&self, by: Duration) {
        let mut moment = self.0.lock();
        moment.boot += by;
        moment.wall = after(
            moment.wall,
            SignedDuration::try_from(by).unwrap_or_default(),
        );
    }

    /// Sets the wall clock forward or back.
    pub fn jump(&self, by: SignedDuration) {
        let mut moment = self.0.lock();
        moment.wall = after(moment.wall, by);
    }
}

/// A wall clock cannot be set beyond what a [`Timestamp`] can say; there it stays where it is.
fn after(wall: Timestamp, by: SignedDuration) -> Timestamp {
    wall.checked_add(by).unwrap_or(wall)
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        self.moment().wall
    }

    fn since_boot(&self) -> Duration {
        self.moment().boot
    }

    fn moment(&self) -> Moment {
        *self.0.lock()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn a_wall_clock_set_back_does_not_make_anything_younger() {
        let clock = ManualClock::new(Timestamp::UNIX_EPOCH);
        let start = clock.moment();
        clock.advance(MINUTE);
        clock.jump(SignedDuration::from_hours(-1));
        assert_eq!(clock.moment().at_most_since(&start), MINUTE);
    }

    #[test]
    fn time_that_only_the_wall_clock_saw_counts_towards_the_larger_age() {
        let clock = ManualClock::new(Timestamp::UNIX_EPOCH);
        let start = clock.moment();
        clock.advance(MINUTE);
        clock.jump(SignedDuration::from_mins(9));
        assert_eq!(clock.moment().at_most_since(&start), 10 * MINUTE);
        assert_eq!(clock.moment().boot_since(&start), MINUTE);
    }

    #[test]
    fn the_boot_clock_of_this_machine_runs() {
        let first = SystemClock.since_boot();
        assert!(first > Duration::ZERO);
        assert!(SystemClock.since_boot() >= first);
    }
}
