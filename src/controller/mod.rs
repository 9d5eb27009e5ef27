//! Observe, decide, execute, record: the loop around the pure decision.

pub mod account;
mod age;
mod failure;
mod setup;
pub mod token;

pub use setup::Operator;
