//! A Secret as it was read, and what it means.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use zeroize::Zeroizing;

use super::manifest::SecretManifest;
use super::{MANAGED_BY, annotation};
use crate::cluster::FIELD_MANAGER;
use crate::domain::ids::{Attempt, Fingerprint, RequestHash, ResourceVersion, SecretUid, TokenId};
use crate::domain::record::Identity;
use crate::domain::secret::SecretLayout;
use crate::domain::secret::SecretRevision;
use crate::domain::secret::{Marks, SecretFacts, SecretState};
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
    fn of(secret: &Secret) -> Self {
        let ours = secret.metadata.managed_fields.iter().flatten();
        let ours = ours.filter(|fields| {
            fields.manager.as_deref() == Some(FIELD_MANAGER)
                && fields.operation.as_deref() == Some("Update")
        });
        let mut found = Self::default();
        for fields in ours.filter_map(|fields| fields.fields_v1.as_ref()) {
            let names = |path: &str| {
                let part = fields.0.pointer(path).and_then(|part| part.as_object());
                let names = part.into_iter().flat_map(|part| part.keys());
                names.filter_map(|name| Some(name.strip_prefix("f:")?.to_owned()))
            };
            found.labels.extend(names("/f:metadata/f:labels"));
            found.annotations.extend(names("/f:metadata/f:annotations"));
            found.data.extend(names("/f:data"));
        }
        found
    }

    /// Those that a manifest does not have.
    #[must_use]
    pub fn beyond(&self, manifest: &SecretManifest) -> Self {
        Self {
            labels: without(&self.labels, &manifest.labels),
            annotations: without(&self.annotations, &manifest.annotations),
            data: without(&self.data, &manifest.data),
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.annotations.is_empty() && self.data.is_empty()
    }
}

fn without<T>(names: &BTreeSet<String>, wanted: &BTreeMap<String, T>) -> BTreeSet<String> {
    let others = names.iter().filter(|name| !wanted.contains_key(*name));
    others.cloned().collect()
}

impl fmt::Debug for SecretSnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretSnapshot")
            .field("uid", &self.uid)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

impl From<Secret> for SecretSnapshot {
    fn from(secret: Secret) -> Self {
        let unapplied = Unapplied::of(&secret);
        let metadata = secret.metadata;
        Self {
            uid: SecretUid::new(metadata.uid.unwrap_or_default()),
            version: ResourceVersion::new(metadata.resource_version.unwrap_or_default()),
            labels: metadata.labels.unwrap_or_default(),
            annotations: metadata.annotations.unwrap_or_default(),
            data: secret
                .data
                .unwrap_or_default()
                .into_iter()
                .map(|(name, bytes)| (name, Zeroizing::new(bytes.0)))
                .collect(),
            deleting: metadata.deletion_timestamp.is_some(),
            unapplied,
        }
    }
}

impl SecretSnapshot {
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

    /// Whose it is and what it holds, for the object `identity`, whose recorded Secret has the UID `recorded`.
    ///
    /// Ours is what says so, or what is recorded without saying it is another's (I6).
    #[must_use]
    pub fn state(
        &self,
        identity: &Identity,
        recorded: Option<&SecretUid>,
        layout: &SecretLayout,
    ) -> SecretState {
        let owner = self.annotations.get(annotation::OWNED_BY);
        let ours = match owner {
            Some(owner) => *owner == identity.owner_mark(),
            None => recorded == Some(&self.uid),
        };
        if !ours {
            return SecretState::Foreign {
                owner: owner.map(|text| text.chars().take(320).collect()),
            };
        }
        let fingerprint = |entry: &str| {
            self.data
                .get(entry)
                .filter(|bytes| !bytes.is_empty())
                .map(|bytes| Fingerprint::of(bytes))
        };
        let marks = self.marks();
        SecretState::Ours(Box::new(SecretFacts {
            uid: self.uid.clone(),
            version: self.version.clone(),
            key: fingerprint(&layout.key).or_else(|| self.renamed_key(&marks)),
            previous: layout
                .previous_key
                .as_deref()
                .and_then(fingerprint)
                .or_else(|| self.renamed_previous(layout, &marks)),
            intact: self.is_intact(identity, layout, &marks),
            marks,
        }))
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

    fn renamed_key(&self, marks: &Marks) -> Option<Fingerprint> {
        let fingerprint = marks.fingerprint.as_ref()?;
        self.entry_of(fingerprint).map(|_| fingerprint.clone())
    }

    fn renamed_previous(&self, layout: &SecretLayout, marks: &Marks) -> Option<Fingerprint> {
        let noted = self.annotations.get(annotation::PREVIOUS_ENTRY)?;
        let stale = Some(noted.as_str()) != layout.previous_key.as_deref() && *noted != layout.key;
        let bytes = self.data.get(noted).filter(|_| stale)?;
        let fingerprint = Fingerprint::of(bytes);
        (marks.fingerprint.as_ref() != Some(&fingerprint)).then_some(fingerprint)
    }

    /// Whether everything of ours but the key's value is as it is to be.
    fn is_intact(&self, identity: &Identity, layout: &SecretLayout, marks: &Marks) -> bool {
        let mut wished = SecretManifest::frame(identity, layout, marks);
        let has = |have: &BTreeMap<String, String>, want: &BTreeMap<String, String>| {
            want.iter()
                .all(|(name, value)| have.get(name) == Some(value))
        };
        let named = |entry: &str| self.data.contains_key(entry);
        let noted_previous = self.annotations.get(annotation::PREVIOUS_ENTRY);
        let in_place =
            has(&self.labels, &wished.labels) && has(&self.annotations, &wished.annotations);
        if let Some(noted) = noted_previous {
            let name = annotation::PREVIOUS_ENTRY.to_owned();
            wished.annotations.insert(name, noted.clone());
        }
        let entries = [Some(&layout.key), layout.previous_key.as_ref()];
        for entry in entries.into_iter().flatten() {
            wished.data.insert(entry.clone(), Zeroizing::default());
        }
        in_place
            && self.unapplied.beyond(&wished).is_empty()
            && marks.owner_uid == identity.uid.as_str()
            && named(&layout.key)
            && self
                .annotations
                .get(annotation::KEY_ENTRY)
                .is_none_or(|noted| *noted == layout.key)
            && noted_previous.is_none_or(|noted| Some(noted) == layout.previous_key.as_ref())
    }

    fn marks(&self) -> Marks {
        let text = |name: &str| self.annotations.get(name).filter(|text| !text.is_empty());
        let time = |name: &str| text(name).and_then(|text| text.parse::<Timestamp>().ok());
        Marks {
            owner_uid: text(annotation::UID).cloned().unwrap_or_default(),
            token_id: text(annotation::TOKEN_ID).map(TokenId::new),
            account_id: text(annotation::ACCOUNT_ID).map(crate::domain::ids::AccountId::new),
            attempt: text(annotation::ATTEMPT).map(Attempt::new),
            fingerprint: text(annotation::FINGERPRINT).map(Fingerprint::new),
            rotated_at: time(annotation::ROTATED_AT),
            previous_expires_at: time(annotation::PREVIOUS_EXPIRES_AT),
            handled: text(annotation::HANDLED)
                .map(|text| text.split(',').map(RequestHash::from).collect())
                .unwrap_or_default(),
            fence: text(annotation::FENCE).map(Attempt::new),
        }
    }
}
