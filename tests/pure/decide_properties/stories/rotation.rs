//! I4: one due time, trigger or revocation, one rotation.

use launchdarkly_token_operator::domain::cause::Cause;
use launchdarkly_token_operator::domain::observed::{Feature, Source};
use launchdarkly_token_operator::domain::reason::Reason;
use launchdarkly_token_operator::domain::step::{CallStep, Step, StepKind as K, WaitStep};

use crate::decide_properties::worlds::*;

const RESET: [K; 6] = [
    K::FetchToken,
    K::RecordIntent,
    K::ResetKey,
    K::ProveKey,
    K::PublishKey,
    K::RecordPublication,
];
const REPLACE: [K; 5] = [
    K::RecordIntent,
    K::CreateToken,
    K::ProveKey,
    K::PublishKey,
    K::RecordPublication,
];

#[test]
fn a_due_time_rotates_once() {
    let end = given(a_token().rotating_every(hours(24)))
        .and(a_due_time())
        .takes(&RESET)
        .and_rests();
    assert_eq!(end.record().history[0].cause, Cause::Schedule);
    assert!(end.record().rotation.next >= Some(NOW + hours(21)));
}

#[test]
fn a_trigger_rotates_once() {
    let end = given(a_token().triggered_by("audit"))
        .takes(&RESET)
        .and_rests();
    assert!(end.record().rotation.handled.contains(&trigger("audit")));
}

#[test]
fn a_trigger_that_is_taken_back_does_not_rotate_when_it_comes_again() {
    given(a_token().triggered_by("audit"))
        .takes(&RESET)
        .but_desired(a_token())
        .and_rests()
        .but_desired(a_token().triggered_by("audit"))
        .and_rests();
}

#[test]
fn a_trigger_during_grace_goes_by_replacement() {
    given(a_token().triggered_by("audit"))
        .and(a_previous_key_until(ahead(hours(1))))
        .takes(&REPLACE);
}

#[test]
fn a_trigger_during_the_grace_of_another_token_may_reset() {
    given(a_token().triggered_by("audit"))
        .and(a_previous_key_until(ahead(hours(1))))
        .and(published_lately(&[0, 8]))
        .takes(&RESET);
}

#[test]
fn a_token_that_was_taken_over_during_a_grace_is_not_reset() {
    given(a_token().triggered_by("audit"))
        .and(a_previous_key_until(ahead(hours(1))))
        .and(published_lately(&[0, 8]))
        .and(|given| given.observed.record.history[0].cause = Cause::Reclaimed)
        .takes(&REPLACE);
}

#[test]
fn a_due_time_during_grace_waits_for_its_end() {
    given(a_token().rotating_every(hours(24)))
        .and(a_due_time())
        .and(a_previous_key_until(ahead(hours(1))))
        .and_rests()
        .and(time_passes(hours(1) + seconds(1)))
        .takes(&[K::FetchToken, K::RecordIntent, K::ResetKey]);
}

#[test]
fn the_end_of_a_grace_is_waited_for_on_both_clocks() {
    let world = |offset| {
        given(a_token().rotating_every(hours(24)))
            .and(a_due_time())
            .and(a_previous_key_until(ago(minutes(5))))
            .and(the_remote_clock_is_off_by(offset))
    };
    world(-600).and_rests();
    assert_eq!(world(600).decides().kind(), K::FetchToken);
}

#[test]
fn a_strategy_of_replacement_never_resets() {
    given(a_token().by_replacement().triggered_by("audit")).takes(&REPLACE);
}

#[test]
fn a_grace_below_a_minute_goes_by_replacement() {
    given(a_token().with_grace(seconds(59)).triggered_by("audit")).takes(&REPLACE);
}

#[test]
fn an_account_that_was_not_tried_is_probed_first() {
    given(a_token().triggered_by("audit"))
        .and(reset_is(Feature::Unknown))
        .takes(&[K::ProbeReset]);
}

#[test]
fn an_account_without_resets_replaces() {
    given(a_token().triggered_by("audit"))
        .and(reset_is(Feature::Unavailable))
        .takes(&REPLACE);
}

#[test]
fn an_account_whose_resets_cannot_be_tried_replaces() {
    given(a_token().triggered_by("audit"))
        .and(reset_is(Feature::Untried))
        .takes(&REPLACE);
}

#[test]
fn a_reset_is_tried_on_a_token_of_the_kind_that_is_to_be_reset() {
    for service_token in [true, false] {
        let step = given(a_token().triggered_by("audit"))
            .and(reset_is(Feature::Unknown))
            .and(|given| given.desired_mut().settings.service_token = service_token)
            .decides();
        assert_eq!(step, Step::Call(CallStep::ProbeReset { service_token }));
    }
}

