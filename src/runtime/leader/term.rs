//! A term as leader: waits for leadership, runs the leader task under it, and hands over.

use std::pin::pin;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::{LeaderTaskError, Leadership, Loss};
use crate::runtime::error::RunError;
use crate::runtime::liveness::DRAIN_LIMIT;
use crate::runtime::shutdown::Shutdown;
use crate::runtime::supervise::{Task, TaskEnd, TaskSet};

/// The election and what hangs on it.
pub(in crate::runtime) struct LeaderTerm {
    /// The tasks of the process, the elector among them.
    pub(in crate::runtime) tasks: TaskSet,
    pub(in crate::runtime) standing: watch::Receiver<Leadership>,
    pub(in crate::runtime) release: CancellationToken,
    pub(in crate::runtime) release_limit: Duration,
}

impl LeaderTerm {
    /// Starts the leader task once this process leads, and waits for its end. If another task of the process ends, the term ends
    /// too: in order, unless the elector ended, after which another process may lead.
    pub(in crate::runtime) async fn serve(
        mut self,
        shutdown: &Shutdown,
        leader_task: impl Future<Output = Result<(), LeaderTaskError>> + Send + 'static,
    ) -> Result<(), RunError> {
        let standing = &mut self.standing;
        let begins = self.tasks.until(async {
            tokio::select! {
                biased;
                () = shutdown.drain.cancelled() => false,
                () = until_leading(standing) => true,
            }
        });
        match begins.await {
            Ok(true) => {}
            // A standby has nothing in hand.
            Ok(false) => {
                self.hand_over().await;
                return Ok(());
            }
            Err(end) if end.task() == Task::Elector => return Err(self.loss().into()),
            Err(end) => {
                shutdown.drain.cancel();
                self.hand_over().await;
                return Err(end.into());
            }
        }
        self.tasks.spawn(Task::Leader, leader_task);
        self.lead(shutdown).await
    }

    /// Waits for the end of the leader task. The Lease is left to run out if a request may still be under way.
    async fn lead(mut self, shutdown: &Shutdown) -> Result<(), RunError> {
        let mut too_late = pin!(drain_limit(&shutdown.drain));
        // The task whose end began the drain, if it was one.
        let mut cause = Ok(());
        loop {
            let end = tokio::select! {
                biased;
                end = self.tasks.next_end() => end,
                () = shutdown.abort.cancelled() => return Err(RunError::CutOff),
                () = &mut too_late => return Err(RunError::CutOff),
            };
            match end.task() {
                Task::Elector => return Err(self.loss().into()),
                Task::Leader if matches!(end, TaskEnd::Panicked(_)) => return Err(end.into()),
                Task::Leader => {
                    let in_order =
                        matches!(end, TaskEnd::Returned(_)) && shutdown.drain.is_cancelled();
                    shutdown.drain.cancel();
                    self.hand_over().await;
                    return Ok(cause.and(if in_order { Ok(()) } else { Err(end) })?);
                }
                _ => {
                    shutdown.drain.cancel();
                    cause = cause.and(Err(end));
                }
            }
        }
    }

    /// Gives the Lease back, if it is ours.
    async fn hand_over(mut self) {
        self.release.cancel();
        let released = timeout(self.release_limit, self.tasks.finish(Task::Elector));
        if !matches!(released.await, Ok(Ok(()))) {
            tracing::warn!("could not release the Lease in time; it will run out");
        }
    }

    /// Why the elector ended. After a panic, nothing renews the Lease.
    fn loss(&self) -> Loss {
        match &*self.standing.borrow() {
            Leadership::Lost(loss) => loss.clone(),
            _ => Loss::Unattended,
        }
    }
}

async fn drain_limit(drain: &CancellationToken) {
    drain.cancelled().await;
    tokio::time::sleep(DRAIN_LIMIT).await;
}

/// Waits forever if the elector ends: the task set reports that.
async fn until_leading(standing: &mut watch::Receiver<Leadership>) {
    let leads = |stands: &Leadership| *stands == Leadership::Leading;
    if standing.wait_for(leads).await.is_err() {
        std::future::pending::<()>().await;
    }
}

#[cfg(test)]
mod tests;
