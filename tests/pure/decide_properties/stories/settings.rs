//! Edits of the spec, and changes made behind our back.

use launchdarkly_token_operator::domain::cause::Cause;
use launchdarkly_token_operator::domain::settings::BaseRole;
use launchdarkly_token_operator::domain::step::StepKind as K;

use crate::decide_properties::worlds::*;

#[test]
fn a_description_is_one_patch() {
    given(a_token())
        .but_desired(a_token().described_as("Reads more flags"))
        .and(the_token_differs_in("description"))
        .takes(&[K::FetchToken, K::PatchToken, K::RecordSettings])
        .and_rests();
}

#[test]
fn another_role_of_a_service_token_is_another_token() {
    let end = given(a_token())
        .but_desired(a_token().with_role(BaseRole::Writer))
        .and(the_token_differs_in("role"))
        .takes(&[
            K::FetchToken,
            K::RecordIntent,
            K::CreateToken,
            K::ProveKey,
            K::PublishKey,
            K::RecordPublication,
        ]);
    assert_eq!(end.record().history[0].cause, Cause::SpecChanged);
    assert_eq!(end.record().retiring.len(), 1);
}

#[test]
fn drift_is_confirmed_by_a_look_and_corrected() {
    given(a_token())
        .and(the_token_differs_in("description"))
        .takes(&[K::FetchToken, K::PatchToken])
        .and_rests();
}

#[test]
fn drift_that_is_only_warned_of_stays() {
    given(a_token().warning_of_drift())
        .and(the_token_differs_in("description"))
        .takes(&[K::FetchToken])
        .and_rests();
}

#[test]
fn what_came_back_different_is_not_tried_twice() {
    given(a_token())
        .and(the_token_differs_in("role"))
        .and(|given| {
            let token = given.observed.record.token.as_mut().unwrap();
            token.differs = vec!["role".into()];
            token.observed_hash = Some("v1:aaaa.bbbb".into());
        })
        .and_rests();
}

#[test]
fn a_suspended_object_keeps_its_old_settings() {
    given(a_token())
        .but_desired(a_token().suspended().described_as("other"))
        .and(the_token_differs_in("description"))
        .and_rests();
}

#[test]
fn a_finalizer_that_was_taken_away_comes_back() {
    given(a_token())
        .and(|given| given.observed.finalizer = false)
        .takes(&[K::AddFinalizer])
        .and_rests();
}
