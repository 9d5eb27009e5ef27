//! The simulator's own behaviour, one file for each concern.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failed helper fails its test"
)]

mod admin;
mod faults;
mod load;
mod operations;
mod patch;
mod permissions;
mod program;
mod rate_limits;
mod readme;
mod support;
mod switches;
