//! The Helm chart, rendered and installed by the real Helm, judged by the real API server, and its rights used by the operator.
#![expect(clippy::unwrap_used, reason = "helpers of tests may fail like tests")]

mod admission;
mod agreement;
mod kinds;
mod life;
mod manifests;
mod monitoring;
mod opt_in;
mod people;
mod per_namespace;
mod release;
mod render;
mod secret_types;
mod secrets;
mod server;
mod shape;
mod umbrella;
mod values;
