//! Starts the real parts for tests and the demonstration: a Kubernetes control plane, the simulated
//! LaunchDarkly, and the operator's release binary under its own service account.
//!
//! Everything here is synchronous and light: it runs programs and asks them over http. Each part ends
//! when its handle is dropped, and also when this process dies without dropping anything.

mod actionlint;
pub mod build;
mod cable;
pub mod canary;
mod consumer;
mod control_plane;
mod error;
mod go_module;
mod helm;
mod http;
pub mod image;
mod mask;
mod node;
pub mod object;
mod operator;
pub mod oracle;
mod process;
mod progress;
mod prometheus;
pub mod rights;
mod simulator;
pub mod wait;
pub mod workspace;

pub use cable::Cable;
pub use consumer::{Consumer, ConsumerCall};
pub use control_plane::{ControlPlane, ControlPlaneOptions, Kubectl, Source};
pub use error::RigError;
pub use helm::Helm;
pub use http::free_port;
pub use mask::mask;
pub use node::{Node, NodeOptions, impossible_here as node_impossible};
pub use operator::{Operator, OperatorOptions, SecretAccess, access, install};
pub use prometheus::Prometheus;
pub use simulator::{Api, Key, SimulatorOptions, SimulatorProcess, Token};
