//! What integration tests share: the in-memory twin of the cluster.
//!
//! The twin keeps objects and Secrets as the API server would: every write is checked against version and UID, fields
//! belong to those who wrote them, finalizers hold deletions up. `tests/conformance.rs` runs one list of cases on the
//! twin and on a real API server, so that what is proven on the twin means something.

mod log;
mod secret;
mod store;
mod twin;
mod users;

pub use log::{Author, Thing, Verb, Write};
pub use secret::{Contents, Part, StoredSecret};
pub use twin::{MemoryCluster, Trouble, When};
