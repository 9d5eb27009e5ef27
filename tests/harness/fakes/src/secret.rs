//! A Secret, and whose each part of it is.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use launchdarkly_token_operator::cluster::secret::manifest::SecretManifest;
use launchdarkly_token_operator::cluster::secret::snapshot::{SecretSnapshot, Unapplied};
use launchdarkly_token_operator::domain::ids::{ResourceVersion, SecretUid};
use zeroize::Zeroizing;

/// The parts of a Secret that belong to somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// A label.
    Label,
    /// An annotation.
    Annotation,
    /// An entry of `data`.
    Entry,
}

/// Labels, annotations and entries by name.
pub type Contents = BTreeMap<(Part, String), Vec<u8>>;

/// Who owns a field, as `managedFields` tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Manager {
    /// The operator, by a create or a merge patch.
    OperatorUpdate,
    /// The operator, by server-side apply.
    OperatorApply,
    /// Anybody else.
    Other,
}

/// A Secret as the API server keeps it.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredSecret {
    /// Its UID.
    pub uid: String,
    /// Its version.
    pub version: u64,
    /// What is in it.
    pub contents: Contents,
    owners: BTreeMap<(Part, String), BTreeSet<Manager>>,
}

impl fmt::Debug for StoredSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredSecret")
            .field("uid", &self.uid)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

impl StoredSecret {
    pub(crate) fn create(uid: String, contents: Contents, by: Manager) -> Self {
        let owners = contents.keys().map(|field| (field.clone(), [by].into()));
        Self {
            uid,
            version: 0,
            owners: owners.collect(),
            contents,
        }
    }

    /// A merge patch or an update: fields that change belong to who changed them.
    pub(crate) fn update(
        &mut self,
        changes: BTreeMap<(Part, String), Option<Vec<u8>>>,
        by: Manager,
    ) {
        for (field, value) in changes {
            match value {
                Some(value) if self.contents.get(&field) == Some(&value) => {}
                Some(value) => {
                    self.contents.insert(field.clone(), value);
                    self.owners.insert(field, [by].into());
                }
                None => {
                    self.contents.remove(&field);
                    self.owners.remove(&field);
                }
            }
        }
    }

    /// A forced server-side apply of the operator: what it applied before and does not now goes, unless somebody else
    /// owns it too; what others have is theirs.
    pub(crate) fn apply(&mut self, applied: &Contents) {
        let dropped: Vec<_> = self
            .owners
            .iter_mut()
            .filter(|(field, _)| !applied.contains_key(*field))
            .filter_map(|(field, owners)| {
                (owners.remove(&Manager::OperatorApply) && owners.is_empty()).then(|| field.clone())
            })
            .collect();
        self.update(
            dropped.into_iter().map(|field| (field, None)).collect(),
            Manager::OperatorApply,
        );
        for (field, value) in applied {
            let owners = self.owners.entry(field.clone()).or_default();
            if self.contents.get(field) != Some(value) {
                owners.clear();
                self.contents.insert(field.clone(), value.clone());
            }
            owners.insert(Manager::OperatorApply);
        }
    }

    /// The names of parts that the operator wrote other than by applying them.
    fn unapplied(&self, part: Part) -> BTreeSet<String> {
        let ours = |owners: &BTreeSet<Manager>| owners.contains(&Manager::OperatorUpdate);
        self.owners
            .iter()
            .filter(|((of, _), owners)| *of == part && ours(owners))
            .map(|((_, name), _)| name.clone())
            .collect()
    }

    /// As the operator reads it.
    #[must_use]
    pub fn snapshot(&self) -> SecretSnapshot {
        let texts = |part| {
            self.part(part)
                .map(|(name, value)| (name, String::from_utf8_lossy(value).into_owned()))
                .collect()
        };
        SecretSnapshot {
            uid: SecretUid::new(self.uid.clone()),
            version: ResourceVersion::new(self.version.to_string()),
            labels: texts(Part::Label),
            annotations: texts(Part::Annotation),
            data: self
                .part(Part::Entry)
                .map(|(name, value)| (name, Zeroizing::new(value.clone())))
                .collect(),
            deleting: false,
            unapplied: Unapplied {
                labels: self.unapplied(Part::Label),
                annotations: self.unapplied(Part::Annotation),
                data: self.unapplied(Part::Entry),
            },
        }
    }

    /// One entry, as text.
    #[must_use]
    pub fn entry(&self, name: &str) -> Option<String> {
        let value = self.contents.get(&(Part::Entry, name.to_owned()))?;
        String::from_utf8(value.clone()).ok()
    }

    fn part(&self, part: Part) -> impl Iterator<Item = (String, &Vec<u8>)> {
        self.contents
            .iter()
            .filter(move |((of, _), _)| *of == part)
            .map(|((_, name), value)| (name.clone(), value))
    }
}

/// What a manifest writes.
pub(crate) fn contents(manifest: &SecretManifest) -> Contents {
    let texts = |part, texts: &BTreeMap<String, String>| {
        let fields = texts
            .iter()
            .map(move |(name, value)| ((part, name.clone()), value.clone().into_bytes()));
        fields.collect::<Vec<_>>()
    };
    let entries = manifest
        .data
        .iter()
        .map(|(name, value)| ((Part::Entry, name.clone()), value.to_vec()));
    texts(Part::Label, &manifest.labels)
        .into_iter()
        .chain(texts(Part::Annotation, &manifest.annotations))
        .chain(entries)
        .collect()
}
