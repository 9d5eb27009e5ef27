//! A collector of traces: takes what the operator exports, and reads it with OpenTelemetry's own types.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value};
use opentelemetry_proto::tonic::trace::v1::Span as WireSpan;
use prost::Message as _;
use tokio::runtime::Runtime;
use wiremock::matchers::{header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

/// The collector; it ends with this.
pub struct Collector {
    server: MockServer,
    runtime: Runtime,
}

/// A span, with what it says in words.
#[derive(Debug, Clone)]
pub struct Span {
    pub name: String,
    pub trace: String,
    pub id: Vec<u8>,
    pub parent: Vec<u8>,
    /// As in the protocol: 1 is internal, 3 a client.
    pub kind: i32,
    pub is_error: bool,
    pub events: usize,
    pub attributes: BTreeMap<String, String>,
}

impl Collector {
    pub fn start() -> Self {
        let runtime = Runtime::new().unwrap();
        let server = runtime.block_on(async {
            let server = MockServer::start().await;
            let export = Mock::given(method("POST"))
                .and(path("/v1/traces"))
                .and(header("content-type", "application/x-protobuf"));
            let taken = export.respond_with(ResponseTemplate::new(200));
            taken.mount(&server).await;
            server
        });
        Self { server, runtime }
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        self.server.uri()
    }

    /// All that was ever sent to it, as it came.
    pub fn bodies(&self) -> Vec<Vec<u8>> {
        let requests = self.runtime.block_on(self.server.received_requests());
        let requests = requests.unwrap();
        assert!(requests.iter().all(|request| {
            request.url.path() == "/v1/traces" && request.headers.get("authorization").is_none()
        }));
        requests.into_iter().map(|request| request.body).collect()
    }

    fn exports(&self) -> Vec<ExportTraceServiceRequest> {
        let read = |body: Vec<u8>| ExportTraceServiceRequest::decode(&body[..]).unwrap();
        self.bodies().into_iter().map(read).collect()
    }

    /// The spans.
    pub fn spans(&self) -> Vec<Span> {
        let resources = self.exports().into_iter().flat_map(|it| it.resource_spans);
        let scopes = resources.flat_map(|it| it.scope_spans);
        scopes.flat_map(|it| it.spans).map(Span::from).collect()
    }

    /// Who sent them.
    pub fn resource(&self) -> BTreeMap<String, String> {
        let first = self.exports().swap_remove(0).resource_spans.swap_remove(0);
        texts(first.resource.unwrap().attributes)
    }
}

impl From<WireSpan> for Span {
    fn from(span: WireSpan) -> Self {
        let hex = span.trace_id.iter().map(|byte| format!("{byte:02x}"));
        Self {
            trace: hex.collect(),
            name: span.name,
            id: span.span_id,
            parent: span.parent_span_id,
            kind: span.kind,
            is_error: span.status.is_some_and(|status| status.code == 2),
            events: span.events.len(),
            attributes: texts(span.attributes),
        }
    }
}

fn texts(attributes: Vec<KeyValue>) -> BTreeMap<String, String> {
    let count = attributes.len();
    let texts: BTreeMap<_, _> = attributes
        .into_iter()
        .map(|it| {
            let text = match it.value.and_then(|value| value.value) {
                Some(any_value::Value::StringValue(text)) => text,
                Some(any_value::Value::IntValue(number)) => number.to_string(),
                other => format!("{other:?}"),
            };
            (it.key, text)
        })
        .collect();
    assert_eq!(texts.len(), count, "an attribute is there twice: {texts:?}");
    texts
}
