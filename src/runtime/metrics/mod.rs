//! What `/metrics` tells; [`catalogue`] has the list. No label holds a key, a part of one, or the ID of a token.

pub mod catalogue;
mod labels;
mod process;
mod reconciles;
mod registry;
mod scrape;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use crate::api::Reason;
use labels::{
    CauseLabel, Code, ControllerLabel, EventLabels, FailureLabels, HostLabel, LimitLabels,
    MethodLabels, OperationLabel, ReconcileLabels, RequestLabels, RotationLabels, StateLabel,
    StepLabels, TaskLabel,
};
pub use labels::{Controller, Outcome, Task, TokenState};
pub(super) use process::panicked;
use reconciles::Reconciles;
pub use reconciles::UnderWay;
use registry::{CONFLICTS, DENIALS};
pub use scrape::{AccountFacts, BehindFacts, Facts, TokenFacts};

type Histograms<L> = Family<L, Histogram, fn() -> Histogram>;

/// Everything that is counted. Cloned around; all clones count into the same registry.
#[derive(Debug, Clone)]
pub struct Metrics {
    registry: Arc<Registry>,
    reconciles: Family<ReconcileLabels, Counter>,
    reconcile_duration: Histograms<ControllerLabel>,
    under_way: Family<ControllerLabel, Gauge>,
    ongoing: Reconciles,
    max_concurrent: Family<ControllerLabel, Gauge>,
    api_queued: Family<HostLabel, Gauge>,
    steps: Family<StepLabels, Counter>,
    step_failures: Family<FailureLabels, Counter>,
    api_requests: Family<RequestLabels, Counter>,
    api_request_duration: Histograms<OperationLabel>,
    api_ratelimited: Family<OperationLabel, Counter>,
    kubernetes_requests: Family<MethodLabels, Counter>,
    api_ratelimit_remaining: Family<LimitLabels, Gauge>,
    rotations: Family<RotationLabels, Counter>,
    rotation_duration: Histograms<CauseLabel>,
    policy_denials: Family<EventLabels, Counter>,
    secret_conflicts: Family<EventLabels, Counter>,
    tokens: Family<StateLabel, Gauge>,
    left_behind: Counter,
    leader: Gauge,
    task_ends: Family<TaskLabel, Counter>,
    events: Family<EventLabels, Counter>,
    objects: scrape::Objects,
}

/// 5 ms to 82 s: from a settled object to a call that ran into its timeout.
fn latencies() -> Histogram {
    Histogram::new(exponential_buckets(0.005, 4.0, 8))
}

impl Default for Metrics {
    fn default() -> Self {
        let histograms: fn() -> Histogram = latencies;
        let mut metrics = Self {
            registry: Arc::default(),
            reconciles: Family::default(),
            reconcile_duration: Family::new_with_constructor(histograms),
            under_way: Family::default(),
            ongoing: Reconciles::default(),
            max_concurrent: Family::default(),
            api_queued: Family::default(),
            steps: Family::default(),
            step_failures: Family::default(),
            api_requests: Family::default(),
            api_request_duration: Family::new_with_constructor(histograms),
            api_ratelimited: Family::default(),
            kubernetes_requests: Family::default(),
            api_ratelimit_remaining: Family::default(),
            rotations: Family::default(),
            rotation_duration: Family::new_with_constructor(histograms),
            policy_denials: Family::default(),
            secret_conflicts: Family::default(),
            tokens: Family::default(),
            left_behind: Counter::default(),
            leader: Gauge::default(),
            task_ends: Family::default(),
            events: Family::default(),
            objects: scrape::Objects::default(),
        };
        metrics.begin_at_zero();
        metrics.registry = Arc::new(metrics.registered());
        metrics
    }
}

impl Metrics {
    /// A reconcile ended after `took`.
    pub fn reconciled(&self, controller: Controller, result: Outcome, took: Duration) {
        self.reconciles
            .get_or_create(&ReconcileLabels { controller, result })
            .inc();
        self.reconcile_duration
            .get_or_create(&ControllerLabel { controller })
            .observe(took.as_secs_f64());
    }

    /// A reconcile begins; what is returned ends it.
    #[must_use]
    pub fn reconciling(&self, controller: Controller) -> UnderWay {
        let gauge = self
            .under_way
            .get_or_create_owned(&ControllerLabel { controller });
        gauge.inc();
        self.ongoing.begin(controller, gauge)
    }

    /// At most this many objects are reconciled at once.
    pub fn set_max_concurrent(&self, controller: Controller, most: u16) {
        self.max_concurrent
            .get_or_create(&ControllerLabel { controller })
            .set(most.into());
    }

