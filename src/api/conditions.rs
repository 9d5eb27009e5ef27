//! The one way to set conditions.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use crate::domain::reason::Reason;
use crate::domain::time::whole_second;

use crate::domain::conditions::{ConditionStatus, ConditionType, Conditions};

/// A condition's message has at most this many characters.
pub const MAX_MESSAGE: usize = 1024;

/// Sets the conditions of an `AccessToken`, and takes those away that are not among them.
pub fn write(
    list: &mut Vec<Condition>,
    conditions: &Conditions,
    generation: Option<i64>,
    now: Timestamp,
) {
    for condition in conditions.iter() {
        let (status, reason) = (condition.status, condition.reason);
        set_condition(
            list,
            condition.kind,
            status,
            reason,
            &condition.message,
            generation,
            now,
        );
    }
    for kind in ConditionType::all() {
        if conditions.get(*kind).is_none() {
            remove_condition(list, *kind);
        }
    }
}

/// Sets a condition. `lastTransitionTime` moves only when the status does; the message is bounded and on one line.
///
/// Returns whether anything but time changed, so that a caller can stay silent otherwise.
pub fn set_condition(
    conditions: &mut Vec<Condition>,
    type_: ConditionType,
    status: ConditionStatus,
    reason: Reason,
    message: &str,
    generation: Option<i64>,
    now: Timestamp,
) -> bool {
    let mut new = Condition {
        type_: type_.to_string(),
        status: status.to_string(),
        reason: reason.to_string(),
        message: bounded(message),
        observed_generation: generation,
        // Whole seconds, as the API server stores them: what is read back then equals what was written.
        last_transition_time: Time(whole_second(now)),
    };
    let Some(old) = conditions.iter_mut().find(|c| c.type_ == new.type_) else {
        conditions.push(new);
        return true;
    };
    if old.status == new.status {
        new.last_transition_time = old.last_transition_time.clone();
    }
    let changed = *old != new;
    *old = new;
    changed
}

/// Removes a condition. Returns whether there was one.
pub fn remove_condition(conditions: &mut Vec<Condition>, type_: ConditionType) -> bool {
    let before = conditions.len();
    let name: &str = type_.into();
    conditions.retain(|c| c.type_ != name);
    conditions.len() != before
}

/// The condition of a type, if present.
#[must_use]
pub fn find_condition(conditions: &[Condition], type_: ConditionType) -> Option<&Condition> {
    let name: &str = type_.into();
    conditions.iter().find(|c| c.type_ == name)
}

/// Control characters become blanks, and what is too long ends with an ellipsis (I7: nothing foreign is echoed unbounded).
fn bounded(message: &str) -> String {
    let clean = |c: char| if c.is_control() { ' ' } else { c };
    if message.chars().count() <= MAX_MESSAGE {
        return message.chars().map(clean).collect();
    }
    message
        .chars()
        .take(MAX_MESSAGE - 1)
        .map(clean)
        .chain(['…'])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(conditions: &mut Vec<Condition>, status: bool, message: &str, second: i64) -> bool {
        let now = Timestamp::from_second(second).unwrap();
        set_condition(
            conditions,
            ConditionType::Ready,
            status.into(),
            Reason::Available,
            message,
            Some(1),
            now,
        )
    }

    #[test]
    fn the_transition_time_moves_only_with_the_status() {
        let mut conditions = Vec::new();
        assert!(set(&mut conditions, true, "a", 1));
        assert!(set(&mut conditions, true, "b", 2));
        assert_eq!(conditions[0].last_transition_time.0.as_second(), 1);
        assert!(set(&mut conditions, false, "b", 3));
        assert_eq!(conditions[0].last_transition_time.0.as_second(), 3);
    }

    #[test]
    fn time_alone_is_no_change() {
        let mut conditions = Vec::new();
        set(&mut conditions, true, "a", 1);
        assert!(!set(&mut conditions, true, "a", 2));
    }

    #[test]
    fn a_long_or_broken_message_is_bounded_and_on_one_line() {
        let mut conditions = Vec::new();
        set(
            &mut conditions,
            true,
            &format!("a\nb{}", "ü".repeat(2000)),
            1,
        );
        let message = &conditions[0].message;
        assert_eq!(message.chars().count(), MAX_MESSAGE);
        assert!(message.starts_with("a b") && message.ends_with('…'));
    }

    #[test]
    fn a_removed_condition_is_not_found() {
        let mut conditions = Vec::new();
        set(&mut conditions, true, "a", 1);
        assert!(find_condition(&conditions, ConditionType::Ready).is_some());
        assert!(remove_condition(&mut conditions, ConditionType::Ready));
        assert!(!remove_condition(&mut conditions, ConditionType::Ready));
        assert!(find_condition(&conditions, ConditionType::Ready).is_none());
    }
}
