//! Why the process ends, and with which code.

use std::io;
use std::net::SocketAddr;

use super::args::InvalidArgs;
use super::clients::ClientError;
use super::leader::Loss;
use super::supervise::TaskEnd;
use super::telemetry::log::TelemetryError;
use super::telemetry::otlp::ExportError;

/// Why the process ended other than by being told to.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The flags contradict themselves.
    #[error(transparent)]
    Args(#[from] InvalidArgs),
    /// The log could not be set up.
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
    /// Traces cannot be exported as asked.
    #[error("cannot export traces")]
    Export(#[from] ExportError),
    /// The machine gives no threads to run on.
    #[error("cannot start threads")]
    Runtime(#[source] io::Error),
    /// The signals cannot be listened to.
    #[error("cannot listen to signals")]
    Signals(#[source] io::Error),
    /// The address for probes and metrics is not to be had.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address that was asked for.
        address: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// There is no way to speak to the API server.
    #[error(transparent)]
    Clients(#[from] ClientError),
    /// Another process may lead now.
    #[error("leadership was lost")]
    Lost(#[from] Loss),
    /// A task ended that should have gone on.
    #[error(transparent)]
    Task(#[from] TaskEnd),
    /// The leader task was cut off: by a second signal, or because it did not drain in time.
    #[error("ended before everything in hand was finished")]
    CutOff,
}

impl RunError {
    /// The code that the process ends with; 0 means that it was told to end and did so in order.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Telemetry(_)
            | Self::Export(_)
            | Self::Runtime(_)
            | Self::Signals(_)
            | Self::Listen { .. }
            | Self::Clients(_)
            | Self::Task(_) => 1,
            Self::Args(_) => 2,
            Self::Lost(_) => 3,
            Self::CutOff => 4,
        }
    }

    /// Why it happened, from the nearest cause to the deepest; empty when there is nothing more to say.
    #[must_use]
    pub fn causes(&self) -> String {
        let first = std::error::Error::source(self);
        let chain = std::iter::successors(first, |error| error.source());
        chain
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(": ")
    }
}
