//! Child processes that do not outlive this one.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use crate::error::Doing;
use crate::{RigError, wait};

/// A running program; killed when dropped.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: File,
}

impl Process {
    /// Starts `command` with its output appended to `log`. Its standard input is a pipe that closes when
    /// this process ends, however it ends.
    pub(crate) fn start(name: &str, command: &mut Command, log: &Path) -> Result<Self, RigError> {
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(log)
            .doing(|| format!("open {}", log.display()))?;
        let errors = file
            .try_clone()
            .doing(|| format!("open {}", log.display()))?;
        let child = command
            .stdin(Stdio::piped())
            .stdout(file)
            .stderr(errors)
            .spawn()
            .doing(|| format!("start {name}"))?;
        Ok(Self {
            name: name.to_owned(),
            child,
            log: File::open(log).doing(|| format!("open {}", log.display()))?,
        })
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// All it printed so far, also if the log has been removed since.
    #[must_use]
    pub fn output(&self) -> String {
        let length = self.log.metadata().map_or(0, |log| log.len());
        let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
        match self.log.read_exact_at(&mut bytes, 0) {
            Ok(()) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) => format!("the log cannot be read: {error}"),
        }
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>, RigError> {
        self.child
            .try_wait()
            .doing(|| format!("ask whether {} has ended", self.name))
    }

    /// Fails, with the last words, if it has ended.
    pub fn must_run(&mut self) -> Result<(), RigError> {
        match self.ended()? {
            None => Ok(()),
            Some(status) => Err(RigError::Command {
                command: self.name.clone(),
                status: status.to_string(),
                output: last_lines(&self.output(), 12),
            }),
        }
    }

    /// Sends a signal by name, as in `STOP`.
    pub fn signal(&self, signal: &str) -> Result<(), RigError> {
        // The shell's own kill: a machine without the program has it too.
        let output = Command::new("sh")
            .args([
                "-c",
                "kill -s \"$1\" \"$2\"",
                "sh",
                signal,
                &self.id().to_string(),
            ])
            .output()
            .doing(|| format!("send SIG{signal} to {}", self.name))?;
        if output.status.success() {
            return Ok(());
        }
        Err(RigError::command(
            format!("kill -s {signal} {}", self.name),
            &output,
        ))
    }

    /// Kills it and waits until it is gone.
    pub fn kill(&mut self) -> Result<(), RigError> {
        if self.ended()?.is_some() {
            return Ok(());
        }
        self.child.kill().doing(|| format!("kill {}", self.name))?;
        self.child
            .wait()
            .doing(|| format!("wait for {}", self.name))?;
        Ok(())
    }

    /// Closes its standard input, which asks our own programs to end, and waits until it has.
    pub fn close_input(&mut self, limit: Duration) -> Result<ExitStatus, RigError> {
        drop(self.child.stdin.take());
        self.await_end(limit)
    }

    /// Waits until it has ended by itself.
    pub fn await_end(&mut self, limit: Duration) -> Result<ExitStatus, RigError> {
        let what = format!("the end of {}", self.name);
        wait::until(limit, &what, || self.ended())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Nobody is left to tell; the pipe to its standard input closes in any case.
        let _ = self.kill();
    }
}

/// The end of a text, where the reason of a failure usually is.
pub(crate) fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

/// Kills another process when this one ends, for programs that do not watch their standard input.
#[derive(Debug)]
pub(crate) struct Lifeline(Child);

impl Lifeline {
    /// Ties the process of this number to ours, until dropped.
    pub(crate) fn tie(id: u32) -> Result<Self, RigError> {
        Command::new("sh")
            .args(["-c", "read -r _; kill -9 \"$1\"", "sh", &id.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map(Self)
            .doing(|| "start a shell".into())
    }
}

impl Drop for Lifeline {
    fn drop(&mut self) {
        // Before its standard input closes, so that it does not act.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;

    use super::*;

    const SOON: Duration = Duration::from_secs(10);

    fn sleeper() -> (Process, tempfile::TempDir) {
        let directory = tempfile::tempdir().unwrap();
        let log = directory.path().join("log");
        let mut command = Command::new("sleep");
        (
            Process::start("sleep", command.arg("1000"), &log).unwrap(),
            directory,
        )
    }

    #[test]
    fn a_tied_process_dies_when_the_other_end_of_its_lifeline_does() {
        let (mut process, _directory) = sleeper();
        let mut lifeline = Lifeline::tie(process.id()).unwrap();
        // What the operating system does for a process that ends, however it ends.
        drop(lifeline.0.stdin.take());
        assert_eq!(process.await_end(SOON).unwrap().signal(), Some(9));
    }

    #[test]
    fn a_process_that_is_no_longer_tied_lives_on() {
        let (mut process, _directory) = sleeper();
        drop(Lifeline::tie(process.id()).unwrap());
        process.must_run().unwrap();
        process.signal("TERM").unwrap();
        assert_eq!(process.await_end(SOON).unwrap().signal(), Some(15));
        assert!(process.must_run().is_err());
    }
}
