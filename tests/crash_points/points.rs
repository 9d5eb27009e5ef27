//! Tries stories at many points: some at once, each on a task of its own.

use std::future::Future;
use std::time::Duration;

use futures::{StreamExt as _, stream};
use tokio::time::timeout;

/// Points run at once: each has a simulator of its own and mostly waits for it.
const AT_ONCE: usize = 4;
/// A point that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(60);

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

/// Fails with the complaints of every point that has any, under its name.
pub async fn hold<P, R>(points: Vec<P>, name: impl Fn(&P) -> String, run: impl Fn(P) -> R)
where
    R: Future<Output = Result<(), String>> + Send + 'static,
{
    let count = points.len();
    let runs = points.into_iter().map(|point| {
        let (name, run) = (name(&point), timeout(PATIENCE, run(point)));
        async move {
            let complaints = match tokio::spawn(run).await {
                Ok(Ok(Ok(()))) => return None,
                Ok(Ok(Err(complaints))) => complaints,
                Ok(Err(_)) => "it does not end".to_owned(),
                Err(panic) => panic.to_string(),
            };
            Some(format!("{name}:\n    {complaints}"))
        }
    });
    let outcomes: Vec<_> = stream::iter(runs).buffer_unordered(AT_ONCE).collect().await;
    let failures: Vec<String> = outcomes.into_iter().flatten().collect();
    assert!(
        failures.is_empty(),
        "{} of {count} points failed:\n{}",
        failures.len(),
        failures.join("\n")
    );
}
