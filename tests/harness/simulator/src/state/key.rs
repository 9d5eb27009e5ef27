//! A token's keys: values, and from when to when each of them works.

use std::fmt;

use serde::Serialize;

/// A key. It is shown by the admin interface and by create and reset answers, never by `Debug`.
#[derive(Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct KeyValue(String);

impl KeyValue {
    /// A key with this value.
    #[must_use]
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The whole value.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last four characters, which the API shows in place of the value (documented).
    #[must_use]
    pub fn ending(&self) -> String {
        let skip = self.0.chars().count().saturating_sub(4);
        self.0.chars().skip(skip).collect()
    }
}

impl fmt::Debug for KeyValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyValue(hidden)")
    }
}

/// One key of a token. Times are milliseconds since the epoch on the simulator's clock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Key {
    /// Counts from 0 within the token, in the order of issue.
    pub number: u32,
    /// The secret.
    pub value: KeyValue,
    /// When it began to work.
    pub valid_from: i64,
    /// When it stops working, for a key that a reset let live on. The token's own expiry is apart.
    pub expiry: Option<i64>,
    /// When it was made to stop at once.
    pub revoked_at: Option<i64>,
}

impl Key {
    /// Whether the key works at `now`, the token's own expiry and deletion left aside.
    #[must_use]
    pub fn works_at(&self, now: i64) -> bool {
        self.revoked_at.is_none() && self.expiry.is_none_or(|expiry| now < expiry)
    }
}
