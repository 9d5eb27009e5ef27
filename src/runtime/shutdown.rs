//! The end of the process: the first signal drains, the second aborts.

use std::io;

use futures::{FutureExt as _, Stream, StreamExt as _, stream};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::supervise::TaskError;

/// Tells every part of the process to end. Cloned around.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    /// Cancelled by the first signal: begin nothing new, publish the keys in hand, then end.
    pub drain: CancellationToken,
    /// Cancelled by the second signal: end now.
    pub abort: CancellationToken,
}

impl Shutdown {
    /// Listens to SIGTERM and SIGINT from now on; what is returned besides must run for them to have an effect.
    ///
    /// # Errors
    /// When the signals cannot be listened to.
    pub fn on_signals() -> io::Result<(
        Self,
        impl Future<Output = Result<(), TaskError>> + Send + 'static,
    )> {
        let shutdown = Self::default();
        let named = |kind, name| {
            signal(kind).map(|signal| {
                stream::unfold(signal, move |mut signal| async move {
                    signal.recv().await.map(|()| (name, signal))
                })
                .boxed()
            })
        };
        let signals = stream::select(
            named(SignalKind::terminate(), "SIGTERM")?,
            named(SignalKind::interrupt(), "SIGINT")?,
        );
        let following = shutdown.clone().follow(signals).map(Ok);
        Ok((shutdown, following))
    }

    async fn follow(self, signals: impl Stream<Item = &'static str>) {
        let mut signals = std::pin::pin!(signals);
        if let Some(signal) = signals.next().await {
            tracing::info!(signal, "draining; another signal aborts");
            self.drain.cancel();
        }
        if let Some(signal) = signals.next().await {
            tracing::warn!(signal, "aborting");
            self.abort.cancel();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_signal_drains_and_the_second_aborts() {
        let shutdown = Shutdown::default();
        let (send, signals) = futures::channel::mpsc::unbounded();
        tokio::spawn(shutdown.clone().follow(signals));
        send.unbounded_send("SIGTERM").unwrap();
        shutdown.drain.cancelled().await;
        assert!(!shutdown.abort.is_cancelled());
        send.unbounded_send("SIGINT").unwrap();
        shutdown.abort.cancelled().await;
    }
}
