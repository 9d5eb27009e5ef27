//! Sends traces to a collector, if one is named: never in the way of the work, and without a word of its own but that it fails.

use std::fmt;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use futures::FutureExt as _;
use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{
    ExporterBuildError, Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _,
};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::resource::{EnvResourceDetector, TelemetryResourceDetector};
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use url::{Host, Url};

use crate::runtime::args::{LeadershipArgs, PROGRAM, RunArgs, TraceArgs};
use crate::runtime::build_info;
use crate::runtime::supervise::TaskError;

/// How long the collector may take for one request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the last spans may take at the end of the process.
const FLUSH_LIMIT: Duration = Duration::from_secs(2);
/// How often it is said that spans are lost.
const SAY_EVERY: Duration = Duration::from_secs(300);

/// Why an endpoint is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{flag} {given:?} must be a URL such as http://collector.example:4318, without user name, query or fragment; headers go into OTEL_EXPORTER_OTLP_HEADERS"
)]
pub struct CollectorError {
    flag: &'static str,
    given: String,
}

impl TraceArgs {
    /// Where traces go; nowhere without a flag, or with one that is set to nothing.
    ///
    /// # Errors
    /// [`CollectorError`] says which flag is wrong.
    pub fn endpoint(&self) -> Result<Option<Url>, CollectorError> {
        let filled = |flag: &'static str, url: Option<&str>| {
            let url = url.map(str::trim).filter(|url| !url.is_empty());
            url.map(|url| parse(flag, url)).transpose()
        };
        let base = filled("--otlp-endpoint", self.otlp_endpoint.as_deref())?;
        let whole = filled(
            "--otlp-traces-endpoint",
            self.otlp_traces_endpoint.as_deref(),
        )?;
        let below = base.map(|mut url| {
            if let Ok(mut path) = url.path_segments_mut() {
                path.pop_if_empty().extend(["v1", "traces"]);
            }
            url
        });
        Ok(whole.or(below))
    }
}

fn parse(flag: &'static str, text: &str) -> Result<Url, CollectorError> {
    let bare = |url: &Url| {
        matches!(url.scheme(), "http" | "https")
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none()
    };
    // What stands before an @ may be a password.
    let shown = text.rsplit_once('@').map_or(text, |(_, shown)| shown);
    Url::parse(text)
        .ok()
        .filter(bare)
        .ok_or_else(|| CollectorError {
            flag,
            given: shown.to_owned(),
        })
}

/// Why traces cannot be exported.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// There is no such place; [`RunArgs::validate`] finds this first.
    #[error(transparent)]
    Endpoint(#[from] CollectorError),
    /// The TLS set-up of this machine is broken.
    #[error("the HTTP client cannot be set up: are the system's CA certificates installed?")]
    Client,
    /// The exporter refuses the endpoint.
    #[error("the exporter cannot be set up")]
    Exporter(#[from] ExporterBuildError),
}

/// The export of traces, or none.
#[derive(Debug, Default)]
pub struct Export {
    provider: Option<SdkTracerProvider>,
    /// Told when the thread that sends is gone.
    ended: Option<oneshot::Receiver<Never>>,
}

/// What is never sent: the end of the sender is the message.
#[derive(Debug)]
enum Never {}

impl Export {
    /// Begins, if there is an endpoint. Spans wait in a queue of limited length for a thread of its own; what finds it full
    /// is dropped. Must be called in the runtime that sends.
    ///
    /// # Errors
    /// [`ExportError`], when that cannot be set up. Nobody is spoken to yet.
    pub(in crate::runtime) fn start(args: &RunArgs) -> Result<Self, ExportError> {
        let Some(endpoint) = args.traces.endpoint()? else {
            return Ok(Self::default());
        };
        let (alive, ended) = oneshot::channel();
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(Carrier::new(&endpoint, alive)?)
            .with_endpoint(endpoint.as_str())
            .with_protocol(Protocol::HttpBinary)
            .build()?;
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_resource(resource(&args.leadership));
        Ok(Self {
            provider: Some(provider.build()),
            ended: Some(ended),
        })
    }

    /// Makes the spans, where there is an export.
    pub(in crate::runtime) fn tracer(&self) -> Option<SdkTracer> {
        self.provider
            .as_ref()
            .map(|provider| provider.tracer(PROGRAM))
    }

    /// Returns when the thread that sends is gone: after a panic, unless the export was told to [end](Self::end).
    pub(in crate::runtime) fn exporter(
        &mut self,
    ) -> Option<impl Future<Output = Result<(), TaskError>> + Send + 'static> {
        let ended = self.ended.take()?;
        Some(ended.map(|_| Ok(())))
    }

    /// Sends what is left, in a few seconds or not at all.
    pub(in crate::runtime) async fn end(self) {
        let Some(provider) = self.provider else {
            return;
        };
        let flush = move || provider.shutdown_with_timeout(FLUSH_LIMIT);
        if !matches!(tokio::task::spawn_blocking(flush).await, Ok(Ok(()))) {
            tracing::warn!("the last traces could not be exported in time");
        }
    }
}

