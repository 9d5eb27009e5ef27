//! The operator as users run it: the release binary, under its own service account.

pub mod access;
pub mod install;
mod options;

use std::path::PathBuf;
use std::process::{Command, ExitStatus};
use std::time::Duration;

use crate::error::Doing;
use crate::http::{Http, free_port};
use crate::process::{Lifeline, Process, last_lines};
use crate::{ControlPlane, RigError, build, wait};
pub use access::SecretAccess;
pub use options::OperatorOptions;

/// A running operator. It ends when dropped, and when this process ends.
#[derive(Debug)]
pub struct Operator {
    name: String,
    program: PathBuf,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    log: PathBuf,
    url: String,
    http: Http,
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    // Dropped in this order: a lifeline must not outlive the process whose number it knows.
    _lifeline: Lifeline,
    process: Process,
}

impl Operator {
    /// Installs the manifests if they are not, and starts the release binary with the rights they give to
    /// its service account. It may take a while until it leads: see [`Operator::await_ready`].
    ///
    /// # Errors
    /// The binary cannot be built, or the manifests are refused, or it ends at once.
    pub fn start(plane: &ControlPlane, options: &OperatorOptions) -> Result<Self, RigError> {
        let program = match &options.program {
            Some(program) => program.clone(),
            None => build::operator()?,
        };
        let given = install::install_as(plane, options.access, &options.namespaces)?;
        let mut kubeconfig = install::service_account_kubeconfig(plane)?;
        if let Some(host) = &options.api_server {
            kubeconfig = install::by_way_of(&kubeconfig, host, &options.name)?;
        }
        let listen = format!("127.0.0.1:{}", free_port()?);
        let mut arguments = vec!["run".to_owned()];
        arguments.extend(["--listen".to_owned(), listen.clone()]);
        arguments.extend(["--namespace".to_owned(), install::NAMESPACE.to_owned()]);
        arguments.extend(["--pod-name".to_owned(), options.name.clone()]);
        for (flag, value) in given.iter().chain(&options.flags) {
            arguments.extend([flag.clone(), value.clone()]);
        }
        let mut environment = options.environment.clone();
        environment.push(("KUBECONFIG".to_owned(), kubeconfig.display().to_string()));
        let mut operator = Self {
            log: plane.directory().join(format!("{}.log", options.name)),
            name: options.name.clone(),
            program,
            arguments,
            environment,
            url: format!("http://{listen}"),
            http: Http::new(None)?,
            running: None,
        };
        operator.restart()?;
        Ok(operator)
    }

