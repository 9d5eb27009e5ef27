//! The process around the controllers: flags, logs, metrics, probes, leadership and an orderly end.
//!
//! [`run::run`] puts the pieces together; everything that acts on the world is handed to it as [`leader::LeaderTask`].

pub mod admin;
pub mod args;
pub mod build_info;
pub mod clients;
pub mod crds;
pub mod error;
pub mod leader;
pub mod liveness;
pub mod metrics;
pub mod private_memory;
pub mod readiness;
mod requests;
pub mod run;
pub mod shutdown;
pub mod supervise;
pub mod telemetry;

pub use crate::clock;
