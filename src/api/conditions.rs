//! Conditions: their types, and the one way to set them.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use strum::{EnumMessage as _, VariantArray as _};

use crate::domain::reason::Reason;
use crate::domain::time::whole_second;

/// A condition's message has at most this many characters.
pub const MAX_MESSAGE: usize = 1024;

/// The types of conditions. `Reconciling` and `Stalled` are only present while true, and never both.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    strum::IntoStaticStr,
    strum::Display,
    strum::EnumMessage,
    strum::VariantArray,
)]
pub enum ConditionType {
    /// The summary. AccessToken: the Secret holds a key that works. Account: the credential works.
    Ready,
    /// The current generation is not yet in force, and the operator is at it.
    Reconciling,
    /// Nothing will change until somebody changes something.
    Stalled,
    /// The remote token is as asked for.
    TokenSynced,
    /// The Secret is as asked for.
    SecretSynced,
    /// A previous key still works besides the current one.
    OverlapActive,
    /// Account: many keys were lost at once, and none is replaced.
    MassChange,
    /// Account: the operator's clock and LaunchDarkly's differ.
    ClockSkew,
}

impl ConditionType {
    /// All types, in the order of the documentation.
    #[must_use]
    pub fn all() -> &'static [Self] {
        Self::VARIANTS
    }

    /// What it says when it is true.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        self.get_documentation().unwrap_or_default()
    }
}

/// Whether a condition holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr, strum::Display)]
pub enum ConditionStatus {
    /// It holds.
    True,
    /// It does not.
    False,
    /// Nobody knows.
    Unknown,
}

impl From<bool> for ConditionStatus {
    fn from(holds: bool) -> Self {
        if holds { Self::True } else { Self::False }
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
