//! The components as separate programs, from a directory such as envtest's.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::Kubectl;
use crate::http::free_port;
use crate::process::Process;
use crate::{RigError, wait};

/// Starts the programs and ends them when its standard input closes.
const SUPERVISOR: &str = include_str!("assets.sh");

pub(super) fn start(
    assets: &Path,
    directory: &Path,
    kubectl: &Kubectl,
    deadline: Duration,
) -> Result<Process, RigError> {
    for program in ["etcd", "kube-apiserver", "kubectl"] {
        if !assets.join(program).is_file() {
            let directory = assets.display();
            return Err(RigError::Unexpected(format!(
                "KUBEBUILDER_ASSETS: there is no {program} in {directory}"
            )));
        }
    }
    let port = free_port()?;
    let mut command = Command::new("sh");
    command
        .args(["-c", SUPERVISOR, "sh"])
        .arg(assets)
        .arg(directory)
        .arg(port.to_string());
    let log = directory.join("control-plane.log");
    let mut process = Process::start("the control plane", &mut command, &log)?;
    wait::until_ok(deadline, "a ready control plane", || {
        match process.must_run() {
            Ok(()) => kubectl.run(&["get", "--raw", "/readyz"]).map(|_| Ok(())),
            Err(ended) => Ok(Err(ended)),
        }
    })??;
    Ok(process)
}
