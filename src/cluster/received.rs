//! Objects of the operator's own kinds as they come from the API server.

use std::borrow::Cow;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use kube::core::object::{HasSpec, HasStatus};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};

use super::metadata::Metadata;
use crate::api::{AccessToken, ClusterLaunchDarklyAccount, LaunchDarklyAccount};

/// A kind whose objects are put together of what is read of them.
pub trait FromParts:
    HasSpec<Spec: DeserializeOwned> + HasStatus<Status: DeserializeOwned> + Sized
{
    /// An object of these parts.
    fn from_parts(metadata: ObjectMeta, spec: Self::Spec, status: Option<Self::Status>) -> Self;
}

/// An object as it comes, without what the operator does not use of its metadata.
///
/// Nothing of it is lost in the cluster: no write of the operator replaces the metadata of an object.
#[derive(Debug, Clone, Serialize)]
#[serde(transparent)]
pub struct Received<K>(pub K);

impl<'de, K: FromParts> Deserialize<'de> for Received<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Parts<S, T> {
            metadata: Metadata,
            spec: S,
            status: Option<T>,
        }
        let parts = Parts::<K::Spec, K::Status>::deserialize(deserializer)?;
        Ok(Self(K::from_parts(
            parts.metadata.into(),
            parts.spec,
            parts.status,
        )))
    }
}

impl<K: Resource> Resource for Received<K> {
    type DynamicType = K::DynamicType;
    type Scope = K::Scope;

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
        self.0.meta()
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        self.0.meta_mut()
    }
}

impl FromParts for AccessToken {
    fn from_parts(metadata: ObjectMeta, spec: Self::Spec, status: Option<Self::Status>) -> Self {
        Self {
            metadata,
            spec,
            status,
        }
    }
}

impl FromParts for LaunchDarklyAccount {
    fn from_parts(metadata: ObjectMeta, spec: Self::Spec, status: Option<Self::Status>) -> Self {
        Self {
            metadata,
            spec,
            status,
        }
    }
}

impl FromParts for ClusterLaunchDarklyAccount {
    fn from_parts(metadata: ObjectMeta, spec: Self::Spec, status: Option<Self::Status>) -> Self {
        Self {
            metadata,
            spec,
            status,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::api::ROTATE_ANNOTATION;

    #[test]
    fn what_strangers_write_into_metadata_is_not_taken_in() {
        let Received(object) = serde_json::from_value::<Received<AccessToken>>(json!({
            "apiVersion": "ldtokens.dev/v1alpha1", "kind": "AccessToken",
            "metadata": {
                "name": "web", "namespace": "team-a", "uid": "u", "resourceVersion": "7", "generation": 2,
                "creationTimestamp": "2026-01-01T00:00:00Z", "deletionTimestamp": "2026-01-02T00:00:00Z",
                "labels": {"app": "web"}, "finalizers": ["example.com/theirs"],
                "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}", ROTATE_ANNOTATION: "1"},
                "ownerReferences": [{"apiVersion": "v1", "kind": "ConfigMap", "name": "a", "uid": "b"}],
                "managedFields": [{"manager": "kubectl", "operation": "Apply"}],
            },
            "spec": {"role": "reader"},
        }))
        .unwrap();
        let metadata = object.metadata;
        let times = [&metadata.creation_timestamp, &metadata.deletion_timestamp];
        assert!(times.iter().all(|time| time.is_some()));
        let kept = ObjectMeta {
            name: Some("web".into()),
            namespace: Some("team-a".into()),
            uid: Some("u".into()),
            resource_version: Some("7".into()),
            generation: Some(2),
            creation_timestamp: metadata.creation_timestamp.clone(),
            deletion_timestamp: metadata.deletion_timestamp.clone(),
            finalizers: Some(vec!["example.com/theirs".into()]),
            annotations: Some([(ROTATE_ANNOTATION.into(), "1".into())].into()),
            ..ObjectMeta::default()
        };
        assert_eq!(metadata, kept);
    }
}
