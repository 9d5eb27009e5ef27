//! Builds the control plane from its Go module, once per source.

use std::path::PathBuf;

use crate::RigError;
use crate::go_module::GoModule;

const MODULE: GoModule = GoModule {
    folder: "tests/control-plane",
    program: "control-plane",
    title: "the control plane",
    package: ".",
    tags: "",
    versioned_by: "k8s.io/kubernetes",
    version_flags,
};

/// The Go module of the control plane.
#[must_use]
pub fn go_module() -> PathBuf {
    MODULE.path()
}

/// The binary of the control plane, built now if there is none of these sources in the cache. The build
/// takes minutes and shows its progress on standard error.
///
/// # Errors
/// [`RigError::NoGo`], or the build fails.
pub fn control_plane() -> Result<PathBuf, RigError> {
    MODULE.binary()
}

/// Tells the programs their version, which Kubernetes' own build does at this point.
pub(crate) fn version_flags(version: &str) -> String {
    let minor = version.split('.').nth(1).unwrap_or_default();
    [
        "k8s.io/component-base/version",
        "k8s.io/client-go/pkg/version",
    ]
    .map(|package| {
        format!(
            " -X {package}.gitVersion={version} -X {package}.gitMajor=1 \
                 -X {package}.gitMinor={minor} -X {package}.gitTreeState=clean"
        )
    })
    .concat()
}

/// Runs Go in the module of the control plane and returns what it printed.
///
/// # Errors
/// [`RigError::NoGo`], or the command fails.
pub fn go(arguments: &[&str]) -> Result<String, RigError> {
    MODULE.go(arguments)
}
