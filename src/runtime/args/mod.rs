//! The command line: every flag can also be set by the environment variable that its help names.

mod validate;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use clap::builder::{BoolishValueParser, NonEmptyStringValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};

use super::build_info;
use crate::domain::durations;

pub use validate::InvalidArgs;

/// Name of the program, of its field manager and of its user agent.
pub const PROGRAM: &str = "launchdarkly-token-operator";

/// Keeps LaunchDarkly access tokens and the Secrets that hold their keys in line with `AccessToken` objects.
#[derive(Debug, Parser)]
#[command(name = PROGRAM, version = build_info::describe(), arg_required_else_help = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What the program can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the operator until it is told to stop.
    Run(Box<RunArgs>),
}

/// Everything `run` can be told, one struct per concern.
#[derive(Debug, Clone, Args)]
pub struct RunArgs {
    /// Where the probes and the metrics are served.
    #[command(flatten)]
    pub admin: AdminArgs,
    /// What is written to the log.
    #[command(flatten)]
    pub log: LogArgs,
    /// Where traces go.
    #[command(flatten)]
    pub traces: TraceArgs,
    /// Who this process is, and when it may act.
    #[command(flatten)]
    pub leadership: LeadershipArgs,
    /// What it looks after.
    #[command(flatten)]
    pub scope: ScopeArgs,
    /// How long things may take.
    #[command(flatten)]
    pub timing: TimingArgs,
    /// How it treats LaunchDarkly.
    #[command(flatten)]
    pub remote: RemoteArgs,
}

/// Where the probes and the metrics are served.
#[derive(Debug, Clone, Args)]
pub struct AdminArgs {
    /// Address that serves /livez, /readyz and /metrics
    #[arg(long, env = "LDTOKENS_LISTEN", default_value = "0.0.0.0:8080")]
    pub listen: SocketAddr,

    /// Whether /metrics has series for every single AccessToken, about ten each; accounts always have theirs
    #[arg(long, env = "LDTOKENS_METRICS_PER_OBJECT", num_args = 0..=1, default_value = "true",
        default_missing_value = "true", value_parser = BoolishValueParser::new(), action = clap::ArgAction::Set)]
    pub metrics_per_object: bool,
}

/// What is written to the log.
#[derive(Debug, Clone, Args)]
pub struct LogArgs {
    /// One JSON object a line, or text
    #[arg(long, env = "LDTOKENS_LOG_FORMAT", default_value = "json", value_enum)]
    pub log_format: LogFormat,

    /// Least severe level that is written: error, warn, info, debug or trace; a part of the program may have its own, as in "info,kube=debug"
    #[arg(long, env = "LDTOKENS_LOG_LEVEL", default_value = "info")]
    pub log_level: String,
}

/// Shape of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}

/// Where traces go, if anywhere.
#[derive(Debug, Clone, Default, Args)]
pub struct TraceArgs {
    /// Collector that takes traces by OTLP over HTTP with protobuf, with scheme and port; /v1/traces is added; without one there are no traces
    #[arg(long, env = "OTEL_EXPORTER_OTLP_ENDPOINT", value_name = "URL")]
    pub otlp_endpoint: Option<String>,

    /// The same as a whole address, to which nothing is added; goes before the other
    #[arg(long, env = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", value_name = "URL")]
    pub otlp_traces_endpoint: Option<String>,
}

/// Who this process is, and when it may act.
#[derive(Debug, Clone, Args)]
pub struct LeadershipArgs {
    /// The operator's own namespace: holds the Lease and the credentials of `ClusterLaunchDarklyAccount` objects
    #[arg(long, env = "POD_NAMESPACE")]
    pub namespace: String,

    /// Name under which this process leads
    #[arg(long, env = "POD_NAME", default_value_t = host_name())]
    pub pod_name: String,

    /// Name of the Lease that says who leads
    #[arg(long, env = "LDTOKENS_LEASE_NAME", default_value = PROGRAM)]
    pub lease_name: String,

    /// How long a leader may act without renewing its Lease, in whole seconds; renewed every sixth of it
    #[arg(long, env = "LDTOKENS_LEASE_DURATION", default_value = "30s", value_parser = durations::parse_precise)]
    pub lease_duration: Duration,

    /// Start and serve the probes, but never take the Lease: no object is worked on, and nothing is changed anywhere, until it is started without this (for restores and drills)
    #[arg(long, env = "LDTOKENS_PAUSED", num_args = 0..=1, default_value = "false",
        default_missing_value = "true", value_parser = BoolishValueParser::new(), action = clap::ArgAction::Set)]
    pub paused: bool,
}

