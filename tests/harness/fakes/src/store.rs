//! What the API server keeps.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use launchdarkly_token_operator::api::AccessToken;
use launchdarkly_token_operator::cluster::{ClusterError, NamespaceFacts, Notice};
use launchdarkly_token_operator::domain::ids::TokenId;
use launchdarkly_token_operator::domain::record::Identity;
use launchdarkly_token_operator::domain::secret::SecretRevision;
use launchdarkly_token_operator::runtime::clock::Clock;

use crate::fake::Trouble;
use crate::log::{Author, Thing, Verb, Write};
use crate::secret::StoredSecret;

/// Namespace and name.
pub(crate) type Place = (String, String);

pub(crate) struct Store {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) namespaces: BTreeMap<String, NamespaceFacts>,
    pub(crate) objects: BTreeMap<Place, AccessToken>,
    pub(crate) secrets: BTreeMap<Place, StoredSecret>,
    pub(crate) log: Vec<Write>,
    pub(crate) notices: Vec<(String, Notice)>,
    pub(crate) left_behind: Vec<(Identity, Vec<TokenId>)>,
    pub(crate) troubles: Vec<Trouble>,
    version: u64,
    uids: u64,
}

impl Store {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            namespaces: BTreeMap::new(),
            objects: BTreeMap::new(),
            secrets: BTreeMap::new(),
            log: Vec::new(),
            notices: Vec::new(),
            left_behind: Vec::new(),
            troubles: Vec::new(),
            version: 100,
            uids: 0,
        }
    }

    pub(crate) fn fresh_uid(&mut self) -> String {
        self.uids += 1;
        format!("00000000-0000-4000-8000-{:012x}", self.uids)
    }

    fn fresh_version(&mut self) -> u64 {
        self.version += 1;
        self.version
    }

    pub(crate) fn namespace(&self, name: &str) -> Result<&NamespaceFacts, ClusterError> {
        self.namespaces.get(name).ok_or(ClusterError::NotFound)
    }

    /// Whether something new may be put there.
    pub(crate) fn admits(&self, namespace: &str) -> Result<(), ClusterError> {
        if self.namespace(namespace)?.terminating {
            Err(ClusterError::NamespaceTerminating)
        } else {
            Ok(())
        }
    }

    /// The stored object, if it is still the one that was read.
    pub(crate) fn same_object(&self, read: &AccessToken) -> Result<AccessToken, ClusterError> {
        let stored = self
            .objects
            .get(&place(read))
            .ok_or(ClusterError::NotFound)?;
        let (ours, theirs) = (&read.metadata, &stored.metadata);
        if ours.uid != theirs.uid || ours.resource_version != theirs.resource_version {
            return Err(ClusterError::Conflict);
        }
        Ok(stored.clone())
    }

    /// Keeps an object, or lets it go when it is being deleted and nothing holds it.
    pub(crate) fn keep_object(
        &mut self,
        mut object: AccessToken,
        author: Author,
        verb: Verb,
    ) -> AccessToken {
        let place = place(&object);
        if self.objects.get(&place) == Some(&object) {
            return object;
        }
        object.metadata.resource_version = Some(self.fresh_version().to_string());
        let held = object
            .metadata
            .finalizers
            .as_ref()
            .is_some_and(|f| !f.is_empty());
        let goes = object.metadata.deletion_timestamp.is_some() && !held;
        if goes {
            self.objects.remove(&place);
        } else {
            self.objects.insert(place.clone(), object.clone());
        }
        let after = (!goes).then(|| Box::new(object.clone()));
        let name = place.1;
        self.note(author, verb, Thing::Object { name, after });
        object
    }

    /// Begins a deletion.
    pub(crate) fn delete_object(&mut self, place: &Place) {
        let now = self.clock.now();
        if let Some(mut object) = self.objects.get(place).cloned() {
            let metadata = &mut object.metadata;
            if metadata.deletion_timestamp.is_none() {
                metadata.deletion_timestamp = Some(Time(now));
                metadata.generation = metadata.generation.map(|generation| generation + 1);
            }
            self.keep_object(object, Author::User, Verb::Use);
        }
    }

    /// The Secret, if it is still the one that was read.
    pub(crate) fn same_secret(
        &self,
        place: &Place,
        at: &SecretRevision,
    ) -> Result<Option<StoredSecret>, ClusterError> {
        match (at, self.secrets.get(place)) {
            (SecretRevision::Absent, None) => Ok(None),
            (SecretRevision::Exactly { uid, version }, Some(stored))
                if uid.as_str() == stored.uid && version.as_str() == stored.version.to_string() =>
            {
                Ok(Some(stored.clone()))
            }
            (SecretRevision::Absent | SecretRevision::Exactly { .. }, _) => {
                Err(ClusterError::Conflict)
            }
        }
    }

    pub(crate) fn keep_secret(
        &mut self,
        place: Place,
        mut secret: StoredSecret,
        author: Author,
        verb: Verb,
    ) -> StoredSecret {
        if self.secrets.get(&place) == Some(&secret) {
            return secret;
        }
        secret.version = self.fresh_version();
        self.secrets.insert(place.clone(), secret.clone());
        let thing = Thing::Secret {
            name: place.1,
            after: Some(secret.clone()),
        };
        self.note(author, verb, thing);
        secret
    }

    pub(crate) fn drop_secret(&mut self, place: &Place, author: Author, verb: Verb) {
        if self.secrets.remove(place).is_some() {
            let name = place.1.clone();
            self.note(author, verb, Thing::Secret { name, after: None });
        }
    }

    fn note(&mut self, author: Author, verb: Verb, thing: Thing) {
        let at = self.clock.now();
        self.log.push(Write {
            at,
            author,
            verb,
            thing,
        });
    }
}

pub(crate) fn place(object: &AccessToken) -> Place {
    let metadata = &object.metadata;
    (
        metadata.namespace.clone().unwrap_or_default(),
        metadata.name.clone().unwrap_or_default(),
    )
}
