//! The rules of a spec, checked by the operator itself: the API server may have an older CRD, and lets unchanged parts of
//! an object pass that a newer CRD would refuse.

mod account;
mod checks;
pub mod messages;
mod policy;
mod token;

pub use account::{DEFAULT_API_URL, account, cluster_account};
pub use token::{Request, RequestKind, asked, desired, former_hashes, layout, requests};

/// A mistake in a spec.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} {message}")]
pub struct Invalid {
    /// Where it is, such as `spec.rotation.interval`.
    pub field: String,
    /// What must be changed.
    pub message: String,
}
