//! Long-lived tasks: when one of them ends, so does the process.
//!
//! There are two sets. The process's has the signals, the admin server, the elector and, once this process leads, the leader
//! task; the leader task's has the controllers and the listing of accounts. Nothing else lives for long.

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
    /// It panicked. With what is not kept: the payload of a panic quotes values, and a value can be a key (I7).
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
    /// The tasks of which a part has panicked: one panic is as good as many.
    broken: HashSet<Task>,
    reports: mpsc::UnboundedSender<Task>,
}

impl TaskSet {
    /// A set that has no task yet, and whose `supervisor` `/livez` expects to wait for its tasks from now on.
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

    /// What catches the panics of the parts of a task.
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

    /// The next end of a task, which is logged and counted unless the set was told to end. No end is lost when this is
    /// dropped; without tasks it waits for ever.
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
            tracing::error!(%task, error = %end, cause, "a long-lived task ended: the process ends");
        }
        end
    }

    /// Runs until told to drain, or until a task ends; either drains. Then every task named `awaited` comes to its end, the
    /// others are aborted, and `last` is done.
    ///
    /// # Errors
    /// The first end of a task that was not told to.
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

    /// Waits until every task of this name, which was told to end, has ended.
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

    /// How a task of this set ended; `None` if it was aborted or has no name, which none is or has while it is waited for.
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

/// Catches the panics of the parts of a task, such as single reconciles: the set learns of them as of a panic of the task,
/// which itself goes on until its other parts have come to their end.
#[derive(Debug, Clone)]
pub struct PanicGuard {
    task: Task,
    reports: mpsc::UnboundedSender<Task>,
}

impl PanicGuard {
    /// What `part` returns; `None` if it panicked.
    pub async fn run<T>(&self, part: impl Future<Output = T>) -> Option<T> {
        // What a panic leaves behind is looked at only to publish the keys in hand.
        let caught = AssertUnwindSafe(part).catch_unwind().await;
        if caught.is_err() {
            // Without a set there is nobody left to tell.
            let _ = self.reports.send(self.task);
        }
        caught.ok()
    }
}

#[cfg(test)]
mod tests;
