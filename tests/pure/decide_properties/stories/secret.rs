//! I2: the Secret holds the key, or it is replaced with grace.

use launchdarkly_token_operator::domain::account::budget::Hold;
use launchdarkly_token_operator::domain::cause::Cause;
use launchdarkly_token_operator::domain::observed::{Account, Remote, SecretKeyProof};
use launchdarkly_token_operator::domain::problem::Problem;
use launchdarkly_token_operator::domain::reason::Reason;
use launchdarkly_token_operator::domain::record::HistoryEntry;
use launchdarkly_token_operator::domain::secret::SecretState;
use launchdarkly_token_operator::domain::step::{Step, StepKind as K, WaitStep};

use crate::decide_properties::worlds::*;

const REPLACE: [K; 5] = [
    K::RecordIntent,
    K::CreateToken,
    K::ProveKey,
    K::PublishKey,
    K::RecordPublication,
];

#[test]
fn a_deleted_secret_is_replaced_with_grace() {
    let end = given(a_token().with_grace(hours(6)))
        .and(the_secret_is_deleted())
        .takes(&REPLACE);
    assert_eq!(end.record().history[0].cause, Cause::SecretDeleted);
    assert_eq!(end.record().retiring[0].retirement_time, NOW + hours(6));
}

#[test]
fn an_edited_secret_is_replaced_with_grace() {
    let end = given(a_token())
        .and(the_key_in_the_secret_is_edited())
        .takes(&REPLACE);
    assert_eq!(end.record().history[0].cause, Cause::SecretEdited);
}

#[test]
fn the_third_loss_within_an_hour_is_contested() {
    let loss = |minutes_ago| HistoryEntry {
        publication_time: ago(minutes(minutes_ago)),
        cause: Cause::SecretEdited,
        token_id: token(0),
        previous_key_expiration_time: None,
    };
    let after = |times: &'static [i64]| {
        given(a_token())
            .and(the_secret_is_deleted())
            .and(move |given| {
                let history = &mut given.observed.record.history;
                history.extend(times.iter().map(|t| loss(*t)));
            })
    };
    after(&[5]).takes(&REPLACE);
    after(&[5, 61]).takes(&REPLACE);
    after(&[5, 50])
        .and_holds(Reason::SecretContested)
        .and(time_passes(minutes(10) + seconds(1)))
        .takes(&REPLACE);
}

#[test]
fn many_losses_at_once_are_held_by_the_budget() {
    given(a_token())
        .and(the_secret_is_deleted())
        .and(no_unasked_replacement_is_left())
        .and_holds(Reason::MassChange);
}

#[test]
fn each_hold_says_what_it_is_for_and_what_ends_it_i12_i14() {
    for (hold, where_, when) in [
        (Hold::Account, "of this account", "an hour"),
        (Hold::Namespace, "in this namespace", "an hour"),
        (Hold::UsedUp, "in this namespace", "as that time passes"),
    ] {
        let step = given(a_token())
            .and(the_secret_is_deleted())
            .and(|given| given.account().held_by_budget = Some(hold))
            .decides();
        let Step::Wait(WaitStep::Hold { problem, .. }) = step else {
            panic!("{hold:?}: no hold");
        };
        assert_eq!(problem.reason, Reason::MassChange);
        for said in [where_, when, "ldtokens.dev/rotate"] {
            assert!(problem.message.contains(said), "{}", problem.message);
        }
    }
}

#[test]
fn a_request_for_a_new_key_passes_the_budget() {
    let end = given(a_token().triggered_by("all of them"))
        .and(the_secret_is_deleted())
        .and(no_unasked_replacement_is_left())
        .takes(&[
            K::FetchToken,
            K::RecordIntent,
            K::CreateToken,
            K::ProveKey,
            K::PublishKey,
            K::RecordPublication,
        ]);
    assert_eq!(end.record().history[0].cause, Cause::Trigger);
}

