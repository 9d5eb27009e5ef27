//! Wall clocks that somebody sets: whatever was waited for goes on, and nothing is lost or done twice.

use std::sync::Arc;
use std::time::Duration;

use fakes::{Trouble, Verb, When};
use futures::{StreamExt as _, stream};
use jiff::SignedDuration;
use launchdarkly_token_operator::cluster::ClusterError;
use serde_json::json;

use crate::judge::publications;
use crate::run::{self, Golden, Set};
use crate::scenarios::{ALL, Scenario};
use crate::world::{Ended, World};

/// Names the seed of the sample, or is `all`, or `only` and a part of the names of points.
const CLOCKS: &str = "LDTOKENS_CLOCKS";
/// How many points the usual run tries.
const SAMPLE: usize = 150;
/// Points run at once: each has a simulator of its own and mostly waits for it.
const AT_ONCE: usize = 4;

const HOUR_MS: i64 = 3_600_000;

/// The amounts that a clock is set by, both ways: from less than a settle time to more than any grace.
pub const AMOUNTS: [SignedDuration; 4] = [
    SignedDuration::from_secs(40),
    SignedDuration::from_mins(7),
    SignedDuration::from_hours(3),
    SignedDuration::from_hours(7),
];

/// A node clock three hours ahead is set right by NTP, right after a reset whose Secret could not be written.
#[tokio::test]
async fn a_key_in_hand_is_published_in_time_when_a_clock_that_was_ahead_is_set_back_i3() {
    let world = World::new().await;
    world.apply(json!({"role": "reader", "rotation": {"gracePeriod": "10m"}}));
    let mut process = world.start();
    assert_eq!(world.settle(&mut process).await, Ended::Settled);

    world.clock.set(3 * HOUR_MS);
    world.edit(&json!({"rotation": {"trigger": "one"}}));
    world.cluster.trouble(Trouble {
        verb: Verb::ApplySecret,
        when: When::Before,
        error: || ClusterError::Invalid {
            message: "denied by a webhook".to_owned(),
        },
    });
    let before = publications(&world, &world.cluster.log()).len();
    let _ = world.reconcile(&mut process).await;
    world.clock.set(-3 * HOUR_MS);
    for _ in 0..5 {
        let _ = world.reconcile(&mut process).await;
        world.advance(Duration::from_secs(60));
    }
    let after = publications(&world, &world.cluster.log()).len();
    assert_eq!(after, before + 1);
}

/// The points that an environment variable chooses: all of them, those with a part of a name, or so many by a seed.
pub fn chosen<P>(points: &mut Vec<P>, variable: &str, sample: usize, name: impl Fn(&P) -> String) {
    let chosen = std::env::var(variable).unwrap_or_else(|_| "1".to_owned());
    if let Ok(mut draw) = chosen.parse::<u64>() {
        points.sort_by_cached_key(|_| {
            draw = draw.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            draw >> 33
        });
        points.truncate(sample);
    }
    if let Some(part) = chosen.strip_prefix("only ") {
        points.retain(|point| name(point).contains(part));
    }
}

fn point(scenario: &Scenario, golden: &Golden, number: usize, set: Set) -> String {
    let effect = &golden.effects[number - 1];
    format!("{}, effect {number} ({effect}), {set:?}", scenario.name)
}

/// Every story with one clock set right before every effect, or a sample of that.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_is_set_at_any_moment_delays_nothing_for_long_and_breaks_nothing_i3_i4() {
    let mut points: Vec<(&Scenario, Arc<Golden>, usize, Set)> = Vec::new();
    for scenario in ALL {
        let golden = Arc::new(run::whole(scenario).await.unwrap());
        for number in 1..=golden.effects.len() {
            for by in AMOUNTS {
                let both = [by, -by];
                let sets = both.map(Set::Ours).into_iter();
                let sets = sets.chain(both.map(Set::OursRight));
                let sets = sets.chain(both.map(Set::Theirs));
                points.extend(sets.map(|set| (scenario, golden.clone(), number, set)));
            }
        }
    }
    chosen(
        &mut points,
        CLOCKS,
        SAMPLE,
        |(scenario, golden, number, set)| point(scenario, golden, *number, *set),
    );
    let count = points.len();
    let runs = stream::iter(points).map(|(scenario, golden, number, set)| async move {
        let point = point(scenario, &golden, number, set);
        let run = async move { run::set(scenario, &golden, number, set).await };
        let complaints = match tokio::spawn(run).await {
            Ok(Ok(())) => return None,
            Ok(Err(complaints)) => complaints,
            Err(panic) => panic.to_string(),
        };
        Some(format!("{point}:\n    {complaints}"))
    });
    let outcomes: Vec<_> = runs.buffer_unordered(AT_ONCE).collect().await;
    let failures: Vec<String> = outcomes.into_iter().flatten().collect();
    assert!(
        failures.is_empty(),
        "{} of {count} points failed:\n{}",
        failures.len(),
        failures.join("\n")
    );
}
