//! The judge: what must hold of the whole history of a namespace, whichever replica did it.
//!
//! - Of the tokens at LaunchDarkly that live, each is in the status of the one object that made it (I1).
//! - A key was changed as often as it was asked for, and no token was reset twice (I4, I5).
//! - No call of a consumer was refused (I2, I3).
//! - No replica wrote anything after its lease had ended, or after the other one had taken it; by the API server's own audit log.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use rig::{Consumer, install, object, wait};
use serde_json::Value;

use crate::stage::{LEASE_DURATION, SOON, Stage};

/// How often the key of an object changed after the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replaced {
    Never,
    Once,
}

impl Replaced {
    /// Entries in the history, the creation's included.
    fn changes(self) -> usize {
        match self {
            Self::Never => 1,
            Self::Once => 2,
        }
    }
}

/// Watches a namespace.
pub struct Judge {
    namespace: &'static str,
    consumer: Consumer,
    requests: u64,
    audit: u64,
}

impl Judge {
    /// Makes the namespace, with an account that is Ready, and watches it from now on.
    pub fn begin(stage: &Stage, namespace: &'static str) -> Self {
        stage.home(namespace);
        let last = stage.simulator.requests(0).unwrap();
        Self {
            namespace,
            consumer: Consumer::start(
                stage.plane.client(),
                namespace,
                &stage.simulator,
                Duration::from_millis(300),
            ),
            requests: last
                .last()
                .and_then(|last| last["seq"].as_u64())
                .unwrap_or(0),
            audit: stage.plane.audit_mark().unwrap(),
        }
    }

    /// Judges when everything rests: these are all objects of the namespace.
    pub fn end(self, stage: &Stage, objects: &[(&str, Replaced)]) {
        for (name, replaced) in objects {
            stage.changed(self.namespace, name, *replaced);
        }
        let calls = self.consumer.stop().unwrap();
        let refused: Vec<_> = calls.iter().filter(|call| call.refused()).collect();
        assert!(refused.is_empty(), "refused: {refused:#?}");
        assert!(!calls.is_empty(), "the consumer made no call");

        let requests = stage.simulator.requests(self.requests).unwrap();
        for (name, replaced) in objects {
            let object = stage
                .plane
                .get("accesstoken", self.namespace, name)
                .unwrap();
            let status = &object["status"];
            let called = format!("{}/{name}", self.namespace);
            assert_eq!(
                changes(status),
                replaced.changes(),
                "I4: {called}: {status:#}"
            );
            let tokens = stage.simulator.created_tokens().unwrap().into_iter();
            let living: BTreeSet<_> = tokens
                .filter(|token| token.name == called)
                .map(|token| token.id)
                .collect();
            let recorded: BTreeSet<_> = object::recorded_tokens(&object).into_iter().collect();
            assert_eq!(recorded, living, "I1: {called}: {status:#}");
            for id in living {
                let path = format!("/api/v2/tokens/{id}/reset");
                let resets = requests.iter().filter(|request| request["path"] == path);
                assert!(
                    resets.count() <= 1,
                    "I5: {called}: token {id} was reset twice"
                );
            }
        }
        let all = stage.plane.client().list("accesstokens", self.namespace);
        assert_eq!(all.unwrap().len(), objects.len());
        only_the_holder_wrote(&stage.plane.audit_events_since(self.audit).unwrap());
    }
}

impl Stage {
    /// Waits until the key of an object was changed so often. Ready it is all the while, by its previous key.
    pub fn changed(&self, namespace: &str, name: &str, replaced: Replaced) {
        wait::until_true(SOON, &format!("a change of {name}"), || {
            let status = self.plane.get("accesstoken", namespace, name)?["status"].take();
            Ok(status["pending"].is_null() && changes(&status) >= replaced.changes())
        })
        .unwrap();
    }
}

fn changes(status: &Value) -> usize {
    status["history"].as_array().map_or(0, Vec::len)
}

/// A write of the Lease that succeeded.
struct Renewal {
    /// When it was asked for and when it was done, as the API server saw it.
    asked: Timestamp,
    done: Timestamp,
    /// Whose credential asked. Each replica has its own.
    by: String,
    /// Whether the Lease was held afterwards, and not given back.
    held: bool,
    /// When the holder sent it.
    sent: Option<Timestamp>,
}

/// Each write that succeeded was made by the replica that held the Lease, and while it did.
fn only_the_holder_wrote(events: &[Value]) {
    let account = format!(
        "system:serviceaccount:{}:{}",
        install::NAMESPACE,
        install::SERVICE_ACCOUNT
    );
    let time =
        |event: &Value, field: &str| event[field].as_str().unwrap().parse::<Timestamp>().unwrap();
    let writes: Vec<_> = events
        .iter()
        .filter(|event| event["user"]["username"] == account.as_str())
        .filter(|event| {
            event["responseStatus"]["code"]
                .as_u64()
                .is_some_and(|code| code < 300)
        })
        .filter(|event| !["get", "list", "watch"].contains(&event["verb"].as_str().unwrap()))
        .collect();
    let by = |event: &Value| {
        event["user"]["extra"]["authentication.kubernetes.io/credential-id"][0].to_string()
    };
    let renewals: Vec<_> = writes
        .iter()
        .filter(|event| event["objectRef"]["resource"] == "leases")
        .map(|event| {
            let spec = &event["requestObject"]["spec"];
            Renewal {
                asked: time(event, "requestReceivedTimestamp"),
                done: time(event, "stageTimestamp"),
                by: by(event),
                held: spec["holderIdentity"].is_string(),
                sent: spec["renewTime"].as_str().map(|sent| sent.parse().unwrap()),
            }
        })
        .collect();
    let mut authors: BTreeMap<String, usize> = BTreeMap::new();
    for event in writes {
        if event["objectRef"]["resource"] == "leases" {
            continue;
        }
        let (at, by) = (time(event, "requestReceivedTimestamp"), by(event));
        let own = renewals
            .iter()
            .rfind(|renewal| renewal.by == by && renewal.asked <= at);
        // A term that began before the audit log was looked at.
        let Some(own) = own else {
            let others = renewals.iter().any(|renewal| renewal.done <= at);
            assert!(!others, "wrote without the Lease: {event:#}");
            continue;
        };
        let taken = renewals
            .iter()
            .any(|renewal| renewal.by != by && renewal.asked > own.asked && renewal.done <= at);
        assert!(own.held && !taken, "wrote after another one led: {event:#}");
        let until = own.sent.unwrap() + LEASE_DURATION;
        assert!(
            at <= until,
            "wrote after its lease had ended at {until}: {event:#}"
        );
        *authors.entry(by).or_default() += 1;
    }
    assert!(!authors.is_empty(), "nobody wrote");
}
