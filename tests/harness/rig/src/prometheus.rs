//! Prometheus and promtool, built from the Go module of the tests.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::error::Doing;
use crate::go_module::{GoProgram, SHARED};
use crate::http::{Http, free_port};
use crate::process::{Lifeline, Process};
use crate::{RigError, wait};

const PROMETHEUS: GoProgram = GoProgram {
    name: "prometheus",
    title: "Prometheus",
    module: SHARED,
    sources: None,
    package: "github.com/prometheus/prometheus/cmd/prometheus",
    // Targets are named by hand: the clients of two dozen clouds would take minutes to build.
    tags: "remove_all_sd",
    versioned_by: "github.com/prometheus/prometheus",
    version_flags,
};

const PROMTOOL: GoProgram = GoProgram {
    name: "promtool",
    title: "promtool",
    package: "github.com/prometheus/prometheus/cmd/promtool",
    ..PROMETHEUS
};

/// v0.311.3 of the module is 3.11.3 of the program.
fn version_flags(version: &str) -> String {
    let mut parts = version.trim_start_matches("v0.").splitn(2, '.');
    let (minor, patch) = (
        parts.next().unwrap_or_default(),
        parts.next().unwrap_or_default(),
    );
    let (major, minor) = minor.split_at(minor.len().min(1));
    let minor = minor.trim_start_matches('0');
    format!(" -X github.com/prometheus/common/version.Version={major}.{minor}.{patch}")
}

/// The server: what `LDTOKENS_TEST_PROMETHEUS` names, else our own build, made now if it is not in the cache.
///
/// # Errors
/// [`RigError::NoGo`], or the build fails.
pub fn prometheus() -> Result<PathBuf, RigError> {
    named("LDTOKENS_TEST_PROMETHEUS", &PROMETHEUS)
}

/// The tool that checks and tests rules: what `LDTOKENS_TEST_PROMTOOL` names, else our own build.
///
/// # Errors
/// [`RigError::NoGo`], or the build fails.
pub fn promtool() -> Result<PathBuf, RigError> {
    named("LDTOKENS_TEST_PROMTOOL", &PROMTOOL)
}

fn named(variable: &str, program: &GoProgram) -> Result<PathBuf, RigError> {
    match env::var_os(variable).filter(|value| !value.is_empty()) {
        Some(named) => Ok(named.into()),
        None => program.binary(),
    }
}

/// A running Prometheus that scrapes one target every two seconds: a busy machine does not answer within one. It ends when dropped, and when this process ends.
#[derive(Debug)]
pub struct Prometheus {
    url: String,
    http: Http,
    // Dropped in this order: a lifeline must not outlive the process whose number it knows.
    _lifeline: Lifeline,
    process: Process,
    _home: TempDir,
}

impl Prometheus {
    /// Starts it on `target`, as in `127.0.0.1:8080`, whose series get `labels` where they have none of that name, as those get that
    /// the Prometheus operator finds. Evaluates the rules of the files `rules`.
    ///
    /// # Errors
    /// It cannot be built, started, or does not become ready, or the target does not answer it.
    pub fn start(target: &str, labels: &[(&str, &str)], rules: &[&Path]) -> Result<Self, RigError> {
        let home = tempfile::Builder::new()
            .prefix("ldtokens-prometheus-")
            .tempdir()
            .doing(|| "create a temporary directory".into())?;
        let labels: serde_json::Map<String, Value> = labels
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).into()))
            .collect();
        // JSON is YAML.
        let settings = serde_json::json!({
            "global": {"scrape_interval": "2s", "scrape_timeout": "2s", "evaluation_interval": "2s"},
            "rule_files": rules,
            "scrape_configs": [{
                "job_name": "operator",
                "honor_labels": true,
                "static_configs": [{"targets": [target], "labels": labels}],
            }],
        });
        let file = home.path().join("prometheus.yml");
        fs::write(&file, settings.to_string()).doing(|| format!("write {}", file.display()))?;
        let listen = format!("127.0.0.1:{}", free_port()?);
        let mut command = Command::new(prometheus()?);
        command
            .arg(format!("--config.file={}", file.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                home.path().join("data").display()
            ))
            .arg(format!("--web.listen-address={listen}"))
            .arg("--log.level=warn");
        let process = Process::start("prometheus", &mut command, &home.path().join("log"))?;
        let mut running = Self {
            url: format!("http://{listen}"),
            http: Http::new(None)?,
            _lifeline: Lifeline::tie(process.id())?,
            process,
            _home: home,
        };
        running.await_ready()?;
        // Its discovery takes seconds to tell of a target; what happens before the first scrape is no increase.
        wait::until_true(Duration::from_secs(30), "a first scrape", || {
            Ok(!running.query("up == 1")?.is_empty())
        })?;
        Ok(running)
    }

    fn await_ready(&mut self) -> Result<(), RigError> {
        let url = format!("{}/-/ready", self.url);
        wait::until_ok(Duration::from_secs(30), "a ready Prometheus", || {
            if let Err(ended) = self.process.must_run() {
                return Ok(Err(ended));
            }
            match self.http.get(&url) {
                Ok(answer) if answer.status == 200 => Ok(Ok(())),
                Ok(answer) => Err(answer.text),
                Err(error) => Err(format!("{error:?}")),
            }
        })?
    }

    /// The series that an expression gives now: an instant vector, or a scalar as one series without labels.
    ///
    /// # Errors
    /// It does not answer, or cannot evaluate the expression.
    pub fn query(&self, expression: &str) -> Result<Vec<Value>, RigError> {
        let answer = self.ask("query", &[("query", expression)])?;
        Ok(match answer["result"].as_array() {
            Some(scalar) if answer["resultType"] == "scalar" => {
                vec![serde_json::json!({"metric": {}, "value": scalar})]
            }
            Some(series) => series.clone(),
            None => Vec::new(),
        })
    }

    /// What went wrong with the last scrape; empty when nothing did.
    ///
    /// # Errors
    /// It does not answer.
    pub fn scrape_error(&self) -> Result<String, RigError> {
        let targets = self.ask("targets", &[("state", "active")])?;
        let error = &targets["activeTargets"][0]["lastError"];
        Ok(error.as_str().unwrap_or_default().to_owned())
    }

    /// Asks one of the pages under `/api/v1` and returns the data of the answer.
    ///
    /// # Errors
    /// It does not answer, or refuses.
    pub fn ask(&self, page: &str, parameters: &[(&str, &str)]) -> Result<Value, RigError> {
        let parameters: Vec<_> = parameters
            .iter()
            .map(|(name, value)| format!("{name}={}", escaped(value)))
            .collect();
        let url = format!("{}/api/v1/{page}?{}", self.url, parameters.join("&"));
        let answer = self.http.get(&url)?;
        let said: Value = serde_json::from_str(&answer.text)
            .map_err(|error| RigError::Unexpected(format!("{page}: {error}: {}", answer.text)))?;
        if said["status"] == "success" {
            return Ok(said["data"].clone());
        }
        Err(RigError::Unexpected(format!(
            "{page} {parameters:?}: {}",
            said["error"]
        )))
    }
}

/// A value as a URL has it.
fn escaped(value: &str) -> String {
    value
        .bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => {
                char::from(byte).to_string()
            }
            other => format!("%{other:02X}"),
        })
        .collect()
}
