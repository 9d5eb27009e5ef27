//! The task that takes, renews and releases the Lease.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::evaluate::{LeaseAction, Loss, Me, evaluate};
use super::gate::LeaseGate;
use super::lease::{Claim, LeaseFacts, Sight};
use super::store::{LeaseStore, StoreError};
use crate::runtime::clock::Clock;
use crate::runtime::metrics::Metrics;
use crate::runtime::readiness::Part;

/// How long a lease lasts, and what follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeaseTiming {
    /// How long a holder may act without a renewal; whole seconds.
    pub duration: Duration,
}

impl LeaseTiming {
    /// Time between renewals: five may fail before the lease is over.
    #[must_use]
    pub fn renew_every(self) -> Duration {
        self.duration / 6
    }

    /// How long one call about the Lease may take: a hanging one leaves time for another two.
    #[must_use]
    pub fn deadline(self) -> Duration {
        self.duration / 3
    }

    /// Time between looks of a standby, and after a failure. A free Lease is led within about a second.
    #[must_use]
    pub fn look_every(self) -> Duration {
        (self.duration / 30).min(Duration::from_secs(1))
    }
}

/// Where this process stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Leadership {
    /// Has not led yet.
    Standby,
    /// Leads. Whether for long enough, only the gate knows.
    Leading,
    /// Led, and will never again.
    Lost(Loss),
    /// Gave the Lease back, or never had it, and looks no more.
    Released,
}

/// Takes part in the election until it has lost or is told to release.
pub struct Elector<S> {
    store: S,
    clock: Arc<dyn Clock>,
    identity: String,
    timing: LeaseTiming,
    gate: LeaseGate,
    metrics: Metrics,
    /// Until the Lease was reached for the first time.
    unready: Option<Part>,
    stands: watch::Sender<Leadership>,
    /// The Lease as we last wrote it; `None` when we do not lead.
    held: Option<Lease>,
    sight: Option<Sight>,
}

/// When to look again.
enum Next {
    After(Duration),
    Never(Loss),
}

impl<S: LeaseStore> Elector<S> {
    /// A candidate that has not looked yet, and the channel that tells where it stands.
    pub fn new(
        store: S,
        clock: Arc<dyn Clock>,
        identity: String,
        timing: LeaseTiming,
        gate: LeaseGate,
        metrics: Metrics,
        readiness: Part,
    ) -> (Self, watch::Receiver<Leadership>) {
        let (stands, standing) = watch::channel(Leadership::Standby);
        let held = None;
        let elector = Self {
            store,
            clock,
            identity,
            timing,
            gate,
            metrics,
            unready: Some(readiness),
            stands,
            held,
            sight: None,
        };
        (elector, standing)
    }

    /// Runs until the Lease is lost, or `release` is cancelled and the Lease given back.
    ///
    /// The gate is closed before this returns, also when it is dropped or panics on the way.
    pub async fn run(mut self, release: CancellationToken) {
        let _closes = CloseOnDrop(self.gate.clone());
        loop {
            match self.round().await {
                Next::After(pause) => tokio::select! {
                    () = tokio::time::sleep(pause) => {}
                    () = release.cancelled() => return self.release().await,
                },
                Next::Never(loss) => {
                    tracing::error!(identity = self.identity, %loss, "leadership lost");
                    return self.end(Leadership::Lost(loss));
                }
            }
        }
    }

    /// Looks or renews once.
    async fn round(&mut self) -> Next {
        let outcome = match self.held.clone() {
            Some(lease) => self.claim(lease).await,
            None => self.look().await,
        };
        match outcome {
            Ok(next) => {
                if let Some(part) = self.unready.take() {
                    part.is_ready();
                }
                next
            }
            // Our own lost renewal, or a rival: only reading tells.
            Err(StoreError::Conflict) => self
                .look()
                .await
                .unwrap_or_else(|error| self.failed(&error)),
            Err(error) => self.failed(&error),
        }
    }

