//! What holds of every decision, on generated worlds, and what is decided in the situations that have names.

mod generate;
pub mod invariants;
pub mod mutants;
mod mutations;
mod properties;
mod stories;
mod told;
mod worlds;
