//! I5: a call that was announced is resolved before anything else, and an uncertain one is never repeated.

use jiff::SignedDuration;
use launchdarkly_token_operator::domain::cause::Cause;
use launchdarkly_token_operator::domain::observed::{Feature, PendingCall, Proof};
use launchdarkly_token_operator::domain::problem::Problem;
use launchdarkly_token_operator::domain::reason::Reason;
use launchdarkly_token_operator::domain::record::{MAX_ABANDONED, PendingOperation};
use launchdarkly_token_operator::domain::step::{CallStep, Step, StepKind as K, WaitStep};
use launchdarkly_token_operator::domain::time::whole_second;

use crate::decide_properties::worlds::*;

#[test]
fn an_uncertain_reset_is_never_repeated() {
    let end = given(a_token().rotating_every(hours(24)))
        .and(a_reset_without_an_answer())
        .takes(&[
            K::FenceSecret,
            K::RecordIntent,
            K::CreateToken,
            K::ProveKey,
            K::PublishKey,
            K::RecordPublication,
        ]);
    assert_eq!(end.record().history[0].cause, Cause::LostKey);
}

#[test]
fn the_key_of_a_lost_reset_lives_as_long_as_it_may_have_been_promised() {
    let world = given(a_token().with_grace(hours(6))).and(a_reset_without_an_answer());
    let promised = world.record().pending.as_ref().unwrap();
    let promised = promised.previous_key_expiration_time.unwrap();
    let end = world.takes(&[
        K::FenceSecret,
        K::RecordIntent,
        K::CreateToken,
        K::ProveKey,
        K::PublishKey,
        K::RecordPublication,
    ]);
    let retiring = &end.record().retiring[0];
    assert_eq!(retiring.token_id, token(0));
    assert!(retiring.retirement_time >= promised + TIMING.settle);
    assert!(retiring.retirement_time >= NOW + hours(6));
}

#[test]
fn a_lost_key_goes_where_its_first_intent_said_and_a_rename_comes_after() {
    let end = given(a_token())
        .and(a_reset_without_an_answer())
        .but_desired(a_token().in_secret("api"))
        .takes(&[K::FenceSecret, K::RecordIntent]);
    assert_eq!(end.record().pending.as_ref().unwrap().secret_name, "web");
}

#[test]
fn an_uncertain_create_is_looked_for_given_up_and_begun_anew() {
    let end = given(a_token().by_replacement().triggered_by("now"))
        .and(a_create_without_an_answer(Cause::Trigger))
        .and(the_intent_was_written(seconds(100)))
        .takes(&[
            K::FenceSecret,
            K::ListTokens,
            K::AbandonAttempt,
            K::RecordIntent,
        ]);
    assert_eq!(end.record().abandoned[0].attempt, attempt(1));
    assert_ne!(end.record().pending.as_ref().unwrap().attempt, attempt(1));
}

#[test]
fn an_attempt_that_a_late_listing_does_not_show_is_forgotten_when_there_is_no_room() {
    let tried = |attempts: usize, listed: i64| {
        let mut world = given(a_token());
        for n in 1..=attempts {
            world = world.and(an_abandoned_attempt(n));
        }
        world.and(move |given| given.observed.listed_at = Some(ago(seconds(listed))))
    };
    // They began 31 minutes ago; two settle times and a lease later nothing of them can be under way.
    let left = |world: Given| world.record_at_rest().abandoned.len();
    assert_eq!(left(tried(MAX_ABANDONED, 29 * 60)), MAX_ABANDONED);
    assert_eq!(left(tried(MAX_ABANDONED, 28 * 60)), 0);
    assert_eq!(left(tried(MAX_ABANDONED - 1, 28 * 60)), MAX_ABANDONED - 1);
    let found = tried(MAX_ABANDONED, 28 * 60).and(a_token_turns_up(7, 1, false));
    assert_eq!(left(found), 1);
}

#[test]
fn a_lost_keys_replacement_that_is_refused_again_and_again_fills_no_list() {
    let end = given(a_token())
        .and(an_intent_to(PendingOperation::Create, Cause::LostKey))
        .and(the_call_was_refused())
        .and(the_intent_was_written(minutes(3)))
        .takes(&[K::RecordIntent]);
    assert!(end.record().abandoned.is_empty());
}

#[test]
fn a_token_of_an_abandoned_attempt_that_nobody_used_is_deleted_at_once() {
    given(a_token())
        .and(an_abandoned_attempt(1))
        .and(a_token_turns_up(7, 1, false))
        .takes(&[K::DeleteToken])
        .and_rests();
}

