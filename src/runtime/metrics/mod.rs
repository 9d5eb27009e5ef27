//! What `/metrics` tells; [`catalogue`] has the list. No label holds a key, a part of one, or the ID of a token.

pub mod catalogue;
mod labels;
mod process;
mod reconciles;
mod scrape;
#[cfg(test)]
mod tests;
mod values;

use std::sync::Arc;
use std::time::Duration;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use strum::VariantArray as _;

use super::build_info;
use crate::domain::cause::Cause;
use crate::domain::reason::Reason;
use crate::launchdarkly::Operation;
use catalogue::Counted;
use labels::{
    CauseLabel, Code, ControllerLabel, EventLabels, FailureLabels, HostLabel, LimitLabels,
    MethodLabels, OperationLabel, ReconcileLabels, RequestLabels, RotationLabels, StateLabel,
    StepLabels, TaskLabel,
};
pub use labels::{Controller, OutcomeLabel, Task, TokenState};
pub(super) use process::panicked;
use reconciles::Reconciles;
pub use reconciles::UnderWay;
pub use scrape::{AccountSample, RemoteAccountSample, Samples, TokenSample};

/// What an account can refuse.
const DENIALS: [Reason; 2] = [Reason::NamespaceNotAllowed, Reason::NotAllowedByPolicy];
/// How a Secret, or the token in it, can be somebody else's.
const CONFLICTS: [Reason; 3] = [
    Reason::SecretForeign,
    Reason::SecretContested,
    Reason::ClaimedElsewhere,
];

/// Everything that is counted. Cloned around; all clones count into the same registry.
#[derive(Debug, Clone)]
pub struct Metrics {
    registry: Arc<Registry>,
    counted: Counted,
    ongoing: Reconciles,
    objects: scrape::Objects,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut metrics = Self {
            registry: Arc::default(),
            counted: Counted::default(),
            ongoing: Reconciles::default(),
            objects: scrape::Objects::default(),
        };
        metrics.begin_at_zero();
        metrics.registry = Arc::new(metrics.registered());
        metrics
    }
}

impl Metrics {
    /// A reconcile ended after `took`.
    pub fn reconciled(&self, controller: Controller, result: OutcomeLabel, took: Duration) {
        self.counted
            .reconciles
            .get_or_create(&ReconcileLabels { controller, result })
            .inc();
        self.counted
            .reconcile_duration
            .get_or_create(&ControllerLabel { controller })
            .observe(took.as_secs_f64());
    }

    /// A reconcile begins; what is returned ends it.
    #[must_use]
    pub fn reconciling(&self, controller: Controller) -> UnderWay {
        let gauge = self
            .counted
            .under_way
            .get_or_create_owned(&ControllerLabel { controller });
        gauge.inc();
        self.ongoing.begin(controller, gauge)
    }

    /// At most this many objects are reconciled at once.
    pub fn set_max_concurrent(&self, controller: Controller, most: u16) {
        self.counted
            .max_concurrent
            .get_or_create(&ControllerLabel { controller })
            .set(most.into());
    }

    /// This many requests to a host wait. `host` must come from the list of allowed ones, which bounds this label.
    pub fn set_api_queued(&self, host: &str, waiting: usize) {
        let host = host.to_owned();
        self.counted
            .api_queued
            .get_or_create(&HostLabel { host })
            .set(gauge(waiting));
    }

    /// A step was carried out; `step` is the variant's name.
    pub fn stepped(&self, step: &'static str) {
        self.counted.steps.get_or_create(&StepLabels { step }).inc();
    }

    /// A step failed; `reason` is the one that conditions show.
    pub fn step_failed(&self, step: &'static str, reason: Reason) {
        let reason = reason.as_str();
        self.counted
            .step_failures
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
        self.counted.api_requests.get_or_create(&labels).inc();
        if code == Some(429) {
            self.counted
                .api_ratelimited
                .get_or_create(&OperationLabel { operation })
                .inc();
        }
        self.counted
            .api_request_duration
            .get_or_create(&OperationLabel { operation })
            .observe(took.as_secs_f64());
    }

    /// A request to the API server ended, with an answer of status `code` or none.
    pub fn kubernetes_requested(&self, method: &str, code: Option<u16>) {
        let labels = MethodLabels {
            method: method.to_owned(),
            code: Code(code),
        };
        self.counted
            .kubernetes_requests
            .get_or_create(&labels)
            .inc();
    }

