//! The cases.

mod accounts;
mod namespaces;
mod objects;
mod secrets;

pub use accounts::*;
pub use namespaces::*;
pub use objects::*;
pub use secrets::*;