#[test]
fn a_token_that_turns_up_used_retires_with_grace() {
    let end = given(a_token().with_grace(hours(6)))
        .and(an_abandoned_attempt(1))
        .and(a_token_turns_up(7, 1, true))
        .takes(&[K::RecordRetirement]);
    assert_eq!(end.record().retiring[0].retirement_time, NOW + hours(6));
}

#[test]
fn an_intent_of_another_process_is_left_alone_while_it_is_fresh() {
    let world = given(a_token())
        .and(an_intent_to(PendingOperation::Create, Cause::TokenMissing))
        .and(another_process_wrote_it());
    let Step::Wait(WaitStep::Rest { until }) = world.decides() else {
        panic!("{:?}", world.decides());
    };
    let written = world.record().pending.as_ref().unwrap().start_time;
    assert_eq!(
        until,
        Some(written + WITHIN_A_SECOND + TIMING.lease + TIMING.settle)
    );
    world
        .and(time_passes(seconds(90)))
        .takes(&[K::FenceSecret, K::ListTokens, K::AbandonAttempt]);
}

/// The status says in which second the call began. What waits for its end waits as if that had been the last moment of it.
#[test]
fn an_intent_kept_to_the_second_is_waited_for_no_shorter() {
    let begun = ahead(SignedDuration::from_millis(-1));
    let world = given(a_token())
        .and(an_intent_to(PendingOperation::Create, Cause::TokenMissing))
        .and(another_process_wrote_it())
        .and(|given| {
            given.observed.record.pending.as_mut().unwrap().start_time = whole_second(begun);
        });
    let ripe = begun + TIMING.lease + TIMING.settle;
    let Step::Wait(WaitStep::Rest { until: Some(until) }) = world.decides() else {
        panic!("{:?}", world.decides());
    };
    assert!(until >= ripe && until <= ripe + WITHIN_A_SECOND);
}

#[test]
fn an_intent_from_the_future_is_as_old_as_can_be() {
    given(a_token())
        .and(an_intent_to(PendingOperation::Create, Cause::TokenMissing))
        .and(another_process_wrote_it())
        .and(|given| given.observed.record.pending.as_mut().unwrap().start_time = ahead(hours(1)))
        .and(|given| given.observed.listed_at = None)
        .takes(&[K::FenceSecret, K::ListTokens, K::AbandonAttempt]);
}

#[test]
fn tokens_retire_while_another_process_s_intent_is_waited_for() {
    given(a_token())
        .and(an_intent_to(PendingOperation::Create, Cause::TokenMissing))
        .and(another_process_wrote_it())
        .and(retiring_tokens(1, ago(seconds(5))))
        .takes(&[K::DeleteToken, K::RecordRetirement])
        .and_rests();
}

#[test]
fn an_intent_that_grew_old_before_its_call_is_written_anew() {
    given(a_token().by_replacement().triggered_by("now"))
        .and(an_intent_to(PendingOperation::Create, Cause::Trigger))
        .and(the_intent_was_written(minutes(2)))
        .takes(&[K::ForgetIntent, K::RecordIntent, K::CreateToken]);
}

#[test]
fn an_edit_before_the_call_forgets_the_intent() {
    given(a_token())
        .and(an_intent_to(PendingOperation::Create, Cause::TokenMissing))
        .but_desired(a_token().described_as("something else"))
        .takes(&[K::ForgetIntent]);
}

#[test]
fn a_policy_that_changed_before_the_call_forgets_the_intent() {
    given(a_token())
        .and(an_intent_to(PendingOperation::Create, Cause::TokenMissing))
        .and(the_policy_refuses())
        .takes(&[K::ForgetIntent])
        .and_holds(Reason::NotAllowedByPolicy);
}

#[test]
fn a_lost_key_is_not_forgotten_while_the_spec_is_wrong() {
    let end = given(a_token())
        .and(an_intent_to(PendingOperation::Create, Cause::LostKey))
        .and(|given| given.desired = Err(Problem::user(Reason::InvalidSpec, "no role")))
        .and_holds(Reason::InvalidSpec);
    assert!(end.record().pending.is_some());
}

#[test]
fn a_reset_that_was_announced_is_not_sent_once_resets_are_known_to_break() {
    given(a_token().rotating_every(hours(24)))
        .and(an_intent_to(PendingOperation::Reset, Cause::Schedule))
        .and(reset_is(Feature::Unavailable))
        .takes(&[K::ForgetIntent]);
}

