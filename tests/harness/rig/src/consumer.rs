//! Consumers of keys: programs that take a key from a Secret and call LaunchDarkly with it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime};

use serde_json::Value;

use crate::{Kubectl, RigError, SimulatorProcess, mask, object};

/// One call with a key that was in a Secret a moment before.
#[derive(Debug, Clone)]
pub struct ConsumerCall {
    /// When it was answered.
    pub at: SystemTime,
    /// The Secret.
    pub secret: String,
    /// The key, masked.
    pub key: String,
    /// The status of the answer, or why there was none.
    pub answer: Result<u16, String>,
}

impl ConsumerCall {
    /// Whether the key was not accepted. No answer, or one that asks for patience, is no refusal.
    #[must_use]
    pub fn refused(&self) -> bool {
        matches!(self.answer, Ok(401 | 403))
    }
}

/// A thread that reads all Secrets of a namespace again and again, and calls LaunchDarkly with the entry
/// `token` of each that has one, until it is stopped.
#[derive(Debug)]
pub struct Consumer {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Vec<ConsumerCall>>,
}

impl Consumer {
    /// Starts it; after each round it rests for `pause`.
    #[must_use]
    pub fn start(
        kubectl: &Kubectl,
        namespace: &str,
        simulator: &SimulatorProcess,
        pause: Duration,
    ) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (stopped, kubectl) = (Arc::clone(&stop), kubectl.clone());
        let (namespace, simulator) = (namespace.to_owned(), simulator.api());
        let thread = thread::spawn(move || {
            let mut calls = Vec::new();
            while !stopped.load(Ordering::Relaxed) {
                // A Secret that cannot be read now is read in the next round.
                for secret in kubectl.list("secrets", &namespace).unwrap_or_default() {
                    calls.extend(call(&secret, |key| simulator.call_with_key(key)));
                }
                thread::park_timeout(pause);
            }
            calls
        });
        Self { stop, thread }
    }

    /// Stops it and returns all its calls in their order.
    ///
    /// # Errors
    /// Its thread panicked.
    pub fn stop(self) -> Result<Vec<ConsumerCall>, RigError> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.thread().unpark();
        self.thread
            .join()
            .map_err(|_| RigError::Unexpected("the consumer's thread panicked".into()))
    }
}

fn call(secret: &Value, ask: impl Fn(&str) -> Result<u16, RigError>) -> Option<ConsumerCall> {
    let key = object::secret_entry(secret, "token").filter(|key| key.starts_with("api-"))?;
    let answer = ask(&key).map_err(|error| format!("{error:?}"));
    Some(ConsumerCall {
        at: SystemTime::now(),
        secret: secret["metadata"]["name"]
            .as_str()
            .unwrap_or_default()
            .to_owned(),
        key: mask(&key),
        answer,
    })
}