/// Who speaks: what the environment says has the last word.
fn resource(who: &LeadershipArgs) -> Resource {
    let ours = Resource::builder_empty()
        .with_service_name(PROGRAM)
        .with_attributes([
            KeyValue::new("service.version", build_info::VERSION),
            KeyValue::new("service.instance.id", who.pod_name.clone()),
            KeyValue::new("k8s.namespace.name", who.namespace.clone()),
            KeyValue::new("k8s.pod.name", who.pod_name.clone()),
        ])
        .with_detector(Box::new(TelemetryResourceDetector))
        .with_detector(Box::new(EnvResourceDetector::new()));
    match std::env::var("OTEL_SERVICE_NAME") {
        Ok(name) if !name.is_empty() => ours.with_service_name(name).build(),
        _ => ours.build(),
    }
}

/// Carries requests of the exporter's thread to the runtime, which the HTTP client needs.
struct Carrier {
    client: reqwest::Client,
    runtime: Handle,
    trouble: Mutex<Trouble>,
    /// Dropped with the thread that has it.
    _alive: oneshot::Sender<Never>,
}

impl fmt::Debug for Carrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Carrier").finish_non_exhaustive()
    }
}

impl Carrier {
    fn new(endpoint: &Url, alive: oneshot::Sender<Never>) -> Result<Self, ExportError> {
        let mut builder = reqwest::Client::builder()
            .user_agent(format!("{PROGRAM}/{}", build_info::VERSION))
            .redirect(reqwest::redirect::Policy::none())
            .timeout(REQUEST_TIMEOUT);
        let is_loopback = match endpoint.host() {
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            Some(Host::Domain(name)) => name == "localhost",
            None => false,
        };
        if is_loopback {
            builder = builder.no_proxy();
        }
        if endpoint.scheme() == "http" {
            builder = builder.tls_certs_only([]); // reading the system's takes a while
        }
        Ok(Self {
            client: builder.build().map_err(|_| ExportError::Client)?,
            runtime: Handle::current(),
            trouble: Mutex::default(),
            _alive: alive,
        })
    }

    fn heard(&self, outcome: &Result<Response<Bytes>, HttpError>) {
        let why = match outcome {
            Ok(answer) if answer.status().is_success() => None,
            Ok(answer) => Some(format!("it answered {}", answer.status())),
            Err(error) => Some(innermost(error.as_ref())),
        };
        let mut trouble = self.trouble.lock();
        let news = trouble.news(why.is_some(), Instant::now());
        match (why, news) {
            (Some(error), true) => {
                tracing::warn!(
                    error,
                    "the OTLP endpoint does not take traces; they are dropped, and nothing else suffers"
                );
            }
            (None, true) => tracing::info!("the OTLP endpoint takes traces again"),
            (_, false) => {}
        }
    }
}

#[async_trait]
impl HttpClient for Carrier {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let client = self.client.clone();
        let sent = self
            .runtime
            .spawn(async move { client.send_bytes(request).await });
        let outcome = sent.await.unwrap_or_else(|error| Err(error.into()));
        self.heard(&outcome);
        outcome
    }
}

/// The deepest cause, which names no address.
fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.last().map(ToString::to_string).unwrap_or_default()
}

/// When it was last said that the endpoint fails; none while it does not.
#[derive(Debug, Default)]
struct Trouble(Option<Instant>);

