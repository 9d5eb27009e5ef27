//! What the documentation says exists: links, objects, fields, flags, values, files and tests. Nothing is run.
#![expect(
    clippy::unwrap_used,
    reason = "the lint's exception for tests does not see helper functions"
)]

mod flags;
mod links;
mod names;
mod objects;
mod pages;
mod values;
