//! Tokens that carry the object's marker and that it does not record: of a clone, of a copied description, of a lost status.

use jiff::{SignedDuration, Timestamp};
use launchdarkly_token_operator::domain::cause::Cause;
use launchdarkly_token_operator::domain::observed::Feature;
use launchdarkly_token_operator::domain::record::HistoryEntry;
use launchdarkly_token_operator::domain::step::StepKind as K;

use crate::decide_properties::worlds::*;

fn published(n: usize, publication_time: Timestamp, cause: Cause) -> HistoryEntry {
    HistoryEntry {
        publication_time,
        cause,
        token_id: token(n),
        previous_key_expiration_time: None,
    }
}

fn the_secret_says_that_it_retires(n: usize, end: Timestamp) -> impl FnOnce(&mut Given) {
    move |given| given.secret().marks.retiring.push((token(n), end))
}

fn tokens_have_no_expiry() -> impl FnOnce(&mut Given) {
    |given| given.account().expiry = Feature::Unavailable
}

#[test]
fn a_token_of_an_attempt_nobody_knows_is_left_alone_and_told_i6() {
    let world = given(a_token()).and(a_token_turns_up(7, 8, false));
    assert_eq!(world.record_at_rest().unknown_tokens, [token(7)]);
    world.and_rests();
}

#[test]
fn a_second_token_of_an_open_attempt_is_left_alone_i6() {
    given(a_token())
        .and(an_abandoned_attempt(1))
        .and(a_token_turns_up(7, 1, false))
        .and(a_token_turns_up(8, 1, false))
        .and(|given| given.observed.found[1].creation_time = Some(ago(minutes(20))))
        .takes(&[K::DeleteToken])
        .and_rests();
}

#[test]
fn an_unknown_token_that_is_claimed_retires_with_grace() {
    let end = given(a_token().with_grace(hours(6)))
        .and(a_token_turns_up(7, 8, true))
        .and(|given| given.observed.claims.extend([token(7)]))
        .takes(&[K::RecordRetirement]);
    assert_eq!(end.record().retiring[0].retirement_time, NOW + hours(6));
    assert!(end.record().unknown_tokens.is_empty());
}

#[test]
fn of_a_lost_status_the_secret_knows_which_tokens_retire() {
    let end = given(a_token())
        .and(a_token_turns_up(7, 8, true))
        .and(the_secret_says_that_it_retires(7, ahead(hours(100))))
        .takes(&[K::RecordRetirement]);
    assert_eq!(end.record().retiring[0].retirement_time, ahead(hours(100)));
}

#[test]
fn without_an_expiry_a_newer_unknown_token_has_ours_replaced_once_i3() {
    let twin = || {
        given(a_token())
            .and(tokens_have_no_expiry())
            .and(a_token_turns_up(7, 8, true))
    };
    let end = twin().takes(&[K::RecordIntent]);
    assert_eq!(
        end.record().pending.as_ref().unwrap().cause,
        Cause::Expiring
    );
    // With an expiry it would show in time.
    given(a_token())
        .and(a_token_turns_up(7, 8, true))
        .and_rests();
    // A token that was made after the other one is not shared with its maker.
    twin()
        .and(|given| given.observed.record.rotation.last = Some(ago(minutes(10))))
        .and_rests();
    // A publication is known to the second only.
    twin()
        .and(|given| {
            let created = ago(minutes(10)) + SignedDuration::from_millis(900);
            given.observed.found[0].creation_time = Some(created);
            given.observed.record.rotation.last = Some(ago(minutes(10)));
        })
        .and_rests();
    // The other's answer to ours is no reason for a third one.
    twin()
        .and(|given| {
            let entry = published(0, ago(minutes(40)), Cause::Expiring);
            given.observed.record.rotation.last = Some(entry.publication_time);
            given.observed.record.history.insert(0, entry);
        })
        .and_rests();
}

#[test]
fn a_token_that_somebody_reset_is_let_go_after_its_grace_and_not_deleted_i6() {
    let world = given(a_token())
        .and(retiring_tokens(1, ago(minutes(1))))
        .and(|given| given.observed.record.retiring[0].cause = Cause::ResetElsewhere);
    let end = world.takes(&[K::RecordRetirement]);
    assert!(end.record().retiring.is_empty());
}

#[test]
fn a_token_that_somebody_reset_gets_no_end_before_i6() {
    given(a_token())
        .and(retiring_tokens(1, ahead(hours(1))))
        .and(|given| given.observed.record.retiring[0].cause = Cause::ResetElsewhere)
        .and(|given| given.observed.life_limited.clear())
        .and_rests();
}

#[test]
fn a_token_that_was_let_go_is_deleted_once_nobody_used_it_for_a_day() {
    let let_go = |last_used| {
        given(a_token())
            .and(a_token_turns_up(7, 8, true))
            .and(move |given| {
                given.observed.found[0].creation_time = Some(ago(hours(1_000)));
                given.observed.found[0].last_used = Some(ago(last_used));
                let entry = published(7, ago(hours(1_000)), Cause::Created);
                given.observed.record.history.push(entry);
            })
    };
    let_go(hours(25)).takes(&[K::DeleteToken]).and_rests();
    let_go(hours(23)).and_rests();
}
