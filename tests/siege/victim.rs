//! The tenant that only uses the operator: how long it waits for what it asks for.

use std::fmt;
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::Secret;
use kube::api::{Api, Patch, PatchParams, PostParams};
use launchdarkly_token_operator::api::AccessToken;
use rig::wait;
use serde_json::{Value, json};

use crate::stage::{DRIFT_INTERVAL, Stage};

pub const NAMESPACE: &str = "victim";

/// How long anything may take before the test gives up.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often what is waited for is looked at.
const LOOK: Duration = Duration::from_millis(20);

const NAMES: [&str; 3] = ["revoked", "rotated", "drifting"];

/// How long things took.
#[derive(Debug, Default)]
pub struct Durations(Vec<Duration>);

impl Durations {
    /// All but one in a hundred took no longer.
    pub fn p99(&self) -> Duration {
        self.at(99)
    }

    fn at(&self, percent: usize) -> Duration {
        let mut sorted = self.0.clone();
        sorted.sort();
        let place = (sorted.len() * percent).div_ceil(100).max(1) - 1;
        sorted.get(place).copied().unwrap_or_default()
    }
}

impl fmt::Display for Durations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [median, p99, most] = [50, 99, 100].map(|percent| self.at(percent).as_millis());
        write!(f, "{} of {median}/{p99}/{most} ms", self.0.len())
    }
}

/// What the victim waited for: the death of a revoked key, a new key, the correction of a change made behind the operator's back.
#[derive(Debug, Default)]
pub struct Times {
    pub revoked: Durations,
    pub rotated: Durations,
    pub corrected: Durations,
}

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            revoked,
            rotated,
            corrected,
        } = self;
        write!(
            f,
            "revoked {revoked}, rotated {rotated}, corrected {corrected} (median/p99/most)"
        )
    }
}

/// Makes what the victim has.
pub fn settle(stage: &Stage) {
    let tokens = Api::<AccessToken>::namespaced(stage.client.clone(), NAMESPACE);
    for name in NAMES {
        let token = json!({
            "apiVersion": "ldtokens.dev/v1alpha1", "kind": "AccessToken", "metadata": {"name": name},
            "spec": {"role": "reader", "rotation": {"gracePeriod": "5s"}},
        });
        let token = serde_json::from_value(token).unwrap();
        let as_usual = PostParams::default();
        let made = tokens.create(&as_usual, &token);
        stage.runtime.block_on(made).unwrap();
    }
    for name in NAMES {
        let ready = stage
            .plane
            .await_ready("accesstoken", NAMESPACE, name, PATIENCE);
        ready.unwrap();
    }
}

/// Lives until then, by turns: a revocation, a rotation, a change behind the operator's back.
pub fn live(stage: &Stage, when: &str, until: Instant) -> Times {
    let mut times = Times::default();
    for turn in 0.. {
        if Instant::now() >= until {
            break;
        }
        let value = format!("{when}-{turn}");
        times.revoked.0.push(revoke(stage, &value));
        times.rotated.0.push(rotate(stage, &value));
        times.corrected.0.push(drift(stage, &value));
    }
    times
}

/// Until the old key is dead.
fn revoke(stage: &Stage, value: &str) -> Duration {
    let old = key(stage, "revoked");
    let api = stage.simulator.api();
    let begun = patch(stage, "revoked", &json!({"rotation": {"revoke": value}}));
    wait::until_true(PATIENCE, "the death of a revoked key", || {
        std::thread::park_timeout(LOOK);
        Ok(api.call_with_key(&old)? == 401)
    })
    .unwrap();
    begun.elapsed()
}

/// Until another key is there to be read.
fn rotate(stage: &Stage, value: &str) -> Duration {
    let old = key(stage, "rotated");
    let begun = patch(stage, "rotated", &json!({"rotation": {"trigger": value}}));
    wait::until_true(PATIENCE, "another key", || {
        std::thread::park_timeout(LOOK);
        Ok(key(stage, "rotated") != old)
    })
    .unwrap();
    begun.elapsed()
}

/// Until the token is as it was.
fn drift(stage: &Stage, value: &str) -> Duration {
    let token = stage.runtime.block_on(api(stage).get("drifting")).unwrap();
    let id = token.status.unwrap().token.unwrap().id;
    let name = || {
        let tokens = stage.simulator.tokens().unwrap();
        let token = tokens.into_iter().find(|token| token.id == id.as_str());
        token.unwrap().name
    };
    let was = name();
    let begun = Instant::now();
    let change = json!({"name": format!("drifted {value}")});
    stage.simulator.patch_token(id.as_str(), &change).unwrap();
    wait::until_true(PATIENCE.max(DRIFT_INTERVAL), "a correction", || {
        std::thread::park_timeout(LOOK);
        Ok(name() == was)
    })
    .unwrap();
    begun.elapsed()
}

fn api(stage: &Stage) -> Api<AccessToken> {
    Api::namespaced(stage.client.clone(), NAMESPACE)
}

fn patch(stage: &Stage, name: &str, spec: &Value) -> Instant {
    let patch = Patch::Merge(json!({"spec": spec}));
    let api = api(stage);
    let as_usual = PatchParams::default();
    let patched = api.patch(name, &as_usual, &patch);
    stage.runtime.block_on(patched).unwrap();
    Instant::now()
}

fn key(stage: &Stage, name: &str) -> String {
    let secrets = Api::<Secret>::namespaced(stage.client.clone(), NAMESPACE);
    let secret = stage.runtime.block_on(secrets.get(name)).unwrap();
    let key = secret.data.unwrap().remove("token").unwrap();
    String::from_utf8(key.0).unwrap()
}
