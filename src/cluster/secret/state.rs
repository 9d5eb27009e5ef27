//! What a Secret that was read means: whose it is, and whether it is as it is to be.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use super::annotation;
use super::manifest::SecretManifest;
use super::snapshot::SecretSnapshot;
use crate::domain::ids::{Fingerprint, SecretUid};
use crate::domain::record::Identity;
use crate::domain::secret::{Marks, SecretFacts, SecretLayout, SecretState};

/// What the record of an object says of its Secret.
#[derive(Debug, Clone, Copy, Default)]
pub struct Recorded<'a> {
    /// The UID, if it is the Secret of that name.
    pub uid: Option<&'a SecretUid>,
    /// Of the key, whichever Secret holds it.
    pub fingerprint: Option<&'a Fingerprint>,
}

impl SecretSnapshot {
    /// Whose it is and what it holds, for the object `identity`, whose record names the Secret `recorded`.
    ///
    /// Ours is what says so, or what is recorded without saying it is another's (I6).
    #[must_use]
    pub fn state(
        &self,
        identity: &Identity,
        recorded: Recorded<'_>,
        layout: &SecretLayout,
    ) -> SecretState {
        let owner = self.annotations.get(annotation::OWNED_BY);
        let ours = match owner {
            Some(owner) => *owner == identity.owner_mark(),
            None => recorded.uid == Some(&self.uid),
        };
        if !ours {
            return SecretState::Foreign {
                owner: owner.map(|text| text.chars().take(320).collect()),
            };
        }
        let marks = self.marks();
        let key = self.held_key(layout, recorded.fingerprint, &marks);
        SecretState::Ours(Box::new(SecretFacts {
            uid: self.uid.clone(),
            version: self.version.clone(),
            previous: self.held_previous(layout, key.as_ref()),
            intact: self.is_intact(identity, layout, &marks),
            key,
            marks,
        }))
    }

    /// Of what an entry holds, if it holds anything.
    fn fingerprint(&self, entry: &str) -> Option<Fingerprint> {
        let bytes = self.data.get(entry).filter(|bytes| !bytes.is_empty())?;
        Some(Fingerprint::of(bytes))
    }

    /// The key. Where the spec names another entry than it did, the key is still in the one that it was written to, and what the new one
    /// holds is something else: the previous key, or what somebody put there.
    fn held_key(
        &self,
        layout: &SecretLayout,
        recorded: Option<&Fingerprint>,
        marks: &Marks,
    ) -> Option<Fingerprint> {
        let named = self.fingerprint(&layout.key);
        let noted = self.annotations.get(annotation::KEY_ENTRY);
        if named.is_some() && noted == Some(&layout.key) {
            return named;
        }
        // The marks first: they know a publication that is not recorded yet.
        let known = [marks.fingerprint.as_ref(), recorded];
        let held = known
            .into_iter()
            .flatten()
            .find(|key| self.entry_of(key).is_some());
        held.cloned().or(named)
    }

    /// The previous key: in the entry that the spec names for it, or in the one that it was written to.
    fn held_previous(
        &self,
        layout: &SecretLayout,
        key: Option<&Fingerprint>,
    ) -> Option<Fingerprint> {
        let noted = self.annotations.get(annotation::PREVIOUS_ENTRY);
        let entries = [layout.previous_key.as_ref(), noted];
        let mut held = entries
            .into_iter()
            .flatten()
            .filter_map(|entry| self.fingerprint(entry));
        held.find(|previous| Some(previous) != key)
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
