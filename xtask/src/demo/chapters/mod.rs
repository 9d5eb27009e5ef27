//! The chapters, in their order.

pub mod account;
pub mod changes;
pub mod crash;
pub mod creation;
pub mod deletion;
pub mod parts;
pub mod rotation;

/// How many checks they make together. A story that makes another number of them has gone astray.
pub const CHECKS: usize = parts::CHECKS
    + account::CHECKS
    + creation::CHECKS
    + changes::CHECKS
    + rotation::CHECKS
    + crash::CHECKS
    + deletion::CHECKS;
