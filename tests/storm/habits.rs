//! The twenty objects, and what their users do to them.

use serde_json::{Value, json};

use crate::evidence::Millis;
use crate::film::Place;
use crate::stage::{ACCOUNTS, namespace};

/// Something that a user does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    Describe,
    Trigger,
    DescribeAndTrigger,
    Revoke,
    TriggerAndRevoke,
    ChangeRole,
    LoseSecret,
    Rest,
    Recreate,
    TriggerAndRecreate,
}

/// An object and its user.
#[derive(Debug, Clone, Copy)]
pub struct Habit {
    pub name: &'static str,
    strategy: &'static str,
    grace_seconds: i64,
    interval_seconds: Option<i64>,
    previous_key: bool,
    pub acts: &'static [Act],
}

use Act::{
    ChangeRole, Describe, DescribeAndTrigger, LoseSecret, Recreate, Rest, Revoke, Trigger,
    TriggerAndRecreate, TriggerAndRevoke,
};

const ROTATES: &[Act] = &[Trigger, Trigger, DescribeAndTrigger, Describe];
const CHANGES: &[Act] = &[Trigger, ChangeRole, DescribeAndTrigger, LoseSecret];
// A long grace: only revocations make old tokens go, so that each rotation is followed by one.
const REVOKES: &[Act] = &[Revoke, TriggerAndRevoke, Describe];
const DIES: &[Act] = &[Trigger, Recreate, TriggerAndRecreate, Describe];
const WAITS: &[Act] = &[Rest, Rest, Describe];

/// By reset: a minute of grace is the least that a reset is done with.
const fn reset(name: &'static str, acts: &'static [Act]) -> Habit {
    Habit {
        name,
        strategy: "Reset",
        grace_seconds: 60,
        interval_seconds: None,
        previous_key: true,
        acts,
    }
}

const fn replace(name: &'static str, acts: &'static [Act]) -> Habit {
    Habit {
        name,
        strategy: "Replace",
        grace_seconds: 6,
        interval_seconds: None,
        previous_key: false,
        acts,
    }
}

const fn with_long_grace(habit: Habit) -> Habit {
    Habit {
        grace_seconds: 3_600,
        ..habit
    }
}

/// A schedule that is due now and then, or one that never is.
const fn every(interval_seconds: i64, habit: Habit) -> Habit {
    Habit {
        interval_seconds: Some(interval_seconds),
        ..habit
    }
}

/// All of them.
pub static HABITS: [Habit; 20] = [
    reset("reset-a", ROTATES),
    reset("reset-b", ROTATES),
    reset("reset-c", ROTATES),
    reset("reset-d", ROTATES),
    every(3_600, reset("reset-e", ROTATES)),
    every(86_400, reset("reset-f", ROTATES)),
    replace("replace-a", ROTATES),
    replace("replace-b", ROTATES),
    every(3_600, replace("replace-c", ROTATES)),
    replace("change-a", CHANGES),
    replace("change-b", CHANGES),
    replace("change-c", CHANGES),
    with_long_grace(reset("revoke-a", REVOKES)),
    with_long_grace(reset("revoke-b", REVOKES)),
    with_long_grace(replace("revoke-c", REVOKES)),
    replace("die-a", DIES),
    replace("die-b", DIES),
    reset("die-c", DIES),
    every(60, replace("wait-a", WAITS)),
    every(60, replace("wait-b", WAITS)),
];

impl Habit {
    /// Namespace and name of the object; also those of its Secret.
    pub fn place(&self) -> Place {
        let index = HABITS.iter().position(|habit| habit.name == self.name);
        (
            namespace(index.unwrap_or_default() % ACCOUNTS),
            self.name.to_owned(),
        )
    }

    /// How long a previous key lives on.
    pub fn grace(&self) -> Millis {
        self.grace_seconds * 1_000
    }

    /// The time between scheduled rotations, if they come during the storm.
    pub fn rotates_every(&self) -> Option<Millis> {
        self.interval_seconds
            .filter(|seconds| *seconds < 3_600)
            .map(|seconds| seconds * 1_000)
    }

    /// The spec at creation.
    pub fn spec(&self) -> Value {
        let mut spec = json!({
            "role": "reader",
            "rotation": {"strategy": self.strategy, "gracePeriod": format!("{}s", self.grace_seconds)},
        });
        if let Some(seconds) = self.interval_seconds {
            spec["rotation"]["interval"] = json!(format!("{seconds}s"));
        }
        if self.previous_key {
            spec["secret"] = json!({"previousKey": "previous"});
        }
        spec
    }
}

/// How long a previous key of the object there lives on.
pub fn grace_at(place: &Place) -> Millis {
    let habit = HABITS.iter().find(|habit| habit.name == place.1);
    habit.map_or(0, Habit::grace)
}