    /// Starts it again with the same flags, after ending it with kill -9 if it runs.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn restart(&mut self) -> Result<(), RigError> {
        self.kill9()?;
        let mut command = Command::new(&self.program);
        command
            .args(&self.arguments)
            .envs(self.environment.iter().cloned());
        let process = Process::start(&self.name, &mut command, &self.log)?;
        self.running = Some(Running {
            _lifeline: Lifeline::tie(process.id())?,
            process,
        });
        Ok(())
    }

    /// Ends it with kill -9 and returns when it is gone.
    ///
    /// # Errors
    /// It cannot be killed.
    pub fn kill9(&mut self) -> Result<(), RigError> {
        match self.running.take() {
            Some(mut running) => running.process.kill(),
            None => Ok(()),
        }
    }

    /// Asks it to end, as a cluster does, and returns how it did.
    ///
    /// # Errors
    /// It is not running, or still is after `limit`.
    pub fn terminate(&mut self, limit: Duration) -> Result<ExitStatus, RigError> {
        self.process()?.signal("TERM")?;
        self.await_end(limit)
    }

    /// Waits until it has ended by itself, and returns how.
    ///
    /// # Errors
    /// It is not running, or still is after `limit`.
    pub fn await_end(&mut self, limit: Duration) -> Result<ExitStatus, RigError> {
        let status = self.process()?.await_end(limit)?;
        self.running = None;
        Ok(status)
    }

    /// Stops it in its tracks (SIGSTOP) without ending it.
    ///
    /// # Errors
    /// It is not running.
    pub fn stop_process(&mut self) -> Result<(), RigError> {
        self.process()?.signal("STOP")
    }

    /// Lets it go on after [`Operator::stop_process`] (SIGCONT).
    ///
    /// # Errors
    /// It is not running.
    pub fn cont_process(&mut self) -> Result<(), RigError> {
        self.process()?.signal("CONT")
    }

    /// Whether it runs.
    ///
    /// # Errors
    /// The operating system does not tell.
    pub fn is_running(&mut self) -> Result<bool, RigError> {
        match &mut self.running {
            Some(running) => Ok(running.process.ended()?.is_none()),
            None => Ok(false),
        }
    }

    /// Whether /readyz says yes; else what it says.
    ///
    /// # Errors
    /// It does not answer.
    pub fn ready(&self) -> Result<Result<(), String>, RigError> {
        let answer = self.http.get(&format!("{}/readyz", self.url))?;
        Ok(if answer.status == 200 {
            Ok(())
        } else {
            Err(answer.text)
        })
    }

    /// Waits until /readyz says yes.
    ///
    /// # Errors
    /// It does not in time, or ended.
    pub fn await_ready(&mut self, limit: Duration) -> Result<(), RigError> {
        wait::until_ok(limit, "a ready operator", || {
            if let Err(ended) = self.process().and_then(Process::must_run) {
                return Ok(Err(ended));
            }
            match self.ready() {
                Ok(ready) => ready.map(Ok),
                Err(error) => Err(format!("{error:?}")),
            }
        })?
    }

    /// What /metrics says.
    ///
    /// # Errors
    /// It does not answer.
    pub fn metrics(&self) -> Result<String, RigError> {
        Ok(self.http.get(&format!("{}/metrics", self.url))?.text)
    }

    /// What one of its pages says, as in `page("/readyz")`, whatever the status.
    ///
    /// # Errors
    /// It does not answer.
    pub fn page(&self, path: &str) -> Result<String, RigError> {
        Ok(self.http.get(&format!("{}{path}", self.url))?.text)
    }

    /// The memory it has at this moment, in KiB (`VmRSS` of its process).
    ///
    /// # Errors
    /// It is not running, or this system has no `/proc`.
    pub fn resident_kib(&self) -> Result<u64, RigError> {
        self.kib("VmRSS:")
    }

    /// The most memory it has had since it was started, in KiB (`VmHWM` of its process).
    ///
    /// # Errors
    /// It is not running, or this system has no `/proc`.
    pub fn peak_kib(&self) -> Result<u64, RigError> {
        self.kib("VmHWM:")
    }

    fn kib(&self, field: &str) -> Result<u64, RigError> {
        let id = self
            .id()
            .ok_or_else(|| RigError::Unexpected(format!("{} is not running", self.name)))?;
        let path = format!("/proc/{id}/status");
        let status = std::fs::read_to_string(&path).doing(|| format!("read {path}"))?;
        let line = status.lines().find_map(|line| line.strip_prefix(field));
        line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok())
            .ok_or_else(|| RigError::Unexpected(format!("{path} has no {field}")))
    }

    /// The sum of the samples of a metric whose labels all occur in the sample's line, as in
    /// `metric("ldtokens_calls_total", &["operation=\"create\""])`; 0 if there is none.
    ///
    /// # Errors
    /// It does not answer.
    pub fn metric(&self, name: &str, labels: &[&str]) -> Result<f64, RigError> {
        let sum = self
            .metrics()?
            .lines()
            .filter(|line| line.split(['{', ' ']).next() == Some(name))
            .filter(|line| labels.iter().all(|label| line.contains(label)))
            .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
            .sum();
        Ok(sum)
    }

    /// Where it serves /livez, /readyz and /metrics.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// All it logged, over all its runs.
    #[must_use]
    pub fn logs(&self) -> String {
        let bytes = std::fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The file it logs to.
    #[must_use]
    pub fn log_file(&self) -> &std::path::Path {
        &self.log
    }

    /// Its process id, if it runs.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        self.running.as_ref().map(|running| running.process.id())
    }

    fn process(&mut self) -> Result<&mut Process, RigError> {
        match &mut self.running {
            Some(running) => Ok(&mut running.process),
            None => Err(RigError::Unexpected(format!(
                "{} is not running",
                self.name
            ))),
        }
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // The log goes with its directory, and a failed test without it tells little.
            let end = last_lines(&self.logs(), 40);
            let _ = std::io::Write::write_all(
                &mut std::io::stderr(),
                format!("the end of the log of {}:\n{end}\n", self.name).as_bytes(),
            );
        }
    }
}
