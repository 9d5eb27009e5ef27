//! A revoked key that the process still has is asked about, once it should be dead (I15).

use jiff::Timestamp;
use launchdarkly_token_operator::domain::cause::Cause;
use launchdarkly_token_operator::domain::observed::RevokedKey;
use launchdarkly_token_operator::domain::reason::Reason;
use launchdarkly_token_operator::domain::record::PendingOperation;
use launchdarkly_token_operator::domain::step::{Step, StepKind as K, WaitStep};

use crate::decide_properties::worlds::*;

/// A key of before, of which it is known when LaunchDarkly last accepted it.
fn a_revoked_key(accepted_at: Option<Timestamp>) -> impl FnOnce(&mut Given) {
    move |given| {
        given.observed.revoked_keys.push(RevokedKey {
            fingerprint: key(9),
            accepted_at,
        });
    }
}

#[test]
fn a_revoked_key_is_asked_about_once_i15() {
    given(a_token())
        .and(a_revoked_key(None))
        .takes(&[K::ProveRevokedKey])
        .and_rests();
}

#[test]
fn a_revoked_key_is_not_asked_about_before_its_end() {
    given(a_token())
        .and(a_revoked_key(None))
        .and(a_previous_key_until(ahead(minutes(1))))
        .and_rests();
    // Its token is deleted first.
    given(a_token())
        .and(a_revoked_key(None))
        .and(retiring_tokens(1, ago(minutes(1))))
        .and(|given| given.observed.record.retiring[0].cause = Cause::Revoke)
        .takes(&[K::DeleteToken, K::RecordRetirement, K::ProveRevokedKey]);
    // A call that is under way goes on.
    let first = given(a_token().triggered_by("audit"))
        .and(a_revoked_key(None))
        .and(an_intent_to(PendingOperation::Create, Cause::Trigger))
        .decides();
    assert_eq!(first.kind(), K::CreateToken);
}

/// I15: one whose token cannot be deleted is asked about once its key was reset away.
#[test]
fn a_revoked_key_of_a_token_that_cannot_be_deleted_is_asked_about_as_well_i15() {
    given(a_token())
        .and(a_revoked_key(None))
        .and(retiring_tokens(1, ago(minutes(1))))
        .and(|given| given.observed.record.retiring[0].cause = Cause::Revoke)
        .and(no_retiring_token_can_be_deleted(true))
        .and(|given| given.observed.retries[0].times = 2)
        .takes(&[K::EndKey, K::ProveRevokedKey]);
}

#[test]
fn a_revoked_key_that_is_accepted_is_said_and_asked_about_each_minute_i15() {
    given(a_token())
        .and(a_revoked_key(Some(ago(minutes(2)))))
        .takes(&[K::ProveRevokedKey])
        .and_rests();
    let world = given(a_token()).and(a_revoked_key(Some(ago(seconds(20)))));
    let Step::Wait(WaitStep::Hold { problem, until }) = world.decides() else {
        panic!("{:?}", world.decides());
    };
    assert_eq!(problem.reason, Reason::RevokeBlocked);
    assert_eq!(until, Some(ahead(seconds(40))));
}

#[test]
fn a_question_about_a_revoked_key_that_failed_is_asked_again() {
    given(a_token())
        .and(a_revoked_key(None))
        .and(a_failed(K::ProveRevokedKey, false))
        .and_holds(Reason::LaunchDarklyUnavailable);
}

#[test]
fn a_revoked_key_that_is_accepted_keeps_no_trigger_waiting() {
    given(a_token().triggered_by("audit"))
        .and(a_revoked_key(Some(ago(seconds(20)))))
        .takes(&[K::FetchToken, K::RecordIntent]);
}
