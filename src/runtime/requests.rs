//! Counts the requests to the API server, and makes those that write known to traces.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures::{Future, FutureExt as _};
use http::{Request, Response};
use tower_layer::Layer;
use tower_service::Service;
use tracing::Instrument as _;

use super::metrics::Metrics;
use crate::traces;

/// Makes [`Counted`] services.
#[derive(Debug, Clone)]
pub(super) struct Counting(pub(super) Metrics);

/// A service that counts what passes through it.
#[derive(Debug, Clone)]
pub(super) struct Counted<S> {
    service: S,
    metrics: Metrics,
}

impl<S> Layer<S> for Counting {
    type Service = Counted<S>;

    fn layer(&self, service: S) -> Counted<S> {
        Counted {
            service,
            metrics: self.0.clone(),
        }
    }
}

impl<S, A, B> Service<Request<A>> for Counted<S>
where
    S: Service<Request<A>, Response = Response<B>>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, task: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.service.poll_ready(task)
    }

    fn call(&mut self, request: Request<A>) -> Self::Future {
        let (metrics, method) = (self.metrics.clone(), request.method().clone());
        let span = traces::write(&method, request.uri().path());
        let answer = self.service.call(request).instrument(span.clone());
        Box::pin(answer.map(move |answer| {
            let status = answer.as_ref().ok().map(Response::status);
            metrics.kubernetes_requested(method.as_str(), status.map(|status| status.as_u16()));
            traces::answered(&span, status);
            match status {
                Some(status) if status.is_success() => {}
                Some(status) => traces::failed(&span, status.as_str()),
                None => traces::failed(&span, "NoAnswer"),
            }
            answer
        }))
    }
}
