//! Our own binary, which supervises its components by itself.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::process::{Process, last_lines};
use crate::{RigError, wait};

/// Runs `control-plane run` and returns when it says that it is ready.
pub(super) fn start(
    program: &Path,
    directory: &Path,
    audit_log: &Path,
    deadline: Duration,
) -> Result<Process, RigError> {
    let mut command = Command::new(program);
    command.args(["run", "--ephemeral", "--deadline"]);
    command.arg(format!("{}ms", deadline.as_millis()));
    command.arg("--dir").arg(directory);
    command.arg("--audit-log").arg(audit_log);
    let log = directory.join("control-plane.log");
    let mut process = Process::start("the control plane", &mut command, &log)?;
    // It keeps the deadline by itself; a little more than that is for one that hangs.
    let limit = deadline + Duration::from_secs(5);
    wait::until_ok(limit, "a ready control plane", || {
        let output = process.output();
        if output.lines().any(|line| line.starts_with("ready ")) {
            return Ok(Ok(()));
        }
        match process.must_run() {
            Ok(()) => Err(last_lines(&output, 3)),
            Err(ended) => Ok(Err(ended)),
        }
    })??;
    Ok(process)
}
