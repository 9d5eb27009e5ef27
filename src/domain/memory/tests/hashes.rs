//! Requests that an earlier build handled, whose hashes are of its version.

use super::*;
use crate::domain::cause::Cause;
use crate::domain::decide::{decide, record_at_rest};
use crate::domain::ids::truncated_hash;
use crate::domain::marker::LONGEST_DESCRIPTION;
use crate::domain::observed::{AccountFacts, Admission, Feature, OwnToken};
use crate::domain::record::SecretRecord;
use crate::domain::step::{RecordStep, Step};

/// An earlier build's.
const FORMER: RequestHashing = RequestHashing::new("v0", |parts| truncated_hash(parts, 4));

/// Asks to rotate and to revoke with these values, by a build that knows the former way.
fn asks(trigger: &str, revoke: &str) -> (Desired, FormerHashes) {
    let mut desired = desired();
    let rotation = &mut desired.rotation;
    rotation.triggers = vec![RequestHash::of("trigger", trigger)];
    rotation.revokes = vec![RequestHash::of("revoke", revoke)];
    (desired, former(trigger, revoke))
}

/// What the hashes of these values were before.
fn former(trigger: &str, revoke: &str) -> FormerHashes {
    let mut former = FormerHashes::default();
    for (kind, value) in [("trigger", trigger), ("revoke", revoke)] {
        former.note(&[FORMER], kind, std::iter::once(value));
    }
    former
}

/// What a build sees whose predecessor handled a trigger `once` and a revoke `leak`, and another trigger long before.
fn after_upgrade(desired: &Result<Desired, Problem>, former: FormerHashes) -> Observed {
    let mut read = read(100);
    read.former = former;
    read.account = Account::Usable(AccountFacts {
        id: "account".into(),
        credential: OwnToken::elsewhere(),
        installation: "0a1b2c3d".into(),
        admission: Admission::Granted,
        reset: Feature::Available,
        expiry: Feature::Available,
        longest_description: LONGEST_DESCRIPTION,
        max_rotation_interval: None,
        held_by_budget: None,
    });
    read.record.account_id = Some("account".into());
    read.record.secret = Some(SecretRecord {
        name: "web".into(),
        uid: "secret-1".into(),
        fingerprint: "v1:key".into(),
        proven: true,
    });
    read.record.rotation.handled = vec![
        FORMER.of("trigger", "long before"),
        FORMER.of("trigger", "once"),
        FORMER.of("revoke", "leak"),
    ];
    if let SecretState::Ours(secret) = &mut read.secret {
        secret.marks.token_id = Some("token-1".into());
        secret.marks.account_id = Some("account".into());
        secret.marks.fingerprint = Some("v1:key".into());
        secret.marks.handled = read.record.rotation.handled.clone();
    }
    let listing: Option<&Listing> = None;
    Memory::<Shown>::default().observed(desired, read, listing, |_| Some(true))
}

fn cause(step: &Step) -> Option<Cause> {
    match step {
        Step::Record(RecordStep::RecordIntent { record, .. }) => {
            Some(record.pending.as_ref().unwrap().cause)
        }
        _ => None,
    }
}

#[test]
fn what_a_build_with_another_hash_handled_is_handled_after_an_upgrade_i4() {
    let (desired, former) = asks("once", "leak");
    let desired = Ok(desired);
    let observed = after_upgrade(&desired, former);
    let step = decide(&desired, &observed);
    assert!(step.is_pause(), "{step:?}");
    // It is written down in this build's way, next to what is asked for no more.
    let handled = record_at_rest(&desired, &observed).rotation.handled;
    assert_eq!(
        handled,
        [
            FORMER.of("trigger", "long before"),
            RequestHash::of("trigger", "once"),
            RequestHash::of("revoke", "leak"),
        ]
    );
    let SecretState::Ours(secret) = observed.secret else {
        panic!("it is ours");
    };
    assert_eq!(secret.marks.handled, handled);
}

#[test]
fn a_value_that_was_set_during_an_upgrade_is_new_and_one_set_again_is_not_i4() {
    let unhandled = |(desired, former): (Desired, FormerHashes)| {
        let record = after_upgrade(&Ok(desired.clone()), former).record;
        let rotation = &desired.rotation;
        let new = rotation.triggers.iter().chain(&rotation.revokes);
        new.filter(|request| !record.has_handled(request)).count()
    };
    assert_eq!(unhandled(asks("at last, once more", "leak")), 1);
    assert_eq!(unhandled(asks("once", "another leak")), 1);
    assert_eq!(unhandled(asks("long before", "leak")), 0);
    let (leaks, former) = asks("once", "another leak");
    let leaks = Ok(leaks);
    let step = decide(&leaks, &after_upgrade(&leaks, former));
    assert_eq!(cause(&step), Some(Cause::Revoke), "{step:?}");
}

#[test]
fn what_was_asked_for_when_a_call_began_under_another_hash_is_not_asked_for_again_i4() {
    let (desired, former) = asks("once", "leak");
    let desired = Ok(desired);
    let mut read = read(100);
    read.former = former;
    read.record.pending = Some(Intent {
        handles: vec![FORMER.of("trigger", "once")],
        ..super::parts::intent("attempt1")
    });
    let listing: Option<&Listing> = None;
    let observed = Memory::<Shown>::default().observed(&desired, read, listing, |_| Some(true));
    let pending = observed.record.pending.unwrap();
    assert_eq!(pending.handles, [RequestHash::of("trigger", "once")]);
}
