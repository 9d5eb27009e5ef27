//! The account: its members, roles, tokens, audit log, and everything that watches them.

pub mod audit;
pub mod changes;
pub mod ids;
pub mod key;
pub mod members;
pub mod permissions;
pub mod roles;
pub mod specifier;
pub mod statement;
pub mod token;
pub mod tokens;
pub mod world;
