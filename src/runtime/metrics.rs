//! What `/metrics` tells. No label holds an object's name or anything else without a bound.

use std::sync::Arc;
use std::time::Duration;

use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use super::build_info;

/// Everything that is counted. Cloned around; all clones count into the same registry.
#[derive(Debug, Clone)]
pub struct Metrics {
    registry: Arc<Registry>,
    reconciles: Family<ReconcileLabels, Counter>,
    reconcile_duration: Family<ControllerLabel, Histogram, fn() -> Histogram>,
    under_way: Family<ControllerLabel, Gauge>,
    api_queued: Family<HostLabel, Gauge>,
    steps: Family<StepLabels, Counter>,
    api_requests: Family<RequestLabels, Counter>,
    api_request_duration: Family<OperationLabel, Histogram, fn() -> Histogram>,
    api_ratelimit_remaining: Family<LimitLabels, Gauge>,
    rotations: Family<RotationLabels, Counter>,
    tokens: Family<StateLabel, Gauge>,
    left_behind: Counter,
    leader: Gauge,
    events: Family<EventLabels, Counter>,
}

/// Which controller reconciled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
pub enum Controller {
    /// `AccessToken`
    AccessToken,
    /// `LaunchDarklyAccount` and `ClusterLaunchDarklyAccount`
    Account,
}

/// How something ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// As wished.
    Success,
    /// Not as wished; tried again.
    Error,
}

/// What an `AccessToken` is at, for the gauge of all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TokenState {
    /// In line with its spec.
    Ready,
    /// On its way there.
    Reconciling,
    /// Waits for a person.
    Stalled,
    /// On its way out.
    Deleting,
}

/// Declares label values whose text is the variant's name in small letters.
macro_rules! small_letters {
    ($($name:ident { $($variant:ident => $text:literal),+ })+) => {$(
        impl EncodeLabelValue for $name {
            fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), std::fmt::Error> {
                match self { $(Self::$variant => $text),+ }.encode(encoder)
            }
        }
    )+};
}

