//! When a rotation is due.

use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};

use crate::domain::ids::ObjectUid;
use crate::domain::time::{Clocks, minus, plus};

/// The longest a rotation is moved forward to spread load.
const MAX_JITTER: SignedDuration = SignedDuration::from_hours(1);

/// The due time of the rotation after `last`: the interval, less a stable jitter of at most a tenth of it or an hour.
///
/// A `last` that is ahead of both clocks counts as now: a clock once stood wrong.
#[must_use]
pub fn due(
    uid: &ObjectUid,
    last: Timestamp,
    interval: SignedDuration,
    clocks: Clocks,
) -> Timestamp {
    let last = last.min(clocks.later());
    minus(plus(last, interval), jitter(uid, interval))
}

/// The due time after an edit: one that the edit moved into the past is spread over the next tenth of the interval.
#[must_use]
pub fn due_after_edit(
    uid: &ObjectUid,
    last: Timestamp,
    interval: SignedDuration,
    clocks: Clocks,
) -> Timestamp {
    let due = due(uid, last, interval, clocks);
    if due > clocks.local {
        due
    } else {
        plus(clocks.local, share(uid, interval / 10))
    }
}

fn jitter(uid: &ObjectUid, interval: SignedDuration) -> SignedDuration {
    share(uid, (interval / 10).min(MAX_JITTER))
}

/// A stable share of `whole`, the same for one object and evenly spread over many.
fn share(uid: &ObjectUid, whole: SignedDuration) -> SignedDuration {
    let digest = Sha256::digest(uid.as_str().as_bytes());
    let draw = digest
        .iter()
        .take(4)
        .fold(0_i64, |n, byte| n << 8 | i64::from(*byte));
    let millis = i64::try_from(whole.as_millis()).unwrap_or(i64::MAX / (1 << 33));
    SignedDuration::from_millis(
        i64::try_from((i128::from(millis) * i128::from(draw)) >> 32).unwrap_or(0),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_rotation_is_due_at_most_a_tenth_early_and_never_late() {
        let interval = SignedDuration::from_hours(5);
        for n in 0..200 {
            let due = due(
                &ObjectUid::new(format!("uid-{n}")),
                at(0),
                interval,
                Clocks::agreeing(at(60)),
            );
            assert!(due <= plus(at(0), interval) && due >= at(5 * 3600 - 1800));
        }
    }

    #[test]
    fn jitter_is_never_more_than_an_hour() {
        let interval = SignedDuration::from_hours(24 * 365);
        for n in 0..200 {
            let uid = ObjectUid::new(format!("uid-{n}"));
            assert!(jitter(&uid, interval) <= MAX_JITTER);
        }
    }

    #[test]
    fn a_last_rotation_ahead_of_both_clocks_counts_as_now() {
        let interval = SignedDuration::from_hours(1);
        let due = due(
            &"u".into(),
            at(1_000_000),
            interval,
            Clocks::agreeing(at(100)),
        );
        assert!(due <= plus(at(100), interval));
    }

    #[test]
    fn an_edit_that_makes_a_rotation_overdue_spreads_it_over_a_tenth_of_the_interval() {
        let interval = SignedDuration::from_hours(10);
        let now = at(1_000_000);
        let due = due_after_edit(&"u".into(), at(0), interval, Clocks::agreeing(now));
        assert!(due >= now && due <= plus(now, interval / 10));
    }
}
