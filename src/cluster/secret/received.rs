//! A Secret as it comes from the API server. Whoever may write it decides what is in it; what the operator does not use is read past, and no
//! Secret of very many parts is taken in.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use kube::Resource;
use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use zeroize::Zeroizing;

use super::snapshot::{SecretSnapshot, Unapplied};
use crate::api::FIELD_MANAGER;
use crate::domain::ids::{ResourceVersion, SecretUid};

/// How many labels a Secret may have, how many annotations, and how many entries. The API server sets no such bound, and each takes ten
/// times the room in memory that it takes in an answer.
pub const MOST_PARTS: usize = 1_000;

/// A Secret as it comes. Its entries never show in `Debug` (I7).
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub struct ReceivedSecret {
    metadata: Metadata,
    data: AtMost<ByteString>,
    #[serde(skip)]
    unused: ObjectMeta,
}

#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Metadata {
    uid: String,
    resource_version: String,
    deletion_timestamp: Option<Time>,
    labels: AtMost<String>,
    annotations: AtMost<String>,
    managed_fields: OurFields,
}

impl fmt::Debug for ReceivedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReceivedSecret")
            .field("uid", &self.metadata.uid)
            .field("version", &self.metadata.resource_version)
            .finish_non_exhaustive()
    }
}

/// A Secret has too many labels, annotations or entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooManyParts;

impl ReceivedSecret {
    fn has_too_many_parts(&self) -> bool {
        let Metadata {
            labels,
            annotations,
            ..
        } = &self.metadata;
        labels.is_cut || annotations.is_cut || self.data.is_cut
    }

    /// What an entry holds.
    ///
    /// # Errors
    /// It cannot be told, since not all of the Secret was taken in.
    pub fn entry(&self, name: &str) -> Result<Option<&[u8]>, TooManyParts> {
        if self.has_too_many_parts() {
            return Err(TooManyParts);
        }
        Ok(self.data.kept.get(name).map(|bytes| bytes.0.as_slice()))
    }
}

impl TryFrom<ReceivedSecret> for SecretSnapshot {
    type Error = TooManyParts;

    fn try_from(secret: ReceivedSecret) -> Result<Self, TooManyParts> {
        if secret.has_too_many_parts() {
            return Err(TooManyParts);
        }
        let metadata = secret.metadata;
        let entries = secret.data.kept.into_iter();
        Ok(Self {
            uid: SecretUid::new(metadata.uid),
            version: ResourceVersion::new(metadata.resource_version),
            labels: metadata.labels.kept,
            annotations: metadata.annotations.kept,
            data: entries
                .map(|(name, bytes)| (name, Zeroizing::new(bytes.0)))
                .collect(),
            deleting: metadata.deletion_timestamp.is_some(),
            unapplied: metadata.managed_fields.0,
        })
    }
}

/// The first parts of a map; of the rest nothing is kept.
#[derive(Clone)]
struct AtMost<T> {
    kept: BTreeMap<String, T>,
    is_cut: bool,
}

impl<T> Default for AtMost<T> {
    fn default() -> Self {
        Self {
            kept: BTreeMap::new(),
            is_cut: false,
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for AtMost<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Parts<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Parts<T> {
            type Value = AtMost<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map or null")
            }

            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(AtMost::default())
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut parts = AtMost::default();
                while parts.kept.len() < MOST_PARTS {
                    let Some((name, value)) = map.next_entry()? else {
                        return Ok(parts);
                    };
                    parts.kept.insert(name, value);
                }
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {
                    parts.is_cut = true;
                }
                Ok(parts)
            }
        }

        deserializer.deserialize_any(Parts(PhantomData))
    }
}

/// What we wrote by a create or a merge patch. The fields of others are forgotten as soon as they are read.
#[derive(Clone, Default)]
struct OurFields(Unapplied);

