//! What is chosen for a whole account.

pub mod budget;
