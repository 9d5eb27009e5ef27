//! What a Secret that was read means: whose it is, and whether it is as it is to be.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use super::annotation;
use super::manifest::SecretManifest;
use super::snapshot::SecretSnapshot;
use crate::domain::ids::{Fingerprint, SecretUid};
use crate::domain::record::Identity;
use crate::domain::secret::{Marks, SecretFacts, SecretLayout, SecretState};

impl SecretSnapshot {
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
        let mut desired = SecretManifest::frame(identity, layout, marks);
        let has = |have: &BTreeMap<String, String>, want: &BTreeMap<String, String>| {
            want.iter()
                .all(|(name, value)| have.get(name) == Some(value))
        };
        let named = |entry: &str| self.data.contains_key(entry);
        let noted_previous = self.annotations.get(annotation::PREVIOUS_ENTRY);
        let in_place =
            has(&self.labels, &desired.labels) && has(&self.annotations, &desired.annotations);
        if let Some(noted) = noted_previous {
            let name = annotation::PREVIOUS_ENTRY.to_owned();
            desired.annotations.insert(name, noted.clone());
        }
        let entries = [Some(&layout.key), layout.previous_key.as_ref()];
        for entry in entries.into_iter().flatten() {
            desired.data.insert(entry.clone(), Zeroizing::default());
        }
        in_place
            && desired.leaves_out(&self.unapplied).is_empty()
            && marks.owner_uid == identity.uid.as_str()
            && named(&layout.key)
            && self
                .annotations
                .get(annotation::KEY_ENTRY)
                .is_none_or(|noted| *noted == layout.key)
            && noted_previous.is_none_or(|noted| Some(noted) == layout.previous_key.as_ref())
    }
}
