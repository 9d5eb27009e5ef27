//! Supervises long-lived tasks: if one of them ends, the process ends.
//!
//! There are two sets. The process has one with the signals, the admin server, the exporter of traces, the elector and, while it
//! leads, the leader task. The leader task has one with the controllers and the account listing. Every other task is short-lived.

use std::collections::{HashMap, HashSet};
use std::panic::AssertUnwindSafe;

use futures::FutureExt as _;
use tokio::sync::mpsc;
use tokio::task::{Id, JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use super::liveness::{Liveness, Pulse};
use super::metrics::Metrics;
pub use super::metrics::Task;

/// Why a task failed.
pub type TaskError = Box<dyn std::error::Error + Send + Sync>;

/// How a task ended.
#[derive(Debug, thiserror::Error)]
pub enum TaskEnd {
    /// It returned.
    #[error("the task {0} ended by itself")]
    Returned(Task),
    /// It returned an error.
    #[error("the task {0} failed")]
    Failed(Task, #[source] TaskError),
    /// It panicked. The payload is dropped: it quotes values, and a value can be a key (I7).
    #[error("the task {0} panicked")]
    Panicked(Task),
}

impl TaskEnd {
    /// Which task it was.
    #[must_use]
    pub fn task(&self) -> Task {
        match self {
            Self::Returned(task) | Self::Failed(task, _) | Self::Panicked(task) => *task,
        }
    }
}

/// Tasks that go on until `drain` is cancelled. Dropping the set aborts them.
pub struct TaskSet {
    running: JoinSet<Result<(), TaskError>>,
    names: HashMap<Id, Task>,
    drain: CancellationToken,
    metrics: Metrics,
    pulse: Pulse,
    panics: mpsc::UnboundedReceiver<Task>,
    /// Tasks with a part that panicked. Further panics of the same task are not reported.
    broken: HashSet<Task>,
    reports: mpsc::UnboundedSender<Task>,
}

impl TaskSet {
    /// An empty set. From now on `/livez` expects `supervisor` to wait for its tasks.
    #[must_use]
    pub fn new(
        supervisor: &'static str,
        drain: CancellationToken,
        metrics: Metrics,
        liveness: &Liveness,
    ) -> Self {
        let (reports, panics) = mpsc::unbounded_channel();
        Self {
            running: JoinSet::new(),
            names: HashMap::new(),
            drain,
            metrics,
            pulse: liveness.pulse(supervisor),
            panics,
            broken: HashSet::new(),
            reports,
        }
    }

    /// Adds a task.
    pub fn spawn(
        &mut self,
        task: Task,
        run: impl Future<Output = Result<(), TaskError>> + Send + 'static,
    ) {
        let id = self.running.spawn(run).id();
        self.names.insert(id, task);
    }

    /// A guard that catches panics in parts of `task`.
    #[must_use]
    pub fn guard(&self, task: Task) -> PanicGuard {
        PanicGuard {
            task,
            reports: self.reports.clone(),
        }
    }

    /// Waits for `done`, unless a task ends before.
    ///
    /// # Errors
    /// The first end of a task.
    pub async fn until<T>(&mut self, done: impl Future<Output = T>) -> Result<T, TaskEnd> {
        tokio::select! {
            biased;
            done = done => Ok(done),
            end = self.next_end() => Err(end),
        }
    }

    /// Waits for the next end of a task. Logs and counts it, unless the set was told to drain and the task did not panic.
    ///
    /// Cancel safe. An empty set waits forever.
    pub async fn next_end(&mut self) -> TaskEnd {
        let end = loop {
            tokio::select! {
                biased;
                Some(task) = self.panics.recv() => {
                    if self.broken.insert(task) {
                        break TaskEnd::Panicked(task);
                    }
                }
                Some(joined) = self.running.join_next_with_id() => {
                    if let Some(end) = self.end_of(joined) {
                        break end;
                    }
                }
                () = self.pulse.next() => {}
            }
        };
        let (task, in_order) = (end.task(), self.drain.is_cancelled());
        if !in_order || matches!(end, TaskEnd::Panicked(_)) {
            self.metrics.task_ended(task);
            let cause = std::error::Error::source(&end).map(ToString::to_string);
            tracing::error!(%task, error = %end, cause, "a long-lived task ended; the process ends");
        }
        end
    }

    /// Runs until `drain` is cancelled or a task ends, and cancels `drain` in the second case. Then waits for the `awaited` tasks,
    /// aborts the others, and runs `last`.
    ///
    /// # Errors
    /// The first end of a task that came too early, failed or panicked.
    pub async fn run(
        mut self,
        awaited: Task,
        last: impl Future<Output = ()>,
    ) -> Result<(), TaskEnd> {
        let drain = self.drain.clone();
        let ended = self.until(drain.cancelled()).await;
        drain.cancel();
        let drained = self.finish(awaited).await;
        self.running.shutdown().await;
        last.await;
        ended.and(drained)
    }

    /// Waits until all `awaited` tasks, which were told to end, have ended.
    ///
    /// # Errors
    /// The first failure or panic of any task meanwhile.
    pub async fn finish(&mut self, awaited: Task) -> Result<(), TaskEnd> {
        let mut result = Ok(());
        while self.names.values().any(|task| *task == awaited) {
            match self.next_end().await {
                TaskEnd::Returned(_) => {}
                end => result = result.and(Err(end)),
            }
        }
        result
    }

    /// How a task ended; `None` if it was aborted.
    fn end_of(
        &mut self,
        joined: Result<(Id, Result<(), TaskError>), JoinError>,
    ) -> Option<TaskEnd> {
        match joined {
            Ok((id, Ok(()))) => Some(TaskEnd::Returned(self.names.remove(&id)?)),
            Ok((id, Err(error))) => Some(TaskEnd::Failed(self.names.remove(&id)?, error)),
            Err(error) => {
                let task = self.names.remove(&error.id())?;
                error.is_panic().then_some(TaskEnd::Panicked(task))
            }
        }
    }
}

/// Catches panics in parts of a task, such as single reconciles.
///
/// The set treats such a panic as the end of the task, but the task itself goes on, so that its other parts can finish.
#[derive(Debug, Clone)]
pub struct PanicGuard {
    task: Task,
    reports: mpsc::UnboundedSender<Task>,
}

impl PanicGuard {
    /// What `part` returns; `None` if it panicked.
    pub async fn run<T>(&self, part: impl Future<Output = T>) -> Option<T> {
        // After a panic, shared state is used only to publish the keys in hand.
        let caught = AssertUnwindSafe(part).catch_unwind().await;
        if caught.is_err() {
            // If the set is gone, the process is ending already.
            let _ = self.reports.send(self.task);
        }
        caught.ok()
    }
}

#[cfg(test)]
pub(super) mod tests;
