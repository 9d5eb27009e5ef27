//! What users are told never claims what is not so (I12), on generated worlds.

use launchdarkly_token_operator::domain::conditions::{
    ConditionState, ConditionStatus, ConditionType, Conditions, conditions,
};
use launchdarkly_token_operator::domain::decide::record_at_rest;
use launchdarkly_token_operator::domain::observed::RevokedKey;
use launchdarkly_token_operator::domain::reason::Reason;
use launchdarkly_token_operator::domain::record::{FormerSecret, Record};
use launchdarkly_token_operator::domain::secret::SecretState;
use launchdarkly_token_operator::domain::settings::{Effect, Grant};
use launchdarkly_token_operator::domain::step::{RecordStep, Step, WaitStep};
use proptest::prelude::*;

use crate::decide_properties::properties::on_many_worlds;
use crate::decide_properties::worlds::{Given, a_token, ahead, given, hours};

/// What is written with the step that is chosen, or while nothing is done.
struct Told {
    step: Step,
    record: Record,
    conditions: Conditions,
}

impl Told {
    fn of(world: &Given) -> Self {
        let (desired, observed) = (&world.desired, &world.observed);
        let step = world.decides();
        let record = match step.record() {
            Some(record) => record.clone(),
            None => record_at_rest(desired, observed),
        };
        let conditions = conditions(desired, observed, &record, &step);
        Self {
            step,
            record,
            conditions,
        }
    }

    fn holds(&self, kind: ConditionType) -> Option<&ConditionState> {
        let condition = self.conditions.get(kind)?;
        (condition.status == ConditionStatus::True).then_some(condition)
    }

    fn suspended(world: &Given) -> bool {
        world.desired.as_ref().is_ok_and(|desired| desired.suspend)
    }
}

#[test]
fn i12_ready_is_only_said_of_a_key_that_is_recorded_in_place_and_proven_or_called_unproven() {
    let mut ready_worlds = 0;
    on_many_worlds(8_000, |world| {
        let told = Told::of(world);
        let Some(ready) = told.holds(ConditionType::Ready) else {
            return Ok(());
        };
        ready_worlds += 1;
        let observed = &world.observed;
        prop_assert!(observed.deletion.is_none(), "ready while it is deleted");
        let lives_on = |key: &RevokedKey| key.accepted_at.is_some();
        let revoked = observed.revoked_keys.iter().any(lives_on);
        prop_assert!(!revoked, "ready though a revoked key is accepted");
        let (Some(token), Some(secret)) = (&told.record.token, &told.record.secret) else {
            return Err(TestCaseError::fail("ready without a token and a Secret"));
        };
        prop_assert!(token.differs.is_empty(), "ready though not all was applied");
        let publishes = matches!(
            told.step,
            Step::Record(RecordStep::RecordPublication(_) | RecordStep::RecordTakeOver(_))
        );
        let in_place = match &observed.secret {
            // What an earlier build's hash says cannot be told from what this one's does.
            SecretState::Ours(held) => {
                held.key.is_some() && !secret.fingerprint.differs(held.key.as_ref())
            }
            SecretState::Absent | SecretState::Foreign { .. } | SecretState::Unreadable(_) => false,
        };
        prop_assert!(
            in_place || publishes,
            "ready though the key is not in place"
        );
        prop_assert!(
            secret.proven || ready.reason == Reason::Unproven,
            "{} of a key that is not proven",
            ready.reason
        );
        Ok(())
    });
    assert!(ready_worlds > 500, "only {ready_worlds} worlds are ready");
}

#[test]
fn i12_exactly_one_of_ready_reconciling_and_stalled_tells_the_story() {
    on_many_worlds(8_000, |world| {
        let told = Told::of(world);
        let summary = [
            ConditionType::Ready,
            ConditionType::Reconciling,
            ConditionType::Stalled,
        ];
        let told_by: Vec<_> = summary
            .into_iter()
            .filter(|kind| told.holds(*kind).is_some())
            .collect();
        let ready = told.conditions.get(ConditionType::Ready);
        let suspended =
            ready.is_some_and(|ready| ready.reason == Reason::Suspended) && Told::suspended(world);
        // An object that waits for its user to end a suspension is neither at work nor stuck.
        prop_assert!(
            told_by.len() == 1 || (suspended && told_by.is_empty()),
            "{told_by:?}"
        );
        for kind in &told_by {
            let same = told.conditions.get(*kind).map(|condition| condition.reason);
            prop_assert_eq!(same, ready.map(|ready| ready.reason));
        }
        Ok(())
    });
}

#[test]
fn i12_an_inline_role_that_denies_nothing_is_said_not_to_confine_the_token() {
    let mut leaky_worlds = 0;
    on_many_worlds(8_000, |world| {
        let told = Told::of(world);
        let leaks = world.observed.deletion.is_none()
            && world
                .desired
                .as_ref()
                .is_ok_and(|desired| match &desired.settings.grant {
                    Grant::Inline(statements) => {
                        statements.iter().all(|one| one.effect == Effect::Allow)
                    }
                    Grant::Role(_) | Grant::CustomRoles(_) => false,
                });
        let said = told.holds(ConditionType::LeakyPolicy);
        prop_assert_eq!(said.is_some(), leaks);
        leaky_worlds += usize::from(leaks);
        Ok(())
    });
    assert!(leaky_worlds > 100, "only {leaky_worlds} worlds leak");
}

#[test]
fn i12_every_hold_reaches_a_condition() {
    on_many_worlds(8_000, |world| {
        let told = Told::of(world);
        let Step::Wait(WaitStep::Hold { problem, .. }) = &told.step else {
            return Ok(());
        };
        let said = |condition: &ConditionState| condition.message.contains(&problem.message);
        prop_assert!(told.conditions.iter().any(said), "{problem:?}");
        Ok(())
    });
}

#[test]
fn i12_a_second_new_name_waits_for_the_first_one_and_is_not_called_a_loss() {
    let world = given(a_token().in_secret("api"));
    let world = world
        .but_desired(a_token().in_secret("third"))
        .and(|given| {
            given.observed.record.former_secret = Some(FormerSecret {
                name: "web".into(),
                deletion_time: ahead(hours(1)),
            });
        });
    let told = Told::of(&world);
    assert!(matches!(told.step, Step::Wait(_)), "{:?}", told.step);
    let ready = told.conditions.get(ConditionType::Ready).unwrap();
    assert_eq!(ready.reason, Reason::Updating);
}
