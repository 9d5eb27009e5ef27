//! Reading Kubernetes objects as JSON.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;

/// A condition of an object's status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// One word that says why.
    pub reason: String,
    /// A sentence that says more.
    pub message: String,
    /// The generation of the spec it speaks of.
    pub observed_generation: Option<i64>,
}

/// The condition of this type, if the object has it.
#[must_use]
pub fn condition(object: &Value, kind: &str) -> Option<Condition> {
    let conditions = object["status"]["conditions"].as_array()?;
    let found = conditions
        .iter()
        .find(|condition| condition["type"] == kind)?;
    let text = |name: &str| found[name].as_str().unwrap_or_default().to_owned();
    Some(Condition {
        status: text("status"),
        reason: text("reason"),
        message: text("message"),
        observed_generation: found["observedGeneration"].as_i64(),
    })
}

/// Why an object is not settled: its latest generation observed, and the condition `Ready` true for it.
///
/// # Errors
/// What it says instead, for people.
pub fn ready(object: &Value) -> Result<(), String> {
    let generation = object["metadata"]["generation"].as_i64();
    let observed = object["status"]["observedGeneration"].as_i64();
    let Some(ready) = condition(object, "Ready") else {
        return Err("it has no condition Ready".to_owned());
    };
    if ready.status != "True" {
        return Err(format!(
            "Ready is {}: {}: {}",
            ready.status, ready.reason, ready.message
        ));
    }
    if generation != observed {
        return Err(format!(
            "generation {generation:?} is not observed, {observed:?} is"
        ));
    }
    Ok(())
}

/// The IDs of all tokens that the status of an `AccessToken` records: its token, and those that wait for their deletion.
#[must_use]
pub fn recorded_tokens(object: &Value) -> Vec<String> {
    let status = &object["status"];
    let retiring = status["retiring"].as_array().into_iter().flatten();
    let retiring = retiring.map(|token| &token["tokenId"]);
    std::iter::once(&status["token"]["id"])
        .chain(retiring)
        .filter_map(|id| id.as_str().map(str::to_owned))
        .collect()
}

/// An entry of a Secret, decoded.
#[must_use]
pub fn secret_entry(secret: &Value, key: &str) -> Option<String> {
    let encoded = secret["data"][key].as_str()?;
    let bytes = BASE64_STANDARD.decode(encoded).ok()?;
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(generation: i64, observed: i64, status: &str) -> Value {
        json!({
            "metadata": {"generation": generation},
            "status": {"observedGeneration": observed, "conditions": [
                {"type": "Ready", "status": status, "reason": "Because", "message": "so it is"}
            ]}
        })
    }

    #[test]
    fn an_object_is_ready_when_its_latest_generation_is() {
        assert_eq!(ready(&object(2, 2, "True")), Ok(()));
        assert!(
            ready(&object(3, 2, "True"))
                .unwrap_err()
                .contains("generation")
        );
        assert!(
            ready(&object(2, 2, "False"))
                .unwrap_err()
                .contains("Because: so it is")
        );
        assert!(ready(&json!({})).is_err());
    }

    #[test]
    fn entries_of_a_secret_are_decoded() {
        let secret = json!({"data": {"token": "aGVsbG8="}});
        assert_eq!(secret_entry(&secret, "token").as_deref(), Some("hello"));
        assert_eq!(secret_entry(&secret, "other"), None);
    }
}
