//! Serves the probes and the metrics to anybody, without letting anybody take more than their part.
//!
//! Whoever reaches the port may send half a request or read no answer. So a connection is one request, its head is small and comes
//! soon, it ends after a while whatever happens, and there are few of them at a time.

use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::serve::Listener;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::connections::Connections;

/// How many connections there are at a time. A node has two probes, and metrics are read by one or two.
const MAX_CONNECTIONS: usize = 64;

/// How long the head of a request may take. Probes have a second.
const HEAD_LIMIT: Duration = Duration::from_secs(5);

/// How long a connection may take with everything: a little longer than Prometheus waits by default.
const CONNECTION_LIMIT: Duration = Duration::from_secs(15);

/// The most that is read of a request, and kept of an answer besides the text itself, in bytes.
const BUFFER: usize = 16 << 10;

/// Serves until it is dropped; connections end with it.
pub async fn serve(mut listener: TcpListener, router: Router) -> Infallible {
    let mut connections = Connections::default();
    loop {
        tokio::select! {
            (stream, peer) = Listener::accept(&mut listener) => {
                let connection = connection(stream, router.clone());
                let peer = peer.ip().to_canonical();
                connections.admit(MAX_CONNECTIONS, peer, connection).await;
            }
            () = connections.ended() => {}
        }
    }
}

/// One request and its answer. What goes wrong is not told: anybody could fill the log with it.
async fn connection(stream: TcpStream, router: Router) {
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_LIMIT)
        .max_buf_size(BUFFER)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let _ = timeout(CONNECTION_LIMIT, served).await;
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::time::Instant;

    use super::*;

    /// More than two sockets hold between them.
    const LONG: usize = 64 << 20;

    async fn start() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new()
            .route("/livez", get(|| async { "alive\n" }))
            .route("/long", get(|| async { "a".repeat(LONG) }));
        tokio::spawn(serve(listener, router));
        address
    }

    async fn say(address: SocketAddr, request: &str) -> TcpStream {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        stream
    }

    /// All that still comes.
    async fn rest(mut stream: TcpStream) -> Vec<u8> {
        let mut bytes = Vec::new();
        // It may end with a reset.
        let _ = stream.read_to_end(&mut bytes).await;
        bytes
    }

    async fn ask(address: SocketAddr, path: &str) -> Vec<u8> {
        rest(say(address, &format!("GET {path} HTTP/1.1\r\nhost: a\r\n\r\n")).await).await
    }

    #[tokio::test(start_paused = true)]
    async fn a_half_sent_request_is_closed_after_a_while() {
        let address = start().await;
        for half in ["", "G", "GET /livez HTTP/1.1\r\nhost: a\r\n"] {
            let begun = Instant::now();
            assert_eq!(rest(say(address, half).await).await, b"", "{half:?}");
            let took = begun.elapsed();
            assert!(took >= HEAD_LIMIT && took < 2 * HEAD_LIMIT, "{took:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_does_not_read_the_answer_is_hung_up_on() {
        let address = start().await;
        let request = "GET /long HTTP/1.1\r\nhost: a\r\n\r\n";
        let stream = say(address, request).await;
        tokio::time::sleep(CONNECTION_LIMIT + HEAD_LIMIT).await;
        let read = rest(stream).await.len();
        assert!(read < LONG, "{read} bytes");
    }

    #[tokio::test]
    async fn an_answer_comes_whole_and_ends_the_connection() {
        let address = start().await;
        assert!(ask(address, "/long").await.len() > LONG);
        let livez = String::from_utf8(ask(address, "/livez").await).unwrap();
        assert!(livez.starts_with("HTTP/1.1 200 OK\r\n"), "{livez}");
        assert!(livez.contains("connection: close\r\n"), "{livez}");
        assert!(livez.ends_with("\r\n\r\nalive\n"), "{livez}");
    }

    #[tokio::test]
    async fn a_head_that_is_too_large_is_refused() {
        let address = start().await;
        let head = format!("GET /livez HTTP/1.1\r\nx: {}", "a".repeat(2 * BUFFER));
        let answer = String::from_utf8(rest(say(address, &head).await).await).unwrap();
        // Or reset, where the rest of it was still on its way.
        let refused = answer.is_empty() || answer.starts_with("HTTP/1.1 431 ");
        assert!(refused, "{answer}");
    }

    #[tokio::test]
    async fn in_a_full_house_a_probe_is_answered_within_a_second() {
        let address = start().await;
        let mut strangers = Vec::new();
        for _ in 0..2 * MAX_CONNECTIONS {
            strangers.push(say(address, "GET /livez HTTP/1.1\r\n").await);
        }
        let answer = timeout(Duration::from_secs(1), ask(address, "/livez")).await;
        assert!(answer.unwrap().ends_with(b"alive\n"));
    }
}
