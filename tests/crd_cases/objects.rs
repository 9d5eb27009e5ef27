//! Valid objects to start from, and places in them.

use std::sync::LazyLock;

use launchdarkly_token_operator::api::crds;
use serde_json::{Value, json};

/// The three kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    AccessToken,
    Account,
    ClusterAccount,
}

impl Kind {
    pub const ALL: [Self; 3] = [Self::AccessToken, Self::Account, Self::ClusterAccount];

    /// Its definition.
    pub fn definition(self) -> &'static Value {
        static DEFINITIONS: LazyLock<Vec<Value>> = LazyLock::new(crds::all);
        let name = match self {
            Self::AccessToken => "AccessToken",
            Self::Account => "LaunchDarklyAccount",
            Self::ClusterAccount => "ClusterLaunchDarklyAccount",
        };
        DEFINITIONS
            .iter()
            .find(|crd| crd["spec"]["names"]["kind"] == name)
            .unwrap()
    }

    /// Its schema.
    pub fn schema(self) -> &'static Value {
        &self.definition()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    }

    /// An object with this spec.
    pub fn object(self, spec: &Value) -> Value {
        let definition = self.definition();
        let mut object = json!({
            "apiVersion": "ldtokens.dev/v1alpha1",
            "kind": definition["spec"]["names"]["kind"],
            "metadata": {"name": "case"},
            "spec": spec,
        });
        if self != Self::ClusterAccount {
            object["metadata"]["namespace"] = json!("default");
        }
        object
    }

    /// The least account, with this policy.
    pub fn with_policy(self, policy: &Value) -> Value {
        let mut object = self.least();
        object["spec"]["policy"] = policy.clone();
        object
    }

    /// The least that is valid.
    pub fn least(self) -> Value {
        self.object(&match self {
            Self::AccessToken => json!({"role": "reader"}),
            Self::Account | Self::ClusterAccount => {
                json!({"credentialsSecretRef": {"name": "launchdarkly"}})
            }
        })
    }

    /// A valid object in which everything on the way to a place is there.
    pub fn full(self, place: &str) -> Value {
        let mut object = self.object(&match self {
            Self::AccessToken => token(place),
            Self::Account => account(),
            Self::ClusterAccount => {
                let mut spec = account();
                spec["allowedNamespaces"] = namespaces();
                spec
            }
        });
        if place.starts_with("status") {
            object["status"] = sample(&self.schema()["properties"]["status"]);
        }
        object
    }
}

fn token(place: &str) -> Value {
    let mut spec = json!({
        "accountRef": {"kind": "LaunchDarklyAccount", "name": "default"},
        "name": "ci",
        "description": "Deploys",
        "serviceToken": true,
        "defaultApiVersion": 20_240_415,
        "secret": {
            "name": "ci",
            "key": "token",
            "previousKey": "previous",
            "template": {"metadata": {"labels": {"a": "b"}, "annotations": {"a": "b"}}},
        },
        "rotation": {
            "strategy": "Reset",
            "interval": "720h",
            "gracePeriod": "1h",
            "trigger": "a",
            "revoke": "a",
        },
        "deletionPolicy": "Delete",
        "driftPolicy": "Correct",
        "suspend": false,
    });
    if place.starts_with("spec.inlineRole") {
        spec["inlineRole"] = json!([
            {"effect": "allow", "resources": ["proj/a"], "actions": ["a"]},
            {"effect": "deny", "notResources": ["proj/a"], "notActions": ["a"]},
        ]);
    } else if place.starts_with("spec.customRoles") {
        spec["customRoles"] = json!(["a"]);
    } else {
        spec["role"] = json!("reader");
    }
    spec
}

fn account() -> Value {
    json!({
        "apiUrl": "https://app.launchdarkly.com",
        "controllerClass": "blue",
        "credentialsSecretRef": {"name": "launchdarkly", "key": "token"},
        "caBundle": "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
        "policy": {
            "roles": ["reader"],
            "customRoles": ["a*"],
            "inlineRole": {"resources": ["proj/a"], "actions": ["a"]},
            "personalTokens": "Forbid",
            "maxTokens": 1,
            "maxRotationInterval": "720h",
            "secretMetadata": ["example.com/"],
        },
    })
}

fn namespaces() -> Value {
    json!({
        "names": ["team-a"],
        "selector": {
            "matchLabels": {"a": "b"},
            "matchExpressions": [{"key": "a", "operator": "In", "values": ["b"]}],
        },
    })
}

/// A valid value of a schema without rules: every field is there, every list has one item.
fn sample(schema: &Value) -> Value {
    if let Some(value) = schema["enum"].get(0) {
        return value.clone();
    }
    match schema["type"].as_str().unwrap() {
        "object" => {
            let properties = schema["properties"].as_object().unwrap();
            properties
                .iter()
                .map(|(name, schema)| (name.clone(), sample(schema)))
                .collect()
        }
        "array" => json!([sample(&schema["items"])]),
        "string" if schema["format"] == "date-time" => json!("2026-11-22T06:00:00Z"),
        "string" => json!("a"),
        "integer" => json!(1),
        "boolean" => json!(true),
        other => panic!("no sample of {other}"),
    }
}

/// The value at a place such as `spec.inlineRole[1].actions`, made if need be.
pub fn at<'a>(object: &'a mut Value, place: &str) -> &'a mut Value {
    let mut value = object;
    for step in steps(place) {
        value = match step.parse::<usize>() {
            Ok(index) => &mut value[index],
            Err(_) => &mut value[step],
        };
    }
    value
}

/// The steps to a place.
pub fn steps(place: &str) -> impl Iterator<Item = &str> {
    place.split(['.', '[', ']']).filter(|step| !step.is_empty())
}
