//! Why there is no image.

use std::io;

/// Why an image could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// A file or folder could not be read or written.
    #[error("cannot {doing}: {source}")]
    Io {
        /// What was being done, as in "read target/release/launchdarkly-token-operator".
        doing: String,
        /// Why not.
        source: io::Error,
    },
    /// What should go into the image is not a program for Linux.
    #[error("{path} is not a Linux program for amd64 or arm64: build the image on Linux")]
    NotLinux {
        /// The file.
        path: String,
    },
    /// The program needs a dynamic linker, and the image has none.
    #[error(
        "{path} is not linked statically: install the C library's static part (Debian: libc6-dev; Fedora: glibc-static)"
    )]
    Dynamic {
        /// The file.
        path: String,
    },
    /// There is no program.
    #[error("an image needs a program")]
    Empty,
    /// There are two programs for one architecture.
    #[error("two programs for {0}")]
    Twice(&'static str),
}

impl ImageError {
    /// Says what was being done when `source` came up.
    pub(crate) fn io(doing: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let doing = doing.into();
        move |source| Self::Io { doing, source }
    }
}
