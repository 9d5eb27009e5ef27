//! actionlint, built from its Go module.

use std::path::PathBuf;

use crate::RigError;
use crate::go_module::GoModule;

const MODULE: GoModule = GoModule {
    folder: "tests/actionlint",
    program: "actionlint",
    title: "actionlint",
    package: "github.com/rhysd/actionlint/cmd/actionlint",
    tags: "",
    versioned_by: "github.com/rhysd/actionlint",
    version_flags,
};

fn version_flags(version: &str) -> String {
    format!(" -X github.com/rhysd/actionlint.version={version}")
}

/// The program, built now if it is not in the cache.
///
/// # Errors
/// [`RigError::NoGo`], or the build fails.
pub fn actionlint() -> Result<PathBuf, RigError> {
    MODULE.binary()
}
