//! Observe, decide, execute, record: the loop around the pure decision.

mod account;
mod accounts;
mod backoff;
mod brake;
mod claims;
mod execute;
mod failure;
mod listing;
mod memory;
mod notices;
mod objects;
mod observe;
mod probe;
mod reconcile;
mod report;
mod start;

pub use account::{AccountKey, Accounts, Entry, Session, Shared, Sign, State};
pub use listing::list_accounts;
pub use reconcile::{Context, Outcome, reconcile};
pub use start::Operator;
