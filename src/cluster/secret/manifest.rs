//! The Secret as we write it: our own entries, labels and annotations, and nothing else's.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use zeroize::Zeroizing;

use super::{MANAGED_BY, annotation};
use crate::domain::ids::Fingerprint;
use crate::domain::record::Identity;
use crate::domain::secret::Marks;
use crate::domain::secret::SecretLayout;
use crate::domain::secret::{PreviousKey, SecretPlan};
use crate::redaction::Key;

use crate::cluster::secret::snapshot::{SecretSnapshot, Unapplied};

/// A Secret to be written. Its entries never show in `Debug` (I7).
#[derive(Clone)]
pub struct SecretManifest {
    /// Its name.
    pub name: String,
    /// Our labels and the user's.
    pub labels: BTreeMap<String, String>,
    /// Our annotations and the user's.
    pub annotations: BTreeMap<String, String>,
    /// Our entries.
    pub data: BTreeMap<String, Zeroizing<Vec<u8>>>,
}

impl fmt::Debug for SecretManifest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretManifest")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// Where the key of a manifest comes from.
#[derive(Clone, Copy, Debug)]
pub enum KeySource<'a> {
    /// A key that LaunchDarkly just issued.
    InHand(&'a Key),
    /// The Secret that holds it already.
    Held {
        /// The Secret.
        by: &'a SecretSnapshot,
        /// Of the key.
        fingerprint: &'a Fingerprint,
    },
    /// None: a rehearsal, with a text that is no key.
    Rehearsal,
}

impl SecretManifest {
    /// Everything but the entries.
    #[must_use]
    pub fn frame(identity: &Identity, layout: &SecretLayout, marks: &Marks) -> Self {
        let mut labels = layout.labels.clone();
        labels.insert(MANAGED_BY.0.to_owned(), MANAGED_BY.1.to_owned());
        let mut annotations = layout.annotations.clone();
        annotations.extend(annotation::write(identity, layout, marks));
        Self {
            name: layout.name.clone(),
            labels,
            annotations,
            data: BTreeMap::new(),
        }
    }

    /// The whole Secret. `None` when the key is not where the plan says it is.
    #[must_use]
    pub fn render(
        identity: &Identity,
        plan: &SecretPlan,
        source: KeySource<'_>,
        before: Option<&SecretSnapshot>,
    ) -> Option<Self> {
        let layout = &plan.layout;
        let mut manifest = Self::frame(identity, layout, &plan.marks);
        let key = match source {
            KeySource::InHand(key) => key.expose().as_bytes().to_vec(),
            KeySource::Held { by, fingerprint } => by.data.get(by.entry_of(fingerprint)?)?.to_vec(),
            KeySource::Rehearsal => b"rehearsal".to_vec(),
        };
        let previous = layout
            .previous_key
            .as_ref()
            .and_then(|entry| Some((entry.clone(), previous_key(plan.previous, before?)?)));
        if let Some((entry, bytes)) = previous {
            manifest
                .annotations
                .insert(annotation::PREVIOUS_ENTRY.to_owned(), entry.clone());
            manifest.data.insert(entry, bytes);
        }
        manifest
            .data
            .insert(layout.key.clone(), Zeroizing::new(key));
        Some(manifest)
    }

    /// Those parts that it does not have.
    #[must_use]
    pub fn leaves_out(&self, parts: &Unapplied) -> Unapplied {
        Unapplied {
            labels: without(&parts.labels, &self.labels),
            annotations: without(&parts.annotations, &self.annotations),
            data: without(&parts.data, &self.data),
        }
    }

    /// As an object of the Kubernetes API.
    #[must_use]
    pub fn to_secret(&self, namespace: &str) -> Secret {
        Secret {
            metadata: ObjectMeta {
                name: Some(self.name.clone()),
                namespace: Some(namespace.to_owned()),
                labels: Some(self.labels.clone()),
                annotations: Some(self.annotations.clone()),
                ..ObjectMeta::default()
            },
            data: Some(
                self.data
                    .iter()
                    .map(|(name, bytes)| (name.clone(), ByteString(bytes.to_vec())))
                    .collect(),
            ),
            ..Secret::default()
        }
    }
}

fn without<T>(names: &BTreeSet<String>, wanted: &BTreeMap<String, T>) -> BTreeSet<String> {
    let others = names.iter().filter(|name| !wanted.contains_key(*name));
    others.cloned().collect()
}

fn previous_key(choice: PreviousKey, before: &SecretSnapshot) -> Option<Zeroizing<Vec<u8>>> {
    let noted = |name: &str| {
        before
            .annotations
            .get(name)
            .and_then(|entry| before.data.get(entry))
            .cloned()
    };
    match choice {
        PreviousKey::Drop => None,
        PreviousKey::TakeCurrent => noted(annotation::KEY_ENTRY),
        PreviousKey::Keep => noted(annotation::PREVIOUS_ENTRY),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::ObjectUid;
    use crate::domain::secret::SecretRevision;

    #[test]
    fn a_secret_is_opaque_and_an_object_has_no_way_to_another_type() {
        let identity = Identity {
            uid: ObjectUid::from("11111111-2222-4333-8444-555555555555"),
            namespace: "team-a".into(),
            name: "web".into(),
        };
        let plan = SecretPlan {
            at: SecretRevision::Absent,
            layout: SecretLayout {
                name: "web".into(),
                key: "token".into(),
                ..SecretLayout::default()
            },
            marks: Marks::default(),
            previous: PreviousKey::Drop,
        };
        let manifest = SecretManifest::render(&identity, &plan, KeySource::Rehearsal, None);
        let secret = manifest.unwrap().to_secret("team-a");
        // None is Opaque to the API server; others make it, or other controllers, act on a Secret.
        assert_eq!(secret.type_, None);
        assert_eq!(secret.metadata.owner_references, None);
        let reserved = ["ldtokens.dev/", "app.kubernetes.io/managed-by"];
        let metadata = secret.metadata;
        let (labels, annotations) = (metadata.labels.unwrap(), metadata.annotations.unwrap());
        for key in labels.keys().chain(annotations.keys()) {
            assert!(reserved.iter().any(|ours| key.starts_with(ours)), "{key}");
        }
        let schema = serde_json::to_string(&crate::api::crds::all()[0]).unwrap();
        assert!(!schema.contains("service-account-token") && !schema.contains("\"Opaque\""));
    }
}