/// What the operator looks after.
#[derive(Debug, Clone, Args)]
pub struct ScopeArgs {
    /// Namespaces to look after, repeated or separated by commas; none means all
    #[arg(
        long = "watch-namespaces",
        env = "LDTOKENS_WATCH_NAMESPACES",
        value_delimiter = ',',
        value_name = "NAMESPACE"
    )]
    watch_namespaces: Vec<String>,

    /// Class of the accounts to look after, with their AccessTokens: those whose spec.controllerClass is this; without it, those that have none
    #[arg(long, env = "LDTOKENS_CONTROLLER_CLASS", value_name = "CLASS")]
    controller_class: Option<String>,

    /// ClusterRole that a RoleBinding in a namespace gives the operator its Secrets with; Secrets are then neither listed nor watched, but read by name, once a drift interval
    #[arg(
        long,
        env = "LDTOKENS_OPT_IN_ROLE",
        value_name = "CLUSTER_ROLE",
        value_parser = NonEmptyStringValueParser::new()
    )]
    pub opt_in_role: Option<String>,

    /// How many objects are worked on at once
    #[arg(long, env = "LDTOKENS_CONCURRENCY", default_value_t = 32)]
    pub concurrency: u16,
}

impl ScopeArgs {
    /// The namespaces to look after; empty means all.
    #[must_use]
    pub fn namespaces(&self) -> BTreeSet<&str> {
        filled(&self.watch_namespaces)
    }

    /// The class of the accounts to look after; none means those without one. An environment variable that is set to nothing names none.
    #[must_use]
    pub fn class(&self) -> Option<&str> {
        let class = self.controller_class.as_deref().map(str::trim);
        class.filter(|class| !class.is_empty())
    }
}

/// How long things may take.
#[derive(Debug, Clone, Args)]
pub struct TimingArgs {
    /// How long a create or a reset at LaunchDarkly may take; other calls may take twice as long
    #[arg(long, env = "LDTOKENS_REQUEST_TIMEOUT", default_value = "10s", value_parser = durations::parse_precise)]
    pub request_timeout: Duration,

    /// How long LaunchDarkly may take to show or finish something; at least twice the request timeout
    #[arg(long, env = "LDTOKENS_SETTLE_TIME", default_value = "60s", value_parser = durations::parse_precise)]
    pub settle_time: Duration,

    /// Extra life of a previous key at a reset, for the time between the call and the Secret being written
    #[arg(long, env = "LDTOKENS_PUBLICATION_MARGIN", default_value = "5m", value_parser = durations::parse_precise)]
    pub publication_margin: Duration,

    /// How often LaunchDarkly is compared with what was asked for
    #[arg(long, env = "LDTOKENS_DRIFT_INTERVAL", default_value = "5m", value_parser = durations::parse_precise)]
    pub drift_interval: Duration,

    /// How long the deletion of an object waits for an account that is gone or refuses, before it reports what is left behind
    #[arg(long, env = "LDTOKENS_DELETION_GIVE_UP_AFTER", default_value = "10m", value_parser = durations::parse_precise)]
    pub deletion_give_up_after: Duration,
}

/// How the operator treats LaunchDarkly.
#[derive(Debug, Clone, Args)]
pub struct RemoteArgs {
    /// Hosts that an account's apiUrl may name, repeated or separated by commas; a loopback host that is listed may be spoken to by http
    #[arg(long = "allowed-api-host", env = "LDTOKENS_ALLOWED_API_HOST", value_delimiter = ',', value_name = "HOST",
        default_values = ["app.launchdarkly.com", "app.eu.launchdarkly.com", "app.launchdarkly.us"])]
    allowed_api_host: Vec<String>,

    /// Share of LaunchDarkly's rate limits that is left to other users of the account, 0 to 0.9
    #[arg(long, env = "LDTOKENS_RATE_LIMIT_HEADROOM", default_value_t = 0.2)]
    pub rate_limit_headroom: f64,
}

impl RemoteArgs {
    /// The hosts that may be spoken to, each once.
    #[must_use]
    pub fn allowed_hosts(&self) -> BTreeSet<&str> {
        filled(&self.allowed_api_host)
    }
}

/// An environment variable that is set to nothing reads as one empty entry: not meant as one.
fn filled(list: &[String]) -> BTreeSet<&str> {
    list.iter()
        .map(|entry| entry.trim())
        .filter(|entry| !entry.is_empty())
        .collect()
}

/// In a pod, the host's name is the pod's name.
fn host_name() -> String {
    rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned()
}
