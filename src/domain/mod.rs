//! The pure heart: what is asked for, what is known, and what to do next.
//!
//! Nothing in here reads a clock, draws a random number or talks to anyone, and no type in here can hold a key.

pub mod account;
pub mod cause;
pub mod conditions;
pub mod decide;
pub mod desired;
pub mod durations;
pub mod ids;
pub mod limits;
pub mod marker;
pub mod memory;
pub mod namespaces;
pub mod observed;
pub mod orphans;
pub mod policy;
pub mod problem;
pub mod reason;
pub mod record;
pub mod revocation;
pub mod schedule;
pub mod secret;
pub mod settings;
pub mod step;
pub mod syntax;
pub mod time;
