//! The controller of `AccessToken` objects.

pub(super) mod context;
pub(super) mod events;
pub(super) mod execute;
mod memory;
pub(super) mod observe;
pub(super) mod ownership;
pub(super) mod reconcile;
mod requests;
pub(super) mod reservation;
mod secret_changes;
mod status;
mod world;

pub use context::Context;
pub use reconcile::{Outcome, reconcile};
