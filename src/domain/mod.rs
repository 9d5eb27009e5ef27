//! The pure heart: what is asked for, what is known, and what to do next.
//!
//! Nothing in here reads a clock, draws a random number or talks to anyone, and no type in here can hold a key.

pub mod cause;
pub mod clocks;
pub mod decide;
pub mod desired;
pub mod durations;
pub mod limits;
pub mod marker;
pub mod names;
pub mod observed;
pub mod orphans;
pub mod plan;
pub mod policy;
pub mod record;
pub mod schedule;
pub mod settings;
pub mod syntax;
pub mod validate;
