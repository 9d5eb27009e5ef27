//! The parts that `Ready` sums up: the token, the Secret, and keys that overlap.

use super::{ConditionStatus, ConditionType, Conditions, Ending, Situation};
use crate::domain::observed::{Account, Observed};
use crate::domain::reason::Reason;
use crate::domain::record::Record;
use crate::domain::time::whole_second_up;

impl Situation<'_> {
    pub(super) fn token(&self, conditions: &mut Conditions, observed: &Observed) {
        let Some(token) = &self.record.token else {
            conditions.set(
                ConditionType::TokenSynced,
                ConditionStatus::False,
                self.activity.unwrap_or(Reason::Creating),
                "there is no token yet",
            );
            return;
        };
        if let Account::Unusable(problem) = &observed.account {
            conditions.set(
                ConditionType::TokenSynced,
                ConditionStatus::Unknown,
                problem.reason,
                &problem.message,
            );
        } else if !token.differs.is_empty() {
            let message = format!(
                "LaunchDarkly accepted but did not apply {}",
                token.differs.join(", ")
            );
            conditions.set(
                ConditionType::TokenSynced,
                ConditionStatus::False,
                Reason::NotApplied,
                &message,
            );
        } else if let Some(problem) = &self.obstacle {
            conditions.set(
                ConditionType::TokenSynced,
                ConditionStatus::False,
                problem.reason,
                &problem.message,
            );
        } else if !self.drift.is_empty() {
            let message = format!("changed at LaunchDarkly: {}", self.drift.join(", "));
            conditions.set(
                ConditionType::TokenSynced,
                ConditionStatus::False,
                Reason::Drifted,
                &message,
            );
        } else if self.in_force {
            conditions.set(
                ConditionType::TokenSynced,
                ConditionStatus::True,
                Reason::Synced,
                "the token is as asked for",
            );
        } else {
            let reason = self.activity.unwrap_or(Reason::Updating);
            conditions.set(
                ConditionType::TokenSynced,
                ConditionStatus::False,
                reason,
                "the current generation is not in force yet",
            );
        }
    }

    pub(super) fn secret(&self, conditions: &mut Conditions) {
        if self.key_in_place {
            conditions.set(
                ConditionType::SecretSynced,
                ConditionStatus::True,
                Reason::Synced,
                "the Secret holds the token's key",
            );
            return;
        }
        let (reason, message) = match &self.obstacle {
            Some(problem) => (problem.reason, problem.message.as_str()),
            None => (
                self.activity.unwrap_or(Reason::Recovering),
                "the Secret does not hold the token's key",
            ),
        };
        conditions.set(
            ConditionType::SecretSynced,
            ConditionStatus::False,
            reason,
            message,
        );
    }
}

/// Said of the spec, whatever its token came to: it is the spec that has to change.
pub(super) fn leaky_policy(conditions: &mut Conditions, situation: &Situation<'_>) {
    let desired = situation.desired.as_ref().ok();
    let leaks = desired.is_some_and(|desired| desired.settings.grant.leaks());
    conditions.mark(
        ConditionType::LeakyPolicy,
        leaks && situation.ending != Ending::Object,
        Reason::LeakyPolicy,
        "spec.inlineRole has no statement that denies: its token may still list all projects of the account and read their SDK keys; add \
         one such as {effect: deny, notResources: [proj/web], actions: [viewProject]}",
    );
}

pub(super) fn overlap(conditions: &mut Conditions, record: &Record) {
    let ends = record
        .retiring
        .iter()
        .map(|r| r.retirement_time)
        .chain(record.rotation.previous_key_expiration_time)
        .max();
    let message = ends.map_or_else(String::new, |end| {
        let end = whole_second_up(end);
        format!("a previous key works until {end}")
    });
    conditions.mark(
        ConditionType::OverlapActive,
        ends.is_some(),
        Reason::PreviousKeyValid,
        &message,
    );
}
