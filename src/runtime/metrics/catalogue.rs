//! Every metric: its name, its labels, and what it says; and, if it is counted as things happen, the field that holds it.
//! `docs/metrics.md` is made from this, and so are the help texts.

use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use super::labels::{
    CauseLabel, ControllerLabel, EventLabels, FailureLabels, HostLabel, LimitLabels, MethodLabels,
    OperationLabel, ReconcileLabels, RequestLabels, RotationLabels, StateLabel, StepLabels,
    TaskLabel,
};
use super::values::{Counter, Fresh, Gauge, Histogram, register};

/// The kinds of metrics that there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::Display)]
#[strum(serialize_all = "lowercase")]
pub enum Kind {
    /// Only grows, until the process ends.
    Counter,
    /// A value of this moment.
    Gauge,
    /// How often, and in which range; each has the label `le` too.
    Histogram,
    /// Always 1; its labels say something.
    Info,
}

/// One metric.
#[derive(Debug, Clone, Copy)]
pub struct Metric {
    /// Its name as queries have it, a histogram's without `_bucket`, `_sum` and `_count`.
    pub name: &'static str,
    /// Its kind.
    pub kind: Kind,
    /// Its labels.
    pub labels: &'static [&'static str],
    /// What it says.
    pub meaning: &'static str,
}

/// What a group of metrics is about.
#[derive(Debug, Clone, Copy)]
pub struct Group {
    /// A heading.
    pub title: &'static str,
    /// What holds for all of them.
    pub about: &'static str,
    /// The metrics.
    pub metrics: &'static [Metric],
}

/// Declares the metrics: `name: Kind[labels] => field: Type, "meaning";`. With `again field` a field is shown under one more name; one
/// without a field is computed at each scrape, by the collectors in `scrape`, `process` and `reconciles`.
macro_rules! metrics {
    ($($title:literal: $about:literal { $(
        $name:ident: $kind:ident[$($label:literal),*] $(again $again:ident)? $(=> $field:ident: $type:ty)?,
            $meaning:literal;
    )+ })+) => {
        /// All metrics.
        pub const GROUPS: &[Group] = &[$(Group {
            title: $title,
            about: $about,
            metrics: &[$(Metric {
                name: stringify!($name),
                kind: Kind::$kind,
                labels: &[$($label),*],
                meaning: $meaning,
            }),+],
        }),+];

        /// What is counted as it happens.
        #[derive(Debug, Clone)]
        pub(super) struct Counted {
            $($($(pub(super) $field: $type,)?)+)+
        }

        impl Default for Counted {
            fn default() -> Self {
                Self { $($($($field: Fresh::fresh(),)?)+)+ }
            }
        }

        impl Counted {
            /// Shows all of it.
            pub(super) fn register(&self, registry: &mut Registry) {
                $($(
                    $(register(registry, stringify!($name), $meaning, &self.$field);)?
                    $(register(registry, stringify!($name), $meaning, &self.$again);)?
                )+)+
            }
        }
    };
}