#[test]
fn what_was_begun_is_ended_whatever_the_budget_says() {
    given(a_token().rotating_every(hours(24)))
        .and(a_reset_without_an_answer())
        .and(no_unasked_replacement_is_left())
        .takes(&[K::FenceSecret, K::RecordIntent]);
}

#[test]
fn a_secret_restored_to_a_previous_key_is_replaced_not_believed() {
    given(a_token())
        .and(the_secret_is_restored_to(0, hours(9)))
        .and(the_key_in_the_secret_was_tried(SecretKeyProof::Accepted))
        .takes(&REPLACE);
}

#[test]
fn a_foreign_secret_in_the_place_of_ours_is_left_alone() {
    given(a_token())
        .and(the_secret_belongs_to("team-a/other"))
        .and_holds(Reason::SecretForeign);
}

#[test]
fn marks_that_were_edited_are_written_again() {
    let end = given(a_token())
        .and(|given| given.secret().marks.token_id = Some(token(66)))
        .takes(&[K::RenderSecret])
        .and_rests();
    let SecretState::Ours(secret) = &end.observed.secret else {
        panic!("{:?}", end.observed.secret);
    };
    assert_eq!(secret.marks.token_id, Some(token(0)));
}

#[test]
fn a_token_that_somebody_wrote_into_the_marks_replaces_nothing() {
    given(a_token())
        .and(|given| given.secret().marks.token_id = Some(token(66)))
        .and(|given| given.secret().marks.rotated_at = Some(ahead(hours(1))))
        .takes(&[K::RenderSecret])
        .and_rests();
}

#[test]
fn a_label_that_was_taken_away_comes_back() {
    given(a_token())
        .and(|given| given.secret().intact = false)
        .takes(&[K::RenderSecret])
        .and_rests();
}

#[test]
fn the_previous_key_leaves_the_secret_when_its_grace_is_over() {
    given(a_token().showing_the_previous_key())
        .and(a_previous_key_until(ahead(hours(1))))
        .and(|given| given.secret().previous = Some(key(9)))
        .and_rests()
        .and(time_passes(hours(1) + seconds(1)))
        .takes(&[K::RenderSecret])
        .and_rests();
}

#[test]
fn a_renamed_secret_moves_with_its_key_and_the_old_one_goes_after_the_grace() {
    let moved = given(a_token().with_grace(hours(6)))
        .but_desired(a_token().with_grace(hours(6)).in_secret("api"))
        .and(|given| {
            given.observed.former_secret =
                std::mem::replace(&mut given.observed.secret, SecretState::Absent);
        })
        .takes(&[K::MoveSecret, K::RecordSecret])
        .and_rests();
    assert_eq!(moved.record().secret.as_ref().unwrap().name, "api");
    moved
        .and(time_passes(hours(6) + seconds(1)))
        .takes(&[K::DeleteSecret, K::RecordSecret])
        .and_rests();
}

#[test]
fn a_renamed_secret_that_lost_its_key_is_replaced() {
    given(a_token())
        .but_desired(a_token().in_secret("api"))
        .and(the_secret_is_deleted())
        .takes(&REPLACE);
}

#[test]
fn a_token_that_is_gone_is_replaced_after_a_second_look() {
    given(a_token())
        .and(the_token_was_missed(ago(seconds(30)), false))
        .takes(&[K::ProveSecretKey])
        .and_rests()
        .and(time_passes(seconds(30)))
        .takes(&[K::FetchToken])
        .takes(&REPLACE);
}

#[test]
fn a_reset_by_somebody_else_is_believed_after_a_second_look() {
    let end = given(a_token())
        .and(the_token_was_reset_elsewhere(seconds(30)))
        .and_rests()
        .and(time_passes(seconds(30)))
        .takes(&[K::FetchToken])
        .takes(&REPLACE);
    assert_eq!(end.record().history[0].cause, Cause::ResetElsewhere);
}

#[test]
fn an_unproven_key_that_turns_out_refused_is_replaced() {
    let end = given(a_token())
        .and(|given| given.observed.record.secret.as_mut().unwrap().proven = false)
        .takes(&[K::ProveSecretKey])
        .and(the_key_in_the_secret_was_tried(SecretKeyProof::Rejected))
        .takes(&REPLACE);
    assert_eq!(end.record().history[0].cause, Cause::LostKey);
}

