//! The cases.

mod namespaces;
mod objects;
mod secrets;

pub use namespaces::*;
pub use objects::*;
pub use secrets::*;
