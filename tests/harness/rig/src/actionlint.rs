//! actionlint, built from its own Go module.

use std::path::PathBuf;

use crate::RigError;
use crate::go_module::GoProgram;

const PROGRAM: GoProgram = GoProgram {
    name: "actionlint",
    title: "actionlint",
    // It needs a YAML library in a version that Prometheus cannot have.
    module: "tests/harness/actionlint",
    sources: None,
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
    PROGRAM.binary()
}
