//! The simulator's admin interface: looking behind the API, and acting behind the operator's back.

use std::time::Duration;

use serde_json::{Value, json};

use super::{SimulatorProcess, Token};
use crate::RigError;

impl SimulatorProcess {
    /// The tokens that exist, with their keys.
    ///
    /// # Errors
    /// The simulator does not answer as expected; so for all that follows.
    pub fn tokens(&self) -> Result<Vec<Token>, RigError> {
        let tokens = list(self.admin("GET", "/tokens", &Value::Null)?);
        let tokens: Vec<Token> = serde_json::from_value(Value::Array(tokens))
            .map_err(|error| RigError::Unexpected(format!("GET /admin/tokens: {error}")))?;
        Ok(tokens
            .into_iter()
            .filter(|token| token.deleted_at.is_none())
            .collect())
    }

    /// Every key that was ever issued, of tokens that are gone too.
    ///
    /// # Errors
    /// As [`SimulatorProcess::tokens`].
    pub fn keys_ever(&self) -> Result<Vec<String>, RigError> {
        let tokens = list(self.admin("GET", "/tokens?deleted=true", &Value::Null)?);
        let tokens: Vec<Token> = serde_json::from_value(Value::Array(tokens))
            .map_err(|error| RigError::Unexpected(format!("GET /admin/tokens: {error}")))?;
        let keys = tokens.into_iter().flat_map(|token| token.keys);
        Ok(keys.map(|key| key.value).collect())
    }

    /// The tokens that the managing key created: those of the operator.
    ///
    /// # Errors
    /// As [`SimulatorProcess::tokens`].
    pub fn created_tokens(&self) -> Result<Vec<Token>, RigError> {
        let tokens = self.tokens()?;
        Ok(tokens
            .into_iter()
            .filter(|token| token.created_by.is_some())
            .collect())
    }

    /// Everything that happened to tokens and keys after event number `since`, in its order.
    ///
    /// # Errors
    /// As [`SimulatorProcess::tokens`].
    pub fn history(&self, since: u64) -> Result<Vec<Value>, RigError> {
        self.admin("GET", &format!("/history?since={since}"), &Value::Null)
            .map(list)
    }

    /// Every call to the API after number `since`, in the order in which they ended; no keys.
    ///
    /// # Errors
    /// As [`SimulatorProcess::tokens`].
    pub fn requests(&self, since: u64) -> Result<Vec<Value>, RigError> {
        self.admin("GET", &format!("/requests?since={since}"), &Value::Null)
            .map(list)
    }

    /// Moves the clock ahead.
    ///
    /// # Errors
    /// As [`SimulatorProcess::tokens`].
    pub fn advance_clock(&self, by: Duration) -> Result<(), RigError> {
        let by = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        self.admin("POST", "/clock", &json!({"advanceMs": by}))
            .map(drop)
    }

    /// The switches as they are.
    ///
    /// # Errors
    /// As [`SimulatorProcess::tokens`].
    pub fn switches(&self) -> Result<Value, RigError> {
        self.admin("GET", "/switches", &Value::Null)
    }

    /// Sets some switches.
    ///
    /// # Errors
    /// As [`SimulatorProcess::tokens`].
    pub fn set_switches(&self, changes: &Value) -> Result<(), RigError> {
        self.admin("PATCH", "/switches", changes).map(drop)
    }

    /// Makes calls fail, as in `{"method": "POST", "route": "/api/v2/tokens", "kind": "drop-after"}`.
    ///
    /// # Errors
    /// As [`SimulatorProcess::tokens`].
    pub fn fault(&self, fault: &Value) -> Result<(), RigError> {
        self.admin("POST", "/faults", fault).map(drop)
    }

    /// Ends all faults.
    ///
    /// # Errors
    /// As [`SimulatorProcess::tokens`].
    pub fn clear_faults(&self) -> Result<(), RigError> {
        self.admin("DELETE", "/faults", &Value::Null).map(drop)
    }

    /// Changes a token behind the operator's back.
    ///
    /// # Errors
    /// As [`SimulatorProcess::tokens`].
    pub fn patch_token(&self, id: &str, changes: &Value) -> Result<(), RigError> {
        self.admin("PATCH", &format!("/tokens/{id}"), changes)
            .map(drop)
    }

    /// Deletes a token behind the operator's back.
    ///
    /// # Errors
    /// As [`SimulatorProcess::tokens`].
    pub fn delete_token(&self, id: &str) -> Result<(), RigError> {
        self.admin("DELETE", &format!("/tokens/{id}"), &Value::Null)
            .map(drop)
    }

    /// Any question to the admin interface; `path` begins after `/admin`.
    ///
    /// # Errors
    /// As [`SimulatorProcess::tokens`].
    pub fn admin(&self, method: &str, path: &str, body: &Value) -> Result<Value, RigError> {
        let url = format!("{}/admin{path}", self.url);
        let answer = self.http.send(method, &url, &[], body)?;
        let what = format!("{method} /admin{path} answers {}", answer.status);
        if !(200..300).contains(&answer.status) {
            return Err(RigError::Unexpected(format!("{what}: {}", answer.text)));
        }
        if answer.text.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_str(&answer.text)
            .map_err(|error| RigError::Unexpected(format!("{what} with no JSON: {error}")))
    }
}

/// A list, be it by itself or in an object's `items`.
fn list(answer: Value) -> Vec<Value> {
    match answer {
        Value::Array(items) => items,
        Value::Object(mut object) => match object.remove("items") {
            Some(Value::Array(items)) => items,
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}
