//! The probes and the metrics, by HTTP.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;

use super::metrics::Metrics;
use super::readiness::Readiness;

/// The format that [`Metrics::encode`] writes.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// `/livez`, `/readyz` and `/metrics`; anything else is not found.
pub fn router(readiness: Readiness, metrics: Metrics) -> Router {
    Router::new()
        // Alive means that this task is polled. A leader that cannot renew ends by itself, and killing a process
        // that waits for an API server would only lose the keys in its hand.
        .route("/livez", get(|| async { "alive\n" }))
        .route("/readyz", get(readyz).with_state(readiness))
        .route("/metrics", get(encoded).with_state(metrics))
}

async fn readyz(State(readiness): State<Readiness>) -> impl IntoResponse {
    let missing = readiness.missing();
    if missing.is_empty() {
        (StatusCode::OK, "ready\n".to_owned())
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, missing.join("\n") + "\n")
    }
}

async fn encoded(State(metrics): State<Metrics>) -> impl IntoResponse {
    match metrics.encode() {
        Ok(text) => (StatusCode::OK, [(CONTENT_TYPE, OPEN_METRICS)], text),
        Err(error) => (
            StatusCode::INTERNAL_SERVER_ERROR,
            [(CONTENT_TYPE, "text/plain")],
            error.to_string(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    /// Serves on a free port for as long as the test runs.
    async fn serve(readiness: Readiness) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = router(readiness, Metrics::default());
        tokio::spawn(async move { axum::serve(listener, router).await });
        format!("http://{address}")
    }

    async fn ask(url: String) -> (u16, String) {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let answer = reqwest::get(url).await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
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
