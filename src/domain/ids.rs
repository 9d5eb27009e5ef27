//! Newtypes for the identifiers that cross module borders, so that they cannot be mixed up.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Declares string newtypes with the conversions that identifiers need.
macro_rules! identifiers {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, JsonSchema, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(#[schemars(length(min = 1, max = 128))] String);

        impl $name {
            /// Wraps a value.
            pub fn new(value: impl Into<String>) -> Self {
                Self(value.into())
            }

            /// The value as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(value: &str) -> Self {
                Self(value.to_owned())
            }
        }
    )+};
}

identifiers! {
    /// The `_id` of a LaunchDarkly access token, 24 hexadecimal digits (documented).
    TokenId,
    /// The id of a LaunchDarkly account, as `caller-identity` tells it.
    AccountId,
    /// Which account object a retained token was made through: 8 hexadecimal digits of a hash of its kind and names.
    AccountMark,
    /// The `_id` of a LaunchDarkly custom role.
    RoleId,
    /// The `metadata.uid` of an `AccessToken` object.
    ObjectUid,
    /// The `metadata.uid` of an account object of either kind.
    AccountUid,
    /// The `metadata.uid` of a Secret.
    SecretUid,
    /// The `metadata.resourceVersion` of a Kubernetes object; opaque.
    ResourceVersion,
    /// The nonce of one create or reset attempt: 8 hexadecimal digits.
    Attempt,
    /// The first 8 hexadecimal digits of the `kube-system` namespace's UID: which cluster a token belongs to.
    Installation,
    /// A versioned, truncated SHA-256 of a key. Tells two keys apart; never a part of one.
    Fingerprint,
    /// A versioned hash of settings, as asked for or as observed.
    SettingsHash,
    /// A versioned hash of a `rotation.trigger` or `rotation.revoke` value.
    RequestHash,
}

/// The version that every hash made by this build carries.
///
/// A stored hash of another version is recomputed and never counts as a difference (I14).
pub const HASH_VERSION: &str = "v1";

impl Fingerprint {
    /// Fingerprints the bytes of a key.
    #[must_use]
    pub fn of(key: &[u8]) -> Self {
        Self(versioned_hash(&[b"ldtokens.dev/key", key]))
    }

    /// Whether it is known to be of another key than this one, which was read by this build. One of another version never is (I14).
    #[must_use]
    pub fn differs(&self, read: Option<&Self>) -> bool {
        self.is_current() && read != Some(self)
    }

    /// Whether this fingerprint was made by this build's algorithm.
    #[must_use]
    pub fn is_current(&self) -> bool {
        is_current(&self.0)
    }
}

impl SettingsHash {
    /// Joins the hashes of what can be changed in place (`free`) and of what is fixed at creation (`fixed`).
    #[must_use]
    pub fn of(free: &str, fixed: &str) -> Self {
        Self(format!("{HASH_VERSION}:{free}.{fixed}"))
    }

    /// Whether this hash was made by this build's algorithm.
    #[must_use]
    pub fn is_current(&self) -> bool {
        is_current(&self.0)
    }

    /// Whether name or description differ. Hashes of another version never do (I14).
    #[must_use]
    pub fn free_differs(&self, other: &Self) -> bool {
        self.comparable(other) && self.parts().0 != other.parts().0
    }

    /// Whether anything else differs. Hashes of another version never do (I14).
    #[must_use]
    pub fn fixed_differs(&self, other: &Self) -> bool {
        self.comparable(other) && self.parts().1 != other.parts().1
    }

    fn comparable(&self, other: &Self) -> bool {
        self.is_current() && other.is_current()
    }

    fn parts(&self) -> (&str, &str) {
        let hash = self.0.split_once(':').map_or("", |(_, hash)| hash);
        hash.split_once('.').unwrap_or((hash, ""))
    }
}

/// A way in which request values are hashed, or were by an earlier build.
#[derive(Debug, Clone, Copy)]
pub struct RequestHashing {
    version: &'static str,
    hash: fn(&[&[u8]]) -> String,
}

impl RequestHashing {
    /// The one of this build.
    pub const CURRENT: Self = Self::new(HASH_VERSION, |parts| truncated_hash(parts, 16));

    /// Those of earlier builds: each stays for as long as statuses and Secrets may hold its hashes. A value cannot be told from its hash,
    /// so that without them every trigger and revoke that was ever handled would count as new.
    pub const FORMER: &[Self] = &[];

    /// A way with the version that its hashes carry.
    #[must_use]
    pub const fn new(version: &'static str, hash: fn(&[&[u8]]) -> String) -> Self {
        Self { version, hash }
    }

    /// Hashes a request value; `kind` keeps equal trigger and revoke values apart.
    #[must_use]
    pub fn of(self, kind: &str, value: &str) -> RequestHash {
        let hash = (self.hash)(&[kind.as_bytes(), value.as_bytes()]);
        RequestHash(format!("{}:{hash}", self.version))
    }
}

impl RequestHash {
    /// Hashes a request value as this build does.
    #[must_use]
    pub fn of(kind: &str, value: &str) -> Self {
        RequestHashing::CURRENT.of(kind, value)
    }
}

/// What the hashes of values that are asked for now were in earlier builds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FormerHashes(Vec<(RequestHash, RequestHash)>);

impl FormerHashes {
    /// Of these values of a kind, in these ways.
    pub fn note<'a>(
        &mut self,
        ways: &[RequestHashing],
        kind: &str,
        values: impl Iterator<Item = &'a str>,
    ) {
        for value in values {
            let current = RequestHash::of(kind, value);
            let former = ways
                .iter()
                .map(|way| (way.of(kind, value), current.clone()));
            self.0.extend(former);
        }
    }

    /// Brings stored hashes of values that are asked for now up to date. All others stay as they are: their values are asked for no more.
    pub fn renew(&self, stored: &mut [RequestHash]) {
        for hash in stored {
            if let Some((_, current)) = self.0.iter().find(|(former, _)| former == hash) {
                *hash = current.clone();
            }
        }
    }
}

fn is_current(hash: &str) -> bool {
    hash.split_once(':')
        .is_some_and(|(version, _)| version == HASH_VERSION)
}

/// `v1:` and 128 bits of a hash of the parts.
fn versioned_hash(parts: &[&[u8]]) -> String {
    format!("{HASH_VERSION}:{}", truncated_hash(parts, 16))
}

/// The first bytes, in hexadecimal, of SHA-256 over the parts, each preceded by its length.
pub(super) fn truncated_hash(parts: &[&[u8]], bytes: usize) -> String {
    use std::fmt::Write as _;
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        hasher.update(part);
    }
    let mut text = String::with_capacity(bytes * 2);
    for byte in hasher.finalize().iter().take(bytes) {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_has_nothing_of_the_key_and_tells_keys_apart() {
        let a = Fingerprint::of(b"api-11111111-1111-4111-8111-111111111111");
        let b = Fingerprint::of(b"api-11111111-1111-4111-8111-111111111112");
        assert_ne!(a, b);
        assert!(!a.as_str().contains("11111111"));
        assert!(a.is_current());
    }

    #[test]
    fn parts_cannot_run_into_each_other() {
        assert_ne!(
            RequestHash::of("trigger", "x"),
            RequestHash::of("triggerx", "")
        );
    }

    #[test]
    fn a_hash_of_another_version_is_not_current() {
        assert!(!Fingerprint::from("v0:00").is_current());
    }
}
