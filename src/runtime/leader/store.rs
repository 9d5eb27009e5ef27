//! The Lease object, behind a trait so that the election can be tried without a server.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;
use kube::api::{Api, PostParams};
use tokio::time::timeout;

use crate::runtime::args::PROGRAM;

/// Reads and writes one Lease.
///
/// Futures may be dropped at any time; a write that was dropped may have taken effect.
pub trait LeaseStore: Send + Sync {
    /// The Lease as it is now, never from a cache; `None` when there is none.
    fn read(&self) -> impl Future<Output = Result<Option<Lease>, StoreError>> + Send;

    /// Makes the Lease; refused as a [`StoreError::Conflict`] when there is one.
    fn create(&self, lease: &Lease) -> impl Future<Output = Result<Lease, StoreError>> + Send;

    /// Replaces the very version that `lease` carries; refused as a [`StoreError::Conflict`] when it is not the
    /// latest any more, or the Lease is gone.
    fn replace(&self, lease: &Lease) -> impl Future<Output = Result<Lease, StoreError>> + Send;
}

/// Why a read or write of the Lease failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Somebody else wrote in between: nothing was written, read again.
    #[error("the Lease was changed by somebody else")]
    Conflict,
    /// No answer in time; a write may have taken effect.
    #[error("no answer about the Lease within {0:?}")]
    Timeout(Duration),
    /// Anything else; a write may have taken effect.
    #[error("cannot reach the Lease")]
    Failed(#[source] kube::Error),
}

/// The Lease on the API server.
pub struct ApiLease {
    api: Api<Lease>,
    name: String,
    deadline: Duration,
}

impl ApiLease {
    /// The Lease `name` in `namespace`; every call ends after `deadline`.
    #[must_use]
    pub fn new(client: kube::Client, namespace: &str, name: &str, deadline: Duration) -> Self {
        Self {
            api: Api::namespaced(client, namespace),
            name: name.to_owned(),
            deadline,
        }
    }

    async fn answer<T>(
        &self,
        call: impl Future<Output = kube::Result<T>> + Send,
    ) -> Result<T, StoreError> {
        match timeout(self.deadline, call).await {
            Err(_) => Err(StoreError::Timeout(self.deadline)),
            Ok(Ok(answer)) => Ok(answer),
            // A Lease that is gone at a replacement is a change by somebody else as well.
            Ok(Err(kube::Error::Api(status))) if matches!(status.code, 404 | 409) => {
                Err(StoreError::Conflict)
            }
            Ok(Err(error)) => Err(StoreError::Failed(error)),
        }
    }
}

fn as_us() -> PostParams {
    PostParams {
        field_manager: Some(PROGRAM.to_owned()),
        ..PostParams::default()
    }
}

impl LeaseStore for ApiLease {
    async fn read(&self) -> Result<Option<Lease>, StoreError> {
        self.answer(self.api.get_opt(&self.name)).await
    }

    async fn create(&self, lease: &Lease) -> Result<Lease, StoreError> {
        let mut lease = lease.clone();
        lease.metadata.name = Some(self.name.clone());
        self.answer(self.api.create(&as_us(), &lease)).await
    }

    async fn replace(&self, lease: &Lease) -> Result<Lease, StoreError> {
        self.answer(self.api.replace(&self.name, &as_us(), lease))
            .await
    }
}
