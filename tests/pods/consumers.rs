//! Consumers: a pod that mounts all Secrets, and calls LaunchDarkly with each key ten times a second. It reads the file before each call.

use std::collections::HashMap;

use parking_lot::MutexGuard;
use rig::wait;
use serde_json::{Value, json};

use crate::stage::{LAUNCHDARKLY, PATIENCE, Stage, TEAM, all_tokens};

const IMAGE: &str = "localhost/consumer:1";

impl Stage {
    /// Starts it, and returns when it calls LaunchDarkly with every key.
    pub fn start_consumers(&self) {
        let arguments = ["consume", "--keys=/keys/*/token", "--ca=/authority/ca.pem"];
        self.node.pack(IMAGE, &arguments).unwrap();
        self.apply(&json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "authority", "namespace": TEAM},
            "data": {"ca.pem": self.simulator.ca().unwrap()},
        }));
        self.apply(&deployment());
        self.rolled_out(TEAM, "consumer");
        self.consumers_use_the_present_keys();
    }

    /// Every call of a consumer so far.
    fn consumed(&self) -> MutexGuard<'_, Vec<Value>> {
        let mut calls = self.calls.lock();
        let last = calls.last().map_or(0, |call| call["seq"].as_u64().unwrap());
        let more = self.simulator.requests(last).unwrap();
        calls.extend(more.into_iter().filter(|call| consumer(call).is_some()));
        calls
    }

    /// Waits until the last call for each token was with the key that is in its Secret now.
    pub fn consumers_use_the_present_keys(&self) {
        wait::until_ok(PATIENCE, "consumers with the present keys", || {
            let keys = self
                .simulator
                .tokens()
                .map_err(|error| format!("{error:?}"))?;
            let keys: HashMap<&str, usize> = keys
                .iter()
                .map(|token| (token.id.as_str(), token.keys.len()))
                .collect();
            let calls = self.consumed();
            let last: HashMap<&str, &Value> = calls
                .iter()
                .filter_map(|call| Some((consumer(call)?, call)))
                .collect();
            for (name, object) in self.objects()? {
                let token = object["status"]["token"]["id"].as_str().unwrap_or_default();
                let newest = keys.get(token).ok_or("a token is not there")? - 1;
                let call = last
                    .get(name.as_str())
                    .ok_or_else(|| format!("none called for {name}"))?;
                if call["caller"] != token || call["callerKey"] != newest {
                    return Err(format!(
                        "{name} has key {newest} of {token}, and the last call was {call}"
                    ));
                }
            }
            Ok(())
        })
        .unwrap();
    }

    /// Asserts that no consumer was ever refused, or left without an answer.
    pub fn nobody_was_refused(&self) {
        let calls = self.consumed();
        let refused: Vec<&Value> = calls.iter().filter(|call| call["status"] != 200).collect();
        assert!(
            refused.is_empty(),
            "{} of {} calls: {refused:#?}",
            refused.len(),
            calls.len()
        );
    }
}

/// The token that this call of a consumer was made for.
fn consumer(call: &Value) -> Option<&str> {
    call["userAgent"].as_str()?.strip_prefix("consumer/")
}

/// As restricted Pod Security wants it.
fn deployment() -> Value {
    let labels = json!({"app": "consumer"});
    let mut mounts =
        vec![json!({"name": "authority", "mountPath": "/authority", "readOnly": true})];
    let mut volumes = vec![json!({"name": "authority", "configMap": {"name": "authority"}})];
    for name in all_tokens() {
        mounts.push(json!({"name": name, "mountPath": format!("/keys/{name}"), "readOnly": true}));
        volumes.push(json!({"name": name, "secret": {"secretName": name}}));
    }
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "consumer", "namespace": TEAM},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {
                    "automountServiceAccountToken": false,
                    "terminationGracePeriodSeconds": 0,
                    "hostAliases": [{"ip": LAUNCHDARKLY, "hostnames": ["app.launchdarkly.com"]}],
                    "securityContext": {"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}},
                    "containers": [{
                        "name": "consumer", "image": IMAGE, "imagePullPolicy": "Never", "volumeMounts": mounts,
                        "securityContext": {
                            "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": {"drop": ["ALL"]},
                        },
                    }],
                    "volumes": volumes,
                },
            },
        },
    })
}
