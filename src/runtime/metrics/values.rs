//! How metrics begin, and how they come to their names.

use std::hash::Hash;

use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::exponential_buckets;
use prometheus_client::registry::{Metric, Registry};

pub(super) use prometheus_client::metrics::counter::Counter;
pub(super) use prometheus_client::metrics::gauge::Gauge;
pub(super) use prometheus_client::metrics::histogram::Histogram;

/// A metric that nothing has happened to yet.
pub(super) trait Fresh {
    fn fresh() -> Self;
}

impl Fresh for Counter {
    fn fresh() -> Self {
        Self::default()
    }
}

impl Fresh for Gauge {
    fn fresh() -> Self {
        Self::default()
    }
}

impl Fresh for Histogram {
    /// 5 ms to 82 s: from a settled object to a call that ran into its timeout.
    fn fresh() -> Self {
        Self::new(exponential_buckets(0.005, 4.0, 8))
    }
}

impl<L: Clone + Hash + Eq, M: Fresh> Fresh for Family<L, M> {
    fn fresh() -> Self {
        Self::new_with_constructor(M::fresh)
    }
}

/// Registers a metric by the name that queries have.
pub(super) fn register(
    registry: &mut Registry,
    name: &str,
    meaning: &str,
    metric: &(impl Metric + Clone),
) {
    // The encoder adds this to the names of counters.
    let stem = name.strip_suffix("_total").unwrap_or(name);
    registry.register(stem, meaning, metric.clone());
}
