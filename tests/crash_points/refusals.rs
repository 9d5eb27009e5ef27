//! Resets that LaunchDarkly refuses each time: the rotation comes to its end in another way, and costs a few calls and writes.

use std::sync::Arc;
use std::time::Duration;

use launchdarkly_token_operator::controller::token::Outcome;
use serde_json::json;

use crate::world::{NAME, NAMESPACE, Process, World};

/// One settled object whose key is about to be rotated, where resets from this one on are refused so; the first is the probe's.
async fn refusing(status: u16, from: u64) -> (Arc<World>, Process) {
    let world = World::new().await;
    world.apply(json!({"role": "reader", "rotation": {"gracePeriod": "10m"}}));
    let mut process = world.start();
    let _ = world.settle(&mut process).await;
    let fault = json!({
        "method": "POST", "route": "/api/v2/tokens/{id}/reset", "kind": "status", "status": status,
        "nth": from, "count": 0,
    });
    let fault = serde_json::from_value(fault).unwrap();
    world.simulator().add_fault(fault);
    (world, process)
}

/// Lets two hours pass.
async fn two_hours(world: &World, process: &mut Process) {
    let mut left = Duration::from_secs(7_200);
    while !left.is_zero() {
        if let Outcome::Again(wait) = world.reconcile(process).await.unwrap() {
            let wait = wait.clamp(Duration::from_millis(20), Duration::from_secs(300));
            world.advance(wait.min(left));
            left = left.saturating_sub(wait);
        }
    }
}

fn token_of(world: &World) -> String {
    let status = world.cluster.object(NAMESPACE, NAME).unwrap().status;
    status.unwrap().token.unwrap().id.to_string()
}

/// Resets that were answered so.
fn resets(world: &World, status: u16) -> usize {
    let requests = world.simulator().requests(0);
    let reset = |path: &str| path.ends_with("/reset");
    requests
        .iter()
        .filter(|call| reset(&call.path) && call.status == Some(status))
        .count()
}

fn creates(world: &World) -> usize {
    let requests = world.simulator().requests(0);
    requests
        .iter()
        .filter(|call| call.method == "POST" && call.path == "/api/v2/tokens")
        .count()
}

/// Writes of the status that a trace has.
fn status_writes(world: &World) -> usize {
    let text = world.trace.text();
    let write = |line: &&str| line.trim_start().starts_with("effect: status");
    text.lines().filter(write).count()
}

#[tokio::test]
async fn a_reset_that_is_refused_twice_goes_by_replacement_and_costs_few_writes_i4() {
    for status in [400, 401, 413, 422] {
        let (world, mut process) = refusing(status, 2).await;
        let before = token_of(&world);
        world.trace.clear();
        world.edit(&json!({"rotation": {"trigger": "one"}}));
        two_hours(&world, &mut process).await;
        assert_ne!(token_of(&world), before, "{status}: by replacement");
        assert_eq!(resets(&world, status), 2, "{status}");
        assert!(status_writes(&world) <= 8, "{}", world.trace.text());
        // The next rotation tries again, with the new token.
        world.simulator().clear_faults();
        let now = token_of(&world);
        world.edit(&json!({"rotation": {"trigger": "two"}}));
        two_hours(&world, &mut process).await;
        assert_eq!(token_of(&world), now, "{status}: by reset");
    }
}

#[tokio::test]
async fn a_probe_whose_reset_is_refused_twice_leaves_it_untried_and_makes_no_more_tokens() {
    for status in [400, 401, 413, 422] {
        let (world, mut process) = refusing(status, 1).await;
        let before = token_of(&world);
        let made = creates(&world);
        world.trace.clear();
        world.edit(&json!({"rotation": {"trigger": "one"}}));
        two_hours(&world, &mut process).await;
        assert_ne!(token_of(&world), before, "{status}: by replacement");
        assert_eq!(resets(&world, status), 2, "{status}");
        // Two throw-away tokens, and the new one.
        assert_eq!(creates(&world) - made, 3, "{status}");
    }
}
