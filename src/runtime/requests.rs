//! Counts the requests to the API server.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures::{Future, FutureExt as _};
use http::{Request, Response};
use tower_layer::Layer;
use tower_service::Service;

use super::metrics::Metrics;

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
        let answer = self.service.call(request).map(move |answer| {
            let code = answer.as_ref().ok().map(|answer| answer.status().as_u16());
            metrics.kubernetes_requested(method.as_str(), code);
            answer
        });
        Box::pin(answer)
    }
}