impl<'de> Deserialize<'de> for OurFields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Managers;

        impl<'de> Visitor<'de> for Managers {
            type Value = OurFields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list or null")
            }

            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(OurFields::default())
            }

            fn visit_seq<A: SeqAccess<'de>>(
                self,
                mut managers: A,
            ) -> Result<Self::Value, A::Error> {
                let mut ours = OurFields::default();
                while let Some(manager) = managers.next_element::<Manager<'_>>()? {
                    if manager.name == FIELD_MANAGER && manager.operation == "Update" {
                        ours.0.extend(manager.fields_v1);
                    }
                }
                Ok(ours)
            }
        }

        deserializer.deserialize_any(Managers)
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Manager<'a> {
    #[serde(borrow, rename = "manager")]
    name: Cow<'a, str>,
    #[serde(borrow)]
    operation: Cow<'a, str>,
    fields_v1: Fields,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Fields {
    #[serde(rename = "f:metadata")]
    metadata: MetadataFields,
    #[serde(rename = "f:data")]
    data: AtMost<IgnoredAny>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct MetadataFields {
    #[serde(rename = "f:labels")]
    labels: AtMost<IgnoredAny>,
    #[serde(rename = "f:annotations")]
    annotations: AtMost<IgnoredAny>,
}

impl Unapplied {
    fn extend(&mut self, fields: Fields) {
        let names = |part: AtMost<IgnoredAny>| {
            let names = part.kept.into_keys();
            names.filter_map(|name| Some(name.strip_prefix("f:")?.to_owned()))
        };
        self.labels.extend(names(fields.metadata.labels));
        self.annotations.extend(names(fields.metadata.annotations));
        self.data.extend(names(fields.data));
    }
}

/// It is a Secret for the API server's paths; nothing else is asked of it as a resource.
impl Resource for ReceivedSecret {
    type DynamicType = ();
    type Scope = <Secret as Resource>::Scope;

    fn kind((): &()) -> Cow<'_, str> {
        Secret::kind(&())
    }

    fn group((): &()) -> Cow<'_, str> {
        Secret::group(&())
    }

    fn version((): &()) -> Cow<'_, str> {
        Secret::version(&())
    }

    fn plural((): &()) -> Cow<'_, str> {
        Secret::plural(&())
    }

    fn meta(&self) -> &ObjectMeta {
        &self.unused
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.unused
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(secret: &Value) -> Result<SecretSnapshot, TooManyParts> {
        serde_json::from_str::<ReceivedSecret>(&secret.to_string())
            .unwrap()
            .try_into()
    }

    #[test]
    fn a_secret_is_read_with_what_we_wrote_by_update_and_not_what_others_did() {
        let fields = json!({
            "f:metadata": {"f:labels": {".": {}, "f:a": {}}, "f:annotations": {"f:b": {}}}, "f:data": {"f:c": {}},
            "f:type": {},
        });
        let manager = |name: &str, operation: &str| json!({"manager": name, "operation": operation, "apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": fields});
        let secret = json!({
            "apiVersion": "v1", "kind": "Secret", "type": "Opaque", "data": {"token": "YXBp"},
            "metadata": {
                "name": "web", "uid": "u", "resourceVersion": "7", "labels": {"a": "1"}, "annotations": null,
                "deletionTimestamp": "2026-01-02T00:00:00Z", "managedFields": [manager("kubectl", "Update")],
            },
        });
        let snapshot = read(&secret).unwrap();
        assert_eq!(
            (snapshot.uid.as_str(), snapshot.version.as_str()),
            ("u", "7")
        );
        assert_eq!(snapshot.labels, [("a".to_owned(), "1".to_owned())].into());
        assert_eq!(*snapshot.data["token"], b"api");
        assert!(snapshot.deleting && snapshot.annotations.is_empty());
        assert!(snapshot.unapplied.is_empty());

        let mut ours = secret;
        ours["metadata"]["managedFields"] = json!([
            manager(FIELD_MANAGER, "Apply"),
            manager(FIELD_MANAGER, "Update")
        ]);
        let Unapplied {
            labels,
            annotations,
            data,
        } = read(&ours).unwrap().unapplied;
        assert_eq!((labels.len(), annotations.len(), data.len()), (1, 1, 1));
        assert!(labels.contains("a") && annotations.contains("b") && data.contains("c"));
    }

    #[test]
    fn a_secret_of_very_many_parts_is_not_taken_in() {
        let parts = |count: usize| -> BTreeMap<String, String> {
            (0..count)
                .map(|n| (format!("a{n}"), String::new()))
                .collect()
        };
        for place in ["/metadata/labels", "/metadata/annotations", "/data"] {
            let mut secret = json!({"metadata": {"labels": {}, "annotations": {}}, "data": {}});
            *secret.pointer_mut(place).unwrap() = json!(parts(MOST_PARTS));
            assert!(read(&secret).is_ok(), "{place}");
            *secret.pointer_mut(place).unwrap() = json!(parts(MOST_PARTS + 1));
            assert_eq!(read(&secret).unwrap_err(), TooManyParts, "{place}");
        }
    }
}
