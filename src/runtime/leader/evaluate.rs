//! What to do about the Lease: a table.

use std::time::Duration;

use super::lease::{Claim, Sight};
use crate::runtime::clock::Moment;

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Me<'a> {
    /// Name of this process, never used by another one.
    pub identity: &'a str,
    /// Whether this process leads, as far as it knows.
    pub leads: bool,
    /// How long a lease lasts for us.
    pub duration: Duration,
}

/// What to do about the Lease now. Every write is fenced by the version that was evaluated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LeaseAction {
    /// It is ours already: renew it.
    Renew,
    /// It is free, or its holder let it run out: put our name on it.
    Take,
    /// There was none for as long as a holder of a deleted one might have acted: make one.
    Create,
    /// Somebody may be acting: look again, but it cannot become ours before this time has passed.
    Wait(Duration),
    /// It was ours and is no more.
    Stop(Loss),
}

/// How a lease was lost.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Loss {
    /// Another process holds it.
    #[error("the Lease is held by {0}")]
    TakenBy(String),
    /// Somebody took our name off it.
    #[error("somebody took this process's name off the Lease")]
    Emptied,
    /// It is gone.
    #[error("the Lease was deleted")]
    Deleted,
    /// The task that renews it died.
    #[error("the task that renews the Lease died")]
    Unattended,
}

/// Decides about what was just read.
///
/// # Guarantees
/// A Lease that another process may still act under is never taken: its holder acts at most its duration after the
/// start of its last renewal, which came before we read that renewal, and we count from there.
#[must_use]
pub fn evaluate(sight: &Sight, me: Me<'_>, now: Moment) -> LeaseAction {
    let unchanged_for = now.boot_since(&sight.since);
    let once_over = |duration: Duration, then: LeaseAction| {
        if unchanged_for >= duration {
            then
        } else {
            LeaseAction::Wait(duration.saturating_sub(unchanged_for))
        }
    };
    match (sight.found.as_ref().map(|lease| &lease.claim), me.leads) {
        (Some(Claim::Held { holder, .. }), _) if holder == me.identity => LeaseAction::Renew,
        (Some(Claim::Held { holder, .. }), true) if holder.is_empty() => {
            LeaseAction::Stop(Loss::Emptied)
        }
        (Some(Claim::Held { holder, .. }), true) => {
            LeaseAction::Stop(Loss::TakenBy(holder.clone()))
        }
        (Some(Claim::Free), true) => LeaseAction::Stop(Loss::Emptied),
        (None, true) => LeaseAction::Stop(Loss::Deleted),
        (Some(Claim::Held { duration, .. }), false) => {
            once_over(me.duration.max(*duration), LeaseAction::Take)
        }
        (Some(Claim::Free), false) if sight.succeeds_another => {
            once_over(me.duration, LeaseAction::Take)
        }
        (Some(Claim::Free), false) => LeaseAction::Take,
        (None, false) => once_over(me.duration, LeaseAction::Create),
    }
}

#[cfg(test)]
mod tests {
    use super::super::lease::LeaseFacts;
    use super::*;
    use jiff::Timestamp;

