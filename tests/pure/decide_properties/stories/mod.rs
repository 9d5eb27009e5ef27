//! What is decided in the situations that have names.

mod account;
mod begin;
mod deletion;
mod pending;
mod published;
mod retirement;
mod revocation;
mod revoked_keys;
mod rotation;
mod secret;
mod settings;
mod take_over;
mod unknown;
