//! What Flux, Argo CD and kubectl make of our objects, judged by their own libraries (`oracle/`), on the real API server.
#![expect(
    clippy::unwrap_used,
    reason = "the lints' exceptions for tests do not see helper functions"
)]

mod album;
mod customizations;
mod difference;
mod documents;
#[path = "../e2e/home.rs"]
#[expect(dead_code, reason = "the end-to-end tests do more in their homes")]
mod home;
#[path = "../e2e/keys.rs"]
mod keys;
mod ownership;
mod prune;
mod scenes;
mod stage;
mod table;
mod verdict;
mod waves;
