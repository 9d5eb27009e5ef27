//! Ends that were written down under a clock that stood in another century.

use super::*;
use crate::domain::cause::Cause;
use crate::domain::decide::record_at_rest;
use crate::domain::durations;
use crate::domain::record::{FormerSecret, RetiringToken};

/// The end that each place has; all of them are to be the same.
fn ends(observed: &Observed) -> Vec<Timestamp> {
    let record = &observed.record;
    let SecretState::Ours(secret) = &observed.secret else {
        panic!("it is ours");
    };
    let mut ends = vec![
        record.retiring[0].retirement_time,
        record.former_secret.as_ref().unwrap().deletion_time,
        record.rotation.previous_key_expiration_time.unwrap(),
        secret.marks.retiring[0].1,
        secret.marks.previous_expires_at.unwrap(),
    ];
    let pending = record.pending.as_ref();
    ends.extend(pending.and_then(|pending| pending.previous_key_expiration_time));
    ends
}

/// An object whose every end is this one, looked at some seconds after the beginning.
fn world(end: Timestamp, seconds: i64) -> Observed {
    let mut read = read(seconds);
    let record = &mut read.record;
    record.retiring = vec![RetiringToken {
        token_id: "token-0".into(),
        cause: Cause::Schedule,
        retirement_time: end,
    }];
    record.former_secret = Some(FormerSecret {
        name: "before".into(),
        deletion_time: end,
    });
    record.rotation.previous_key_expiration_time = Some(end);
    record.pending = Some(Intent {
        previous_key_expiration_time: Some(end),
        ..super::parts::intent("attempt1")
    });
    if let SecretState::Ours(secret) = &mut read.secret {
        secret.marks.retiring = vec![("token-0".into(), end)];
        secret.marks.previous_expires_at = Some(end);
    }
    let listing: Option<&Listing> = None;
    Memory::<Shown>::default().observed(&Ok(desired()), read, listing, |_| Some(true))
}

#[test]
fn no_end_is_further_away_than_one_that_is_promised_now_i3() {
    let longest = plus(at(100), durations::MAX);
    let allowed = plus(longest, SignedDuration::from_mins(5));
    // What a spec allows is kept to the second.
    assert_eq!(ends(&world(allowed, 100)), [allowed; 6]);
    let century: Timestamp = "2099-01-01T00:00:00Z".parse().unwrap();
    let cut = ends(&world(century, 100));
    for end in &cut {
        assert_eq!(*end, cut[0]);
        assert!(
            *end >= allowed,
            "{end} cuts off what may have been promised"
        );
        assert!(
            *end <= plus(longest, SignedDuration::from_hours(48)),
            "{end}"
        );
    }
}

#[test]
fn an_end_that_was_cut_is_written_down_and_moves_no_more_i3() {
    let century: Timestamp = "2099-01-01T00:00:00Z".parse().unwrap();
    let first = record_at_rest(&Ok(desired()), &world(century, 100));
    let end = first.retiring[0].retirement_time;
    assert!(end < century);
    assert_eq!(first.former_secret.unwrap().deletion_time, end);
    assert_eq!(first.rotation.previous_key_expiration_time, Some(end));
    assert_eq!(ends(&world(end, 5_000)), [end; 6]);
}
