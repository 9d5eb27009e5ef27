//! A process that is told to end begins no call, publishes the keys in hand, and leaves nothing for its successor to find out.

use std::sync::Arc;

use futures::{StreamExt as _, stream};

use crate::run;
use crate::scenarios::ALL;

/// Points run at once: each has a simulator of its own and mostly waits for it.
const AT_ONCE: usize = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_is_told_to_end_begins_no_call_and_leaves_none_unsent_i4_i5() {
    let mut points = Vec::new();
    for scenario in ALL {
        let golden = Arc::new(run::whole(scenario).await.unwrap());
        points.extend((1..=golden.effects.len()).map(|number| (scenario, golden.clone(), number)));
    }
    let runs = stream::iter(points).map(|(scenario, golden, number)| async move {
        let effect = golden.effects[number - 1].clone();
        let run = async move { run::ended(scenario, &golden, number).await };
        let complaints = match tokio::spawn(run).await {
            Ok(Ok(())) => return None,
            Ok(Err(complaints)) => complaints,
            Err(panic) => panic.to_string(),
        };
        Some(format!(
            "{}, effect {number} ({effect}):\n    {complaints}",
            scenario.name
        ))
    });
    let outcomes: Vec<_> = runs.buffer_unordered(AT_ONCE).collect().await;
    let failures: Vec<String> = outcomes.into_iter().flatten().collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
