//! What the documentation says exists: links, objects, fields, flags, values, files, reasons and tests. And the installation works as it is
//! written, on a real node.
#![expect(
    clippy::unwrap_used,
    reason = "the lint's exception for tests does not see helper functions"
)]

mod flags;
mod install;
mod links;
mod map;
mod names;
mod objects;
mod pages;
mod security;
mod troubleshooting;
mod values;
mod walk;
