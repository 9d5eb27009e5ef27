//! Writes the container image of the operator, without a container engine: an OCI image layout, as a folder
//! or as the archive that `ctr`, `docker`, `podman` and `skopeo` read.
//!
//! The same program, version, revision and time make the same bytes, on whatever machine.

mod config;
mod content;
mod error;
mod layer;
mod layout;
mod program;

use jiff::Timestamp;

pub use config::USER;
pub use content::{PROGRAM, unpack};
pub use error::ImageError;
pub use layout::Layout;
pub use program::Program;

/// What an image is made from.
#[derive(Debug, Clone)]
pub struct Image {
    /// How it is called where it is loaded, as in `launchdarkly-token-operator` or
    /// `registry.example.com/team/launchdarkly-token-operator`.
    pub name: String,
    /// The version of the operator; also the tag.
    pub version: String,
    /// The commit it was built from, or `unknown`.
    pub revision: String,
    /// The time it says it was made, and that all its files carry; in whole seconds.
    pub created: Timestamp,
    /// The operator, for each architecture once.
    pub programs: Vec<Program>,
}

impl Image {
    /// Puts the image together.
    ///
    /// # Errors
    /// No program, or two for one architecture.
    pub fn layout(&self) -> Result<Layout, ImageError> {
        layout::build(self)
    }
}
