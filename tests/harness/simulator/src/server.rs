//! The simulator as a server, over http or https.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Router};
use axum_server::Handle;
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};

use crate::admin;
use crate::api::call::{Answer, Call};
use crate::config::Config;
use crate::line::{Line, LineAcceptor};
use crate::process::{Ending, process};
use crate::simulator::Simulator;
use crate::tls;

/// Larger bodies are refused.
const MAX_BODY: usize = 1 << 20;

/// A simulator that answers on a port. It stops when this is dropped.
#[derive(Debug)]
pub struct Running {
    simulator: Simulator,
    handle: Handle<SocketAddr>,
    address: SocketAddr,
    ca_pem: Option<String>,
}

impl Simulator {
    /// Starts a simulator on the address of the configuration.
    ///
    /// # Errors
    /// When the address cannot be listened on, or the names cannot stand in a certificate.
    pub async fn start(config: Config) -> io::Result<Running> {
        Self::new(config).serve().await
    }

    /// Serves this simulator on the address of its configuration.
    ///
    /// # Errors
    /// As [`Simulator::start`].
    pub async fn serve(self) -> io::Result<Running> {
        let listener = TcpListener::bind(self.config().listen)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let handle = Handle::new();
        let service = self.router().into_make_service();
        let server = axum_server::from_tcp(listener)?.handle(handle.clone());
        let names = &self.config().tls_names;
        let tls = if names.is_empty() {
            None
        } else {
            Some(tls::make(names)?)
        };
        let ca_pem = tls.as_ref().map(|tls| tls.ca_pem.clone());
        match tls {
            None => {
                tokio::spawn(server.acceptor(LineAcceptor).serve(service));
            }
            Some(tls) => {
                let config = RustlsConfig::from_config(tls.server);
                let acceptor = RustlsAcceptor::new(config).acceptor(LineAcceptor);
                tokio::spawn(server.acceptor(acceptor).serve(service));
            }
        }
        if handle.listening().await.is_none() {
            return Err(io::Error::other("the server ended before it listened"));
        }
        Ok(Running {
            simulator: self,
            handle,
            address,
            ca_pem,
        })
    }

    /// The whole service: the API at `/api/v2`, the admin interface at `/admin`.
    pub fn router(&self) -> Router {
        Router::new()
            .nest("/admin", admin::router(self.clone()))
            .fallback(answer)
            .with_state(self.clone())
    }
}

impl Running {
    /// The simulator behind the server.
    #[must_use]
    pub fn simulator(&self) -> &Simulator {
        &self.simulator
    }

    /// The address it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The base URL of the API, without a path.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if self.ca_pem.is_some() {
            "https"
        } else {
            "http"
        };
        format!("{scheme}://{}", self.address)
    }

    /// The URL of the admin interface.
    #[must_use]
    pub fn admin_url(&self) -> String {
        format!("{}/admin", self.url())
    }

    /// The managing token's key.
    #[must_use]
    pub fn managing_key(&self) -> String {
        self.simulator.managing_key().as_str().to_owned()
    }

    /// The certificate of its authority as PEM, when it serves https.
    #[must_use]
    pub fn ca_pem(&self) -> Option<&str> {
        self.ca_pem.as_deref()
    }

    /// Lets calls under way end, for at most `grace`, then stops.
    pub fn stop(&self, grace: Duration) {
        self.handle.graceful_shutdown(Some(grace));
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.handle.shutdown();
    }
}

async fn answer(
    State(simulator): State<Simulator>,
    line: Option<Extension<Line>>,
    request: Request,
) -> Response {
    let call = match call(request).await {
        Ok(call) => call,
        Err(status) => return status.into_response(),
    };
    // In a task of its own: a call takes effect even if its client gives up waiting.
    let ending = tokio::spawn(process(simulator, call)).await;
    let line = line.map(|Extension(line)| line).unwrap_or_default();
    match ending.unwrap_or(Ending::Closed) {
        Ending::Whole(answer) => whole(answer),
        Ending::Half(answer) if answer.body.len() > 1 => half(&answer),
        Ending::Half(_) | Ending::Closed => {
            line.close();
            StatusCode::BAD_GATEWAY.into_response()
        }
        Ending::Reset => {
            line.reset();
            StatusCode::BAD_GATEWAY.into_response()
        }
    }
}

async fn call(request: Request) -> Result<Call, StatusCode> {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, MAX_BODY)
        .await
        .map_err(|_| StatusCode::PAYLOAD_TOO_LARGE)?;
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers = parts
        .headers
        .iter()
        .map(|(name, value)| (name.to_string(), text(value)));
    Ok(Call {
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers: headers.collect(),
        body: body.to_vec(),
    })
}

fn head(answer: &Answer) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() =
        StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in &answer.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

fn whole(answer: Answer) -> Response {
    let mut response = head(&answer);
    *response.body_mut() = Body::from(answer.body);
    response
}

/// Announces the whole body, sends half of it and fails.
fn half(answer: &Answer) -> Response {
    let mut response = head(answer);
    let length = HeaderValue::from(answer.body.len());
    response.headers_mut().insert("content-length", length);
    let half = Bytes::copy_from_slice(&answer.body[..answer.body.len() / 2]);
    *response.body_mut() = Body::from_stream(Halves::Piece(half));
    response
}

/// A body of one piece, then an error.
enum Halves {
    Piece(Bytes),
    Flush,
    Broken,
}

impl futures_core::Stream for Halves {
    type Item = Result<Bytes, io::Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match std::mem::replace(&mut *self, Self::Broken) {
            Self::Piece(piece) => {
                *self = Self::Flush;
                Poll::Ready(Some(Ok(piece)))
            }
            // The server sends what it has before it asks again.
            Self::Flush => {
                context.waker().wake_by_ref();
                Poll::Pending
            }
            Self::Broken => Poll::Ready(Some(Err(io::ErrorKind::ConnectionAborted.into()))),
        }
    }
}
