//! Calls that wait at the limiter for longer than the settle time: what they show counts from when they left.

use std::time::Duration;

use jiff::SignedDuration;
use launchdarkly_simulator::Config;
use launchdarkly_simulator::state::changes::Actor;
use launchdarkly_token_operator::launchdarkly::Operation;
use serde_json::{Value, json};

use crate::launchdarkly::Jam;
use crate::world::{Ended, Process, TIMING, World};

/// As if each was refused once, with `Retry-After: 90`.
const WAIT: Duration = Duration::from_secs(90);

fn jam(world: &World, operation: Operation, calls: usize) {
    let jam = Jam {
        operation,
        wait: WAIT,
        calls,
    };
    world.warden.jams.lock().unwrap().push(jam);
}

/// The times, in milliseconds, of the calls with this verb and a path that ends so.
fn calls(world: &World, method: &str, route: &str) -> Vec<i64> {
    let requests = world.simulator().requests(0);
    let same = requests
        .iter()
        .filter(|call| call.method == method && call.route == route);
    same.map(|call| call.at).collect()
}

const TOKEN: &str = "/api/v2/tokens/{id}";

async fn settled(mut spec: Value) -> (std::sync::Arc<World>, Process) {
    spec["rotation"] = json!({"gracePeriod": "10m"});
    let world = World::with(Config::default().seed(7).role("deployer").role("viewer")).await;
    world.apply(spec);
    let mut process = world.start();
    assert_eq!(world.settle(&mut process).await, Ended::Settled);
    (world, process)
}

#[tokio::test]
async fn an_edit_is_patched_though_every_look_waits_longer_than_the_settle_time() {
    let (world, mut process) = settled(json!({"role": "reader"})).await;
    jam(&world, Operation::Get, usize::MAX);
    jam(&world, Operation::Patch, usize::MAX);
    world.edit(&json!({"description": "Deploys flags"}));
    assert_eq!(world.settle(&mut process).await, Ended::Settled);
    assert_eq!(calls(&world, "PATCH", TOKEN).len(), 1);
    assert_eq!(calls(&world, "GET", TOKEN).len(), 1);
}

#[tokio::test]
async fn drift_is_corrected_though_every_look_waits_longer_than_the_settle_time() {
    let (world, mut process) = settled(json!({"role": "reader"})).await;
    jam(&world, Operation::Get, usize::MAX);
    {
        let mut far = world.simulator().world();
        let index = far.tokens.len() - 1;
        let mut facts = far.tokens.at(index).facts.clone();
        facts.name = "renamed".to_owned();
        far.change(index, facts, "updateAccessTokenName", Actor::Admin);
    }
    assert_eq!(world.settle(&mut process).await, Ended::Settled);
    assert_eq!(calls(&world, "PATCH", TOKEN).len(), 1);
    assert_eq!(calls(&world, "GET", TOKEN).len(), 1);
}

#[tokio::test]
async fn a_reset_begins_though_every_look_waits_longer_than_the_settle_time() {
    let (world, mut process) = settled(json!({"role": "reader"})).await;
    jam(&world, Operation::Get, usize::MAX);
    world.edit(&json!({"rotation": {"trigger": "one"}}));
    assert_eq!(world.settle(&mut process).await, Ended::Settled);
    // One of the probe's token, one of the object's.
    let resets = calls(&world, "POST", "/api/v2/tokens/{id}/reset");
    assert_eq!(resets.len(), 2);
}

#[tokio::test]
async fn roles_are_resolved_though_every_look_waits_longer_than_the_settle_time() {
    let (world, mut process) = settled(json!({"customRoles": ["deployer"]})).await;
    let before = world.simulator().tokens().len();
    jam(&world, Operation::Role, usize::MAX);
    world.edit(&json!({"customRoles": ["viewer", "deployer"]}));
    assert_eq!(world.settle(&mut process).await, Ended::Settled);
    assert_eq!(world.simulator().tokens_ever().len(), before + 1);
}

/// I3: two looks that waited together are one look.
#[tokio::test]
async fn a_token_counts_as_missing_only_after_two_looks_that_left_a_settle_time_apart_i3() {
    let (world, mut process) = settled(json!({"role": "reader"})).await;
    let index = world.simulator().world().tokens.len() - 1;
    world.simulator().world().delete(index, Actor::Admin);
    let created = calls(&world, "POST", "/api/v2/tokens").len();
    jam(&world, Operation::Get, 1);
    assert_eq!(world.settle(&mut process).await, Ended::Settled);

    let looks = calls(&world, "GET", TOKEN);
    let (first, last) = (looks[0], looks[looks.len() - 1]);
    let apart = SignedDuration::from_millis(last - first);
    assert!(apart >= TIMING.settle, "{apart} between two looks");
    assert_eq!(calls(&world, "POST", "/api/v2/tokens").len(), created + 1);
}

/// I13: however long the one listing waits, nobody lists again who waited for it.
#[tokio::test]
async fn one_listing_serves_all_who_wait_for_it_however_long_it_waits_itself_i13() {
    let (world, process) = settled(json!({"role": "reader"})).await;
    let before = calls(&world, "GET", "/api/v2/tokens").len();
    jam(&world, Operation::List, usize::MAX);
    let both = futures::future::join(process.list(), process.list());
    both.await;
    assert_eq!(calls(&world, "GET", "/api/v2/tokens").len(), before + 1);
}
