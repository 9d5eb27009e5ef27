//! Other installations of our class, as their Leases show them over time.

use std::collections::HashMap;
use std::time::Duration;

use parking_lot::Mutex;

use crate::domain::account::handler::{ControllerRef, LeaseReading, Rival};
use crate::runtime::clock::Moment;

/// The Leases of other installations, and since when they are as they are.
#[derive(Debug, Default)]
pub(in crate::controller) struct Rivals(Mutex<HashMap<ControllerRef, Sight>>);

#[derive(Debug)]
struct Sight {
    found: Option<LeaseReading>,
    since: Moment,
}

impl Rivals {
    /// What a Lease that was just read shows of its installation; `ours` is how long our own Lease lasts.
    pub(super) fn see(
        &self,
        at: &ControllerRef,
        found: Option<LeaseReading>,
        now: Moment,
        ours: Duration,
    ) -> Rival {
        let mut sights = self.0.lock();
        let first = Sight { found, since: now };
        let sight = match sights.remove(at) {
            Some(known) if known.found == first.found => known,
            Some(_) | None => first,
        };
        // By the boot-time clock alone: a wall clock that is set forward must not end anybody.
        let rival = Rival::of(sight.found.as_ref(), now.boot_since(&sight.since), ours);
        sights.insert(at.clone(), sight);
        rival
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    const OURS: Duration = Duration::from_secs(3);

    fn lease(version: &str) -> LeaseReading {
        LeaseReading {
            uid: "uid".to_owned(),
            version: version.to_owned(),
            duration: Some(OURS),
        }
    }

    #[test]
    fn a_renewal_starts_the_wait_again_and_the_wall_clock_does_not_end_it() {
        let rivals = Rivals::default();
        let at = ControllerRef {
            namespace: "operators".to_owned(),
            name: "other".to_owned(),
        };
        let see = |found, boot, wall| {
            let now = Moment {
                wall: Timestamp::from_second(wall).unwrap(),
                boot: Duration::from_secs(boot),
            };
            rivals.see(&at, found, now, OURS)
        };
        let lives = |seconds| Rival::Lives {
            patience: Duration::from_secs(seconds),
        };
        assert_eq!(see(Some(lease("1")), 100, 0), lives(33));
        assert_eq!(see(Some(lease("1")), 132, 1_000_000), lives(1));
        assert_eq!(see(Some(lease("2")), 133, 1_000_000), lives(33));
        assert_eq!(see(Some(lease("2")), 166, 0), Rival::Ended);
        assert_eq!(see(None, 167, 0), lives(3));
        assert_eq!(see(None, 170, 0), Rival::Ended);
    }
}
