//! The programs of a node: what is built from the Go module of the tests, and runc.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::control_plane::build::version_flags;
use crate::error::Doing;
use crate::go_module::{GoProgram, SHARED};
use crate::{RigError, build, workspace};

/// Kubelet and scheduler: most of it is compiled for the control plane.
const KUBELET: GoProgram = GoProgram {
    name: "kubelet",
    title: "kubelet and scheduler",
    module: SHARED,
    sources: Some("node/kubelet"),
    package: "./node/kubelet",
    tags: "",
    versioned_by: "k8s.io/kubernetes",
    version_flags,
};

/// containerd, the network plugins, and our own program that puts a node together.
const RUNTIME: GoProgram = GoProgram {
    name: "node-runtime",
    title: "containerd",
    module: SHARED,
    sources: Some("node/node"),
    package: "./node/node \
              github.com/containerd/containerd/v2/cmd/containerd \
              github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2 \
              github.com/containerd/containerd/v2/cmd/ctr \
              github.com/containernetworking/plugins/plugins/main/bridge \
              github.com/containernetworking/plugins/plugins/ipam/host-local",
    tags: "",
    versioned_by: "github.com/containerd/containerd/v2",
    version_flags: containerd_version,
};

fn containerd_version(version: &str) -> String {
    format!(" -X github.com/containerd/containerd/v2/version.Version={version}")
}

/// Everything that a node is made of.
#[derive(Debug, Clone)]
pub struct NodePrograms {
    pub(super) kubernetes: PathBuf,
    pub(super) kubelet: PathBuf,
    /// The folder of our own program, containerd, its client and the network plugins.
    pub(super) runtime: PathBuf,
    pub(super) runc: PathBuf,
}

/// The programs of a node, built and fetched now if they are not in the cache.
///
/// # Errors
/// [`RigError::NoGo`], or a build fails, or there is no runc and no way to get it.
pub fn node() -> Result<NodePrograms, RigError> {
    Ok(NodePrograms {
        kubernetes: build::control_plane()?,
        kubelet: KUBELET.binary()?,
        runtime: RUNTIME.binary()?,
        runc: runc()?,
    })
}

/// runc is the one part that is not built: with seccomp, which restricted pods need, it is linked to a C library.
fn runc() -> Result<PathBuf, RigError> {
    let path = env::var_os("PATH").unwrap_or_default();
    let installed = env::split_paths(&path)
        .chain(["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from))
        .map(|folder| folder.join("runc"))
        .find(|program| program.is_file());
    match installed {
        Some(program) => Ok(program),
        None => debian_runc().map_err(|error| {
            RigError::Unexpected(format!(
                "the tests of pods need runc. Install it, as in `apt-get install runc` or `dnf install runc`.\n\
                 Fetching Debian's failed: {error:?}"
            ))
        }),
    }
}

/// Debian's package, unpacked into the cache: nothing is installed.
fn debian_runc() -> Result<PathBuf, RigError> {
    let cache = workspace::cache()?;
    let folder = cache.join("runc");
    let program = folder.join("usr/sbin/runc");
    fs::create_dir_all(&folder).doing(|| format!("create {}", folder.display()))?;
    let lock = folder.join("lock");
    let lock = File::create(&lock).doing(|| format!("create {}", lock.display()))?;
    lock.lock().doing(|| "lock runc".into())?;
    if program.is_file() {
        return Ok(program);
    }
    let download = "apt-get -qq -o APT::Sandbox::User=root download runc";
    // The first may fail because the machine has no list of packages.
    shell(&folder, download)
        .or_else(|_| shell(&folder, &format!("apt-get -qq update && {download}")))?;
    shell(&folder, "dpkg-deb --extract runc_*.deb . && rm runc_*.deb")?;
    Ok(program)
}

fn shell(folder: &Path, script: &str) -> Result<(), RigError> {
    let output = Command::new("sh")
        .args(["-c", script])
        .current_dir(folder)
        .output()
        .doing(|| "run sh".into())?;
    if output.status.success() {
        return Ok(());
    }
    Err(RigError::command(script, &output))
}
