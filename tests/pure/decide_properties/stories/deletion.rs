//! I11: a deletion creates nothing, leaves nothing unsaid, and ends.

use launchdarkly_token_operator::domain::cause::Cause;
use launchdarkly_token_operator::domain::observed::{Feature, Proof, Remote};
use launchdarkly_token_operator::domain::problem::Problem;
use launchdarkly_token_operator::domain::reason::Reason;
use launchdarkly_token_operator::domain::record::PendingOperation;
use launchdarkly_token_operator::domain::step::{ObjectStep, Step, StepKind as K};

use crate::decide_properties::worlds::*;

#[test]
fn tokens_go_first_then_the_secret_then_the_object() {
    given(a_token())
        .and(retiring_tokens(1, ahead(hours(3))))
        .and(the_object_is_being_deleted())
        .takes(&[
            K::DeleteToken,
            K::DeleteToken,
            K::DeleteSecret,
            K::RemoveFinalizer,
        ]);
}

#[test]
fn what_is_retained_is_marked_and_stays() {
    given(a_token())
        .and(the_object_goes_and_leaves_its_token())
        .takes(&[K::MarkRetained, K::RemoveFinalizer]);
}

#[test]
fn a_key_in_hand_is_not_published_any_more() {
    given(a_token())
        .and(an_intent_to(PendingOperation::Create, Cause::TokenMissing))
        .and(its_key_in_hand(Proof::Accepted, seconds(1)))
        .and(the_object_is_being_deleted())
        .takes(&[
            K::DeleteToken,
            K::DeleteToken,
            K::DeleteSecret,
            K::RemoveFinalizer,
        ]);
}

#[test]
fn a_retained_token_is_kept_though_it_was_reset_a_moment_ago() {
    given(a_token())
        .and(an_intent_to(PendingOperation::Reset, Cause::Schedule))
        .and(its_key_in_hand(Proof::Accepted, seconds(1)))
        .and(the_object_goes_and_leaves_its_token())
        .takes(&[
            K::PublishKey,
            K::RecordPublication,
            K::MarkRetained,
            K::RemoveFinalizer,
        ]);
}

#[test]
fn a_kept_secret_whose_key_a_lost_reset_may_have_made_old_gets_another_one_i3() {
    given(a_token())
        .and(a_reset_without_an_answer())
        .and(the_object_goes_and_leaves_its_token())
        .takes(&[
            K::FenceSecret,
            K::RecordIntent,
            K::CreateToken,
            K::ProveKey,
            K::PublishKey,
            K::RecordPublication,
            K::LimitLife,
            K::MarkRetained,
            K::RemoveFinalizer,
        ]);
}

#[test]
fn a_kept_secret_is_not_saved_in_a_namespace_that_goes() {
    given(a_token())
        .and(a_reset_without_an_answer())
        .and(the_object_goes_and_leaves_its_token())
        .and(|given| given.observed.namespace_terminating = true)
        .takes(&[K::MarkRetained, K::RemoveFinalizer]);
}

#[test]
fn a_replaced_token_is_not_retained_it_gets_its_end_or_is_left_behind_by_name() {
    let goes = || {
        given(a_token())
            .and(retiring_tokens(1, ahead(hours(3))))
            .and(|given| given.observed.life_limited.clear())
            .and(the_object_goes_and_leaves_its_token())
    };
    goes().takes(&[K::MarkRetained, K::LimitLife, K::RemoveFinalizer]);
    let end = goes()
        .and(|given| given.account().expiry = Feature::Unavailable)
        .takes(&[K::MarkRetained]);
    let Step::Object(ObjectStep::RemoveFinalizer { left_behind }) = end.decides() else {
        panic!("{:?}", end.decides());
    };
    assert_eq!(left_behind, [token(20)]);
}

#[test]
fn a_retained_secret_keeps_the_token_whose_key_it_was_just_given() {
    let end = given(a_token())
        .and(an_intent_to(PendingOperation::Create, Cause::SpecChanged))
        .and(its_key_in_hand(Proof::Accepted, seconds(1)))
        .and(it_was_published())
        .and(the_object_goes_and_leaves_its_token());
    let end = end.takes(&[K::RecordPublication, K::LimitLife, K::MarkRetained]);
    end.takes(&[K::RemoveFinalizer]);
}

#[test]
fn a_revoked_key_is_not_retained_whatever_was_published_and_recorded_i4_i9() {
    let goes = |world: Given| world.and(the_object_goes_and_leaves_its_token());
    let published = given(a_token().revoked_by("leak"))
        .and(an_intent_to(PendingOperation::Create, Cause::Revoke))
        .and(|given| given.observed.record.pending.as_mut().unwrap().handles = vec![revoke("leak")])
        .and(its_key_in_hand(Proof::Accepted, seconds(1)))
        .and(it_was_published());
    goes(published).takes(&[
        K::RecordPublication,
        K::DeleteToken,
        K::MarkRetained,
        K::RemoveFinalizer,
    ]);
    // Nor when nothing could take its place yet.
    let unanswered = given(a_token())
        .and(a_create_without_an_answer(Cause::Revoke))
        .and(the_intent_was_written(minutes(3)));
    let unheard = given(a_token().revoked_by("leak"));
    for world in [unanswered, unheard] {
        let end = goes(world).and(|given| given.observed.listed_at = Some(NOW));
        end.takes(&[K::DeleteToken, K::RemoveFinalizer]);
    }
}

