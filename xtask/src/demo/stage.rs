//! The parts on stage, and what the chapters ask of them.

use std::time::Duration;

use rig::{ControlPlane, Operator, OperatorOptions, RigError, SimulatorProcess, Token};
use rig::{mask, object, wait, workspace};
use serde_json::{Value, json};

use super::story::ensure;

/// The namespace of the story, which is that of the samples.
pub const NAMESPACE: &str = "default";
/// The `AccessToken` of the story, as users find it in the repository.
pub const SAMPLE: &str = "deploy/samples/accesstoken.yaml";
/// Its name.
pub const TOKEN: &str = "ci-deployer";

/// How long anything may take before the story fails.
const PATIENCE: Duration = Duration::from_secs(45);

/// How long the operator waits where it must wait.
#[derive(Debug, Clone, Copy)]
pub enum Tempo {
    /// A few seconds.
    Calm,
    /// As little as it accepts.
    Fast,
}

impl Tempo {
    /// The operator's flags.
    pub fn options(self) -> OperatorOptions {
        let fast = OperatorOptions::fast().flag("--log-format", "text");
        match self {
            Self::Fast => fast,
            Self::Calm => fast
                .flag("--request-timeout", "2s")
                .flag("--settle-time", "4s")
                .flag("--lease-duration", "6s"),
        }
    }
}

/// All parts, running.
pub struct Stage {
    // Dropped in this order: nobody loses what it talks to.
    pub operator: Operator,
    pub simulator: SimulatorProcess,
    pub plane: ControlPlane,
}

impl Stage {
    /// Applies an object.
    pub fn apply(&self, yaml: &str) -> Result<(), RigError> {
        self.plane.apply(yaml)
    }

    /// Applies a file of the repository.
    pub fn apply_file(&self, file: &str) -> Result<(), RigError> {
        self.apply_file_with(file, &json!({}))
    }

    /// Applies a file of the repository after a merge patch.
    pub fn apply_file_with(&self, file: &str, change: &Value) -> Result<(), RigError> {
        let (path, change) = (workspace::root().join(file), change.to_string());
        let path = path.display().to_string();
        let arguments = [
            "patch",
            "--local",
            "-f",
            &path,
            "--type=merge",
            "--patch",
            &change,
        ];
        let object = self.plane.client().json(&arguments)?;
        self.plane.apply(&object.to_string())
    }

    /// Changes the spec of an `AccessToken`.
    pub fn patch(&self, name: &str, spec: &Value) -> Result<(), RigError> {
        let patch = json!({ "spec": spec }).to_string();
        let arguments = ["patch", "accesstoken", name, "--namespace", NAMESPACE];
        let arguments = [&arguments[..], &["--type=merge", "--patch", &patch]].concat();
        self.plane.kubectl(&arguments).map(drop)
    }

    /// Waits until an object says that it is Ready, and returns it.
    pub fn await_ready(&self, kind: &str, name: &str) -> Result<Value, RigError> {
        wait::until_ok(PATIENCE, &format!("a Ready {kind} {name}"), || {
            let object = self.get(kind, name).map_err(|error| format!("{error:?}"))?;
            object::ready(&object).map(|()| object)
        })
    }

    /// Waits until a Secret holds another key than `old`, and its `AccessToken` says so and is Ready.
    pub fn await_new_key(&self, name: &str, old: &Known) -> Result<Known, RigError> {
        wait::until_ok(PATIENCE, "a new key in the Secret", || {
            let known = self.known(name).map_err(|error| format!("{error:?}"))?;
            if known.key == old.key {
                return Err(format!("the Secret still holds {}", known.masked()));
            }
            // Written after the Secret, so read after it.
            let object = self
                .get("accesstoken", name)
                .map_err(|error| format!("{error:?}"))?;
            object::ready(&object)?;
            let (recorded, pending) = (
                &object["status"]["token"]["id"],
                &object["status"]["pending"],
            );
            if *recorded == known.token_id.as_str() && pending.is_null() {
                Ok(known)
            } else {
                Err(format!(
                    "status.token.id is {recorded}, status.pending is {pending}"
                ))
            }
        })
    }

