//! The log and the traces.

pub(super) mod json;
pub mod log;
pub mod otlp;
