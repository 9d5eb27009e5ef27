//! Under which names what is counted is shown, and what is there before anything happened.

use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Metric, Registry};
use strum::VariantArray as _;

use super::labels::{EventLabels, OperationLabel, RotationLabels, TaskLabel};
use super::{Metrics, Outcome, Task, catalogue, process};
use crate::api::Reason;
use crate::domain::cause::Cause;
use crate::launchdarkly::Operation;
use crate::runtime::build_info;

/// What an account can refuse.
pub(super) const DENIALS: [Reason; 2] = [Reason::NamespaceNotAllowed, Reason::NotAllowedByPolicy];
/// How a Secret, or the token in it, can be somebody else's.
pub(super) const CONFLICTS: [Reason; 3] = [
    Reason::SecretForeign,
    Reason::SecretContested,
    Reason::ClaimedElsewhere,
];

/// Registers a metric by the name that queries have, with the meaning that the catalogue gives it.
fn register(registry: &mut Registry, name: &str, metric: &(impl Metric + Clone)) {
    // The encoder adds these by the kind of metric.
    let stem = ["_total", "_info"]
        .iter()
        .find_map(|suffix| name.strip_suffix(suffix));
    registry.register(
        stem.unwrap_or(name),
        catalogue::meaning(name),
        metric.clone(),
    );
}

/// Registers a metric whose name begins as those of this program do.
fn own(registry: &mut Registry, name: &str, metric: &(impl Metric + Clone)) {
    register(registry, &format!("launchdarkly_operator_{name}"), metric);
}

impl Metrics {
    pub(super) fn registered(&self) -> Registry {
        let mut registry = Registry::default();
        let to = &mut registry;
        own(to, "leader", &self.leader);
        own(to, "task_ends_total", &self.task_ends);
        own(to, "tokens", &self.tokens);
        own(to, "rotations_total", &self.rotations);
        own(to, "rotation_duration_seconds", &self.rotation_duration);
        own(to, "policy_denials_total", &self.policy_denials);
        own(to, "secret_conflicts_total", &self.secret_conflicts);
        own(to, "left_behind_total", &self.left_behind);
        own(to, "events_total", &self.events);
        own(to, "steps_total", &self.steps);
        own(to, "step_failures_total", &self.step_failures);
        own(to, "api_requests_total", &self.api_requests);
        let duration = &self.api_request_duration;
        own(to, "api_request_duration_seconds", duration);
        own(to, "api_ratelimited_total", &self.api_ratelimited);
        own(to, "api_queue_depth", &self.api_queued);
        let remaining = &self.api_ratelimit_remaining;
        own(to, "api_ratelimit_remaining", remaining);
        own(to, "reconciles_total", &self.reconciles);
        own(to, "reconcile_duration_seconds", &self.reconcile_duration);
        own(to, "reconciles_under_way", &self.under_way);
        let build = Info::new([
            ("version", build_info::VERSION),
            ("commit", build_info::COMMIT),
        ]);
        let name = "launchdarkly_operator_build";
        let help = catalogue::meaning("launchdarkly_operator_build_info");
        to.register(name, help, build);
        self.register_once_more(to);
        registry.register_collector(Box::new(self.ongoing.clone()));
        registry.register_collector(Box::<process::Process>::default());
        registry.register_collector(Box::new(self.objects.clone()));
        registry
    }

    /// Under the names that controller-runtime gives.
    fn register_once_more(&self, to: &mut Registry) {
        let reconciles = &self.reconciles;
        register(to, "controller_runtime_reconcile_total", reconciles);
        let durations = &self.reconcile_duration;
        let name = "controller_runtime_reconcile_time_seconds";
        register(to, name, durations);
        let under_way = &self.under_way;
        register(to, "controller_runtime_active_workers", under_way);
        let name = "controller_runtime_max_concurrent_reconciles";
        register(to, name, &self.max_concurrent);
        let requests = &self.kubernetes_requests;
        register(to, "rest_client_requests_total", requests);
    }

    /// What alerts watch for an increase is there from the start: the first increase of a series that appears with it is seen by
    /// nobody.
    pub(super) fn begin_at_zero(&self) {
        for cause in Cause::VARIANTS {
            for result in [Outcome::Success, Outcome::Error] {
                let cause = cause.into();
                self.rotations
                    .get_or_create(&RotationLabels { cause, result })
                    .inc_by(0);
            }
        }
        for operation in Operation::VARIANTS {
            let operation = operation.into();
            self.api_ratelimited
                .get_or_create(&OperationLabel { operation })
                .inc_by(0);
        }
        for &task in Task::VARIANTS {
            self.task_ends.get_or_create(&TaskLabel { task }).inc_by(0);
        }
        for reason in DENIALS.map(Reason::as_str) {
            self.policy_denials
                .get_or_create(&EventLabels { reason })
                .inc_by(0);
        }
        for reason in CONFLICTS.map(Reason::as_str) {
            self.secret_conflicts
                .get_or_create(&EventLabels { reason })
                .inc_by(0);
        }
    }
}
