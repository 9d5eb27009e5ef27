//! The control plane, built from the Go module of the tests.

use std::path::PathBuf;

use crate::RigError;
use crate::go_module::{GoProgram, SHARED};

const PROGRAM: GoProgram = GoProgram {
    name: "control-plane",
    title: "the control plane",
    module: SHARED,
    sources: Some("control-plane"),
    package: "./control-plane",
    tags: "",
    versioned_by: "k8s.io/kubernetes",
    version_flags,
};

/// The binary of the control plane, built now if there is none of these sources in the cache. The build
/// takes minutes and shows its progress on standard error.
///
/// # Errors
/// [`RigError::NoGo`], or the build fails.
pub fn control_plane() -> Result<PathBuf, RigError> {
    PROGRAM.binary()
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
