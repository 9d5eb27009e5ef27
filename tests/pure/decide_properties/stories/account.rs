//! I9, I10 and I14: the right account, within its policy, at a bearable pace.

use launchdarkly_token_operator::domain::problem::Problem;
use launchdarkly_token_operator::domain::reason::Reason;
use launchdarkly_token_operator::domain::step::StepKind as K;

use crate::decide_properties::worlds::*;

#[test]
fn an_account_that_cannot_be_used_is_waited_for() {
    given(a_token().triggered_by("audit"))
        .and(the_account_is_unusable(true))
        .and_holds(Reason::AccountNotReady);
}

#[test]
fn another_account_behind_the_credential_stops_everything() {
    given(a_token().triggered_by("audit"))
        .and(retiring_tokens(1, ago(hours(1))))
        .and(the_credential_is_of_another_account())
        .and_holds(Reason::AccountMismatch);
}

#[test]
fn a_token_that_the_policy_no_longer_allows_is_kept_but_never_silently() {
    given(a_token())
        .and(the_policy_refuses())
        .and_holds(Reason::NotAllowedByPolicy);
}

#[test]
fn a_policy_never_blocks_retirement() {
    given(a_token())
        .and(the_policy_refuses())
        .and(retiring_tokens(1, ago(seconds(5))))
        .takes(&[K::DeleteToken, K::RecordRetirement]);
}

#[test]
fn a_wrong_spec_leaves_what_works_alone_and_lets_tokens_retire() {
    given(a_token())
        .and(retiring_tokens(1, ago(seconds(5))))
        .and(|given| given.desired = Err(Problem::user(Reason::InvalidSpec, "no role")))
        .takes(&[K::DeleteToken, K::RecordRetirement])
        .and_holds(Reason::InvalidSpec);
}

#[test]
fn a_step_that_failed_is_tried_again_after_its_wait() {
    given(a_token().triggered_by("audit"))
        .and(a_failed(K::FetchToken, false))
        .and_holds(Reason::LaunchDarklyUnavailable)
        .and(time_passes(seconds(30)))
        .takes(&[K::FetchToken]);
}

#[test]
fn an_edit_ends_the_wait_of_a_failed_step() {
    given(a_token().triggered_by("audit"))
        .and(a_failed(K::FetchToken, true))
        .but_desired(a_token().triggered_by("again"))
        .takes(&[K::FetchToken]);
}