    /// The key in the Secret of an `AccessToken`, and the token it belongs to.
    pub fn known(&self, name: &str) -> Result<Known, RigError> {
        let spec = &self.get("accesstoken", name)?["spec"]["secret"];
        let secret = spec["name"].as_str().unwrap_or(name).to_owned();
        let entry = spec["key"].as_str().unwrap_or("token");
        let object = self.get("secret", &secret)?;
        let token_id = &object["metadata"]["annotations"]["ldtokens.dev/token-id"];
        match (object::secret_entry(&object, entry), token_id.as_str()) {
            (Some(key), Some(token_id)) => Ok(Known {
                key,
                token_id: token_id.to_owned(),
                secret,
            }),
            _ => Err(RigError::Unexpected(format!(
                "secret {secret} has no key of ours"
            ))),
        }
    }

    /// The token of this ID at LaunchDarkly.
    pub fn remote(&self, id: &str) -> Result<Token, RigError> {
        self.simulator
            .created_tokens()?
            .into_iter()
            .find(|token| token.id == id)
            .ok_or_else(|| RigError::Unexpected(format!("LaunchDarkly has no token {id}")))
    }

    /// Fails unless LaunchDarkly accepts the key.
    pub fn accepted(&self, key: &str) -> Result<(), RigError> {
        self.answered(key, 200)
    }

    /// Fails unless LaunchDarkly refuses the key.
    pub fn refused(&self, key: &str) -> Result<(), RigError> {
        self.answered(key, 401)
    }

    fn answered(&self, key: &str, expected: u16) -> Result<(), RigError> {
        let status = self.simulator.call_with_key(key)?;
        let what = || format!("{} is answered {status} instead of {expected}", mask(key));
        ensure(status == expected, what)
    }

    /// How many calls of this method and route LaunchDarkly was asked for since call number `since`.
    pub fn calls(&self, since: u64, method: &str, route: &str) -> Result<usize, RigError> {
        let calls = self.simulator.requests(since)?;
        let matching = |call: &&Value| call["method"] == method && call["route"] == route;
        Ok(calls.iter().filter(matching).count())
    }

    /// The number of the last call so far.
    pub fn last_call(&self) -> Result<u64, RigError> {
        let calls = self.simulator.requests(0)?;
        Ok(calls
            .last()
            .and_then(|call| call["seq"].as_u64())
            .unwrap_or(0))
    }

    fn get(&self, kind: &str, name: &str) -> Result<Value, RigError> {
        self.plane.get(kind, NAMESPACE, name)
    }

    /// Applies the sample once more, so that there is something to play with.
    pub fn begin_again(&self) -> Result<(), RigError> {
        self.apply_file(SAMPLE)?;
        self.await_ready("accesstoken", TOKEN).map(drop)
    }

    /// The end of the operator's log.
    pub fn last_words(&self) -> String {
        let log = self.operator.logs();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(8)..].join("\n")
    }

    /// What a reader can type now.
    pub fn invitation(&self) -> String {
        let kubectl = self.plane.client().command_line();
        let (simulator, operator) = (self.simulator.url(), self.operator.url());
        format!(
            "Everything still runs. In another terminal:\n\n  \
             alias k='{kubectl} --namespace {NAMESPACE}'\n  \
             k get accesstokens\n  \
             k describe accesstoken {TOKEN}\n  \
             k patch accesstoken {TOKEN} --type=merge --patch '{{\"spec\":{{\"rotation\":{{\"trigger\":\"now\"}}}}}}'\n  \
             curl {simulator}/admin/tokens        # LaunchDarkly's side, keys in full\n  \
             curl {operator}/metrics\n  \
             tail -f {}",
            self.operator.log_file().display()
        )
    }
}

/// A key in a Secret, and the token it belongs to.
pub struct Known {
    pub key: String,
    pub token_id: String,
    pub secret: String,
}

impl Known {
    /// The key as it may be shown.
    pub fn masked(&self) -> String {
        mask(&self.key)
    }
}
