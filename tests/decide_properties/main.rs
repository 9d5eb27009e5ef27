//! What holds of every decision, on generated worlds, and what is decided in the situations that have names.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "the lints know test functions, but not the helpers beside them"
)]

mod generate;
mod invariants;
mod mutants;
mod mutations;
mod properties;
mod stories;
mod worlds;
