//! The log: JSON or text lines on standard error, times as RFC 3339 in UTC. Beside it, the spans for traces.
//!
//! Each of the two has a filter of its own: what is written says nothing about what is traced.

use std::panic;

use opentelemetry_sdk::trace::SdkTracer;
use tracing::{Level, Subscriber};
use tracing_subscriber::filter::{EnvFilter, FilterExt as _, LevelFilter, ParseError, filter_fn};
use tracing_subscriber::util::TryInitError;
use tracing_subscriber::{
    Layer, Registry, fmt, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

use super::json::JsonLines;
use crate::runtime::args::{LogArgs, LogFormat};
use crate::runtime::metrics;
use crate::traces;

/// Libraries through whose hands requests and answers pass: what they tell below `info` may hold a key (I7).
const CLOSE_TO_KEYS: [&str; 9] = [
    "h2",
    "hyper",
    "hyper_util",
    "kube_client",
    "kube_runtime",
    "reqwest",
    "rustls",
    "tower",
    "tower_http",
];

/// Writes whole answers of the API server, Secrets included, at `warn` when one cannot be read; it has nothing else
/// to say that does not also come back as an error.
const TELLS_KEYS: &str = "kube_client::client";

/// Whether anything may be written for this part of the program at this level, whatever level is asked for.
fn may_be_written(target: &str, level: Level) -> bool {
    let library = target.split("::").next().unwrap_or(target);
    target != TELLS_KEYS
        && target != traces::TARGET
        && (level <= Level::INFO || !CLOSE_TO_KEYS.contains(&library))
}

/// Why a `--log-level` is none.
#[derive(Debug, thiserror::Error)]
pub enum LevelError {
    /// A word that is no level would be taken for a part of the program, and the rest would fall silent.
    #[error("{0:?} is no level")]
    Word(String),
    /// Not a list of `part=level`.
    #[error(transparent)]
    List(#[from] ParseError),
}

/// Reads the `--log-level` flag.
///
/// # Errors
/// When the text is no level and no list of `part=level`.
pub fn filter(level: &str) -> Result<EnvFilter, LevelError> {
    let mut words = level
        .split(',')
        .map(str::trim)
        .filter(|word| !word.contains('='));
    match words.find(|word| word.parse::<LevelFilter>().is_err()) {
        Some(word) => Err(LevelError::Word(word.to_owned())),
        None => Ok(EnvFilter::builder().parse(level)?),
    }
}

/// Why the log could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The level does not parse; [`RunArgs::validate`](crate::runtime::args::RunArgs::validate) finds this first.
    #[error("cannot read --log-level")]
    Level(#[from] LevelError),
    /// Something else logs already.
    #[error("cannot set up the log")]
    Init(#[from] TryInitError),
}

/// Sends everything that is said to standard error, panics included, and our own spans to `tracer`, if there is one.
///
/// # Errors
/// [`TelemetryError`], when the level does not parse or the process has a log already.
pub fn init(args: &LogArgs, tracer: Option<SdkTracer>) -> Result<(), TelemetryError> {
    subscriber(args, tracer)?.try_init()?;
    // Only the place: the payload of a panic quotes values, and a value can be a key (I7).
    panic::set_hook(Box::new(|panic| {
        let place = panic
            .location()
            .map(ToString::to_string)
            .unwrap_or_default();
        tracing::error!(place, "a part of the program panicked");
        metrics::panicked();
    }));
    Ok(())
}

fn subscriber(
    args: &LogArgs,
    tracer: Option<SdkTracer>,
) -> Result<impl Subscriber + Send + Sync + use<>, LevelError> {
    let lines = match args.log_format {
        LogFormat::Json => JsonLines::layer().boxed(),
        LogFormat::Text => {
            let lines = fmt::layer().with_writer(std::io::stderr);
            lines.with_ansi(false).boxed()
        }
    };
    // With the hint, what is below the level that is asked for costs nothing.
    let may_be_written = filter_fn(|about| may_be_written(about.target(), *about.level()))
        .with_max_level_hint(LevelFilter::TRACE);
    let lines = lines.with_filter(filter(&args.log_level)?.and(may_be_written));
    Ok(tracing_subscriber::registry()
        .with(tracer.map(spans))
        .with(lines))
}

/// Makes traces of our own spans, and of nobody else's: not of those in which the traces themselves are sent, and not of
/// those through which keys pass. What is logged is not in them.
fn spans(tracer: SdkTracer) -> impl Layer<Registry> {
    let ours = filter_fn(|about| {
        about.is_span()
            && *about.level() <= Level::INFO
            && about.target().starts_with(env!("CARGO_CRATE_NAME"))
    });
    tracing_opentelemetry::layer()
        .with_tracer(tracer)
        .with_context_activation(false)
        .with_location(false)
        .with_threads(false)
        .with_target(false)
        .with_tracked_inactivity(false)
        .with_filter(ours.with_max_level_hint(LevelFilter::INFO))
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::TracerProvider as _;
    use opentelemetry_sdk::trace::SdkTracerProvider;

    use super::*;

    #[test]
    fn libraries_that_see_keys_stay_quiet_whatever_is_asked_for() {
        assert!(!may_be_written("hyper::proto::h1", Level::TRACE));
        assert!(!may_be_written("kube_runtime::watcher", Level::DEBUG));
        assert!(may_be_written("kube_runtime::watcher", Level::WARN));
        assert!(may_be_written(
            "launchdarkly_token_operator::controller",
            Level::TRACE
        ));
    }

    #[test]
    fn an_answer_that_cannot_be_read_is_not_written_out() {
        assert!(!may_be_written("kube_client::client", Level::WARN));
        assert!(may_be_written("kube_client::client::tls", Level::WARN));
    }

    #[test]
    fn spans_that_are_for_traces_alone_are_not_in_the_log() {
        assert!(!may_be_written(traces::TARGET, Level::ERROR));
    }

    /// The trace of a step, with the least in the log.
    fn trace_of_a_step(tracer: Option<SdkTracer>) -> Option<String> {
        let args = LogArgs {
            log_level: "off".into(),
            log_format: LogFormat::Json,
        };
        tracing::subscriber::with_default(subscriber(&args, tracer).unwrap(), || {
            traces::step("CreateToken").in_scope(traces::id)
        })
    }

    #[test]
    fn what_is_traced_does_not_hang_on_what_is_logged() {
        let provider = SdkTracerProvider::builder().build();
        assert!(trace_of_a_step(Some(provider.tracer("here"))).is_some());
        assert_eq!(trace_of_a_step(None), None);
    }

    #[test]
    fn a_word_that_is_no_level_is_refused() {
        assert_eq!(
            filter("verbose").unwrap_err().to_string(),
            "\"verbose\" is no level"
        );
        assert!(filter("warn").is_ok());
        assert!(filter("info,kube=debug").is_ok());
    }

    /// The hook and the log belong to a whole process, so this test runs itself in one of its own.
    #[test]
    fn a_panic_tells_where_and_not_what() {
        const INSIDE: &str = "LDTOKENS_TEST_PANIC";
        const KEY: &str = "api-3f0b3c52-6a1d-4a57-9d0e-5c2f9b7e1a2b";
        if std::env::var_os(INSIDE).is_some() {
            let args = LogArgs {
                log_level: "trace".into(),
                log_format: LogFormat::Json,
            };
            init(&args, None).unwrap();
            panic!("there was {KEY}");
        }
        let itself = "runtime::telemetry::log::tests::a_panic_tells_where_and_not_what";
        let output = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "--nocapture", itself])
            .env(INSIDE, "1")
            .env("RUST_BACKTRACE", "full")
            .output()
            .unwrap();
        assert!(!output.status.success());
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        assert!(said.contains("a part of the program panicked"), "{said}");
        assert!(said.contains("src/runtime/telemetry/log.rs"), "{said}");
        assert!(
            !said.contains(&KEY[4..12]) && !said.contains("there was"),
            "{said}"
        );
    }
}