small_letters! {
    Outcome { Success => "success", Error => "error" }
    TokenState { Ready => "ready", Reconciling => "reconciling", Stalled => "stalled", Deleting => "deleting" }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReconcileLabels {
    controller: Controller,
    result: Outcome,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ControllerLabel {
    controller: Controller,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StepLabels {
    step: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    operation: &'static str,
    result: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OperationLabel {
    operation: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LimitLabels {
    host: String,
    limit: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RotationLabels {
    cause: &'static str,
    result: Outcome,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StateLabel {
    state: TokenState,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EventLabels {
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct HostLabel {
    host: String,
}

/// A reconcile that is under way until this is dropped.
#[derive(Debug)]
pub struct UnderWay(Gauge);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.dec();
    }
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
            api_queued: Family::default(),
            steps: Family::default(),
            api_requests: Family::default(),
            api_request_duration: Family::new_with_constructor(histograms),
            api_ratelimit_remaining: Family::default(),
            rotations: Family::default(),
            tokens: Family::default(),
            left_behind: Counter::default(),
            leader: Gauge::default(),
            events: Family::default(),
        };
        metrics.registry = Arc::new(metrics.registered());
        metrics
    }
}

impl Metrics {
    fn registered(&self) -> Registry {
        let mut registry = Registry::with_prefix("launchdarkly_operator");
        let to = &mut registry;
        to.register(
            "reconciles",
            "Reconciles that ended",
            self.reconciles.clone(),
        );
        to.register_with_unit(
            "reconcile_duration",
            "Time that reconciles took",
            Unit::Seconds,
            self.reconcile_duration.clone(),
        );
        to.register(
            "reconciles_under_way",
            "Objects that are being reconciled; at the limit of --concurrency others wait",
            self.under_way.clone(),
        );
        to.register(
            "api_queue_depth",
            "Requests to LaunchDarkly that wait for their turn or for a rate limit",
            self.api_queued.clone(),
        );
        to.register("steps", "Steps that were carried out", self.steps.clone());
        to.register(
            "api_requests",
            "Requests to LaunchDarkly",
            self.api_requests.clone(),
        );
        to.register_with_unit(
            "api_request_duration",
            "Time that requests to LaunchDarkly took",
            Unit::Seconds,
            self.api_request_duration.clone(),
        );
        to.register(
            "api_ratelimit_remaining",
            "Requests that LaunchDarkly's last answer left in the current window",
            self.api_ratelimit_remaining.clone(),
        );
        to.register(
            "rotations",
            "Keys replaced by new ones",
            self.rotations.clone(),
        );
        to.register(
            "tokens",
            "AccessToken objects by what they are at",
            self.tokens.clone(),
        );
        to.register(
            "left_behind",
            "Remote tokens that a deletion had to leave behind",
            self.left_behind.clone(),
        );
        to.register("leader", "1 while this process leads", self.leader.clone());
        to.register("events", "Events that were published", self.events.clone());
        to.register(
            "build",
            "Which build this is",
            Info::new([
                ("version", build_info::VERSION),
                ("commit", build_info::COMMIT),
            ]),
        );
        registry
    }

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
        UnderWay(gauge)
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

    /// A request to LaunchDarkly ended after `took`, time in the limiter not counted. `result` is `ok` or the error's reason.
    pub fn requested(&self, operation: &'static str, result: &'static str, took: Duration) {
        self.api_requests
            .get_or_create(&RequestLabels { operation, result })
            .inc();
        self.api_request_duration
            .get_or_create(&OperationLabel { operation })
            .observe(took.as_secs_f64());
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

    /// An event was published.
    pub fn event(&self, reason: &'static str) {
        self.events.get_or_create(&EventLabels { reason }).inc();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_shows_up_under_its_name() {
        let metrics = Metrics::default();
        let took = Duration::from_millis(20);
        metrics.reconciled(Controller::AccessToken, Outcome::Success, took);
        let _visit = metrics.reconciling(Controller::Account);
        metrics.set_api_queued("app.launchdarkly.com", 3);
        metrics.stepped("CreateToken");
        metrics.requested("create", "ok", took);
        metrics.requested("reset", "Uncertain", took);
        metrics.set_ratelimit_remaining("app.launchdarkly.com", "route", 99);
        metrics.rotated("Schedule", Outcome::Success);
        metrics.set_tokens(TokenState::Stalled, 2);
        metrics.left_behind();
        metrics.set_leader(true);
        metrics.event("TokenCreated");
        let text = metrics.encode().unwrap();
        for line in [
            r#"launchdarkly_operator_reconciles_total{controller="AccessToken",result="success"} 1"#,
            r#"launchdarkly_operator_reconcile_duration_seconds_count{controller="AccessToken"} 1"#,
            r#"launchdarkly_operator_reconciles_under_way{controller="Account"} 1"#,
            r#"launchdarkly_operator_api_queue_depth{host="app.launchdarkly.com"} 3"#,
            r#"launchdarkly_operator_steps_total{step="CreateToken"} 1"#,
            r#"launchdarkly_operator_api_requests_total{operation="create",result="ok"} 1"#,
            r#"launchdarkly_operator_api_requests_total{operation="reset",result="Uncertain"} 1"#,
            r#"launchdarkly_operator_api_request_duration_seconds_count{operation="create"} 1"#,
            r#"launchdarkly_operator_api_ratelimit_remaining{host="app.launchdarkly.com",limit="route"} 99"#,
            r#"launchdarkly_operator_rotations_total{cause="Schedule",result="success"} 1"#,
            r#"launchdarkly_operator_tokens{state="stalled"} 2"#,
            "launchdarkly_operator_left_behind_total 1",
            "launchdarkly_operator_leader 1",
            r#"launchdarkly_operator_events_total{reason="TokenCreated"} 1"#,
        ] {
            assert!(text.lines().any(|l| l == line), "{line} is not in\n{text}");
        }
        assert!(text.contains("launchdarkly_operator_build_info{version="));
        assert!(text.ends_with("# EOF\n"));
    }
}
