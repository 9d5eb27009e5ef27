//! Objects of which a watch shows that they are there, and no more.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use serde::{Deserialize, Deserializer};

use super::metadata::Metadata;

/// The longest annotation that is shown: the names of an object and its namespace are shorter.
const LONGEST: usize = 512;

/// An object of a kind as a watch shows it: what the operator uses of its metadata. Lists and watches of it ask for metadata only, and of
/// what else is in there nothing is kept.
pub struct Shown<K> {
    metadata: ObjectMeta,
    kind: PhantomData<fn() -> K>,
}

impl<K: Resource> From<&K> for Shown<K> {
    fn from(object: &K) -> Self {
        Self::with(object.meta().clone())
    }
}

impl<K> Shown<K> {
    /// With this metadata.
    #[must_use]
    pub fn with(metadata: ObjectMeta) -> Self {
        Self {
            metadata,
            kind: PhantomData,
        }
    }
}

impl<K> Clone for Shown<K> {
    fn clone(&self) -> Self {
        Self::with(self.metadata.clone())
    }
}

impl<K> fmt::Debug for Shown<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Shown").field(&self.metadata).finish()
    }
}

impl<'de, K> Deserialize<'de> for Shown<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Received {
            metadata: Metadata,
        }
        let received = Received::deserialize(deserializer)?;
        let mut metadata = ObjectMeta::from(received.metadata);
        metadata.finalizers = None;
        if let Some(annotations) = &mut metadata.annotations {
            annotations.retain(|_, text| text.len() <= LONGEST);
        }
        Ok(Self::with(metadata))
    }
}

impl<K: Resource> Resource for Shown<K> {
    type DynamicType = K::DynamicType;
    type Scope = K::Scope;

    fn metadata_api() -> bool {
        true
    }

    fn kind(dynamic: &Self::DynamicType) -> Cow<'_, str> {
        K::kind(dynamic)
    }

    fn group(dynamic: &Self::DynamicType) -> Cow<'_, str> {
        K::group(dynamic)
    }

    fn version(dynamic: &Self::DynamicType) -> Cow<'_, str> {
        K::version(dynamic)
    }

    fn plural(dynamic: &Self::DynamicType) -> Cow<'_, str> {
        K::plural(dynamic)
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::api::LaunchDarklyAccount;
    use crate::cluster::secret::annotation::{OWNED_BY, UID};

    #[test]
    fn what_is_shown_of_an_object_is_small_whatever_is_in_its_metadata() {
        let shown = |owner: &str| -> ObjectMeta {
            let shown: Shown<LaunchDarklyAccount> = serde_json::from_value(json!({"metadata": {
                "name": "default", "uid": "u", "labels": {"a": "b"}, "finalizers": ["example.com/theirs"],
                "annotations": {OWNED_BY: owner, UID: "v"},
            }}))
            .unwrap();
            shown.metadata
        };
        let kept = |annotations: &[(&str, &str)]| ObjectMeta {
            name: Some("default".into()),
            uid: Some("u".into()),
            annotations: Some(
                annotations
                    .iter()
                    .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
                    .collect(),
            ),
            ..ObjectMeta::default()
        };
        assert_eq!(shown("team-a/web"), kept(&[(OWNED_BY, "team-a/web")]));
        assert_eq!(shown(&"a".repeat(LONGEST + 1)), kept(&[]));
    }
}
