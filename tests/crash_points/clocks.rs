//! Wall clocks that somebody sets: whatever was waited for goes on, and nothing is lost or done twice.

use std::sync::Arc;
use std::time::Duration;

use fakes::{Trouble, Verb, When};
use jiff::SignedDuration;
use launchdarkly_token_operator::cluster::ClusterError;
use serde_json::json;

use crate::judge::publications;
use crate::points::{chosen, hold};
use crate::run::{self, Golden, Set};
use crate::scenarios::{ALL, Scenario};
use crate::world::{Ended, World};

/// Names the seed of the sample, or is `all`, or `only` and a part of the names of points.
const CLOCKS: &str = "LDTOKENS_CLOCKS";
/// How many points the usual run tries.
const SAMPLE: usize = 150;

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

fn point(scenario: &Scenario, golden: &Golden, number: usize, set: Set) -> String {
    let effect = &golden.effects[number - 1];
    format!("{}, effect {number} ({effect}), {set:?}", scenario.name)
}

/// A story, how it goes, before which of its effects a clock is set, and which.
type Point = (&'static Scenario, Arc<Golden>, usize, Set);

/// Every story with one clock set right before every effect, or a sample of that.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_is_set_at_any_moment_delays_nothing_for_long_and_breaks_nothing_i3_i4() {
    let mut points: Vec<Point> = Vec::new();
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
    let name = |(scenario, golden, number, set): &Point| point(scenario, golden, *number, *set);
    chosen(&mut points, CLOCKS, SAMPLE, name);
    hold(points, name, |(scenario, golden, number, set)| async move {
        run::set(scenario, &golden, number, set).await
    })
    .await;
}
