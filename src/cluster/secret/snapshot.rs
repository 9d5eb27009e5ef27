//! A Secret as it was read, and what it means.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use zeroize::Zeroizing;

use super::{MANAGED_BY, annotation};
use crate::domain::ids::{Attempt, Fingerprint, ResourceVersion, SecretUid};
use crate::domain::secret::Marks;
use crate::domain::secret::SecretRevision;
use crate::redaction::{Key, LastFour};

/// A Secret as it was read. Its entries never show in `Debug` (I7).
#[derive(Clone)]
pub struct SecretSnapshot {
    /// `metadata.uid`.
    pub uid: SecretUid,
    /// `metadata.resourceVersion`.
    pub version: ResourceVersion,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
    /// Its entries.
    pub data: BTreeMap<String, Zeroizing<Vec<u8>>>,
    /// Whether it is being deleted.
    pub deleting: bool,
    /// Parts of ours that an apply does not remove.
    pub unapplied: Unapplied,
}

/// The names of parts that we wrote by a create or a merge patch: an apply that leaves them out lets them be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unapplied {
    /// Labels.
    pub labels: BTreeSet<String>,
    /// Annotations.
    pub annotations: BTreeSet<String>,
    /// Entries.
    pub data: BTreeSet<String>,
}

impl Unapplied {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.annotations.is_empty() && self.data.is_empty()
    }
}

impl fmt::Debug for SecretSnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretSnapshot")
            .field("uid", &self.uid)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

impl SecretSnapshot {
    /// How many bytes its texts and entries have.
    #[must_use]
    pub fn size(&self) -> usize {
        let texts = self.labels.iter().chain(&self.annotations);
        let texts = texts.map(|(name, text)| name.len() + text.len());
        let entries = self
            .data
            .iter()
            .map(|(name, bytes)| name.len() + bytes.len());
        texts.chain(entries).sum()
    }

    /// What it must still be for a write that was decided on it.
    #[must_use]
    pub fn revision(&self) -> SecretRevision {
        SecretRevision::Exactly {
            uid: self.uid.clone(),
            version: self.version.clone(),
        }
    }

    /// Whether it has the label by which Secrets of ours are watched.
    #[must_use]
    pub fn is_labelled_ours(&self) -> bool {
        self.labels
            .get(MANAGED_BY.0)
            .is_some_and(|manager| manager == MANAGED_BY.1)
    }

    /// Whether it says that this attempt published its key.
    #[must_use]
    pub fn is_marked(&self, attempt: &Attempt) -> bool {
        self.marks().attempt.as_ref() == Some(attempt)
    }

    /// The key in an entry, if there is a usable one.
    #[must_use]
    pub fn key(&self, entry: &str) -> Option<Key> {
        Key::from_bytes(self.data.get(entry)?).ok()
    }

    /// The end of the key in an entry, to compare with what LaunchDarkly shows.
    #[must_use]
    pub fn last_four(&self, entry: &str) -> Option<LastFour> {
        self.key(entry).map(|key| key.last_four())
    }

    /// The name of the entry that holds the marked key, under whatever name the spec once gave it.
    #[must_use]
    pub fn entry_of(&self, fingerprint: &Fingerprint) -> Option<&str> {
        let holds = |bytes: &Zeroizing<Vec<u8>>| Fingerprint::of(bytes) == *fingerprint;
        self.data
            .iter()
            .find(|(_, bytes)| holds(bytes))
            .map(|(name, _)| name.as_str())
    }

    /// What its annotations say.
    #[must_use]
    pub fn marks(&self) -> Marks {
        annotation::read(&self.annotations)
    }
}
