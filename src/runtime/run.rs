//! Puts the process together.

use std::io;
use std::sync::Arc;

use axum::Router;
use futures::{FutureExt as _, TryFutureExt as _};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::args::RunArgs;
use super::clients::Clients;
use super::clock::{Clock, SystemClock};
use super::error::RunError;
use super::leader::term::LeaderTerm;
use super::leader::{self, ApiLease, Elector, LeaderContext, LeaderTask, LeaseGate, LeaseTiming};
use super::liveness::{Liveness, RELEASE_LIMIT};
use super::metrics::Metrics;
use super::readiness::{Part, Readiness};
use super::shutdown::Shutdown;
use super::supervise::{Task, TaskError, TaskSet};
use super::telemetry::log;
use super::telemetry::otlp::Export;
use super::{admin, build_info, crds, private_memory};

/// Runs the operator until it is told to end, or cannot go on.
///
/// # Errors
/// [`RunError`]; its [`exit_code`](RunError::exit_code) is the process's.
pub async fn run(args: RunArgs, leader_task: impl LeaderTask) -> Result<(), RunError> {
    args.validate()?;
    // Fails only when there is one already, which then serves.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let export = Export::start(&args);
    log::init(&args.log, export.as_ref().ok().and_then(Export::tracer))?;
    let mut export = export?;
    tracing::info!(build = build_info::describe(), "starting");
    if !private_memory::is_kept() {
        tracing::warn!("the memory of this process may be dumped, and read by others of its user");
    }
    let (shutdown, signals) = Shutdown::on_signals().map_err(RunError::Signals)?;
    let exporter = export.exporter();
    let ended = live(args, leader_task, shutdown, signals, exporter).await;
    // Last, so that nothing waits for it: the Lease is given back by now. It takes a moment at most.
    export.end().await;
    ended
}

async fn live(
    args: RunArgs,
    leader_task: impl LeaderTask,
    shutdown: Shutdown,
    signals: impl Future<Output = Result<(), TaskError>> + Send + 'static,
    exporter: Option<impl Future<Output = Result<(), TaskError>> + Send + 'static>,
) -> Result<(), RunError> {
    let address = args.admin.listen;
    let listener = TcpListener::bind(address)
        .await
        .map_err(|source| RunError::Listen { address, source })?;
    if let Ok(address) = listener.local_addr() {
        tracing::info!(%address, "serving probes and metrics");
    }
    let metrics = Metrics::default();
    let clients = Clients::infer(&args.timing, &args.leadership, &metrics).await?;
    let serve = |router| admin::serve(listener, router).map(|never| match never {});
    let mut process = Process::start(args, clients, metrics, shutdown, signals, serve);
    if let Some(exporter) = exporter {
        process.tasks.spawn(Task::TraceExporter, exporter);
    }
    process.run(leader_task).await
}

struct Process {
    args: Arc<RunArgs>,
    clients: Clients,
    metrics: Metrics,
    liveness: Liveness,
    readiness: Readiness,
    /// Ready when the API server knows our kinds.
    kinds: Part,
    /// Ready when the Lease was reached; none when it never will be, as this process is paused.
    lease: Option<Part>,
    shutdown: Shutdown,
    tasks: TaskSet,
}

impl Process {
    /// Starts the tasks that every process has, leader or not.
    fn start<F>(
        args: RunArgs,
        clients: Clients,
        metrics: Metrics,
        shutdown: Shutdown,
        signals: impl Future<Output = Result<(), TaskError>> + Send + 'static,
        serve: impl FnOnce(Router) -> F,
    ) -> Self
    where
        F: Future<Output = io::Result<()>> + Send + 'static,
    {
        let readiness = Readiness::default();
        // Before anybody can ask.
        let kinds = readiness.expect("kinds");
        let lease = (!args.leadership.paused).then(|| readiness.expect("lease"));
        let drain = shutdown.drain.clone();
        let liveness = Liveness::new(drain.clone());
        let mut tasks = TaskSet::new("process", drain, metrics.clone(), &liveness);
        tasks.spawn(Task::Signals, signals);
        let router = admin::router(liveness.clone(), readiness.clone(), metrics.clone());
        tasks.spawn(Task::AdminServer, serve(router).err_into());
        Self {
            args: Arc::new(args),
            clients,
            metrics,
            liveness,
            readiness,
            kinds,
            lease,
            shutdown,
            tasks,
        }
    }

    /// Waits for our kinds, then stands by.
    async fn run(mut self, leader_task: impl LeaderTask) -> Result<(), RunError> {
        let kinds = crds::wait(&self.clients.calls, &self.kinds);
        let known = self.shutdown.drain.run_until_cancelled(kinds);
        match self.tasks.until(known).await? {
            Some(()) => self.stand_by(leader_task).await,
            None => Ok(()),
        }
    }

    /// Waits for leadership, then lets the leader task run under it.
    async fn stand_by(mut self, leader_task: impl LeaderTask) -> Result<(), RunError> {
        let leadership = &self.args.leadership;
        let Some(lease) = self.lease else {
            tracing::warn!(
                "--paused: nothing is changed anywhere until the process is started without it"
            );
            let told = self.tasks.until(self.shutdown.drain.cancelled());
            return Ok(told.await?);
        };
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let gate = LeaseGate::new(clock.clone());
        let identity = leader::new_identity(&leadership.pod_name);
        let timing = LeaseTiming {
            duration: leadership.lease_duration,
        };
        let store = ApiLease::new(
            self.clients.lease.clone(),
            &leadership.namespace,
            &leadership.lease_name,
            timing.deadline(),
        );
        let (elector, standing) = Elector::new(
            store,
            clock.clone(),
            identity.clone(),
            timing,
            gate.clone(),
            self.metrics.clone(),
            lease,
        );
        let release = CancellationToken::new();
        let electing = elector.run(release.clone()).map(Ok);
        self.tasks.spawn(Task::Elector, electing);
        let context = LeaderContext {
            args: self.args.clone(),
            clients: self.clients,
            clock,
            metrics: self.metrics,
            liveness: self.liveness,
            readiness: self.readiness,
            gate: Arc::new(gate),
            identity,
            drain: self.shutdown.drain.clone(),
        };
        let term = LeaderTerm {
            tasks: self.tasks,
            standing,
            release,
            release_limit: timing.duration.min(RELEASE_LIMIT),
        };
        term.serve(&self.shutdown, leader_task.lead(context)).await
    }
}

#[cfg(test)]
mod tests;
