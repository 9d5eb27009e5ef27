//! A stateful stand-in for the LaunchDarkly access-token API.
//!
//! It resembles the API as documented in October 2026; whatever is unknown about the API, or
//! differs between instances, is a [switch](switches). What goes wrong on the way is a
//! [fault](faults). Letters and words in comments say how certain a fact about the API is:
//! documented, observed, inferred, or unknown.
//!
//! [`Simulator::new`] is state alone, [`Simulator::start`] serves it.

pub mod admin;
pub mod api;
pub mod clock;
pub mod config;
pub mod faults;
pub mod history;
pub mod journal;
pub mod line;
pub mod patch;
pub mod process;
pub mod rate_limits;
pub mod server;
pub mod simulator;
pub mod state;
pub mod switches;
pub mod tls;

pub use api::call::{Answer, Call};
pub use config::{Config, ManagingToken};
pub use faults::{Fault, FaultKind};
pub use history::{Event, EventKind};
pub use journal::Entry;
pub use server::Running;
pub use simulator::{KeySnapshot, Simulator, TokenSnapshot};
pub use state::key::KeyValue;
pub use state::roles::CustomRole;
pub use state::statement::{Effect, Statement};
pub use state::token::BaseRole;
pub use switches::{Profile, Switches};
