//! Leadership: at most one process acts, proven by a Lease whose every write is fenced by its resourceVersion.
//!
//! - [`lease`]: what a Lease says. [`evaluate`]: what to do about it, a pure table.
//! - [`store`]: the Lease on the API server. [`elector`]: reads, evaluates and writes, again and again.
//! - [`gate`]: what every effect asks right before it begins.
//! - [`term`]: from becoming the leader to the end. [`task`]: what the leader runs.
//!
//! A lease that ran out is not lost yet. While nobody can reach the API server nobody can take it either, and the
//! gate is closed; a renewal that is accepted afterwards is fenced by the version of our last one, which proves that
//! nobody had it in between. So an outage of the API server does not cost the keys in hand. Only a Lease that is
//! not ours any more ends the process.

pub mod elector;
pub mod evaluate;
#[cfg(test)]
mod fake;
pub mod gate;
pub mod lease;
pub mod store;
pub mod task;
pub mod term;
#[cfg(test)]
mod tests;

pub use elector::{Elector, Leadership, LeaseTiming};
pub use evaluate::Loss;
pub use gate::LeaseGate;
pub use lease::LONGEST_LEASE;
pub use store::ApiLease;
pub use task::{LeaderContext, LeaderTask, LeaderTaskError};

/// A name for this process that no other process ever has: the pod's, and a nonce, as a restarted container keeps
/// the pod's name.
#[must_use]
pub fn new_identity(pod_name: &str) -> String {
    let nonce = uuid::Uuid::new_v4().simple().to_string();
    format!("{pod_name}_{}", nonce.get(..8).unwrap_or_default())
}