#[test]
fn a_key_that_is_not_the_token_s_is_replaced_not_reset() {
    given(a_token().triggered_by("audit"))
        .and(a_fresh_look_at_the_token())
        .and(|given| given.remote().key_matches = None)
        .takes(&REPLACE);
}

#[test]
fn a_token_that_was_missed_once_is_looked_at_again_a_settle_time_later() {
    given(a_token().triggered_by("audit"))
        .and(the_token_was_missed(ago(seconds(10)), false))
        .takes(&[K::ProveSecretKey])
        .and_rests()
        .and(time_passes(seconds(50)))
        .takes(&[K::FetchToken]);
}

#[test]
fn the_operator_s_own_credential_is_replaced_never_reset() {
    given(a_token().triggered_by("audit"))
        .and(the_credential_is_token(0))
        .takes(&REPLACE);
}

#[test]
fn with_three_retiring_only_a_revoke_replaces() {
    let crowded = |desired| given(desired).and(retiring_tokens(3, ahead(hours(3))));
    for desired in [
        a_token().by_replacement().triggered_by("audit"),
        a_token().triggered_by("audit"),
    ] {
        let world = crowded(desired).and(a_fresh_look_at_the_token());
        let Step::Wait(WaitStep::Hold { until, problem }) = world.decides() else {
            panic!("{:?}", world.decides());
        };
        assert_eq!(problem.reason, Reason::RotationDelayed);
        assert_eq!(until, Some(ahead(hours(3))));
    }
    crowded(a_token().revoked_by("leak")).takes(&[
        K::DeleteToken,
        K::RecordRetirement,
        K::DeleteToken,
        K::RecordRetirement,
        K::DeleteToken,
        K::RecordRetirement,
        K::RecordIntent,
        K::CreateToken,
        K::ProveKey,
        K::PublishKey,
        K::RecordPublication,
        K::DeleteToken,
        K::RecordRetirement,
    ]);
}

#[test]
fn an_edit_does_not_rotate_by_itself() {
    given(a_token().rotating_every(hours(24)))
        .and(|given| given.observed.record.rotation.next = Some(ahead(hours(20))))
        .but_desired(a_token().rotating_every(hours(1)))
        .and_rests();
}

#[test]
fn a_time_that_has_come_is_not_taken_back_by_an_edit() {
    given(a_token().rotating_every(hours(24)))
        .and(a_due_time())
        .but_desired(
            a_token()
                .rotating_every(hours(24))
                .showing_the_previous_key(),
        )
        .takes(&[K::FetchToken, K::RecordIntent]);
}

#[test]
fn a_due_time_beyond_any_interval_comes_from_a_wrong_clock() {
    let end = given(a_token().rotating_every(hours(24)))
        .and(|given| {
            given.observed.record.rotation.last = Some(ahead(hours(9_000)));
            given.observed.record.rotation.next = Some(ahead(hours(9_024)));
        })
        .and_rests();
    let Step::Wait(WaitStep::Rest { until }) = end.decides() else {
        panic!("{:?}", end.decides());
    };
    assert!(until <= Some(ahead(hours(24))));
}

#[test]
fn a_token_with_an_end_of_its_own_is_replaced_a_grace_before_it() {
    let ends = |hours_left| {
        given(a_token().with_grace(hours(6)))
            .and(move |given| given.remote().expiry = Some(ahead(hours(hours_left))))
            .and(|given| given.remote().source = Source::Get)
    };
    ends(7).and_rests();
    let end = ends(6).takes(&[
        K::RecordIntent,
        K::CreateToken,
        K::ProveKey,
        K::PublishKey,
        K::RecordPublication,
    ]);
    assert_eq!(end.record().history[0].cause, Cause::Expiring);
}

#[test]
fn previous_keys_live_on_while_the_new_one_is_lost() {
    given(a_token())
        .and(retiring_tokens(1, ago(minutes(5))))
        .and(no_unasked_replacement_is_left())
        .and(the_secret_is_deleted())
        .and_holds(Reason::MassChange);
}

#[test]
fn a_reset_that_was_refused_twice_is_a_replacement_i4() {
    for (refused, probed) in [(1, true), (2, false), (7, false)] {
        let world = || {
            given(a_token().triggered_by("again"))
                .and(move |given| given.observed.resets_refused = refused)
        };
        let step = world().and(reset_is(Feature::Unknown)).decides();
        assert_eq!(step.kind() == K::ProbeReset, probed, "{refused}");
        let first = world().decides().kind();
        let expected = if probed {
            K::FetchToken
        } else {
            K::RecordIntent
        };
        assert_eq!(first, expected, "{refused}");
    }
}