    const SECOND: Duration = Duration::from_secs(1);
    const CANDIDATE: Me<'static> = Me {
        identity: "me_1",
        leads: false,
        duration: Duration::from_secs(30),
    };
    const LEADER: Me<'static> = Me {
        leads: true,
        ..CANDIDATE
    };

    fn at(seconds: u32) -> Moment {
        // The wall clock stands still throughout: nothing may depend on it.
        Moment {
            wall: Timestamp::UNIX_EPOCH,
            boot: seconds * SECOND,
        }
    }

    fn lease(version: u32, claim: Claim) -> LeaseFacts {
        LeaseFacts {
            uid: "uid-1".into(),
            version: version.to_string(),
            claim,
        }
    }

    fn held_by(holder: &str) -> Claim {
        Claim::Held {
            holder: holder.into(),
            duration: 30 * SECOND,
        }
    }

    fn seen_at_0(found: Option<LeaseFacts>) -> Sight {
        Sight::first(found, at(0))
    }

    #[test]
    fn what_a_candidate_does() {
        use LeaseAction::{Create, Renew, Take, Wait};
        let long = Claim::Held {
            holder: "rival".into(),
            duration: 60 * SECOND,
        };
        let brief = Claim::Held {
            holder: "rival".into(),
            duration: SECOND,
        };
        for (case, claim, now, action) in [
            ("a free Lease is taken at once", Some(Claim::Free), 0, Take),
            (
                "a rival's Lease is left alone",
                Some(held_by("rival")),
                0,
                Wait(30 * SECOND),
            ),
            (
                "also in its last second",
                Some(held_by("rival")),
                29,
                Wait(SECOND),
            ),
            (
                "it is taken when it stood still for its duration",
                Some(held_by("rival")),
                30,
                Take,
            ),
            (
                "its own duration counts where it is longer",
                Some(long),
                30,
                Wait(30 * SECOND),
            ),
            (
                "ours counts where that is longer",
                Some(brief),
                29,
                Wait(SECOND),
            ),
            (
                "a Lease whose holder was wiped off is nobody's to take yet",
                Some(held_by("")),
                29,
                Wait(SECOND),
            ),
            (
                "an older process of the same pod is a rival",
                Some(held_by("me_0")),
                29,
                Wait(SECOND),
            ),
            (
                "our own name means that the answer to our taking it was lost",
                Some(held_by("me_1")),
                0,
                Renew,
            ),
            (
                "no Lease may mean a deleted one with a live holder",
                None,
                29,
                Wait(SECOND),
            ),
            ("after a full duration it is created", None, 30, Create),
        ] {
            let sight = seen_at_0(claim.map(|claim| lease(7, claim)));
            assert_eq!(evaluate(&sight, CANDIDATE, at(now)), action, "{case}");
        }
    }

    #[test]
    fn what_a_leader_does() {
        use LeaseAction::{Renew, Stop};
        for (case, claim, action) in [
            (
                "its own Lease is renewed, however old",
                Some(held_by("me_1")),
                Renew,
            ),
            (
                "a rival's Lease ends it",
                Some(held_by("rival")),
                Stop(Loss::TakenBy("rival".into())),
            ),
            (
                "its name wiped off ends it",
                Some(held_by("")),
                Stop(Loss::Emptied),
            ),
            (
                "a Lease made anew ends it",
                Some(Claim::Free),
                Stop(Loss::Emptied),
            ),
            ("a deleted Lease ends it", None, Stop(Loss::Deleted)),
        ] {
            let sight = seen_at_0(claim.map(|claim| lease(7, claim)));
            assert_eq!(evaluate(&sight, LEADER, at(3600)), action, "{case}");
        }
    }

    #[test]
    fn a_renewal_by_the_rival_starts_the_wait_again() {
        let sight = seen_at_0(Some(lease(7, held_by("rival"))))
            .then(Some(lease(8, held_by("rival"))), at(29));
        assert_eq!(
            evaluate(&sight, CANDIDATE, at(30)),
            LeaseAction::Wait(29 * SECOND)
        );
        assert_eq!(evaluate(&sight, CANDIDATE, at(59)), LeaseAction::Take);
    }

    #[test]
    fn the_same_reading_does_not_start_the_wait_again() {
        let sight = seen_at_0(Some(lease(7, held_by("rival"))))
            .then(Some(lease(7, held_by("rival"))), at(29));
        assert_eq!(evaluate(&sight, CANDIDATE, at(30)), LeaseAction::Take);
    }

    #[test]
    fn a_free_lease_that_replaces_a_deleted_one_is_not_taken_at_once() {
        let other = Some(LeaseFacts {
            uid: "uid-2".into(),
            version: "9".into(),
            claim: Claim::Free,
        });
        let at_once = seen_at_0(Some(lease(7, held_by("rival")))).then(other.clone(), at(10));
        assert_eq!(
            evaluate(&at_once, CANDIDATE, at(10)),
            LeaseAction::Wait(30 * SECOND)
        );
        let after_a_gap = seen_at_0(None).then(other, at(10));
        assert_eq!(
            evaluate(&after_a_gap, CANDIDATE, at(39)),
            LeaseAction::Wait(SECOND)
        );
        assert_eq!(evaluate(&after_a_gap, CANDIDATE, at(40)), LeaseAction::Take);
    }

    #[test]
    fn a_released_lease_is_taken_at_once() {
        let sight =
            seen_at_0(Some(lease(7, held_by("rival")))).then(Some(lease(8, Claim::Free)), at(10));
        assert_eq!(evaluate(&sight, CANDIDATE, at(10)), LeaseAction::Take);
    }
}
