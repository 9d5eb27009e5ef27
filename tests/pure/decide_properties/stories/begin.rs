//! From nothing to a key.

use jiff::SignedDuration;
use launchdarkly_token_operator::domain::cause::Cause;
use launchdarkly_token_operator::domain::observed::Roles;
use launchdarkly_token_operator::domain::reason::Reason;
use launchdarkly_token_operator::domain::record::{MAX_ABANDONED, PendingOperation};
use launchdarkly_token_operator::domain::step::{Step, StepKind as K, WaitStep};

use crate::decide_properties::worlds::*;

#[test]
fn a_new_object_gets_a_token_and_rests() {
    let end = given(a_token().rotating_every(hours(24)))
        .and(a_new_object())
        .takes(&[
            K::AddFinalizer,
            K::RecordIntent,
            K::CreateToken,
            K::ProveKey,
            K::PublishKey,
            K::RecordPublication,
        ])
        .and_rests();
    assert_eq!(end.record().history.len(), 1);
    assert!(end.record().rotation.next > Some(NOW));
}

#[test]
fn requests_that_are_there_from_the_beginning_never_rotate() {
    let end = given(a_token().triggered_by("first").revoked_by("first"))
        .and(a_new_object())
        .takes(&[
            K::AddFinalizer,
            K::RecordIntent,
            K::CreateToken,
            K::ProveKey,
            K::PublishKey,
            K::RecordPublication,
        ])
        .and_rests();
    assert_eq!(end.record().rotation.handled.len(), 2);
}

#[test]
fn custom_roles_are_resolved_before_the_policy_is_asked() {
    given(a_token().with_custom_role("deploy"))
        .and(a_new_object())
        .and(|given| given.observed.roles = Roles::Unknown)
        .takes(&[K::AddFinalizer, K::ResolveRoles, K::RecordIntent]);
}

#[test]
fn a_role_that_is_missing_holds_everything_up() {
    given(a_token().with_custom_role("deploy"))
        .and(a_new_object())
        .and(|given| given.observed.roles = Roles::Missing("deploy".into()))
        .takes(&[K::AddFinalizer])
        .and_holds(Reason::RoleNotFound);
}

#[test]
fn nothing_is_created_above_the_policy() {
    given(a_token())
        .and(a_new_object())
        .and(the_policy_refuses())
        .takes(&[K::AddFinalizer])
        .and_holds(Reason::NotAllowedByPolicy);
}

#[test]
fn in_a_full_account_no_first_token_is_made_and_before_a_listing_none_either_i9() {
    given(a_token())
        .and(a_new_object())
        .and(the_account_is_full())
        .takes(&[K::AddFinalizer])
        .and_holds(Reason::NotAllowedByPolicy);
    given(a_token())
        .and(a_new_object())
        .and(nobody_has_listed_yet())
        .takes(&[K::AddFinalizer, K::ListTokens]);
}

#[test]
fn a_foreign_secret_is_left_alone_and_named() {
    given(a_token())
        .and(a_new_object())
        .and(the_secret_belongs_to("team-a/other"))
        .and_holds(Reason::SecretForeign);
}

#[test]
fn nothing_is_created_in_a_namespace_that_is_going() {
    given(a_token())
        .and(a_new_object())
        .and(|given| given.observed.namespace_terminating = true)
        .takes(&[K::AddFinalizer])
        .and_holds(Reason::NamespaceTerminating);
}

#[test]
fn eight_creates_without_an_answer_are_enough_until_a_listing_tells() {
    let mut world = given(a_token())
        .and(a_new_object())
        .takes(&[K::AddFinalizer])
        .and(|given| given.observed.listed_at = Some(ago(minutes(31))));
    for n in 1..=MAX_ABANDONED {
        world = world.and(an_abandoned_attempt(n));
    }
    world.clone().takes(&[K::ListTokens, K::RecordIntent]);
    let just_now = |given: &mut Given| {
        for abandoned in &mut given.observed.record.abandoned {
            abandoned.start_time = ago(seconds(30));
        }
    };
    world
        .and(just_now)
        .and_holds(Reason::RotationDelayed)
        .and(time_passes(minutes(2) + WITHIN_A_SECOND))
        .takes(&[K::ListTokens, K::RecordIntent]);
}

#[test]
fn of_eight_creates_the_one_whose_token_is_there_is_not_forgotten() {
    let mut world = given(a_token()).and(the_secret_is_deleted());
    for n in 1..=MAX_ABANDONED {
        world = world.and(an_abandoned_attempt(n));
    }
    let end = world
        .and(a_token_turns_up(9, 1, true))
        .takes(&[K::RecordRetirement, K::RecordIntent]);
    let left: Vec<_> = end
        .record()
        .abandoned
        .iter()
        .map(|a| a.attempt.clone())
        .collect();
    assert!(
        left.contains(&attempt(1)) && !left.contains(&attempt(2)),
        "{left:?}"
    );
}

#[test]
fn a_suspended_object_gets_nothing() {
    given(a_token().suspended()).and(a_new_object()).and_rests();
}

#[test]
fn a_suspended_object_whose_key_is_above_the_policy_says_so_and_keeps_it_i9() {
    let suspended = || given(a_token().suspended());
    suspended()
        .and(the_policy_refuses())
        .and_holds(Reason::NotAllowedByPolicy);
    suspended()
        .and(a_new_object())
        .and(the_policy_refuses())
        .and_rests();
    // Suspending is no way around the longest interval.
    let last = suspended().observed.record.rotation.last.unwrap();
    let age = NOW.duration_since(last);
    let longest = |by: SignedDuration| {
        move |given: &mut Given| given.account().max_rotation_interval = Some(age + by)
    };
    let young = suspended().and(longest(hours(1)));
    let Step::Wait(WaitStep::Rest { until }) = young.decides() else {
        panic!("{:?}", young.decides());
    };
    assert_eq!(until, Some(ahead(hours(1))));
    suspended()
        .and(longest(-hours(1)))
        .and_holds(Reason::NotAllowedByPolicy);
}

#[test]
fn a_role_that_is_gone_by_the_time_of_the_call_drops_the_intent() {
    given(a_token())
        .and(an_intent_to(PendingOperation::Create, Cause::SpecChanged))
        .and(the_call_was_refused())
        .and(|given| given.observed.roles = Roles::Missing("deploy".into()))
        .takes(&[K::ForgetIntent]);
}

#[test]
fn a_role_is_looked_up_again_before_a_token_is_made_with_it() {
    given(a_token().with_custom_role("deploy"))
        .and(a_new_object())
        .and(|given| given.observed.roles = Roles::Resolved(vec!["id-of-deploy".into()]))
        .and(|given| given.observed.roles_seen_at = Some(ago(minutes(9))))
        .takes(&[K::AddFinalizer, K::ResolveRoles, K::RecordIntent]);
}
