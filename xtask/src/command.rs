//! Running other programs.

use std::ffi::OsStr;
use std::io;
use std::iter;
use std::path::Path;
use std::process::{Command, Stdio};

use rig::RigError;

/// Runs `command` with its output on this terminal, for what takes long.
///
/// # Errors
/// It cannot be run, or fails.
pub fn show(command: &mut Command) -> Result<(), RigError> {
    let status = command.stdin(Stdio::null()).status();
    let status = status.map_err(|error| cannot_run(command, &error))?;
    if status.success() {
        return Ok(());
    }
    Err(RigError::Unexpected(format!(
        "`{}` failed ({status}); see above",
        text(command)
    )))
}

/// Runs `command` silently and returns what it printed on standard output; all it printed is in the error
/// if it fails.
///
/// # Errors
/// It cannot be run, or fails.
pub fn capture(command: &mut Command) -> Result<String, RigError> {
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(|error| cannot_run(command, &error))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(RigError::command(text(command), &output))
}

fn cannot_run(command: &Command, error: &io::Error) -> RigError {
    RigError::Unexpected(format!("cannot run `{}`: {error}", text(command)))
}

/// A command as one would type it.
fn text(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let program = program.file_name().unwrap_or(command.get_program());
    iter::once(program)
        .chain(command.get_args())
        .map(OsStr::to_string_lossy)
        .collect::<Vec<_>>()
        .join(" ")
}
