//! The reconciles under way, and how long the oldest of them takes.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::metrics::gauge::Gauge;

use super::Controller;
use super::scrape::gauge;

/// The reconciles under way, by number.
#[derive(Debug, Clone, Default)]
pub(super) struct Reconciles(Arc<Mutex<UnderWayByNumber>>);

#[derive(Debug, Default)]
struct UnderWayByNumber {
    next: u64,
    begun: BTreeMap<u64, (Controller, Instant)>,
}

impl Reconciles {
    /// A reconcile begins, which `gauge` counts until what is returned is dropped.
    pub(super) fn begin(&self, controller: Controller, gauge: Gauge) -> UnderWay {
        let mut under_way = self.0.lock();
        let number = under_way.next;
        under_way.next += 1;
        under_way.begun.insert(number, (controller, Instant::now()));
        UnderWay {
            gauge,
            reconciles: self.clone(),
            number,
        }
    }

    /// The age of the oldest of a controller; they are in the order of their beginnings.
    fn oldest(&self, controller: Controller) -> Duration {
        let under_way = self.0.lock();
        let mut of_it = under_way.begun.values().filter(|(of, _)| *of == controller);
        of_it
            .next()
            .map_or(Duration::ZERO, |(_, begun)| begun.elapsed())
    }
}

impl Collector for Reconciles {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let name = "launchdarkly_operator_longest_reconcile_seconds";
        let both = [Controller::AccessToken, Controller::Account];
        gauge(&mut encoder, name, &both, |controller| {
            let labels = vec![("controller", controller.into())];
            vec![(labels, self.oldest(*controller).as_secs_f64())]
        })
    }
}

/// A reconcile that is under way until this is dropped.
#[derive(Debug)]
pub struct UnderWay {
    gauge: Gauge,
    reconciles: Reconciles,
    number: u64,
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.gauge.dec();
        self.reconciles.0.lock().begun.remove(&self.number);
    }
}
