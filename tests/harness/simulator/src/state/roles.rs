//! Custom roles.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::statement::Statement;

/// A custom role.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CustomRole {
    /// Object ID; drawn when left out.
    #[serde(rename = "_id", default)]
    pub id: String,
    /// The key users choose.
    pub key: String,
    /// Name; the key when left out.
    #[serde(default)]
    pub name: String,
    /// What holders may do.
    #[serde(default)]
    pub policy: Vec<Statement>,
    /// `reader` or `no_access`.
    #[serde(default = "reader")]
    pub base_permissions: String,
}

fn reader() -> String {
    "reader".to_owned()
}

impl CustomRole {
    /// A role known by this key that permits nothing.
    #[must_use]
    pub fn named(key: &str) -> Self {
        Self {
            id: String::new(),
            key: key.to_owned(),
            name: key.to_owned(),
            policy: Vec::new(),
            base_permissions: reader(),
        }
    }

    /// The role as the API shows it.
    #[must_use]
    pub fn representation(&self) -> Value {
        json!({
            "_id": self.id,
            "key": self.key,
            "name": self.name,
            "description": "",
            "policy": self.policy,
            "basePermissions": self.base_permissions,
            "_links": {
                "self": { "href": format!("/api/v2/roles/{}", self.id), "type": "application/json" },
                "parent": { "href": "/api/v2/roles", "type": "application/json" },
            },
        })
    }

    /// Whether this is the role's key or ID.
    #[must_use]
    pub fn answers_to(&self, key_or_id: &str) -> bool {
        self.key == key_or_id || self.id == key_or_id
    }
}
