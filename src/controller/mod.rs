//! Observe, decide, execute, record: the loop around the pure decision.

mod account;
mod accounts;
mod backoff;
mod brake;
mod claims;
mod context;
mod execute;
mod facts;
mod failure;
mod listing;
mod memory;
mod notices;
mod observe;
mod probe;
mod reconcile;
mod report;
mod setup;
mod shared;
mod signs;

pub use account::{AccountKey, Accounts, Entry, Session, Sign, State};
pub use context::Context;
pub use listing::list_accounts;
pub use reconcile::{Outcome, reconcile};
pub use setup::Operator;
pub use shared::Shared;
