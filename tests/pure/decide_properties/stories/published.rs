//! The Secret is the commit record: what it carries happened.

use launchdarkly_token_operator::domain::cause::Cause;
use launchdarkly_token_operator::domain::observed::{
    PendingCall, Proof, Remote, SecretKeyProof, Source,
};
use launchdarkly_token_operator::domain::record::PendingOperation;
use launchdarkly_token_operator::domain::secret::PreviousKey;
use launchdarkly_token_operator::domain::step::{SecretStep, Step, StepKind as K};

use crate::decide_properties::worlds::*;

#[test]
fn a_publication_that_was_not_recorded_is_recorded_by_whoever_comes_next() {
    let end = given(a_token().with_grace(hours(6)))
        .and(an_intent_to(PendingOperation::Create, Cause::SpecChanged))
        .and(another_process_wrote_it())
        .and(it_was_published())
        .takes(&[K::RecordPublication]);
    assert_eq!(end.record().token.as_ref().unwrap().id, token(1));
    assert_eq!(end.record().retiring[0].retirement_time, NOW + hours(6));
    assert!(!end.record().secret.as_ref().unwrap().proven);
}

#[test]
fn a_key_that_nobody_saw_proven_is_proven_later() {
    given(a_token())
        .and(an_intent_to(PendingOperation::Create, Cause::SpecChanged))
        .and(another_process_wrote_it())
        .and(it_was_published())
        .and(|given| given.observed.remote = Remote::Unknown)
        .takes(&[
            K::FetchToken,
            K::RecordPublication,
            K::LimitLife,
            K::RecordSettings,
            K::ProveSecretKey,
            K::RecordSecret,
        ])
        .and_rests();
}

#[test]
fn a_secret_that_names_somebody_elses_token_is_not_believed() {
    let forged = |proof| {
        given(a_token())
            .and(an_intent_to(PendingOperation::Create, Cause::SpecChanged))
            .and(another_process_wrote_it())
            .and(it_was_published())
            .and(|given| given.remote().attempt = None)
            .and(|given| given.remote().source = Source::Get)
            .and(move |given| given.observed.secret_key = proof)
    };
    forged(SecretKeyProof::Unasked).takes(&[K::ProveSecretKey]);
    forged(SecretKeyProof::Rejected)
        .and(the_intent_was_written(minutes(3)))
        .takes(&[K::FenceSecret, K::ListTokens]);
}

#[test]
fn a_secret_with_the_key_of_another_objects_token_is_not_believed() {
    given(a_token())
        .and(an_intent_to(PendingOperation::Create, Cause::SpecChanged))
        .and(another_process_wrote_it())
        .and(the_intent_was_written(minutes(3)))
        .and(it_was_published())
        .and(|given| given.remote().attempt = None)
        .and(|given| given.remote().source = Source::Get)
        .and(|given| given.observed.secret_key = SecretKeyProof::Accepted)
        .and(|given| given.observed.claimed_by = Some("team-b/web".into()))
        .takes(&[K::FenceSecret, K::ListTokens]);
}

#[test]
fn a_mark_that_was_taken_away_does_not_cut_the_grace() {
    let end = given(a_token().with_grace(hours(6)))
        .and(an_intent_to(PendingOperation::Create, Cause::SpecChanged))
        .and(it_was_published())
        .and(|given| given.secret().marks.previous_expires_at = None)
        .takes(&[K::RecordPublication]);
    assert_eq!(end.record().retiring[0].retirement_time, NOW + hours(6));
}

#[test]
fn a_publication_whose_marks_were_damaged_is_published_again() {
    given(a_token())
        .and(an_intent_to(PendingOperation::Create, Cause::SpecChanged))
        .and(its_key_in_hand(Proof::Accepted, seconds(1)))
        .and(it_was_published())
        .and(|given| given.secret().marks.fingerprint = None)
        .takes(&[K::PublishKey, K::RecordPublication]);
}

#[test]
fn a_reset_is_recorded_for_the_token_that_was_reset_whatever_the_marks_say() {
    let end = given(a_token())
        .and(an_intent_to(PendingOperation::Reset, Cause::Schedule))
        .and(its_key_in_hand(Proof::Accepted, seconds(1)))
        .and(it_was_published())
        .and(|given| given.secret().marks.token_id = Some(token(20)))
        .takes(&[K::PublishKey, K::RecordPublication]);
    assert_eq!(end.record().token.as_ref().unwrap().id, token(0));
    assert!(end.record().retiring.is_empty());
}

#[test]
fn what_a_paused_predecessor_published_retires_before_it_is_overwritten() {
    let end = given(a_token().with_grace(hours(6)))
        .and(an_intent_to(PendingOperation::Create, Cause::TokenMissing))
        .and(its_key_in_hand(Proof::Accepted, seconds(1)))
        .and(an_abandoned_attempt(1))
        .and(the_secret_is_restored_to(7, seconds(3)))
        .and(|given| given.remote().attempt = Some(attempt(1)))
        .takes(&[K::RecordRetirement, K::PublishKey, K::RecordPublication]);
    assert!(end.record().claims(&token(7)));
}

#[test]
fn the_previous_key_is_shown_only_where_it_is_asked_for() {
    let publishes = |desired| {
        let world = given(desired)
            .and(an_intent_to(PendingOperation::Reset, Cause::Schedule))
            .and(its_key_in_hand(Proof::Accepted, seconds(1)));
        match world.decides() {
            Step::Secret(SecretStep::PublishKey { plan, .. }) => plan.previous,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(publishes(a_token()), PreviousKey::Drop);
    let shown = a_token().showing_the_previous_key();
    assert_eq!(publishes(shown), PreviousKey::TakeCurrent);
}

#[test]
fn a_revocation_leaves_no_previous_key_behind() {
    let world = given(a_token().showing_the_previous_key().revoked_by("leak"))
        .and(an_intent_to(PendingOperation::Create, Cause::Revoke))
        .and(its_key_in_hand(Proof::Accepted, seconds(1)));
    let Step::Secret(SecretStep::PublishKey { plan, .. }) = world.decides() else {
        panic!("{:?}", world.decides());
    };
    assert_eq!(plan.previous, PreviousKey::Drop);
    assert_eq!(plan.marks.previous_expires_at, None);
}

#[test]
fn a_process_that_lost_its_memory_never_publishes() {
    let world = given(a_token())
        .and(an_intent_to(PendingOperation::Create, Cause::TokenMissing))
        .and(|given| given.observed.call = PendingCall::Empty);
    assert_eq!(world.decides().kind(), K::FenceSecret);
}
