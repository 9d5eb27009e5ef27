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
