//! Tokens as the simulator knows them, keys included.

use std::fmt;

use serde::Deserialize;
use serde_json::Value;

use crate::mask;

/// A token at the simulated LaunchDarkly. Times are milliseconds since 1970 on the simulator's clock.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Token {
    /// Its ID.
    #[serde(rename = "_id")]
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its description, marker included.
    #[serde(default)]
    pub description: String,
    /// Its base role, if it has one.
    #[serde(default)]
    pub role: Option<String>,
    /// The token that created it.
    #[serde(default)]
    pub created_by: Option<String>,
    /// When it expires, if ever.
    #[serde(default)]
    pub expiry: Option<i64>,
    /// When it was deleted, if it was.
    #[serde(default)]
    pub deleted_at: Option<i64>,
    /// All keys it ever had, oldest first.
    pub keys: Vec<Key>,
    /// Everything else.
    #[serde(flatten)]
    pub more: serde_json::Map<String, Value>,
}

impl Token {
    /// The keys that are accepted now.
    pub fn valid_keys(&self) -> impl Iterator<Item = &Key> {
        self.keys.iter().filter(|key| key.valid)
    }
}

/// A key of a token. Its `Debug` is masked.
#[derive(Clone, Deserialize)]
pub struct Key {
    /// The key itself.
    pub value: String,
    /// Whether it is accepted now.
    pub valid: bool,
    /// When it stops being accepted, if that is set.
    #[serde(default)]
    pub expiry: Option<i64>,
}

impl fmt::Debug for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Key")
            .field("value", &mask(&self.value))
            .field("valid", &self.valid)
            .field("expiry", &self.expiry)
            .finish()
    }
}
