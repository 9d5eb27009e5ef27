//! The metadata of objects, cut while it is read: whoever may write an object may put any number of labels, annotations and the like on it,
//! and each of them takes many times the room in memory that it takes in the text.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::secret::annotation::OWNED_BY;
use crate::api::{
    CLAIM_ANNOTATION, CUT_OFF_ANNOTATION, REVOKE_ANNOTATION, ROTATE_ANNOTATION,
    SKIP_CLEANUP_ANNOTATION,
};

/// The annotations that the operator reads on any object that it watches.
const READ: [&str; 6] = [
    CLAIM_ANNOTATION,
    CUT_OFF_ANNOTATION,
    OWNED_BY,
    REVOKE_ANNOTATION,
    ROTATE_ANNOTATION,
    SKIP_CLEANUP_ANNOTATION,
];

/// What the operator uses of an object's metadata; the rest is read past. Nothing of it is lost in the cluster: no write of the operator
/// replaces the metadata of an object.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Metadata {
    name: Option<String>,
    namespace: Option<String>,
    uid: Option<String>,
    resource_version: Option<String>,
    generation: Option<i64>,
    creation_timestamp: Option<Time>,
    deletion_timestamp: Option<Time>,
    finalizers: Option<Vec<String>>,
    #[serde(deserialize_with = "annotations")]
    annotations: Option<BTreeMap<String, String>>,
}

impl From<Metadata> for ObjectMeta {
    fn from(read: Metadata) -> Self {
        Self {
            name: read.name,
            namespace: read.namespace,
            uid: read.uid,
            resource_version: read.resource_version,
            generation: read.generation,
            creation_timestamp: read.creation_timestamp,
            deletion_timestamp: read.deletion_timestamp,
            finalizers: read.finalizers,
            annotations: read.annotations,
            ..Self::default()
        }
    }
}

/// The annotations that are [read](READ). No text is allocated for the others.
fn annotations<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<BTreeMap<String, String>>, D::Error> {
    deserializer.deserialize_option(Annotations)
}

struct Annotations;

impl<'de> Visitor<'de> for Annotations {
    type Value = Option<BTreeMap<String, String>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("annotations")
    }

    fn visit_none<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut kept = BTreeMap::new();
        while let Some(Name(name)) = map.next_key()? {
            if READ.contains(&&*name) {
                kept.insert(name.into_owned(), map.next_value()?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(Some(kept))
    }
}

/// A text that is not copied where it stands in the answer as it is.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_null_or_left_out_is_none() {
        for metadata in [json!({}), json!({"annotations": null, "labels": null})] {
            let read: Metadata = serde_json::from_value(metadata).unwrap();
            assert_eq!(ObjectMeta::from(read), ObjectMeta::default());
        }
    }
}
