//! What is known and chosen for a whole account.

pub mod budget;
pub mod conditions;
pub mod decide;
pub mod desired;
pub mod finding;
pub mod handler;
pub mod observed;
pub mod offer;
pub mod pace;
pub mod report;
pub mod step;

use crate::domain::ids::{AccountMark, Installation, truncated_hash};

/// Which account object.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AccountKey {
    /// A `LaunchDarklyAccount`.
    Namespaced {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
    /// A `ClusterLaunchDarklyAccount`.
    Cluster {
        /// Its name.
        name: String,
    },
}

impl AccountKey {
    /// What the marker of a retained token calls this account object of a cluster by.
    #[must_use]
    pub fn mark(&self, installation: &Installation) -> AccountMark {
        let (kind, namespace, name) = match self {
            Self::Namespaced { namespace, name } => ("namespaced", namespace.as_str(), name),
            Self::Cluster { name } => ("cluster", "", name),
        };
        let parts = [installation.as_str(), kind, namespace, name].map(str::as_bytes);
        AccountMark::new(truncated_hash(&parts, 4))
    }
}
