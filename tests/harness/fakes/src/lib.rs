//! What integration tests share: a fake cluster in memory, and the usual waiting times.
//!
//! The fake keeps objects and Secrets as the API server would: every write is checked against version and UID, fields
//! belong to those who wrote them, finalizers hold deletions up. `tests/conformance` runs one list of cases on the
//! fake and on a real API server, so that what is proven on the fake means something.

mod fake;
mod log;
mod secret;
mod store;
mod users;

pub use fake::{FakeCluster, Trouble, When};
pub use log::{Author, Thing, Verb, Write};
pub use secret::{Contents, Part, StoredSecret};

use jiff::SignedDuration;
use launchdarkly_token_operator::domain::observed::Timing;

/// The waiting times of the flags' defaults.
pub const TIMING: Timing = Timing {
    settle: SignedDuration::from_secs(60),
    lease: SignedDuration::from_secs(30),
    publication_margin: SignedDuration::from_mins(5),
    give_up: SignedDuration::from_mins(10),
    give_up_transient: SignedDuration::from_hours(24),
};
