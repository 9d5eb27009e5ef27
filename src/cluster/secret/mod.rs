//! Secrets: as we write them, and as they are read.

pub mod annotation;
pub mod manifest;
mod received;
pub mod snapshot;
mod state;

pub use received::{MOST_PARTS, ReceivedSecret, TooManyParts};
pub use state::Recorded;

/// Says who manages the Secret.
pub const MANAGED_BY: (&str, &str) = (
    "app.kubernetes.io/managed-by",
    "launchdarkly-token-operator",
);