    /// Reads the Lease and does what the table says.
    async fn look(&mut self) -> Result<Next, StoreError> {
        let lease = self.store.read().await?;
        let facts = lease.as_ref().map(LeaseFacts::of);
        let now = self.clock.moment();
        let sight = match self.sight.take() {
            Some(before) => before.then(facts, now),
            None => Sight::first(facts, now),
        };
        let leads = self.held.is_some();
        let me = Me {
            identity: &self.identity,
            leads,
            duration: self.timing.duration,
        };
        let action = evaluate(&sight, me, now);
        tracing::debug!(?action, found = ?sight.found, "looked at the Lease");
        self.sight = Some(sight);
        match (action, lease) {
            (LeaseAction::Renew | LeaseAction::Take, Some(lease)) => self.claim(lease).await,
            (LeaseAction::Create, _) => self.claim(Lease::default()).await,
            (LeaseAction::Stop(loss), _) => Ok(Next::Never(loss)),
            (LeaseAction::Wait(longest), _) => {
                Ok(Next::After(self.timing.look_every().min(longest)))
            }
            // The table takes and renews only what it found.
            (LeaseAction::Renew | LeaseAction::Take, None) => {
                Ok(Next::After(self.timing.look_every()))
            }
        }
    }

    /// Puts our name and the time on the version at hand, or on a new Lease when it has no version.
    async fn claim(&mut self, mut lease: Lease) -> Result<Next, StoreError> {
        let sent = self.clock.moment();
        let before = LeaseFacts::of(&lease);
        let spec = lease.spec.get_or_insert_default();
        let ours = spec.holder_identity.as_deref() == Some(&self.identity);
        if !ours {
            spec.holder_identity = Some(self.identity.clone());
            spec.acquire_time = Some(MicroTime(sent.wall));
            spec.lease_transitions = Some(spec.lease_transitions.unwrap_or(0).saturating_add(1));
        }
        spec.renew_time = Some(MicroTime(sent.wall));
        spec.lease_duration_seconds = i32::try_from(self.timing.duration.as_secs()).ok();
        let written = if lease.metadata.resource_version.is_some() {
            self.store.replace(&lease).await?
        } else {
            self.store.create(&lease).await?
        };
        self.gate.renewed(sent, self.timing.duration);
        self.metrics.set_leader(true);
        if self.held.replace(written).is_none() {
            tracing::info!(identity = self.identity, before = ?before.claim, "leading");
            self.stands.send_replace(Leadership::Leading);
        }
        Ok(Next::After(
            self.timing
                .renew_every()
                .saturating_sub(self.clock.moment().boot_since(&sent)),
        ))
    }

    fn failed(&mut self, error: &StoreError) -> Next {
        let remaining = self.gate.remaining();
        self.metrics.set_leader(!remaining.is_zero());
        let cause = std::error::Error::source(error).map(ToString::to_string);
        if let Some(part) = &self.unready {
            let why = cause.as_deref().unwrap_or("try again");
            part.waits(format!("{error}: {why}"));
        }
        tracing::warn!(%error, cause, leads = self.held.is_some(), ?remaining, "the Lease could not be read or written");
        Next::After(self.timing.look_every())
    }

    /// Gives the Lease back: nothing acts under it any more.
    async fn release(mut self) {
        self.gate.close();
        if let Some(lease) = self.held.take() {
            match self.give_back(lease).await {
                Ok(()) => tracing::info!(identity = self.identity, "released the Lease"),
                Err(error) => {
                    tracing::warn!(%error, "could not release the Lease; it will run out");
                }
            }
        }
        self.end(Leadership::Released);
    }

    async fn give_back(&self, lease: Lease) -> Result<(), StoreError> {
        match self.store.replace(&freed(lease)).await {
            // Perhaps a renewal of ours whose answer was lost: then the Lease still bears our name.
            Err(StoreError::Conflict) => match self.store.read().await? {
                Some(lease) if self.is_ours(&lease) => {
                    self.store.replace(&freed(lease)).await.map(drop)
                }
                _ => Ok(()),
            },
            other => other.map(drop),
        }
    }

    fn is_ours(&self, lease: &Lease) -> bool {
        matches!(LeaseFacts::of(lease).claim, Claim::Held { holder, .. } if holder == self.identity)
    }

    fn end(&self, stands: Leadership) {
        self.gate.close();
        self.metrics.set_leader(false);
        self.stands.send_replace(stands);
    }
}

/// The same Lease, free to be taken at once.
fn freed(mut lease: Lease) -> Lease {
    let transitions = lease.spec.take().and_then(|spec| spec.lease_transitions);
    lease.spec = Some(LeaseSpec {
        lease_transitions: transitions,
        ..LeaseSpec::default()
    });
    lease
}

struct CloseOnDrop(LeaseGate);

impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        self.0.close();
    }
}
