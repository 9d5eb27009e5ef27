//! The probes and the metrics, by HTTP.

mod connections;
mod serve;
mod shared_text;

pub use serve::serve;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;

use super::liveness::Liveness;
use super::metrics::Metrics;
use super::readiness::Readiness;
use shared_text::SharedText;

/// The format that [`Metrics::encode`] writes.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// `/livez`, `/readyz` and `/metrics`; anything else is not found.
pub fn router(liveness: Liveness, readiness: Readiness, metrics: Metrics) -> Router {
    Router::new()
        .route("/livez", get(livez).with_state(liveness))
        .route("/readyz", get(readyz).with_state(readiness))
        .route(
            "/metrics",
            get(encoded).with_state(SharedText::new(metrics)),
        )
}

async fn livez(State(liveness): State<Liveness>) -> impl IntoResponse {
    match liveness.check() {
        Ok(()) => (StatusCode::OK, "alive\n".to_owned()),
        Err(why) => (StatusCode::INTERNAL_SERVER_ERROR, why + "\n"),
    }
}

async fn readyz(State(readiness): State<Readiness>) -> impl IntoResponse {
    let missing = readiness.missing();
    if missing.is_empty() {
        (StatusCode::OK, "ready\n".to_owned())
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, missing.join("\n") + "\n")
    }
}

async fn encoded(State(metrics): State<SharedText>) -> impl IntoResponse {
    match metrics.read() {
        Ok(text) => (StatusCode::OK, [(CONTENT_TYPE, OPEN_METRICS)], text),
        Err(error) => (
            StatusCode::INTERNAL_SERVER_ERROR,
            [(CONTENT_TYPE, "text/plain")],
            error.to_string().into(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use http::Request;
    use tokio::net::TcpListener;
    use tokio::time::advance;
    use tokio_util::sync::CancellationToken;
    use tower_service::Service as _;

    use super::*;
    use crate::runtime::liveness::DRAIN_LIMIT;

    /// Serves on a free port for as long as the test runs.
    async fn serve(readiness: Readiness) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let liveness = Liveness::new(CancellationToken::new());
        let router = router(liveness, readiness, Metrics::default());
        tokio::spawn(super::serve(listener, router));
        format!("http://{address}")
    }

    async fn ask(url: String) -> (u16, String) {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let answer = reqwest::get(url).await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn livez_fails_when_an_end_takes_too_long() {
        let drain = CancellationToken::new();
        let liveness = Liveness::new(drain.clone());
        let mut router = router(liveness, Readiness::default(), Metrics::default());
        let mut status = async || {
            let request = Request::get("/livez").body(Body::empty()).unwrap();
            router.call(request).await.unwrap().status()
        };
        assert_eq!(status().await, StatusCode::OK);
        drain.cancel();
        assert_eq!(status().await, StatusCode::OK);
        advance(2 * DRAIN_LIMIT).await;
        assert_eq!(status().await, StatusCode::INTERNAL_SERVER_ERROR);
    }

    #[tokio::test]
    async fn readyz_lists_what_is_missing_until_nothing_is() {
        let readiness = Readiness::default();
        let schema = readiness.expect("schema");
        let url = serve(readiness).await;
        assert_eq!(
            ask(format!("{url}/readyz")).await,
            (503, "schema: starting\n".to_owned())
        );
        schema.is_ready();
        assert_eq!(
            ask(format!("{url}/readyz")).await,
            (200, "ready\n".to_owned())
        );
    }

    #[tokio::test]
    async fn a_process_is_alive_before_it_is_ready() {
        let readiness = Readiness::default();
        let _schema = readiness.expect("schema");
        let url = serve(readiness).await;
        assert_eq!(
            ask(format!("{url}/livez")).await,
            (200, "alive\n".to_owned())
        );
        let (status, metrics) = ask(format!("{url}/metrics")).await;
        assert_eq!(status, 200);
        assert!(metrics.contains("launchdarkly_operator_leader 0"));
    }
}
