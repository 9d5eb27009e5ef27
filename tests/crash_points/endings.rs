//! A process that is told to end begins no call, publishes the keys in hand, and leaves nothing for its successor to find out.

use std::sync::Arc;

use crate::points::hold;
use crate::run::{self, Golden};
use crate::scenarios::{ALL, Scenario};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_is_told_to_end_begins_no_call_and_leaves_none_unsent_i4_i5() {
    let mut points = Vec::new();
    for scenario in ALL {
        let golden = Arc::new(run::whole(scenario).await.unwrap());
        points.extend((1..=golden.effects.len()).map(|number| (scenario, golden.clone(), number)));
    }
    let name = |(scenario, golden, number): &(&Scenario, Arc<Golden>, usize)| {
        let effect = &golden.effects[number - 1];
        format!("{}, effect {number} ({effect})", scenario.name)
    };
    hold(points, name, |(scenario, golden, number)| async move {
        run::ended(scenario, &golden, number).await
    })
    .await;
}
