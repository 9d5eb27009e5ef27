//! What a Lease says, cut down to what leadership depends on.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;

use crate::runtime::clock::Moment;

pub use crate::domain::account::handler::LONGEST_LEASE;

/// One version of the Lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseFacts {
    /// Tells this Lease from another one of the same name.
    pub uid: String,
    /// Tells this version from every other: a holder that lives changes it with each renewal.
    pub version: String,
    /// Who has it.
    pub claim: Claim,
}

/// Who has a Lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// Nobody: never held, or released by its holder, who acts no more.
    Free,
    /// Held, or emptied by somebody else than its holder, who may still act; then `holder` is empty.
    Held {
        /// Name of the process that holds it.
        holder: String,
        /// How long the holder may act without a renewal.
        duration: Duration,
    },
}

impl LeaseFacts {
    /// Reads a Lease.
    ///
    /// Only a Lease without holder *and* without times is free. Its holder leaves it so; when a person or a tool
    /// takes just the name out, the holder may not know yet.
    #[must_use]
    pub fn of(lease: &Lease) -> Self {
        let spec = lease.spec.clone().unwrap_or_default();
        let holder = spec.holder_identity.unwrap_or_default();
        let claim = if holder.is_empty() && spec.renew_time.is_none() && spec.acquire_time.is_none()
        {
            Claim::Free
        } else {
            let seconds = spec.lease_duration_seconds.unwrap_or_default();
            let duration = Duration::from_secs(u64::try_from(seconds).unwrap_or_default());
            Claim::Held {
                holder,
                duration: duration.min(LONGEST_LEASE),
            }
        };
        Self {
            uid: lease.metadata.uid.clone().unwrap_or_default(),
            version: lease.metadata.resource_version.clone().unwrap_or_default(),
            claim,
        }
    }
}

/// What this process has seen of the Lease over time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sight {
    /// The latest reading; `None` when there is no Lease.
    pub found: Option<LeaseFacts>,
    /// When the answer with this very reading first came, by this process's own clock. The other side's times are
    /// never compared with ours.
    pub since: Moment,
    /// Whether there was another Lease, or none, before the one that is there now. Its holder may still act.
    pub succeeds_another: bool,
}

impl Sight {
    /// The first look.
    #[must_use]
    pub fn first(found: Option<LeaseFacts>, now: Moment) -> Self {
        Self {
            found,
            since: now,
            succeeds_another: false,
        }
    }

    /// A later look; `now` is read after the answer came.
    #[must_use]
    pub fn then(self, found: Option<LeaseFacts>, now: Moment) -> Self {
        if self.found == found {
            return self;
        }
        let uid = |facts: &Option<LeaseFacts>| facts.as_ref().map(|f| f.uid.clone());
        let succeeds_another = self.succeeds_another || uid(&self.found) != uid(&found);
        Self {
            found,
            since: now,
            succeeds_another,
        }
    }
}
