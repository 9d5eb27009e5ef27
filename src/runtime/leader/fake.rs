//! An in-memory Lease that enforces resourceVersion, and the ways in which a process may fail to reach it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::coordination::v1::Lease;
use tokio::time::{Instant, sleep};

use super::LeaseTiming;
use super::store::{LeaseStore, StoreError};
use crate::runtime::clock::Clock;

/// The timing of all processes.
pub(super) const TIMING: LeaseTiming = LeaseTiming {
    duration: Duration::from_secs(30),
};

/// Follows the paused time of the test; the wall clock can be set.
pub(super) struct TestClock {
    pub(super) started: Instant,
    pub(super) wall: Mutex<Timestamp>,
}

impl TestClock {
    pub(super) fn jump(&self, by: SignedDuration) {
        let mut wall = self.wall.lock().unwrap();
        *wall = wall.checked_add(by).unwrap();
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        let passed = SignedDuration::try_from(self.started.elapsed()).unwrap();
        self.wall.lock().unwrap().checked_add(passed).unwrap()
    }

    fn since_boot(&self) -> Duration {
        self.started.elapsed()
    }
}

/// The API server: one Lease, and what it was asked to do wrong.
#[derive(Default)]
pub(super) struct Server {
    pub(super) lease: Option<Lease>,
    pub(super) writes: u64,
    objects: u64,
}

/// What happens to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// It never arrives.
    Lost,
    /// It is handled, its answer is not received.
    AnswerLost,
    /// Its caller sleeps after it was handled, and gets the answer when it wakes up.
    CallerPaused(Duration),
}

/// One process's way to the server.
#[derive(Clone, Default)]
pub(super) struct Wire {
    server: Arc<Mutex<Server>>,
    faults: Arc<Mutex<VecDeque<Fault>>>,
    cut: Arc<Mutex<bool>>,
}

impl Wire {
    pub(super) fn to(server: &Arc<Mutex<Server>>) -> Self {
        Self {
            server: server.clone(),
            ..Self::default()
        }
    }

    fn server(&self) -> MutexGuard<'_, Server> {
        self.server.lock().unwrap()
    }

    pub(super) fn next_call_meets(&self, fault: Fault) {
        self.faults.lock().unwrap().push_back(fault);
    }

    pub(super) fn cut(&self, cut: bool) {
        *self.cut.lock().unwrap() = cut;
    }

    async fn call<T>(
        &self,
        handle: impl FnOnce(&mut Server) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let lost = || StoreError::Timeout(TIMING.deadline());
        let fault = self.faults.lock().unwrap().pop_front();
        if fault == Some(Fault::Lost) || *self.cut.lock().unwrap() {
            sleep(TIMING.deadline()).await;
            return Err(lost());
        }
        let answer = handle(&mut self.server());
        match fault {
            Some(Fault::AnswerLost) => {
                sleep(TIMING.deadline()).await;
                Err(lost())
            }
            Some(Fault::CallerPaused(pause)) => {
                sleep(pause).await;
                answer
            }
            _ => answer,
        }
    }
}

impl Server {
    fn store(&mut self, mut lease: Lease) -> Lease {
        self.writes += 1;
        lease.metadata.resource_version = Some(self.writes.to_string());
        self.lease.insert(lease).clone()
    }

    pub(super) fn create(&mut self, mut lease: Lease) -> Result<Lease, StoreError> {
        if self.lease.is_some() {
            return Err(StoreError::Conflict);
        }
        self.objects += 1;
        lease.metadata.uid = Some(format!("uid-{}", self.objects));
        Ok(self.store(lease))
    }

    fn replace(&mut self, lease: Lease) -> Result<Lease, StoreError> {
        match &self.lease {
            Some(now) if now.metadata.resource_version == lease.metadata.resource_version => {
                Ok(self.store(lease))
            }
            _ => Err(StoreError::Conflict),
        }
    }

    pub(super) fn holder(&self) -> Option<String> {
        self.lease.clone()?.spec?.holder_identity
    }
}

impl LeaseStore for Wire {
    async fn read(&self) -> Result<Option<Lease>, StoreError> {
        self.call(|server| Ok(server.lease.clone())).await
    }

    async fn create(&self, lease: &Lease) -> Result<Lease, StoreError> {
        self.call(|server| server.create(lease.clone())).await
    }

    async fn replace(&self, lease: &Lease) -> Result<Lease, StoreError> {
        self.call(|server| server.replace(lease.clone())).await
    }
}
