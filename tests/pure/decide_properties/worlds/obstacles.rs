//! What an account, and what failed before, puts in the way.

use launchdarkly_token_operator::domain::account::budget::Hold;
use launchdarkly_token_operator::domain::observed::{Account, Admission, Feature, OwnToken, Retry};
use launchdarkly_token_operator::domain::problem::Problem;
use launchdarkly_token_operator::domain::reason::Reason;
use launchdarkly_token_operator::domain::step::StepKind;

use super::given::Given;
use super::names::{NOW, seconds, token};

pub fn the_account_is_unusable(transient: bool) -> impl FnOnce(&mut Given) {
    move |given| {
        given.observed.account = Account::Unusable(
            Problem::user(Reason::AccountNotReady, "no credential").passing_if(transient),
        );
    }
}

pub fn the_credential_is_of_another_account() -> impl FnOnce(&mut Given) {
    |given| given.account().id = "other".into()
}

pub fn the_credential_is_token(n: usize) -> impl FnOnce(&mut Given) {
    move |given| given.account().credential = OwnToken::Named(token(n))
}

pub fn the_policy_refuses() -> impl FnOnce(&mut Given) {
    |given| {
        given.account().admission = Admission::Refused(Problem::user(
            Reason::NotAllowedByPolicy,
            "role admin is not allowed",
        ));
    }
}

pub fn the_account_is_full() -> impl FnOnce(&mut Given) {
    |given| {
        let full = Problem::user(Reason::NotAllowedByPolicy, "no token is free");
        given.account().admission = Admission::NoRoom(full);
    }
}

pub fn nobody_has_listed_yet() -> impl FnOnce(&mut Given) {
    |given| given.account().admission = Admission::NeedsListing
}

pub fn reset_is(feature: Feature) -> impl FnOnce(&mut Given) {
    move |given| given.account().reset = feature
}

pub fn no_unasked_replacement_is_left() -> impl FnOnce(&mut Given) {
    |given| given.account().held_by_budget = Some(Hold::Namespace)
}

pub fn a_failed(step: StepKind, terminal: bool) -> impl FnOnce(&mut Given) {
    move |given| {
        given.observed.retries.push(Retry {
            step,
            problem: Problem::user(Reason::LaunchDarklyUnavailable, "503").passing_if(!terminal),
            until: NOW + seconds(30),
            generation: given.observed.generation,
            times: 1,
        });
    }
}

/// Every deletion that was tried failed, of all retiring tokens.
pub fn no_retiring_token_can_be_deleted(terminal: bool) -> impl FnOnce(&mut Given) {
    move |given| {
        let retiring = given.observed.record.retiring.iter();
        given.observed.delete_failed = retiring.map(|it| it.token_id.clone()).collect();
        let others = |retry: &Retry| retry.step != StepKind::DeleteToken;
        given.observed.retries.retain(others);
        a_failed(StepKind::DeleteToken, terminal)(given);
    }
}
