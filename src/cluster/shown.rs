//! Objects of which a watch shows that they are there, and no more.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use serde::{Deserialize, Deserializer};

use super::metadata::Metadata;

/// An object of a kind as a watch shows it: what the operator uses of its metadata. Lists and watches of it ask for metadata only, and what
/// else is in there is read past.
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
        Ok(Self::with(received.metadata.into()))
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
