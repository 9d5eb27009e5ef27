//! I3: an old token goes after its grace, by both clocks, and never with a key that somebody may hold.

use launchdarkly_token_operator::domain::step::{CallStep, Step, StepKind as K};

use crate::decide_properties::worlds::*;

#[test]
fn a_retiring_token_is_deleted_when_both_clocks_have_passed_its_time() {
    let world = |offset| {
        given(a_token())
            .and(retiring_tokens(1, ago(seconds(5))))
            .and(the_remote_clock_is_off_by(offset))
    };
    world(-60).and_rests();
    world(0)
        .takes(&[K::DeleteToken, K::RecordRetirement])
        .and_rests();
    given(a_token())
        .and(retiring_tokens(1, ahead(seconds(5))))
        .and(the_remote_clock_is_off_by(60))
        .and_rests();
}

#[test]
fn a_second_safety_never_ends_a_token_before_its_time() {
    for offset in [-900, 0, 900] {
        let world = given(a_token())
            .and(retiring_tokens(1, ahead(hours(3))))
            .and(|given| given.observed.life_limited.clear())
            .and(the_remote_clock_is_off_by(offset));
        let Step::Call(CallStep::LimitLife { expiry, .. }) = world.decides() else {
            panic!("{:?}", world.decides());
        };
        assert!(expiry >= ahead(hours(3)) + TIMING.publication_margin);
        assert!(expiry >= ahead(hours(3)) + seconds(offset));
    }
}

#[test]
fn a_token_whose_key_somebody_put_back_into_the_secret_lives_a_grace_longer() {
    let end = given(a_token().with_grace(hours(6)))
        .and(retiring_tokens(1, ago(seconds(5))))
        .and(the_secret_is_restored_to(20, hours(9)))
        .takes(&[
            K::RecordIntent,
            K::CreateToken,
            K::ProveKey,
            K::PublishKey,
            K::RecordPublication,
        ]);
    assert!(
        end.record()
            .retiring
            .iter()
            .all(|r| r.retirement_time >= NOW + hours(6))
    );
}

#[test]
fn the_operator_s_own_credential_is_never_deleted() {
    given(a_token())
        .and(retiring_tokens(1, ago(seconds(5))))
        .and(the_credential_is_token(20))
        .and_rests();
}

#[test]
fn a_deletion_that_fails_keeps_nothing_else_waiting() {
    let failing = || {
        given(a_token())
            .and(retiring_tokens(1, ago(seconds(5))))
            .and(no_retiring_token_can_be_deleted(true))
    };
    assert_eq!(failing().decides().kind(), K::Hold);
    failing()
        .and(the_secret_is_deleted())
        .takes(&[K::RecordIntent, K::CreateToken]);
}

#[test]
fn a_second_safety_that_fails_keeps_nothing_else_waiting() {
    given(a_token().triggered_by("audit"))
        .and(retiring_tokens(1, ahead(hours(1))))
        .and(|given| given.observed.life_limited.clear())
        .and(a_failed(K::LimitLife, false))
        .takes(&[K::FetchToken, K::RecordIntent]);
}

#[test]
fn a_token_that_turns_up_while_the_secret_cannot_be_read_is_left_alone() {
    let world = given(a_token())
        .and(a_lost_status())
        .and(a_token_turns_up(0, 0, true))
        .and(the_secret_cannot_be_read());
    assert_eq!(world.decides().kind(), K::Hold);
}

#[test]
fn the_token_in_the_secret_is_never_cleaned_up() {
    let world = given(a_token())
        .and(a_lost_status())
        .and(a_token_turns_up(0, 0, true));
    assert_eq!(world.decides().kind(), K::ProveSecretKey);
}
