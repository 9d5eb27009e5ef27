//! The contract between the LaunchDarkly client and LaunchDarkly, against a server that answers as told.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "the lints know test functions, but not the helpers beside them"
)]

mod answers;
mod clock;
mod errors;
mod listing;
mod pace;
mod requests;
mod safety;
mod secrecy;
mod support;
mod transport;
