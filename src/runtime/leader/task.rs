//! What the process hands to the controllers, and what it expects of them.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::gate::Gate;
use crate::runtime::args::RunArgs;
use crate::runtime::clients::Clients;
use crate::runtime::clock::Clock;
use crate::runtime::liveness::Liveness;
use crate::runtime::metrics::Metrics;
use crate::runtime::readiness::Readiness;
use crate::runtime::supervise::{TaskError, TaskSet};

/// What leading means: everything that acts on the world.
pub trait LeaderTask: Send + 'static {
    /// Runs until `leader.drain` is cancelled, then publishes the keys in hand and returns. What goes wrong with a part of
    /// it cancels `leader.drain` too, and is returned.
    ///
    /// When it returns, nothing of it may act any more: the Lease is given back right after. When leadership is lost
    /// it is dropped without notice; `leader.gate` is closed by then.
    fn lead(
        self,
        leader: LeaderContext,
    ) -> impl Future<Output = Result<(), LeaderTaskError>> + Send;
}

/// Why the leader task cannot go on.
pub type LeaderTaskError = TaskError;

/// What the process gives to the leader task.
#[derive(Clone)]
pub struct LeaderContext {
    /// The flags, validated.
    pub args: Arc<RunArgs>,
    /// Connections to the API server.
    pub clients: Clients,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Counts.
    pub metrics: Metrics,
    /// Expects the supervisor of the parts to run.
    pub liveness: Liveness,
    /// Can be made to wait for further parts.
    pub readiness: Readiness,
    /// Asked before every effect.
    pub gate: Arc<dyn Gate>,
    /// Name of this process on the Lease, for `status.pending.holder`; no other process ever has it.
    pub identity: String,
    /// Cancelled when the process is to end in order.
    pub drain: CancellationToken,
}

impl LeaderContext {
    /// For the parts of the leader task that live as long as it.
    #[must_use]
    pub fn task_set(&self) -> TaskSet {
        let (drain, metrics) = (self.drain.clone(), self.metrics.clone());
        TaskSet::new("leader", drain, metrics, &self.liveness)
    }
}
