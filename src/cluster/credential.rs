//! A managing key as the cluster keeps it: one entry of a Secret.

use crate::redaction::{Key, KeyError};

/// Where a managing key is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialRef {
    /// The Secret's namespace.
    pub namespace: String,
    /// The Secret's name.
    pub name: String,
    /// The Secret's entry.
    pub entry: String,
    /// Whether it is the namespace that has to let the operator at its Secrets, where each decides for itself.
    pub by_consent: bool,
}

/// What is found there. Of the Secret nothing else is kept, and the key shows in no output (I7).
#[derive(Debug, Clone)]
pub enum CredentialEntry {
    /// There is no such Secret.
    NoSecret,
    /// The Secret has no such entry.
    NoEntry,
    /// The entry cannot be a key.
    NoKey(KeyError),
    /// A key.
    Key(Key),
}

impl CredentialEntry {
    /// What an entry of a Secret holds.
    #[must_use]
    pub fn of_entry(bytes: Option<&[u8]>) -> Self {
        match bytes.map(Key::from_credential) {
            None => Self::NoEntry,
            Some(Err(error)) => Self::NoKey(error),
            Some(Ok(key)) => Self::Key(key),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_was_read_shows_in_no_output() {
        let entry = CredentialEntry::of_entry(Some(b"api-secret\n"));
        assert!(matches!(&entry, CredentialEntry::Key(key) if key.expose() == "api-secret"));
        assert!(!format!("{entry:?}").contains("secret"));
        let bad = CredentialEntry::of_entry(Some(b"sec ret"));
        assert!(!format!("{bad:?}").contains("ret"), "{bad:?}");
    }
}
