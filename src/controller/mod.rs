//! Observe, decide, execute, record: the loop around the pure decision.

mod account;
mod backoff;
mod execute;
mod failure;
mod memory;
mod notices;
mod observe;
mod probe;
mod reconcile;
mod report;

pub use account::{AccountKey, Accounts, Entry, Session, Shared};
pub use reconcile::{Context, Outcome, reconcile};
