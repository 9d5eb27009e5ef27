//! Puts the process together.

use std::io;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::args::RunArgs;
use super::clients::Clients;
use super::clock::{Clock, SystemClock};
use super::error::RunError;
use super::export::Export;
use super::leader::{self, ApiLease, Elector, LeaseGate, Timing};
use super::metrics::Metrics;
use super::office::Office;
use super::readiness::{Part, Readiness};
use super::shutdown::Shutdown;
use super::work::{Leading, Work};
use super::{admin, build_info, crds, telemetry};

/// Runs the operator until it is told to end, or cannot go on.
///
/// # Errors
/// [`RunError`]; its [`exit_code`](RunError::exit_code) is the process's.
pub async fn run(args: RunArgs, work: impl Work) -> Result<(), RunError> {
    args.validate()?;
    // Fails only when there is one already, which then serves.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let export = Export::start(&args);
    telemetry::init(&args.log, export.as_ref().ok().and_then(Export::tracer))?;
    let export = export?;
    tracing::info!(build = build_info::describe(), "starting");
    let shutdown = Shutdown::on_signals().map_err(RunError::Signals)?;
    let abort = shutdown.abort.clone();
    let ended = live(args, work, shutdown).await;
    // Last, so that nothing waits for it: the Lease is given back by now.
    abort.run_until_cancelled(export.end()).await;
    ended
}

async fn live(args: RunArgs, work: impl Work, shutdown: Shutdown) -> Result<(), RunError> {
    let drain = shutdown.drain.clone();
    let process = Process::start(args, shutdown).await?;
    let kinds = crds::wait(&process.clients.calls, &process.kinds);
    match drain.run_until_cancelled(kinds).await {
        Some(()) => process.stand_by(work).await,
        None => Ok(()),
    }
}

struct Process {
    args: Arc<RunArgs>,
    clients: Clients,
    metrics: Metrics,
    readiness: Readiness,
    /// Ready when the API server knows our kinds.
    kinds: Part,
    /// Ready when the Lease was reached; none when it never will be, as this process is paused.
    lease: Option<Part>,
    shutdown: Shutdown,
    _admin: AbortOnDropHandle<io::Result<()>>,
}

impl Process {
    async fn start(args: RunArgs, shutdown: Shutdown) -> Result<Self, RunError> {
        let address = args.admin.listen;
        let listener = TcpListener::bind(address)
            .await
            .map_err(|source| RunError::Listen { address, source })?;
        if let Ok(address) = listener.local_addr() {
            tracing::info!(%address, "serving probes and metrics");
        }
        let (metrics, readiness) = (Metrics::default(), Readiness::default());
        // Before anybody can ask.
        let kinds = readiness.expect("kinds");
        let lease = (!args.leadership.paused).then(|| readiness.expect("lease"));
        let router = admin::router(readiness.clone(), metrics.clone());
        let admin = tokio::spawn(axum::serve(listener, router).into_future());
        let clients = Clients::infer(&args.timing, &args.leadership, &metrics).await?;
        Ok(Self {
            args: Arc::new(args),
            clients,
            metrics,
            readiness,
            kinds,
            lease,
            shutdown,
            _admin: AbortOnDropHandle::new(admin),
        })
    }

    /// Waits for leadership, then works under it.
    async fn stand_by(self, work: impl Work) -> Result<(), RunError> {
        let leadership = &self.args.leadership;
        let Some(lease) = self.lease else {
            tracing::warn!(
                "--paused: nothing is changed anywhere until the process is started without it"
            );
            self.shutdown.drain.cancelled().await;
            return Ok(());
        };
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let gate = LeaseGate::new(clock.clone());
        let identity = leader::new_identity(&leadership.pod_name);
        let timing = Timing {
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
        let office = Office {
            electing: AbortOnDropHandle::new(tokio::spawn(elector.run(release.clone()))),
            standing,
            release,
            release_limit: timing.duration,
        };
        let leading = Leading {
            args: self.args.clone(),
            clients: self.clients.clone(),
            clock,
            metrics: self.metrics.clone(),
            readiness: self.readiness.clone(),
            gate: Arc::new(gate),
            identity,
            drain: self.shutdown.drain.clone(),
        };
        office
            .serve(&self.shutdown, || tokio::spawn(work.lead(leading)))
            .await
    }
}
