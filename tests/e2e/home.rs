//! A home for each test: a namespace with an account, and what tests do in it.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rig::{ControlPlane, SecretAccess, SimulatorProcess, access, install, object, wait};
use serde_json::{Value, json};

use crate::stage::{PATIENCE, stage};

/// A namespace with an account named `default`.
pub struct Home<'a> {
    plane: &'a ControlPlane,
    pub namespace: String,
}

impl Home<'static> {
    /// A namespace whose account is at this simulator.
    pub fn at(simulator: &SimulatorProcess, namespace: &str) -> Self {
        let home = Self::bare(namespace);
        home.settle(simulator);
        home
    }

    /// A namespace with nothing in it.
    pub fn bare(namespace: &str) -> Self {
        let listed = stage().namespaces;
        let known = listed.is_none_or(|all| all.contains(&namespace));
        assert!(known, "{namespace} is not listed in the stage");
        let home = Self::on(&stage().plane, namespace);
        if stage().access == SecretAccess::OptIn {
            home.opt_in();
        }
        home
    }
}

impl<'a> Home<'a> {
    /// A namespace with nothing in it, on a control plane of its own.
    pub fn on(plane: &'a ControlPlane, namespace: &str) -> Self {
        let yaml =
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}});
        plane.apply(&yaml.to_string()).unwrap();
        Self {
            plane,
            namespace: namespace.to_owned(),
        }
    }

    /// Lets the operator at the Secrets of the namespace.
    fn opt_in(&self) {
        let (role, operator) = (access::SECRET_WRITER, install::SERVICE_ACCOUNT);
        self.apply(&json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": role},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
            "subjects": [{"kind": "ServiceAccount", "name": operator, "namespace": install::NAMESPACE}],
        }));
    }

    /// Gives it an account at this simulator, and waits until that is Ready.
    pub fn settle(&self, simulator: &SimulatorProcess) {
        self.settle_with(simulator, simulator.managing_key());
    }

    /// The same, managed with this key.
    pub fn settle_with(&self, simulator: &SimulatorProcess, managing_key: &str) {
        self.credential(managing_key);
        self.account(
            &json!({"apiUrl": simulator.url(), "credentialsSecretRef": {"name": "managing-key"}}),
        );
        self.wait(
            "launchdarklyaccount",
            "default",
            "a Ready account",
            object::ready,
        );
    }

    /// Stores a managing key.
    pub fn credential(&self, key: &str) {
        self.apply(&json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "managing-key"}, "stringData": {"token": key},
        }));
    }

    /// Applies the account.
    pub fn account(&self, spec: &Value) {
        self.apply(&json!({
            "apiVersion": "ldtokens.dev/v1alpha1", "kind": "LaunchDarklyAccount", "metadata": {"name": "default"}, "spec": spec,
        }));
    }

    /// Applies an `AccessToken`.
    pub fn token(&self, name: &str, spec: &Value) {
        self.apply(&json!({
            "apiVersion": "ldtokens.dev/v1alpha1", "kind": "AccessToken", "metadata": {"name": name}, "spec": spec,
        }));
    }

    /// Applies an object to this namespace.
    pub fn apply(&self, object: &Value) {
        let mut object = object.clone();
        object["metadata"]["namespace"] = json!(self.namespace);
        self.plane.apply(&object.to_string()).unwrap();
    }

    /// Patches an object.
    pub fn patch(&self, kind: &str, name: &str, patch: &Value) {
        let patch = patch.to_string();
        let arguments = [
            "patch",
            kind,
            name,
            "--namespace",
            &self.namespace,
            "--type=merge",
            "--patch",
            &patch,
        ];
        self.plane.kubectl(&arguments).unwrap();
    }

    /// Waits until the account is kept from going, as it is while objects refer to it.
    pub fn in_use(&self) {
        self.wait(
            "launchdarklyaccount",
            "default",
            "a finalizer on the account",
            |account| {
                if account["metadata"]["finalizers"].is_array() {
                    Ok(())
                } else {
                    Err("there is none".to_owned())
                }
            },
        );
    }

    /// Deletes an object without waiting.
    pub fn delete(&self, kind: &str, name: &str) {
        let arguments = [
            "delete",
            kind,
            name,
            "--namespace",
            &self.namespace,
            "--wait=false",
        ];
        self.plane.kubectl(&arguments).unwrap();
    }

    /// Reads an object.
    pub fn get(&self, kind: &str, name: &str) -> Value {
        self.plane.get(kind, &self.namespace, name).unwrap()
    }

    /// Waits until an object is as `probe` wants it, and returns it.
    pub fn wait(
        &self,
        kind: &str,
        name: &str,
        what: &str,
        probe: impl Fn(&Value) -> Result<(), String>,
    ) -> Value {
        wait::until_ok(PATIENCE, what, || {
            let object = self
                .plane
                .get(kind, &self.namespace, name)
                .map_err(|error| format!("{error:?}"))?;
            probe(&object).map(|()| object)
        })
        .unwrap()
    }

    /// Has the account looked at before its time.
    pub fn touch_account(&self) {
        static TIMES: AtomicU32 = AtomicU32::new(0);
        let times = TIMES.fetch_add(1, Ordering::Relaxed).to_string();
        let note = json!({"metadata": {"annotations": {"touched": times}}});
        self.patch("launchdarklyaccount", "default", &note);
    }

    /// Waits until an `AccessToken` is Ready, and ends every wait for the next try by an edit.
    pub fn try_again_until_ready(&self, name: &str) {
        let mut edits = 0;
        wait::until_ok(PATIENCE, &format!("a Ready {name}"), || {
            let object = self.get("accesstoken", name);
            let ready = object::ready(&object);
            if object::condition(&object, "Stalled").is_some() {
                edits += 1;
                let description = format!("edited {edits} times");
                self.patch(
                    "accesstoken",
                    name,
                    &json!({"spec": {"description": description}}),
                );
            }
            ready
        })
        .unwrap();
    }

    /// Waits until an `AccessToken` is Ready.
    pub fn ready(&self, name: &str) -> Value {
        self.wait(
            "accesstoken",
            name,
            &format!("a Ready {name}"),
            object::ready,
        )
    }

    /// Waits until an `AccessToken` is Ready and everything that was done for it is recorded.
    pub fn settled(&self, name: &str) -> Value {
        self.wait(
            "accesstoken",
            name,
            &format!("a settled {name}"),
            |object| {
                recorded(object)?;
                object::ready(object)
            },
        )
    }

    /// Waits until a condition of an `AccessToken` has this reason; returns its message.
    pub fn reason(&self, name: &str, kind: &str, reason: &str) -> String {
        self.reason_of("accesstoken", name, kind, reason)
    }

    /// Waits until a condition of an object has this reason, for the current generation; returns its message.
    pub fn reason_of(&self, object_kind: &str, name: &str, kind: &str, reason: &str) -> String {
        let what = format!("{kind} of {object_kind} {name} with reason {reason}");
        let object = self.wait(object_kind, name, &what, |object| {
            let condition = object::condition(object, kind).ok_or("no such condition")?;
            let current =
                condition.observed_generation == object["metadata"]["generation"].as_i64();
            let seen = format!(
                "{} {} {}",
                condition.status, condition.reason, condition.message
            );
            if condition.reason == reason && current {
                Ok(())
            } else {
                Err(seen)
            }
        });
        object::condition(&object, kind).unwrap().message
    }

    /// Waits for an event about an `AccessToken` with this reason; returns its note.
    pub fn event(&self, name: &str, reason: &str) -> String {
        wait::until_ok(PATIENCE, &format!("an event {reason} of {name}"), || {
            let events = self
                .plane
                .client()
                .list("events.events.k8s.io", &self.namespace)
                .map_err(|error| format!("{error:?}"))?;
            let of_it = |event: &&Value| event["regarding"]["name"] == name;
            let reasons: Vec<String> = events
                .iter()
                .filter(of_it)
                .map(|event| event["reason"].to_string())
                .collect();
            events
                .iter()
                .filter(of_it)
                .find(|event| event["reason"] == reason)
                .map(|event| event["note"].as_str().unwrap_or_default().to_owned())
                .ok_or(reasons.join(", "))
        })
        .unwrap()
    }

    /// The events about an `AccessToken` with this reason.
    pub fn events(&self, name: &str, reason: &str) -> Vec<Value> {
        let events = self
            .plane
            .client()
            .list("events.events.k8s.io", &self.namespace);
        let about = |event: &Value| event["regarding"]["name"] == name && event["reason"] == reason;
        events.unwrap().into_iter().filter(about).collect()
    }

    /// The key in the Secret of an `AccessToken`.
    pub fn key(&self, name: &str) -> String {
        object::secret_entry(&self.get("secret", name), "token").unwrap()
    }

    /// Waits until the Secret holds another key, and the `AccessToken` has recorded it and is Ready; returns the key.
    pub fn new_key(&self, name: &str, old: &str) -> String {
        self.new_key_within(PATIENCE, name, old)
    }

    /// The same with another patience.
    pub fn new_key_within(&self, limit: Duration, name: &str, old: &str) -> String {
        wait::until_ok(limit, &format!("a new key in Secret {name}"), || {
            let secret = self
                .plane
                .get("secret", &self.namespace, name)
                .map_err(|error| format!("{error:?}"))?;
            let key = object::secret_entry(&secret, "token")
                .filter(|key| key != old)
                .ok_or("the previous key is there")?;
            let token = self
                .plane
                .get("accesstoken", &self.namespace, name)
                .map_err(|error| format!("{error:?}"))?;
            recorded(&token)?;
            object::ready(&token).map(|()| key)
        })
        .unwrap()
    }

    /// Waits until an object is gone.
    pub fn gone(&self, kind: &str, name: &str) {
        // The controller of namespaces takes ever longer breaks while something is left in one.
        let limit = if kind == "namespace" { 3 } else { 1 } * PATIENCE;
        wait::until_true(limit, &format!("{kind} {name} to be gone"), || {
            match self.plane.get(kind, &self.namespace, name) {
                Ok(_) => Ok(false),
                Err(error) if format!("{error:?}").contains("(NotFound)") => Ok(true),
                Err(error) => Err(error),
            }
        })
        .unwrap();
    }

    /// Tokens at LaunchDarkly, living, whose name begins with this namespace.
    pub fn remote(&self, simulator: &SimulatorProcess) -> Vec<rig::Token> {
        let prefix = format!("{}/", self.namespace);
        let tokens = simulator.created_tokens().unwrap();
        tokens
            .into_iter()
            .filter(|token| token.deleted_at.is_none() && token.name.starts_with(&prefix))
            .collect()
    }

    /// Waits until exactly this many tokens of this namespace live at LaunchDarkly.
    pub fn remote_count(&self, simulator: &SimulatorProcess, count: usize) {
        wait::until_ok(PATIENCE, &format!("{count} tokens at LaunchDarkly"), || {
            let found = self.remote(simulator).len();
            if found == count {
                Ok(())
            } else {
                Err(format!("there are {found}"))
            }
        })
        .unwrap();
    }

    /// Waits until LaunchDarkly accepts a key no more.
    pub fn dies(&self, simulator: &SimulatorProcess, key: &str) {
        let what = format!("the leaked key of {} to die", self.namespace);
        wait::until_true(PATIENCE, &what, || {
            let tokens = simulator.tokens()?;
            let mut keys = tokens.iter().flat_map(|token| &token.keys);
            Ok(!keys.any(|known| known.value.as_str() == key && known.valid))
        })
        .unwrap();
    }
}

/// Whether nothing is under way: a Secret is written before it is recorded.
fn recorded(token: &Value) -> Result<(), String> {
    match &token["status"]["pending"] {
        Value::Null => Ok(()),
        pending => Err(format!("{pending} is not recorded yet")),
    }
}