    /// What a rate-limit header of the last answer said. `host` must come from the list of allowed ones, which
    /// bounds this label.
    pub fn set_ratelimit_remaining(&self, host: &str, limit: &'static str, remaining: u64) {
        let labels = LimitLabels {
            host: host.to_owned(),
            limit,
        };
        self.counted
            .api_ratelimit_remaining
            .get_or_create(&labels)
            .set(gauge(remaining));
    }

    /// A key was replaced, or the attempt failed; `cause` is the variant's name.
    pub fn rotated(&self, cause: &'static str, result: OutcomeLabel) {
        self.counted
            .rotations
            .get_or_create(&RotationLabels { cause, result })
            .inc();
    }

    /// From the note about it to the record of it, a change of a key took this long.
    pub fn rotation_took(&self, cause: &'static str, took: Duration) {
        self.counted
            .rotation_duration
            .get_or_create(&CauseLabel { cause })
            .observe(took.as_secs_f64());
    }

    /// An object's condition began to have this reason; those that mean a refusal or a foreign Secret are counted.
    pub fn became(&self, reason: Reason) {
        let counters = if DENIALS.contains(&reason) {
            &self.counted.policy_denials
        } else if CONFLICTS.contains(&reason) {
            &self.counted.secret_conflicts
        } else {
            return;
        };
        let reason = reason.as_str();
        counters.get_or_create(&EventLabels { reason }).inc();
    }

    /// This many objects are in this state.
    pub fn set_tokens(&self, state: TokenState, count: usize) {
        self.counted
            .tokens
            .get_or_create(&StateLabel { state })
            .set(gauge(count));
    }

    /// Other installations of our class handle this many accounts.
    pub fn set_accounts_left_alone(&self, count: usize) {
        self.counted.accounts_left_alone.set(gauge(count));
    }

    /// A deletion left a remote token behind.
    pub fn left_behind(&self) {
        self.counted.left_behind.inc();
    }

    /// Whether this process leads.
    pub fn set_leader(&self, leads: bool) {
        self.counted.leader.set(i64::from(leads));
    }

    /// A long-lived task ended that should have gone on.
    pub fn task_ended(&self, task: Task) {
        self.counted
            .task_ends
            .get_or_create(&TaskLabel { task })
            .inc();
    }

    /// An event was published.
    pub fn event(&self, reason: &'static str) {
        self.counted
            .events
            .get_or_create(&EventLabels { reason })
            .inc();
    }

    /// Shows the objects that `source` tells of whenever somebody asks. The first source stays.
    pub fn show(&self, source: impl Fn() -> Samples + Send + Sync + 'static) {
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

    fn registered(&self) -> Registry {
        let mut registry = Registry::default();
        self.counted.register(&mut registry);
        let build = Info::new([
            ("version", build_info::VERSION),
            ("commit", build_info::COMMIT),
        ]);
        let meaning = catalogue::meaning("launchdarkly_operator_build_info");
        registry.register("launchdarkly_operator_build", meaning, build);
        registry.register_collector(Box::new(self.ongoing.clone()));
        registry.register_collector(Box::<process::ProcessMetrics>::default());
        registry.register_collector(Box::new(self.objects.clone()));
        registry
    }

    /// What alerts watch for an increase is there from the start: the first increase of a series that appears with it is seen by
    /// nobody.
    fn begin_at_zero(&self) {
        for cause in Cause::VARIANTS {
            for result in [OutcomeLabel::Success, OutcomeLabel::Error] {
                let cause = cause.into();
                self.counted
                    .rotations
                    .get_or_create(&RotationLabels { cause, result })
                    .inc_by(0);
            }
        }
        for operation in Operation::VARIANTS {
            let operation = operation.into();
            self.counted
                .api_ratelimited
                .get_or_create(&OperationLabel { operation })
                .inc_by(0);
        }
        for &task in Task::VARIANTS {
            self.counted
                .task_ends
                .get_or_create(&TaskLabel { task })
                .inc_by(0);
        }
        for reason in DENIALS.map(Reason::as_str) {
            self.counted
                .policy_denials
                .get_or_create(&EventLabels { reason })
                .inc_by(0);
        }
        for reason in CONFLICTS.map(Reason::as_str) {
            self.counted
                .secret_conflicts
                .get_or_create(&EventLabels { reason })
                .inc_by(0);
        }
    }
}

/// A gauge holds an `i64`; what does not fit is shown as the most it can hold.
fn gauge(count: impl TryInto<i64>) -> i64 {
    count.try_into().unwrap_or(i64::MAX)
}
