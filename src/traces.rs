//! What traces show: one span a reconcile, a step, a call to LaunchDarkly and a write to the API server.
//!
//! The reconcile is the span whose fields are in every log line of it; the others are for traces alone, and the log leaves
//! them out by their target, which is this module. Names and attributes are those of OpenTelemetry's semantic conventions
//! where it has any. No span has a body, a header, a key or a text from LaunchDarkly (I7); [`ATTRIBUTES`] is all there is.

use http::{Method, StatusCode};
use opentelemetry::trace::{Status, TraceContextExt as _};
use tracing::Span;
use tracing::field::Empty;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// The target of spans that the log leaves out.
pub const TARGET: &str = module_path!();

/// Every attribute that a span can have, as docs/tracing.md lists them.
pub const ATTRIBUTES: [&str; 17] = [
    "controller",
    "kind",
    "namespace",
    "name",
    "generation",
    "reconcile_id",
    "k8s.namespace.name",
    "ldtokens.object.uid",
    "ldtokens.step",
    "ldtokens.reason",
    "ldtokens.outcome",
    "http.request.method",
    "url.template",
    "server.address",
    "server.port",
    "http.response.status_code",
    "error.type",
];

/// Adds to the span of a reconcile whom it is about.
pub fn about(reconcile: &Span, namespace: Option<String>, uid: Option<String>) {
    for (attribute, value) in [
        ("k8s.namespace.name", namespace),
        ("ldtokens.object.uid", uid),
    ] {
        if let Some(value) = value {
            reconcile.set_attribute(attribute, value);
        }
    }
}

/// Adds to the span of the reconcile under way what its log lines do not say.
pub fn note(attribute: &'static str, value: impl Into<opentelemetry::Value>) {
    Span::current().set_attribute(attribute, value);
}

/// One step of a reconcile, named after it.
#[must_use]
pub fn step(name: &'static str) -> Span {
    tracing::info_span!(
        "step",
        otel.name = name,
        error.type = Empty,
        otel.status_code = Empty,
    )
}

/// One request to LaunchDarkly, named by its method and the template of its path.
#[must_use]
pub fn call((method, template): (Method, &str), (host, port): (&str, Option<u16>)) -> Span {
    tracing::info_span!(
        "call",
        otel.name = format!("{method} {template}"),
        otel.kind = "client",
        http.request.method = method.as_str(),
        url.template = template,
        server.address = host,
        server.port = port,
        http.response.status_code = Empty,
        error.type = Empty,
        otel.status_code = Empty,
    )
}

/// One write to the API server, if it is a part of what is traced.
#[must_use]
pub fn write(method: &Method, path: &str) -> Span {
    if method.is_safe() || Span::current().is_none() {
        return Span::none();
    }
    let template = template(path);
    tracing::info_span!(
        "write",
        otel.name = format!("{method} {template}"),
        otel.kind = "client",
        http.request.method = method.as_str(),
        url.template = template,
        http.response.status_code = Empty,
        error.type = Empty,
        otel.status_code = Empty,
    )
}

/// Notes the status of an answer, if there was one.
pub fn answered(span: &Span, status: Option<StatusCode>) {
    if let Some(status) = status {
        span.record("http.response.status_code", status.as_u16());
    }
}

/// Notes in one word why it did not work; once.
pub fn failed(span: &Span, why: &str) {
    span.record("error.type", why);
    span.record("otel.status_code", "ERROR");
}

/// Notes of the reconcile under way that it did not come to its end.
pub fn interrupted() {
    Span::current().set_status(Status::error(""));
}

/// The ID of the trace that something belongs to, if it is exported.
#[must_use]
pub fn id() -> Option<String> {
    let context = Span::current().context();
    let span = context.span();
    let span = span.span_context();
    span.is_sampled().then(|| span.trace_id().to_string())
}

/// The path of a request to the API server without the names of namespaces and objects.
fn template(path: &str) -> String {
    let mut parts: Vec<&str> = path.split('/').collect();
    // "", "api", version; or "", "apis", group, version. Then the namespace, if there is one, the kind, and the name.
    let mut at = if parts.get(1) == Some(&"apis") { 4 } else { 3 };
    if parts.get(at) == Some(&"namespaces") && parts.len() > at + 2 {
        parts[at + 1] = "{namespace}";
        at += 2;
    }
    if let Some(name) = parts.get_mut(at + 1) {
        *name = "{name}";
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_told_without_names() {
        let cases = [
            (
                "/apis/ldtokens.dev/v1alpha1/namespaces/team-a/accesstokens/web/status",
                "/apis/ldtokens.dev/v1alpha1/namespaces/{namespace}/accesstokens/{name}/status",
            ),
            (
                "/api/v1/namespaces/team-a/secrets",
                "/api/v1/namespaces/{namespace}/secrets",
            ),
            (
                "/apis/ldtokens.dev/v1alpha1/clusterlaunchdarklyaccounts/main",
                "/apis/ldtokens.dev/v1alpha1/clusterlaunchdarklyaccounts/{name}",
            ),
            ("/api/v1/namespaces/team-a", "/api/v1/namespaces/{name}"),
            ("/version", "/version"),
        ];
        for (path, expected) in cases {
            assert_eq!(template(path), expected);
        }
    }

    #[test]
    fn without_anybody_to_trace_for_there_is_no_trace() {
        assert_eq!(id(), None);
    }
}
