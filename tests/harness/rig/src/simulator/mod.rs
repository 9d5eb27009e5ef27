//! The simulated LaunchDarkly as a program of its own.

mod admin;
mod token;

use std::fs;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::error::Doing;
use crate::http::Http;
use crate::process::Process;
use crate::{RigError, build, wait};
pub use token::{Key, Token};

/// How to start a simulator.
#[derive(Debug, Clone)]
pub struct SimulatorOptions {
    /// Makes IDs and keys the same in every run.
    pub seed: u64,
    /// Which instance of LaunchDarkly it resembles: `2026-10`, `2024` or `reset-removed`.
    pub profile: String,
    /// Custom roles that exist from the start, by their keys.
    pub roles: Vec<String>,
    /// Whether it serves https, with a CA of its own.
    pub tls: bool,
    /// Further flags.
    pub flags: Vec<String>,
}

impl Default for SimulatorOptions {
    fn default() -> Self {
        Self {
            seed: 1,
            profile: "2026-10".to_owned(),
            roles: Vec::new(),
            tls: false,
            flags: Vec::new(),
        }
    }
}

/// A running simulator. It ends when dropped, and when this process ends.
#[derive(Debug)]
pub struct SimulatorProcess {
    url: String,
    managing_key: String,
    ca: Option<String>,
    http: Http,
    process: Process,
}

impl SimulatorProcess {
    /// Builds it if needed, starts it, and returns when it answers.
    ///
    /// # Errors
    /// It cannot be built or started.
    pub fn start(options: &SimulatorOptions) -> Result<Self, RigError> {
        let program = build::simulator()?;
        // Only for the start: a process that ends without dropping us leaves no files behind.
        let directory = tempfile::Builder::new()
            .prefix("ldtokens-simulator-")
            .tempdir()
            .doing(|| "create a temporary directory".into())?;
        let file = |name: &str| directory.path().join(name);
        let mut command = Command::new(program);
        command
            .args(["--listen", "127.0.0.1:0", "--exit-with-stdin"])
            .args(["--profile", &options.profile])
            .args(["--seed", &options.seed.to_string()])
            .arg("--port-file")
            .arg(file("port"))
            .arg("--key-file")
            .arg(file("key"));
        for role in &options.roles {
            command.args(["--role", role]);
        }
        if options.tls {
            command.arg("--tls-ca-out").arg(file("ca.pem"));
        }
        command.args(&options.flags);

        let mut process = Process::start("the simulator", &mut command, &file("simulator.log"))?;
        let port = wait::until_ok(
            Duration::from_secs(20),
            "the simulator's port",
            || match process.must_run() {
                Err(ended) => Ok(Err(ended)),
                Ok(()) => written(&file("port")).map(Ok),
            },
        )??;
        let ca = options.tls.then(|| written(&file("ca.pem"))).transpose();
        let ca = ca.map_err(RigError::Unexpected)?;
        let scheme = if options.tls { "https" } else { "http" };
        Ok(Self {
            url: format!("{scheme}://127.0.0.1:{port}"),
            managing_key: written(&file("key")).map_err(RigError::Unexpected)?,
            http: Http::new(ca.as_deref())?,
            ca,
            process,
        })
    }

    /// Where it serves, as an account's `apiUrl` names it.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Host and port, as the operator's list of allowed hosts names them.
    #[must_use]
    pub fn host(&self) -> &str {
        self.url
            .split_once("://")
            .map_or(&self.url, |(_, host)| host)
    }

    /// The key that manages the account's tokens.
    #[must_use]
    pub fn managing_key(&self) -> &str {
        &self.managing_key
    }

    /// The certificate, in PEM, that its https is to be checked with.
    #[must_use]
    pub fn ca(&self) -> Option<&str> {
        self.ca.as_deref()
    }

    /// What it logged.
    #[must_use]
    pub fn logs(&self) -> String {
        self.process.output()
    }

    /// The API as consumers of keys see it, usable from other threads.
    #[must_use]
    pub fn api(&self) -> Api {
        Api {
            url: self.url.clone(),
            http: self.http.clone(),
        }
    }

    /// See [`Api::call_with_key`].
    ///
    /// # Errors
    /// There is no answer.
    pub fn call_with_key(&self, key: &str) -> Result<u16, RigError> {
        self.api().call_with_key(key)
    }
}

/// LaunchDarkly's API as a consumer of keys sees it.
#[derive(Debug, Clone)]
pub struct Api {
    url: String,
    http: Http,
}

impl Api {
    /// Asks who a key belongs to, and returns the status: 200 while the key is valid, 401 afterwards.
    ///
    /// # Errors
    /// There is no answer.
    pub fn call_with_key(&self, key: &str) -> Result<u16, RigError> {
        let url = format!("{}/api/v2/caller-identity", self.url);
        let answer = self
            .http
            .send("GET", &url, &[("Authorization", key)], &Value::Null)?;
        Ok(answer.status)
    }
}

/// What a file says, once it is there and complete.
fn written(path: &std::path::Path) -> Result<String, String> {
    let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    if text.trim().is_empty() {
        return Err(format!("{} is empty", path.display()));
    }
    Ok(text.trim().to_owned())
}