    /// This many requests to a host wait. `host` must come from the list of allowed ones, which bounds this label.
    pub fn set_api_queued(&self, host: &str, waiting: usize) {
        let host = host.to_owned();
        self.api_queued
            .get_or_create(&HostLabel { host })
            .set(gauge(waiting));
    }

    /// A step was carried out; `step` is the variant's name.
    pub fn stepped(&self, step: &'static str) {
        self.steps.get_or_create(&StepLabels { step }).inc();
    }

    /// A step failed; `reason` is the one that conditions show.
    pub fn step_failed(&self, step: &'static str, reason: Reason) {
        let reason = reason.as_str();
        self.step_failures
            .get_or_create(&FailureLabels { step, reason })
            .inc();
    }

    /// A request to LaunchDarkly ended after `took`, time in the limiter not counted, with an answer of status `code` or none. `result`
    /// is `ok` or the error's reason.
    pub fn requested(
        &self,
        operation: &'static str,
        code: Option<u16>,
        result: &'static str,
        took: Duration,
    ) {
        let labels = RequestLabels {
            operation,
            code: Code(code),
            result,
        };
        self.api_requests.get_or_create(&labels).inc();
        if code == Some(429) {
            self.api_ratelimited
                .get_or_create(&OperationLabel { operation })
                .inc();
        }
        self.api_request_duration
            .get_or_create(&OperationLabel { operation })
            .observe(took.as_secs_f64());
    }

    /// A request to the API server ended, with an answer of status `code` or none.
    pub fn kubernetes_requested(&self, method: &str, code: Option<u16>) {
        let labels = MethodLabels {
            method: method.to_owned(),
            code: Code(code),
        };
        self.kubernetes_requests.get_or_create(&labels).inc();
    }

    /// What a rate-limit header of the last answer said. `host` must come from the list of allowed ones, which
    /// bounds this label.
    pub fn set_ratelimit_remaining(&self, host: &str, limit: &'static str, remaining: u64) {
        let labels = LimitLabels {
            host: host.to_owned(),
            limit,
        };
        self.api_ratelimit_remaining
            .get_or_create(&labels)
            .set(gauge(remaining));
    }

    /// A key was replaced, or the attempt failed; `cause` is the variant's name.
    pub fn rotated(&self, cause: &'static str, result: Outcome) {
        self.rotations
            .get_or_create(&RotationLabels { cause, result })
            .inc();
    }

    /// From the note about it to the record of it, a change of a key took this long.
    pub fn rotation_took(&self, cause: &'static str, took: Duration) {
        self.rotation_duration
            .get_or_create(&CauseLabel { cause })
            .observe(took.as_secs_f64());
    }

    /// An object's condition began to have this reason; those that mean a refusal or a foreign Secret are counted.
    pub fn became(&self, reason: Reason) {
        let counters = if DENIALS.contains(&reason) {
            &self.policy_denials
        } else if CONFLICTS.contains(&reason) {
            &self.secret_conflicts
        } else {
            return;
        };
        let reason = reason.as_str();
        counters.get_or_create(&EventLabels { reason }).inc();
    }

    /// This many objects are in this state.
    pub fn set_tokens(&self, state: TokenState, count: usize) {
        self.tokens
            .get_or_create(&StateLabel { state })
            .set(gauge(count));
    }

    /// A deletion left a remote token behind.
    pub fn left_behind(&self) {
        self.left_behind.inc();
    }

    /// Whether this process leads.
    pub fn set_leader(&self, leads: bool) {
        self.leader.set(i64::from(leads));
    }

    /// A long-lived task ended that should have gone on.
    pub fn task_ended(&self, task: Task) {
        self.task_ends.get_or_create(&TaskLabel { task }).inc();
    }

    /// An event was published.
    pub fn event(&self, reason: &'static str) {
        self.events.get_or_create(&EventLabels { reason }).inc();
    }

    /// Shows the objects that `source` tells of whenever somebody asks. The first source stays.
    pub fn show(&self, source: impl Fn() -> Facts + Send + Sync + 'static) {
        let _ = self.objects.0.set(Arc::new(source));
    }

    /// Everything, in the `OpenMetrics` text format.
    ///
    /// # Errors
    /// Only when a metric cannot be written as text, which would be a mistake in this file.
    pub fn encode(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

/// A gauge holds an `i64`; what does not fit is shown as the most it can hold.
fn gauge(count: impl TryInto<i64>) -> i64 {
    count.try_into().unwrap_or(i64::MAX)
}