#[test]
fn a_replaced_token_whose_end_was_refused_is_left_behind_by_name_i1() {
    let end = given(a_token())
        .and(retiring_tokens(1, ahead(hours(3))))
        .and(|given| given.observed.end_refused.extend([token(20)]))
        .and(the_object_goes_and_leaves_its_token())
        .takes(&[K::MarkRetained]);
    let Step::Object(ObjectStep::RemoveFinalizer { left_behind }) = end.decides() else {
        panic!("{:?}", end.decides());
    };
    assert_eq!(left_behind, [token(20)]);
}

#[test]
fn a_create_without_an_answer_is_looked_for_when_it_can_show() {
    given(a_token())
        .and(a_create_without_an_answer(Cause::TokenMissing))
        .and(the_intent_was_written(seconds(100)))
        .and(the_object_is_being_deleted())
        .and(|given| given.observed.deletion.as_mut().unwrap().requested_at = ago(seconds(90)))
        .and_rests()
        .and(time_passes(seconds(20) + WITHIN_A_SECOND))
        .takes(&[
            K::ListTokens,
            K::DeleteToken,
            K::DeleteSecret,
            K::RemoveFinalizer,
        ]);
}

#[test]
fn a_listing_from_before_the_call_could_show_proves_nothing() {
    let world = given(a_token())
        .and(a_create_without_an_answer(Cause::TokenMissing))
        .and(the_object_is_being_deleted())
        .and(|given| {
            given.observed.deletion.as_mut().unwrap().requested_at = ago(minutes(3));
            given.observed.listed_at = Some(ago(seconds(70)));
        });
    assert_eq!(world.decides().kind(), K::ListTokens);
}

#[test]
fn an_account_that_is_gone_is_not_waited_for_longer_than_said() {
    let world = |transient, age| {
        given(a_token())
            .and(the_object_is_being_deleted())
            .and(the_account_is_unusable(transient))
            .and(move |given| {
                let deletion = given.observed.deletion.as_mut().unwrap();
                deletion.requested_at = ago(age);
                deletion.tried_since = ago(age);
            })
    };
    world(false, minutes(9)).and_holds(Reason::AccountNotReady);
    world(true, hours(23)).and_holds(Reason::AccountNotReady);
    for gone in [world(false, minutes(10)), world(true, hours(24))] {
        let end = gone.takes(&[K::DeleteSecret]);
        let Step::Object(ObjectStep::RemoveFinalizer { left_behind }) = end.decides() else {
            panic!("{:?}", end.decides());
        };
        assert_eq!(left_behind, [token(0)]);
    }
}

#[test]
fn a_deletion_without_cleaning_ends_at_once() {
    let world = given(a_token())
        .and(the_object_is_being_deleted())
        .and(the_account_is_unusable(false))
        .and(|given| given.observed.deletion.as_mut().unwrap().skip_cleanup = true);
    let Step::Object(ObjectStep::RemoveFinalizer { left_behind }) = world.decides() else {
        panic!("{:?}", world.decides());
    };
    assert_eq!(left_behind, [token(0)]);
}

#[test]
fn the_operator_s_own_credential_outlives_its_object() {
    given(a_token())
        .and(the_credential_is_token(0))
        .and(the_object_is_being_deleted())
        .and_holds(Reason::InUse)
        .and(time_passes(minutes(10)))
        .takes(&[K::DeleteSecret, K::RemoveFinalizer]);
}

#[test]
fn an_intent_from_the_future_does_not_hold_a_deletion_up() {
    given(a_token())
        .and(a_create_without_an_answer(Cause::TokenMissing))
        .and(|given| given.observed.record.pending.as_mut().unwrap().start_time = ahead(hours(9)))
        .and(the_object_is_being_deleted())
        .and_rests()
        .and(time_passes(minutes(2)))
        .takes(&[
            K::ListTokens,
            K::DeleteToken,
            K::DeleteSecret,
            K::RemoveFinalizer,
        ]);
}

#[test]
fn what_is_not_ours_to_finish_is_left_alone() {
    given(a_token())
        .and(the_object_is_being_deleted())
        .and(|given| given.observed.finalizer = false)
        .and_rests();
}

#[test]
fn an_invalid_spec_still_says_that_the_token_is_to_be_left() {
    given(a_token())
        .and(the_object_goes_and_leaves_its_token())
        .and(|given| given.desired = Err(Problem::user(Reason::InvalidSpec, "no role")))
        .takes(&[K::MarkRetained, K::RemoveFinalizer]);
}

#[test]
fn a_deletion_that_waited_for_the_operator_is_tried_for_a_while() {
    given(a_token())
        .and(the_object_is_being_deleted())
        .and(the_account_is_unusable(true))
        .and(|given| given.observed.deletion.as_mut().unwrap().requested_at = ago(hours(30)))
        .and_holds(Reason::AccountNotReady)
        .and(time_passes(minutes(10)))
        .takes(&[K::DeleteSecret]);
}

#[test]
fn a_revoked_key_is_not_retained() {
    given(a_token())
        .and(retiring_tokens(1, ahead(hours(3))))
        .and(|given| given.observed.record.retiring[0].cause = Cause::Revoke)
        .and(the_object_goes_and_leaves_its_token())
        .takes(&[K::MarkRetained, K::DeleteToken]);
}

#[test]
fn the_token_of_a_lost_status_is_deleted_with_its_secret() {
    given(a_token())
        .and(a_lost_status())
        .and(the_object_is_being_deleted())
        .and(|given| given.observed.remote = Remote::Unknown)
        .takes(&[K::FetchToken, K::DeleteToken, K::DeleteSecret]);
}

#[test]
fn the_credential_does_not_keep_the_others_from_being_deleted() {
    given(a_token())
        .and(retiring_tokens(1, ahead(hours(3))))
        .and(the_credential_is_token(0))
        .and(the_object_is_being_deleted())
        .takes(&[K::DeleteToken])
        .and_holds(Reason::InUse);
}
