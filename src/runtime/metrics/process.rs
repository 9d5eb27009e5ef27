//! What the operating system and the clock say of this process when somebody asks.

use std::fmt;
use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::exemplar::Exemplar;

use super::catalogue;
use super::scrape::gauge;
use crate::runtime::clock::{Clock, SystemClock};

/// Panics of this process so far. The hook that counts them belongs to the process, and so does this.
static PANICS: AtomicU64 = AtomicU64::new(0);

/// A part of the program panicked.
pub(in crate::runtime) fn panicked() {
    PANICS.fetch_add(1, Ordering::Relaxed);
}

/// This process.
#[derive(Debug)]
pub(super) struct ProcessMetrics {
    started_at: Timestamp,
}

impl Default for ProcessMetrics {
    fn default() -> Self {
        Self {
            started_at: SystemClock.now(),
        }
    }
}

impl Collector for ProcessMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let out = &mut encoder;
        let now = seconds(SystemClock.now());
        let no_labels = |value| vec![(Vec::new(), value)];
        gauge(
            out,
            "launchdarkly_operator_clock_time_seconds",
            &[now],
            |v| no_labels(*v),
        )?;
        let started = seconds(self.started_at);
        gauge(out, "process_start_time_seconds", &[started], |v| {
            no_labels(*v)
        })?;
        if let Some(bytes) = resident_bytes() {
            gauge(out, "process_resident_memory_bytes", &[bytes], |v| {
                vec![(Vec::new(), *v)]
            })?;
        }
        let help = format!(
            "{}.",
            catalogue::meaning("launchdarkly_operator_panics_total")
        );
        let name = "launchdarkly_operator_panics";
        let mut counter = out.encode_descriptor(name, &help, None, MetricType::Counter)?;
        let panics = PANICS.load(Ordering::Relaxed);
        counter.encode_counter(&panics, None::<&Exemplar<[(&str, &str); 0], f64>>)
    }
}

/// Seconds since 1970, to a millisecond.
fn seconds(time: Timestamp) -> f64 {
    time.duration_since(Timestamp::UNIX_EPOCH).as_secs_f64()
}

/// `VmRSS`, where there is a `/proc`.
fn resident_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib * 1024)
}