#[test]
fn a_fingerprint_of_another_version_is_recomputed_not_a_difference() {
    given(a_token())
        .and(|given| {
            given.secret().marks.fingerprint = Some("v0:00".into());
            given.observed.record.secret.as_mut().unwrap().fingerprint = "v0:00".into();
        })
        .takes(&[K::RecordSecret, K::RenderSecret])
        .and_rests();
}

#[test]
fn a_suspended_object_lets_its_secret_be() {
    given(a_token().suspended())
        .and(the_secret_is_deleted())
        .and_rests();
    given(a_token().suspended())
        .and(the_token_was_reset_elsewhere(hours(1)))
        .and_rests();
}

#[test]
fn a_right_that_may_have_been_applied_with_the_object_is_waited_for() {
    for waits in [true, false] {
        let world = given(a_token())
            .and(the_secret_cannot_be_read())
            .and(|given| match &mut given.observed.secret {
                SecretState::Unreadable(problem) => *problem = problem.clone().passing_if(waits),
                other => panic!("{other:?}"),
            });
        let Step::Wait(WaitStep::Hold { problem, .. }) = world.decides() else {
            panic!("{:?}", world.decides());
        };
        assert_eq!(problem.needs_user(), !waits);
    }
}

#[test]
fn a_secret_that_cannot_be_read_is_not_replaced() {
    let world = given(a_token()).and(the_secret_cannot_be_read());
    assert!(matches!(
        world.decides(),
        Step::Wait(WaitStep::Hold { problem, .. }) if problem.reason == Reason::SecretAccessDenied
    ));
}

#[test]
fn a_key_that_the_account_is_managed_with_is_written_again_whatever_the_account_says_i2() {
    let kept = |given: &mut Given| {
        let recorded = given.observed.record.secret.as_ref();
        given.observed.kept_key = recorded.map(|secret| secret.fingerprint.clone());
    };
    let unusable = |given: &mut Given| {
        let problem = Problem::user(Reason::AccountNotReady, "no credential");
        given.observed.account = Account::Unusable(problem);
    };
    let lost = || given(a_token()).and(the_secret_is_deleted());
    lost().and(kept).takes(&[K::RestoreSecret]);
    lost().and(kept).and(unusable).takes(&[K::RestoreSecret]);
    lost()
        .and(unusable)
        .and_holds(Reason::AccountNotReady)
        .and(|given| given.observed.kept_key = Some(key(7)))
        .and_holds(Reason::AccountNotReady);
    // What is there, or is another's, is left alone.
    given(a_token()).and(kept).and_rests();
    given(a_token())
        .and(kept)
        .and(unusable)
        .and(the_key_in_the_secret_is_edited())
        .and_holds(Reason::AccountNotReady);
    given(a_token())
        .and(kept)
        .and(|given| given.observed.secret = SecretState::Foreign { owner: None })
        .and_holds(Reason::SecretForeign);
}

#[test]
fn a_token_whose_key_works_is_only_not_visible_to_this_credential_i3() {
    let missed = || {
        given(a_token()).and(|given| {
            given.observed.remote = Remote::Absent {
                confirmed: true,
                first: ago(minutes(2)),
            };
        })
    };
    // That it was accepted at its publication says nothing of now.
    missed().takes(&[K::ProveSecretKey, K::RecordIntent]);
    let works = |asked: jiff::Timestamp| {
        missed().and(move |given| {
            given.observed.secret_key = SecretKeyProof::Accepted;
            given.observed.secret_key_asked_at = Some(asked);
            given.observed.listed_at = Some(ago(minutes(1)));
        })
    };
    works(ago(seconds(30))).and_holds(Reason::NotVisible);
    // A newer listing that does not show it has it asked again.
    assert_eq!(works(ago(seconds(90))).decides().kind(), K::ProveSecretKey);
}
