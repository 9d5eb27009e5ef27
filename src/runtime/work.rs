//! What the process hands to the controllers, and what it expects of them.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::args::RunArgs;
use super::clients::Clients;
use super::clock::Clock;
use super::metrics::Metrics;
use super::readiness::Readiness;
use crate::gate::Gate;

/// What leading means: everything that acts on the world.
pub trait Work: Send + 'static {
    /// Works until `leading.drain` is cancelled, then publishes the keys in hand and returns.
    ///
    /// When it returns, nothing of it may act any more: the Lease is given back right after. When leadership is lost
    /// it is dropped without notice; `leading.gate` is closed by then.
    fn lead(self, leading: Leading) -> impl Future<Output = Result<(), WorkError>> + Send;
}

/// Why the work cannot go on.
pub type WorkError = Box<dyn std::error::Error + Send + Sync>;

/// What the process gives to the work.
#[derive(Clone)]
pub struct Leading {
    /// The flags, validated.
    pub args: Arc<RunArgs>,
    /// Connections to the API server.
    pub clients: Clients,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Counts.
    pub metrics: Metrics,
    /// Can be made to wait for further parts.
    pub readiness: Readiness,
    /// Asked before every effect.
    pub gate: Arc<dyn Gate>,
    /// Name of this process on the Lease, for `status.pending.holder`; no other process ever has it.
    pub identity: String,
    /// Cancelled when the process is to end in order.
    pub drain: CancellationToken,
}