metrics! {
    "AccessTokens, one by one": "Read from the cache when somebody asks, so that what was deleted vanishes. Only the leader has them, and none of them with `--metrics-per-object=false`." {
        launchdarkly_accesstoken_ready_status: Gauge["namespace", "name", "condition"],
            "Three series for each object, with `condition` True, False and Unknown; 1 for the one that the condition Ready has";
        launchdarkly_accesstoken_status_reason: Gauge["namespace", "name", "reason"],
            "1, for the reason that the condition Ready has";
        launchdarkly_accesstoken_info: Info["namespace", "name", "account_kind", "account", "grant", "service_token", "strategy", "suspended"],
            "What is asked for; `grant` is a base role, customRoles or inlineRole";
        launchdarkly_accesstoken_last_rotation_timestamp_seconds: Gauge["namespace", "name"],
            "When the key changed last";
        launchdarkly_accesstoken_next_rotation_timestamp_seconds: Gauge["namespace", "name"],
            "When the key changes next by schedule; absent without a schedule, and while the object is suspended or deleted";
        launchdarkly_accesstoken_previous_key_expiration_timestamp_seconds: Gauge["namespace", "name"],
            "Until when the previous key works; absent when there is none";
        launchdarkly_accesstoken_expiration_timestamp_seconds: Gauge["namespace", "name"],
            "When the token in use ends, as the last listing of the account showed it; absent when it has no such date";
        launchdarkly_accesstoken_live_tokens: Gauge["namespace", "name"],
            "Tokens at LaunchDarkly that the object answers for: the one in use, and those that were replaced and wait for their deletion";
    }
    "Accounts, one by one": "LaunchDarklyAccounts and ClusterLaunchDarklyAccounts as the leader knows them. The cluster kind has no `namespace`." {
        launchdarkly_account_ready_status: Gauge["kind", "namespace", "name", "condition"],
            "Two series for each account, with `condition` True and False; 1 for True while its credential can be used";
        launchdarkly_account_status_reason: Gauge["kind", "namespace", "name", "reason"],
            "1, for Available or for why the credential cannot be used";
        launchdarkly_account_access_tokens: Gauge["kind", "namespace", "name"],
            "AccessTokens that use it";
        launchdarkly_account_orphaned_tokens: Gauge["kind", "namespace", "name"],
            "Tokens at LaunchDarkly with this cluster's marker that no AccessToken answers for; absent before two listings, and with `--watch-namespaces`";
        launchdarkly_account_unknown_tokens: Gauge["kind", "namespace", "name"],
            "Tokens at LaunchDarkly with an AccessToken's marker that it did not make and leaves alone";
        launchdarkly_account_left_behind_tokens: Gauge["kind", "namespace", "name"],
            "Tokens whose deletion this process gave up and that the last listing still shows";
        launchdarkly_account_mass_change: Gauge["kind", "namespace", "name"],
            "1 while lost keys are not replaced in the account or in one of its namespaces, because too many were lost within ten minutes";
        launchdarkly_account_clock_offset_seconds: Gauge["kind", "namespace", "name"],
            "What to add to this machine's clock to get LaunchDarkly's";
    }
    "Accounts that others handle": "See [two installations](guide.md#two-installations-in-one-cluster)." {
        launchdarkly_operator_accounts_left_alone: Gauge[] => accounts_left_alone: Gauge,
            "Accounts of this installation's class that another installation handles: this one leaves them and their AccessTokens alone";
    }
    "Keys and Secrets": "Counted by the leader since it started." {
        launchdarkly_operator_tokens: Gauge["state"] => tokens: Family<StateLabel, Gauge>,
            "AccessToken objects by what they are at: ready, reconciling, stalled, deleting";
        launchdarkly_operator_rotations_total: Counter["cause", "result"] => rotations: Family<RotationLabels, Counter>,
            "Keys published (success), and calls or writes for one that failed (error); the first key has cause Created";
        launchdarkly_operator_rotation_duration_seconds: Histogram["cause"] => rotation_duration: Family<CauseLabel, Histogram>,
            "Time from the note that a key is about to change to the record that the new one is in the Secret";
        launchdarkly_operator_policy_denials_total: Counter["reason"] => policy_denials: Family<EventLabels, Counter>,
            "AccessTokens that an account began to refuse: NamespaceNotAllowed, NotAllowedByPolicy";
        launchdarkly_operator_secret_conflicts_total: Counter["reason"] => secret_conflicts: Family<EventLabels, Counter>,
            "AccessTokens whose Secret began to be somebody else's: SecretForeign, SecretContested, ClaimedElsewhere";
        launchdarkly_operator_left_behind_total: Counter[] => left_behind: Counter,
            "Tokens at LaunchDarkly that a deletion had to leave behind";
        launchdarkly_operator_events_total: Counter["reason"] => events: Family<EventLabels, Counter>,
            "Events about AccessTokens";
    }
    "LaunchDarkly's API": "`host` is one of the hosts that `--allowed-api-host` names." {
        launchdarkly_operator_api_requests_total: Counter["operation", "code", "result"] => api_requests: Family<RequestLabels, Counter>,
            "Requests; `code` is the status of the answer, or none; `result` is ok or the kind of error";
        launchdarkly_operator_api_request_duration_seconds: Histogram["operation"] => api_request_duration: Family<OperationLabel, Histogram>,
            "Time that they took, without waiting for the rate limit";
        launchdarkly_operator_api_ratelimited_total: Counter["operation"] => api_ratelimited: Family<OperationLabel, Counter>,
            "Requests that were answered 429";
        launchdarkly_operator_api_queue_depth: Gauge["host"] => api_queued: Family<HostLabel, Gauge>,
            "Requests that wait for their turn or for a rate limit";
        launchdarkly_operator_api_ratelimit_remaining: Gauge["host", "limit"] => api_ratelimit_remaining: Family<LimitLabels, Gauge>,
            "Least that the last answers left of a limit: global, route, token";
    }
    "Reconciles": "`controller` is AccessToken or Account." {
        launchdarkly_operator_reconciles_total: Counter["controller", "result"] => reconciles: Family<ReconcileLabels, Counter>,
            "Reconciles that ended; error: of an account without an answer of the API server, of an AccessToken because the process may not act any more";
        launchdarkly_operator_reconcile_duration_seconds: Histogram["controller"] => reconcile_duration: Family<ControllerLabel, Histogram>,
            "Time that reconciles took";
        launchdarkly_operator_reconciles_under_way: Gauge["controller"] => under_way: Family<ControllerLabel, Gauge>,
            "Reconciles under way; AccessTokens wait when they reach `--concurrency`";
        launchdarkly_operator_longest_reconcile_seconds: Gauge["controller"],
            "Age of the oldest reconcile under way; 0 when there is none";
        launchdarkly_operator_steps_total: Counter["step"] => steps: Family<StepLabels, Counter>,
            "Steps that were begun";
        launchdarkly_operator_step_failures_total: Counter["step", "reason"] => step_failures: Family<FailureLabels, Counter>,
            "Steps that failed and are tried again after a back-off; `reason` as conditions have it";
    }
    "The process": "From every replica." {
        launchdarkly_operator_leader: Gauge[] => leader: Gauge,
            "1 while this process leads";
        launchdarkly_operator_task_ends_total: Counter["task"] => task_ends: Family<TaskLabel, Counter>,
            "Long-lived tasks that ended or panicked before the process was told to end; it then ends in order";
        launchdarkly_operator_panics_total: Counter[],
            "Parts of the program that ended in a panic; in a long-lived task or a reconcile, a panic ends the process";
        launchdarkly_operator_clock_time_seconds: Gauge[],
            "This machine's clock";
        launchdarkly_operator_build_info: Info["version", "commit"],
            "Which build this is";
        process_start_time_seconds: Gauge[],
            "When the process started";
        process_resident_memory_bytes: Gauge[],
            "Memory that it has; on Linux only";
    }
    "Under the names that controller-runtime gives": "For dashboards and rules that know only these. The `workqueue_` metrics are left out: the queue of this operator's library cannot be counted." {
        rest_client_requests_total: Counter["method", "code"] => kubernetes_requests: Family<MethodLabels, Counter>,
            "Requests to the API server; `code` is the status of the answer, or none. A watch is one request";
        controller_runtime_reconcile_total: Counter["controller", "result"] again reconciles,
            "As `launchdarkly_operator_reconciles_total`";
        controller_runtime_reconcile_time_seconds: Histogram["controller"] again reconcile_duration,
            "As `launchdarkly_operator_reconcile_duration_seconds`";
        controller_runtime_active_workers: Gauge["controller"] again under_way,
            "As `launchdarkly_operator_reconciles_under_way`";
        controller_runtime_max_concurrent_reconciles: Gauge["controller"] => max_concurrent: Family<ControllerLabel, Gauge>,
            "`--concurrency`; accounts, which are few, have no limit";
    }
}

/// All metrics, one after the other.
pub fn all() -> impl Iterator<Item = &'static Metric> {
    GROUPS.iter().flat_map(|group| group.metrics)
}

/// What a metric says; empty for a name that is not here, which a test finds.
pub(super) fn meaning(name: &str) -> &'static str {
    all()
        .find(|metric| metric.name == name)
        .map_or("", |metric| metric.meaning)
}
