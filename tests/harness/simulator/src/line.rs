//! A connection that can be cut in the middle: closed without an answer, or reset.

use std::future::{Ready, ready};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};

use axum::Extension;
use axum_server::accept::Accept;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tower_layer::Layer;

const WHOLE: u8 = 0;
const CLOSED: u8 = 1;
const RESET: u8 = 2;

/// The handle by which a request cuts the connection it came on.
#[derive(Debug, Clone, Default)]
pub struct Line(Arc<AtomicU8>);

impl Line {
    /// Sends nothing more and closes the connection.
    pub fn close(&self) {
        self.0.store(CLOSED, Ordering::Release);
    }

    /// Sends nothing more and resets the connection.
    pub fn reset(&self) {
        self.0.store(RESET, Ordering::Release);
    }

    fn state(&self) -> u8 {
        self.0.load(Ordering::Acquire)
    }
}

/// A TCP stream that writes nothing once its line is cut.
#[derive(Debug)]
pub struct Stream {
    tcp: TcpStream,
    line: Line,
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_read(context, buffer)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.line.state() != WHOLE {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        Pin::new(&mut self.tcp).poll_write(context, buffer)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // An orderly end would hide the reset.
        if self.line.state() == RESET {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.tcp).poll_shutdown(context)
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        if self.line.state() == RESET {
            // If it cannot be set the connection is closed all the same.
            let _ = self.tcp.set_zero_linger();
        }
    }
}

/// Wraps accepted connections and gives each request the handle of its own.
#[derive(Debug, Clone, Copy, Default)]
pub struct LineAcceptor;

impl<S> Accept<TcpStream, S> for LineAcceptor {
    type Stream = Stream;
    type Service = <Extension<Line> as Layer<S>>::Service;
    type Future = Ready<io::Result<(Self::Stream, Self::Service)>>;

    fn accept(&self, tcp: TcpStream, service: S) -> Self::Future {
        let line = Line::default();
        let service = Extension(line.clone()).layer(service);
        let stream = tcp.set_nodelay(true).map(|()| Stream { tcp, line });
        ready(stream.map(|stream| (stream, service)))
    }
}