#[test]
fn a_reset_keeps_the_grace_that_was_arranged_with_its_intent() {
    let world = given(a_token().with_grace(hours(6)))
        .and(an_intent_to(PendingOperation::Reset, Cause::Schedule))
        .but_desired(a_token().with_grace(minutes(5)));
    let Step::Call(CallStep::ResetKey {
        previous_key_lives, ..
    }) = world.decides()
    else {
        panic!("{:?}", world.decides());
    };
    assert_eq!(previous_key_lives, hours(6) + TIMING.publication_margin);
}

#[test]
fn refusals_never_use_up_what_may_be_abandoned() {
    let end = given(a_token())
        .and(an_intent_to(PendingOperation::Create, Cause::LostKey))
        .and(the_call_was_refused())
        .and(the_intent_was_written(minutes(2)))
        .takes(&[K::RecordIntent, K::CreateToken]);
    assert_eq!(end.record().abandoned, []);
}

#[test]
fn a_refused_create_is_made_again_with_the_same_intent() {
    given(a_token())
        .and(an_intent_to(PendingOperation::Create, Cause::TokenMissing))
        .and(the_call_was_refused())
        .takes(&[
            K::CreateToken,
            K::ProveKey,
            K::PublishKey,
            K::RecordPublication,
        ]);
}

#[test]
fn a_refused_reset_is_forgotten() {
    given(a_token().rotating_every(hours(24)))
        .and(an_intent_to(PendingOperation::Reset, Cause::Schedule))
        .and(the_call_was_refused())
        .takes(&[K::ForgetIntent]);
}

#[test]
fn a_key_that_nobody_can_prove_is_published_after_the_settle_time() {
    let held = |age| {
        given(a_token())
            .and(an_intent_to(PendingOperation::Create, Cause::TokenMissing))
            .and(its_key_in_hand(Proof::Unavailable, age))
    };
    assert_eq!(held(seconds(59)).decides().kind(), K::ProveKey);
    let end = held(seconds(60)).takes(&[K::PublishKey, K::RecordPublication]);
    assert!(!end.record().secret.as_ref().unwrap().proven);
}

#[test]
fn a_key_in_hand_is_published_even_if_the_account_is_gone_meanwhile() {
    given(a_token().rotating_every(hours(24)))
        .and(an_intent_to(PendingOperation::Reset, Cause::Schedule))
        .and(its_key_in_hand(Proof::Unasked, seconds(10)))
        .and(the_account_is_unusable(true))
        .and_holds(Reason::AccountNotReady)
        .and(time_passes(seconds(60)))
        .takes(&[K::PublishKey, K::RecordPublication]);
}

#[test]
fn nothing_is_written_while_the_credential_is_of_another_account() {
    given(a_token().rotating_every(hours(24)))
        .and(an_intent_to(PendingOperation::Reset, Cause::Schedule))
        .and(its_key_in_hand(Proof::Accepted, seconds(10)))
        .and(the_credential_is_of_another_account())
        .and_holds(Reason::AccountMismatch);
}

#[test]
fn a_created_key_that_stays_refused_costs_its_token() {
    let end = given(a_token())
        .and(an_intent_to(PendingOperation::Create, Cause::TokenMissing))
        .and(its_key_in_hand(Proof::Rejected, minutes(2)))
        .takes(&[K::DeleteToken, K::AbandonAttempt]);
    assert_eq!(end.observed.call, PendingCall::Empty);
}

#[test]
fn a_reset_key_that_stays_refused_is_replaced_and_nothing_is_deleted() {
    given(a_token().rotating_every(hours(24)))
        .and(an_intent_to(PendingOperation::Reset, Cause::Schedule))
        .and(its_key_in_hand(Proof::Rejected, minutes(2)))
        .takes(&[K::RecordIntent, K::CreateToken]);
}

#[test]
fn a_key_of_somebody_else_is_never_published() {
    given(a_token())
        .and(an_intent_to(PendingOperation::Create, Cause::TokenMissing))
        .and(its_key_in_hand(Proof::OtherOwner, minutes(2)))
        .takes(&[K::AbandonAttempt]);
}

#[test]
fn a_key_in_hand_waits_for_a_secret_that_was_taken_meanwhile() {
    given(a_token())
        .and(an_intent_to(PendingOperation::Create, Cause::TokenMissing))
        .and(its_key_in_hand(Proof::Accepted, seconds(1)))
        .and(the_secret_belongs_to("team-a/other"))
        .and_holds(Reason::SecretForeign);
}
