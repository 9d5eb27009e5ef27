//! Every metric: its name, its labels, and what it says. `docs/metrics.md` is made from this, and so are the help texts.

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

const fn metric(
    name: &'static str,
    kind: Kind,
    labels: &'static [&'static str],
    meaning: &'static str,
) -> Metric {
    Metric {
        name,
        kind,
        labels,
        meaning,
    }
}

use Kind::{Counter, Gauge, Histogram, Info};

const OBJECT: &[&str] = &["namespace", "name"];
const ACCOUNT: &[&str] = &["kind", "namespace", "name"];

/// All metrics.
pub const GROUPS: &[Group] = &[
    Group {
        title: "AccessTokens, one by one",
        about: "Read from the cache when somebody asks, so that what was deleted vanishes. Only the leader has them, \
                and none of them with `--metrics-per-object=false`.",
        metrics: &[
            metric(
                "launchdarkly_accesstoken_ready_status",
                Gauge,
                &["namespace", "name", "condition"],
                "Three series for each object, with `condition` True, False and Unknown; 1 for the one that the condition Ready has",
            ),
            metric(
                "launchdarkly_accesstoken_status_reason",
                Gauge,
                &["namespace", "name", "reason"],
                "1, for the reason that the condition Ready has",
            ),
            metric(
                "launchdarkly_accesstoken_info",
                Info,
                &[
                    "namespace",
                    "name",
                    "account_kind",
                    "account",
                    "grant",
                    "service_token",
                    "strategy",
                    "suspended",
                ],
                "What is asked for; `grant` is a base role, customRoles or inlineRole",
            ),
            metric(
                "launchdarkly_accesstoken_last_rotation_timestamp_seconds",
                Gauge,
                OBJECT,
                "When the key changed last",
            ),
            metric(
                "launchdarkly_accesstoken_next_rotation_timestamp_seconds",
                Gauge,
                OBJECT,
                "When the key changes next by schedule; absent without a schedule, and while the object is suspended or deleted",
            ),
            metric(
                "launchdarkly_accesstoken_previous_key_expiration_timestamp_seconds",
                Gauge,
                OBJECT,
                "Until when the previous key works; absent when there is none",
            ),
            metric(
                "launchdarkly_accesstoken_expiration_timestamp_seconds",
                Gauge,
                OBJECT,
                "When the token in use ends, as the last listing of the account showed it; absent when it has no such date",
            ),
            metric(
                "launchdarkly_accesstoken_live_tokens",
                Gauge,
                OBJECT,
                "Tokens at LaunchDarkly that the object answers for: the one in use, and those that were replaced and wait for their deletion",
            ),
        ],
    },
    Group {
        title: "Accounts, one by one",
        about: "LaunchDarklyAccounts and ClusterLaunchDarklyAccounts as the leader knows them. The cluster kind has no `namespace`.",
        metrics: &[
            metric(
                "launchdarkly_account_ready_status",
                Gauge,
                &["kind", "namespace", "name", "condition"],
                "Two series for each account, with `condition` True and False; 1 for True while its credential can be used",
            ),
            metric(
                "launchdarkly_account_status_reason",
                Gauge,
                &["kind", "namespace", "name", "reason"],
                "1, for Available or for why the credential cannot be used",
            ),
            metric(
                "launchdarkly_account_access_tokens",
                Gauge,
                ACCOUNT,
                "AccessTokens that use it",
            ),
            metric(
                "launchdarkly_account_orphaned_tokens",
                Gauge,
                ACCOUNT,
                "Tokens at LaunchDarkly with this cluster's marker that no AccessToken answers for; absent before two listings, and with `--watch-namespaces`",
            ),
            metric(
                "launchdarkly_account_left_behind_tokens",
                Gauge,
                ACCOUNT,
                "Tokens whose deletion this process gave up and that the last listing still shows",
            ),
            metric(
                "launchdarkly_account_mass_change",
                Gauge,
                ACCOUNT,
                "1 while so many keys were lost at once that none is replaced",
            ),
            metric(
                "launchdarkly_account_clock_offset_seconds",
                Gauge,
                ACCOUNT,
                "What to add to this machine's clock to get LaunchDarkly's",
            ),
        ],
    },
    Group {
        title: "Keys and Secrets",
        about: "Counted by the leader since it started.",
        metrics: &[
            metric(
                "launchdarkly_operator_tokens",
                Gauge,
                &["state"],
                "AccessToken objects by what they are at: ready, reconciling, stalled, deleting",
            ),
            metric(
                "launchdarkly_operator_rotations_total",
                Counter,
                &["cause", "result"],
                "Keys published (success), and calls or writes for one that failed (error); the first key has cause Created",
            ),
            metric(
                "launchdarkly_operator_rotation_duration_seconds",
                Histogram,
                &["cause"],
                "Time from the note that a key is about to change to the record that the new one is in the Secret",
            ),
            metric(
                "launchdarkly_operator_policy_denials_total",
                Counter,
                &["reason"],
                "AccessTokens that an account began to refuse: NamespaceNotAllowed, NotAllowedByPolicy",
            ),
            metric(
                "launchdarkly_operator_secret_conflicts_total",
                Counter,
                &["reason"],
                "AccessTokens whose Secret began to be somebody else's: SecretForeign, SecretContested, ClaimedElsewhere",
            ),
            metric(
                "launchdarkly_operator_left_behind_total",
                Counter,
                &[],
                "Tokens at LaunchDarkly that a deletion had to leave behind",
            ),
            metric(
                "launchdarkly_operator_events_total",
                Counter,
                &["reason"],
                "Events about AccessTokens",
            ),
        ],
    },
    Group {
        title: "LaunchDarkly's API",
        about: "`host` is one of the hosts that `--allowed-api-host` names.",
        metrics: &[
            metric(
                "launchdarkly_operator_api_requests_total",
                Counter,
                &["operation", "code", "result"],
                "Requests; `code` is the status of the answer, or none; `result` is ok or the kind of error",
            ),
            metric(
                "launchdarkly_operator_api_request_duration_seconds",
                Histogram,
                &["operation"],
                "Time that they took, without waiting for the rate limit",
            ),
            metric(
                "launchdarkly_operator_api_ratelimited_total",
                Counter,
                &["operation"],
                "Requests that were answered 429",
            ),
            metric(
                "launchdarkly_operator_api_queue_depth",
                Gauge,
                &["host"],
                "Requests that wait for their turn or for a rate limit",
            ),
            metric(
                "launchdarkly_operator_api_ratelimit_remaining",
                Gauge,
                &["host", "limit"],
                "Least that the last answers left of a limit: global, route, token",
            ),
        ],
    },
    Group {
        title: "Reconciles",
        about: "`controller` is AccessToken or Account.",
        metrics: &[
            metric(
                "launchdarkly_operator_reconciles_total",
                Counter,
                &["controller", "result"],
                "Reconciles that ended; error: of an account without an answer of the API server, of an AccessToken because the process may not act any more",
            ),
            metric(
                "launchdarkly_operator_reconcile_duration_seconds",
                Histogram,
                &["controller"],
                "Time that reconciles took",
            ),
            metric(
                "launchdarkly_operator_reconciles_under_way",
                Gauge,
                &["controller"],
                "Reconciles under way; AccessTokens wait when they reach `--concurrency`",
            ),
            metric(
                "launchdarkly_operator_longest_reconcile_seconds",
                Gauge,
                &["controller"],
                "Age of the oldest reconcile under way; 0 when there is none",
            ),
            metric(
                "launchdarkly_operator_steps_total",
                Counter,
                &["step"],
                "Steps that were begun",
            ),
            metric(
                "launchdarkly_operator_step_failures_total",
                Counter,
                &["step", "reason"],
                "Steps that failed and are tried again after a back-off; `reason` as conditions have it",
            ),
        ],
    },
    Group {
        title: "The process",
        about: "From every replica.",
        metrics: &[
            metric(
                "launchdarkly_operator_leader",
                Gauge,
                &[],
                "1 while this process leads",
            ),
            metric(
                "launchdarkly_operator_task_ends_total",
                Counter,
                &["task"],
                "Long-lived tasks that ended or panicked before the process was told to end; it then ends in order",
            ),
            metric(
                "launchdarkly_operator_panics_total",
                Counter,
                &[],
                "Parts of the program that ended in a panic; in a long-lived task or a reconcile, a panic ends the process",
            ),
            metric(
                "launchdarkly_operator_clock_time_seconds",
                Gauge,
                &[],
                "This machine's clock",
            ),
            metric(
                "launchdarkly_operator_build_info",
                Info,
                &["version", "commit"],
                "Which build this is",
            ),
            metric(
                "process_start_time_seconds",
                Gauge,
                &[],
                "When the process started",
            ),
            metric(
                "process_resident_memory_bytes",
                Gauge,
                &[],
                "Memory that it has; on Linux only",
            ),
        ],
    },
    Group {
        title: "Under the names that controller-runtime gives",
        about: "For dashboards and rules that know only these. The `workqueue_` metrics are left out: the queue of this operator's \
                library cannot be counted.",
        metrics: &[
            metric(
                "rest_client_requests_total",
                Counter,
                &["method", "code"],
                "Requests to the API server; `code` is the status of the answer, or none. A watch is one request",
            ),
            metric(
                "controller_runtime_reconcile_total",
                Counter,
                &["controller", "result"],
                "As `launchdarkly_operator_reconciles_total`",
            ),
            metric(
                "controller_runtime_reconcile_time_seconds",
                Histogram,
                &["controller"],
                "As `launchdarkly_operator_reconcile_duration_seconds`",
            ),
            metric(
                "controller_runtime_active_workers",
                Gauge,
                &["controller"],
                "As `launchdarkly_operator_reconciles_under_way`",
            ),
            metric(
                "controller_runtime_max_concurrent_reconciles",
                Gauge,
                &["controller"],
                "`--concurrency`; accounts, which are few, have no limit",
            ),
        ],
    },
];

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
