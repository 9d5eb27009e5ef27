//! Two clusters that were restored from one backup, each with its operator, on one LaunchDarkly account: what each object has in use is
//! its own before long, and until then nothing is cut off.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::twin::{Twin, outages};
use crate::world::World;

/// More than a drift interval and three settle times.
const GRACE: &str = "10m";

/// How much time passes at once.
const STEP: Duration = Duration::from_secs(50);

/// What two clusters go through.
struct Story {
    spec: Value,
    switches: Value,
    /// Done to the first cluster alone once both live.
    first: fn(&World),
    /// Done to the second one.
    second: fn(&World),
    hours: u64,
    /// How many tokens there may be in all, the operator's own included.
    tokens: usize,
}

/// Both clusters as they are at the end.
async fn live(story: &Story) -> [Twin; 2] {
    let world = World::new().await;
    world.simulator().set_switches(&story.switches).unwrap();
    world.apply(story.spec.clone());
    let mut first = Twin::start(Arc::into_inner(world).unwrap());
    first.world.settle(&mut first.process).await;
    let second = Twin::start(first.world.fork());
    let mut twins = [first, second];
    (story.first)(&twins[0].world);
    (story.second)(&twins[1].world);
    let mut dead = BTreeMap::new();
    for _ in 0..story.hours * 3600 / STEP.as_secs() {
        for (number, twin) in twins.iter_mut().enumerate() {
            twin.live().await;
            if !twin.works() {
                *dead.entry(number).or_insert(0) += 1;
            }
        }
        twins[0].world.advance(STEP);
    }
    assert!(dead.is_empty(), "I3: looks that found a dead key: {dead:?}");
    twins
}

async fn all_is_well(story: Story) {
    let twins = live(&story).await;
    let mut complaints = Vec::new();
    for twin in &twins {
        complaints.extend(outages(&twin.world));
        complaints.extend(twin.world.warden.complaints.lock().unwrap().clone());
        complaints.extend(
            (!twin.ready().starts_with("True"))
                .then(|| format!("{}: {:?}", twin.ready(), twin.world.object())),
        );
    }
    let tokens = twins[0].world.simulator().tokens_ever().len();
    if tokens > story.tokens {
        complaints.push(format!("{tokens} tokens were made"));
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

fn spec(change: &Value) -> Value {
    let mut spec = json!({"role": "reader", "rotation": {"gracePeriod": GRACE}});
    crate::world::merge(&mut spec, change);
    spec
}

fn trigger(world: &World) {
    world.edit(&json!({"rotation": {"trigger": "one"}}));
}

fn nothing(_: &World) {}

const NO_EXPIRY: &str = "2024";
const EXPIRY: &str = "2026-10";

#[tokio::test]
async fn i3_and_i6_hold_when_one_of_two_restored_clusters_replaces_its_token() {
    for profile in [EXPIRY, NO_EXPIRY] {
        all_is_well(Story {
            spec: spec(&json!({"rotation": {"strategy": "Replace"}})),
            switches: json!({"profile": profile}),
            first: trigger,
            second: nothing,
            hours: 3,
            // Each leaves the token that both had, and once more when it sees that the other did.
            tokens: 5,
        })
        .await;
    }
}

#[tokio::test]
async fn i3_and_i6_hold_when_one_of_two_restored_clusters_resets_its_token() {
    all_is_well(Story {
        spec: spec(&json!({})),
        switches: json!({}),
        first: trigger,
        second: nothing,
        hours: 3,
        // With the throw-away token of the probe.
        tokens: 6,
    })
    .await;
}

#[tokio::test]
async fn i3_i4_and_i6_hold_when_two_restored_clusters_rotate_by_one_schedule() {
    for (profile, tokens) in [(EXPIRY, 12), (NO_EXPIRY, 20)] {
        all_is_well(Story {
            spec: spec(&json!({"rotation": {"strategy": "Replace", "interval": "6h"}})),
            switches: json!({"profile": profile}),
            first: nothing,
            second: nothing,
            hours: 27,
            tokens,
        })
        .await;
    }
}

#[tokio::test]
async fn i6_what_the_other_cluster_made_is_told_and_left_alone() {
    let story = Story {
        spec: spec(&json!({"rotation": {"strategy": "Replace"}})),
        switches: json!({}),
        first: trigger,
        second: trigger,
        hours: 1,
        tokens: 3,
    };
    let twins = live(&story).await;
    for (twin, other) in [(&twins[0], &twins[1]), (&twins[1], &twins[0])] {
        assert_eq!(twin.ready(), "True UnknownTokens");
        let status = |twin: &Twin| twin.world.object().unwrap().status.unwrap();
        let others = status(other).token.unwrap().id;
        assert_eq!(status(twin).unknown_tokens, [others]);
    }
}
