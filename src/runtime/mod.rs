//! The process around the controllers: flags, logs, metrics, probes, leadership and an orderly end.
//!
//! [`run::run`] puts the pieces together; everything that acts on the world is handed to it as [`work::Work`].

pub mod admin;
pub mod args;
pub mod build_info;
pub mod clients;
pub mod clock;
pub mod crds;
pub mod duration;
pub mod error;
pub mod export;
mod json;
pub mod leader;
pub mod metrics;
pub mod office;
pub mod readiness;
mod requests;
pub mod run;
pub mod shutdown;
pub mod telemetry;
mod validate;
pub mod work;
