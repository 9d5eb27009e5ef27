//! The accounts: their controller, and what tokens use of them.

pub(super) mod claims;
mod conditions;
pub(super) mod context;
mod credential;
mod entry;
mod execute;
pub(in crate::controller) mod features;
mod kept;
pub(super) mod kinds;
mod known;
mod left;
pub(in crate::controller) mod listings;
mod observe;
pub(super) mod poll;
pub(super) mod probe;
pub(super) mod reconcile;
pub(super) mod registry;
mod rivals;
pub(super) mod state;
pub(super) mod unseen;
mod users;
mod world;

pub use context::{AccountContext, AccountSettings};
pub use kinds::AccountObject;
pub use known::Unseen;
pub use poll::list_accounts;
pub use reconcile::reconcile;
pub use registry::{Accounts, Availability, CredentialToken, Entry, Session};
pub use state::AccountState;
pub use unseen::look_for;
pub use users::Usage;