impl Trouble {
    /// Whether this is worth a line: the first failure, one now and then, and the end of it.
    fn news(&mut self, failed: bool, now: Instant) -> bool {
        let recent = |said: Instant| now.duration_since(said) < SAY_EVERY;
        match (failed, self.0) {
            (true, Some(said)) if recent(said) => false,
            (true, _) => {
                self.0 = Some(now);
                true
            }
            (false, _) => self.0.take().is_some(),
        }
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::{Span as _, Tracer as _};
    use opentelemetry_sdk::error::OTelSdkResult;
    use opentelemetry_sdk::trace::SpanData;

    use super::*;

    fn args(base: &str, whole: &str) -> TraceArgs {
        TraceArgs {
            otlp_endpoint: Some(base.to_owned()),
            otlp_traces_endpoint: Some(whole.to_owned()),
        }
    }

    fn leads_to(base: &str, whole: &str) -> Option<String> {
        let endpoint = args(base, whole).endpoint();
        endpoint.unwrap().map(|url| url.to_string())
    }

    #[test]
    fn traces_go_nowhere_unless_an_endpoint_is_named() {
        assert_eq!(TraceArgs::default().endpoint(), Ok(None));
        assert_eq!(leads_to("", " "), None);
    }

    #[test]
    fn the_path_of_traces_is_added_to_a_base_and_not_to_a_whole_address() {
        let base = "http://collector.example:4318";
        let traces = "http://collector.example:4318/v1/traces";
        assert_eq!(leads_to(base, "").unwrap(), traces);
        assert_eq!(
            leads_to("https://a.example/otlp/", "").unwrap(),
            "https://a.example/otlp/v1/traces"
        );
        let whole = "https://b.example/here";
        assert_eq!(leads_to(base, whole).unwrap(), whole);
    }

    #[test]
    fn what_is_no_address_is_refused_and_no_password_is_shown() {
        for wrong in [
            "collector:4318",
            "grpc://collector:4317",
            "http://",
            "http://a.example/?key=1",
            "http://a.example/#here",
        ] {
            let why = args(wrong, "").endpoint().unwrap_err().to_string();
            assert!(
                why.starts_with(&format!("--otlp-endpoint {wrong:?} must be")),
                "{why}"
            );
        }
        let why = args("", "http://me:hidden@a.example")
            .endpoint()
            .unwrap_err();
        let why = why.to_string();
        assert!(
            why.starts_with("--otlp-traces-endpoint \"a.example\""),
            "{why}"
        );
        assert!(!why.contains("hidden"), "{why}");
    }

    /// An exporter whose thread panics with the first spans.
    #[derive(Debug)]
    struct Panics {
        _alive: oneshot::Sender<Never>,
    }

    impl opentelemetry_sdk::trace::SpanExporter for Panics {
        async fn export(&self, _: Vec<SpanData>) -> OTelSdkResult {
            unreachable!("on purpose")
        }
    }

    #[tokio::test]
    async fn the_end_of_the_thread_that_sends_is_noticed_and_nothing_before() {
        let (alive, ended) = oneshot::channel();
        let provider = SdkTracerProvider::builder().with_batch_exporter(Panics { _alive: alive });
        let mut export = Export {
            provider: Some(provider.build()),
            ended: Some(ended),
        };
        let mut exporter = Box::pin(export.exporter().unwrap());
        assert!((&mut exporter).now_or_never().is_none());
        export.tracer().unwrap().start("span").end();
        let flushing = export.provider.clone().unwrap();
        let flushed = tokio::task::spawn_blocking(move || flushing.force_flush());
        assert!(exporter.await.is_ok());
        assert!(flushed.await.unwrap().is_err());
    }

    #[test]
    fn an_endpoint_that_fails_is_told_of_once_in_a_while_and_when_it_is_over() {
        let mut trouble = Trouble::default();
        let start = Instant::now();
        let mut news =
            |failed, minutes: u64| trouble.news(failed, start + Duration::from_secs(60 * minutes));
        assert!(!news(false, 0));
        assert!(news(true, 0));
        assert!(!news(true, 1));
        assert!(!news(true, 4));
        assert!(news(true, 5));
        assert!(!news(true, 6));
        assert!(news(false, 7));
        assert!(!news(false, 8));
        assert!(news(true, 8));
    }
}
