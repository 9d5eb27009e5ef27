//! Every reason in every shape that a status can have, for every kind.

use jiff::Timestamp;
use launchdarkly_token_operator::api::conditions::{remove_condition, set_condition};
use launchdarkly_token_operator::api::{AccessTokenStatus, AccountStatus};
use launchdarkly_token_operator::domain::conditions::{ConditionStatus, ConditionType};
use launchdarkly_token_operator::domain::reason::Reason;
use serde_json::{Value, json};

use crate::verdict::{KINDS, verdicts};

/// What `Ready` says and what stands beside it. `scenes.rs` proves that the operator writes no other.
#[derive(Clone, Copy, Debug)]
enum Shape {
    Works,
    Waits,
    Stuck,
    /// Suspended before there was a key that works.
    Idle,
}

const SHAPES: [Shape; 4] = [Shape::Works, Shape::Waits, Shape::Stuck, Shape::Idle];

impl Shape {
    fn conditions(self, reason: Reason) -> Vec<Value> {
        let mut conditions = Vec::new();
        let mut set = |kind, holds: bool| {
            let now = Timestamp::UNIX_EPOCH;
            let holds = ConditionStatus::from(holds);
            set_condition(
                &mut conditions,
                kind,
                holds,
                reason,
                "so it is",
                Some(2),
                now,
            );
        };
        // Whatever else is said must not change the verdict.
        set(ConditionType::OverlapActive, true);
        set(ConditionType::LeakyPolicy, true);
        set(ConditionType::MassChange, true);
        set(ConditionType::ClockSkew, true);
        set(ConditionType::TokenSynced, false);
        set(ConditionType::Reconciling, true);
        set(ConditionType::Ready, matches!(self, Self::Works));
        set(ConditionType::Stalled, true);
        set(ConditionType::SecretSynced, false);
        if !matches!(self, Self::Waits) {
            remove_condition(&mut conditions, ConditionType::Reconciling);
        }
        if !matches!(self, Self::Stuck) {
            remove_condition(&mut conditions, ConditionType::Stalled);
        }
        conditions
            .iter()
            .map(|condition| serde_json::to_value(condition).unwrap())
            .collect()
    }

    fn expected(self, kind: &str) -> (&'static str, &'static str) {
        match self {
            Self::Works => ("Current", "Healthy"),
            Self::Stuck => ("Failed", "Degraded"),
            Self::Idle if kind == "AccessToken" => ("InProgress", "Suspended"),
            Self::Idle | Self::Waits => ("InProgress", "Progressing"),
        }
    }
}

fn object(kind: &str, shape: Shape, reason: Reason) -> Value {
    let status = if kind == "AccessToken" {
        let status = AccessTokenStatus {
            observed_generation: Some(2),
            ..AccessTokenStatus::default()
        };
        serde_json::to_value(status).unwrap()
    } else {
        let status = AccountStatus {
            observed_generation: Some(2),
            ..AccountStatus::default()
        };
        serde_json::to_value(status).unwrap()
    };
    let mut object = json!({
        "apiVersion": "ldtokens.dev/v1alpha1", "kind": kind, "metadata": {"name": "web", "generation": 2},
        "spec": {"suspend": matches!(shape, Shape::Idle)}, "status": status,
    });
    object["status"]["conditions"] = json!(shape.conditions(reason));
    object
}

#[test]
fn every_reason_in_every_shape_reads_the_same_to_flux_and_argo_cd_for_every_kind() {
    let mut objects = Vec::new();
    let mut expected = Vec::new();
    for (kind, shape) in KINDS
        .into_iter()
        .flat_map(|kind| SHAPES.map(|shape| (kind, shape)))
    {
        for reason in Reason::all() {
            let settled = object(kind, shape, *reason);
            let mut edited = settled.clone();
            edited["metadata"]["generation"] = json!(3);
            let mut deleting = edited.clone();
            deleting["metadata"]["deletionTimestamp"] = json!("2026-10-01T09:00:00Z");
            objects.extend([settled, edited, deleting]);
            expected.extend([
                shape.expected(kind),
                ("InProgress", "Progressing"),
                ("Terminating", "Progressing"),
            ]);
        }
    }
    let verdicts = verdicts(&objects);
    for ((verdict, expected), object) in verdicts.iter().zip(&expected).zip(&objects) {
        assert_eq!(verdict.words(), *expected, "{object:#}");
        assert!(verdict.agrees(), "{object:#}");
    }
}

#[test]
fn what_the_operator_has_not_seen_yet_is_never_taken_for_finished() {
    let objects = KINDS.map(|kind| {
        json!({
            "apiVersion": "ldtokens.dev/v1alpha1", "kind": kind, "metadata": {"name": "web", "generation": 1}, "spec": {},
            "status": {"observedGeneration": -1},
        })
    });
    for verdict in verdicts(&objects) {
        assert_eq!(verdict.words(), ("InProgress", "Progressing"));
    }
}
