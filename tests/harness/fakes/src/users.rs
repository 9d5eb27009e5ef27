//! What everybody else does to the cluster, and what tests look at.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use launchdarkly_token_operator::api::{AccessToken, AccessTokenStatus};
use launchdarkly_token_operator::cluster::{ClusterError, NamespaceFacts, Notice};
use launchdarkly_token_operator::domain::ids::TokenId;
use launchdarkly_token_operator::domain::record::Identity;

use crate::fake::FakeCluster;
use crate::log::{Author, Verb, Write};
use crate::secret::{Contents, Manager, Part, StoredSecret};
use crate::store::place;

impl FakeCluster {
    /// Creates a namespace, or sets what one says.
    pub fn set_namespace(&self, name: &str, facts: NamespaceFacts) {
        self.store().namespaces.insert(name.to_owned(), facts);
    }

    /// Creates an object, as the API server would fill it in.
    ///
    /// # Errors
    /// The namespace does not take it, or the name is taken.
    pub fn create_object(&self, mut object: AccessToken) -> Result<AccessToken, ClusterError> {
        let mut store = self.store();
        store.admits(&place(&object).0)?;
        if store.objects.contains_key(&place(&object)) {
            return Err(ClusterError::Conflict);
        }
        object.metadata.uid = Some(store.fresh_uid());
        object.metadata.generation = Some(1);
        object.metadata.creation_timestamp = Some(Time(store.clock.now()));
        object.status = Some(AccessTokenStatus {
            observed_generation: Some(-1),
            ..AccessTokenStatus::default()
        });
        Ok(store.keep_object(object, Author::User, Verb::Use))
    }

    /// Changes an object; a changed spec makes a new generation.
    ///
    /// # Errors
    /// There is none.
    pub fn edit_object(
        &self,
        namespace: &str,
        name: &str,
        change: impl FnOnce(&mut AccessToken),
    ) -> Result<AccessToken, ClusterError> {
        let mut store = self.store();
        let stored = store.objects.get(&(namespace.to_owned(), name.to_owned()));
        let before = stored.cloned().ok_or(ClusterError::NotFound)?;
        let mut object = before.clone();
        change(&mut object);
        if object.spec != before.spec {
            object.metadata.generation = before.metadata.generation.map(|number| number + 1);
        }
        Ok(store.keep_object(object, Author::User, Verb::Use))
    }

    /// Asks for an object's deletion.
    pub fn delete_object(&self, namespace: &str, name: &str) {
        let place = (namespace.to_owned(), name.to_owned());
        self.store().delete_object(&place);
    }

    /// The object as it is now.
    #[must_use]
    pub fn object(&self, namespace: &str, name: &str) -> Option<AccessToken> {
        let place = (namespace.to_owned(), name.to_owned());
        self.store().objects.get(&place).cloned()
    }

    /// Puts a Secret of somebody else's there, in the place of any other.
    pub fn put_secret(&self, namespace: &str, name: &str, contents: Contents) {
        let mut store = self.store();
        let secret = StoredSecret::create(store.fresh_uid(), contents, Manager::Other);
        let place = (namespace.to_owned(), name.to_owned());
        store.keep_secret(place, secret, Author::User, Verb::Use);
    }

    /// Changes parts of a Secret; `None` takes one away.
    ///
    /// # Errors
    /// There is none.
    pub fn edit_secret(
        &self,
        namespace: &str,
        name: &str,
        changes: BTreeMap<(Part, String), Option<Vec<u8>>>,
    ) -> Result<StoredSecret, ClusterError> {
        let mut store = self.store();
        let place = (namespace.to_owned(), name.to_owned());
        let stored = store.secrets.get(&place).cloned();
        let mut secret = stored.ok_or(ClusterError::NotFound)?;
        secret.update(changes, Manager::Other);
        Ok(store.keep_secret(place, secret, Author::User, Verb::Use))
    }

    /// Deletes a Secret.
    pub fn remove_secret(&self, namespace: &str, name: &str) {
        let place = (namespace.to_owned(), name.to_owned());
        self.store().drop_secret(&place, Author::User, Verb::Use);
    }

    /// The Secret as it is now.
    #[must_use]
    pub fn secret(&self, namespace: &str, name: &str) -> Option<StoredSecret> {
        let place = (namespace.to_owned(), name.to_owned());
        self.store().secrets.get(&place).cloned()
    }

    /// The names of all Secrets in a namespace.
    #[must_use]
    pub fn secret_names(&self, namespace: &str) -> Vec<String> {
        let store = self.store();
        let places = store.secrets.keys().filter(|place| place.0 == namespace);
        places.map(|place| place.1.clone()).collect()
    }

    /// Every change so far.
    #[must_use]
    pub fn log(&self) -> Vec<Write> {
        self.store().log.clone()
    }

    /// Every event so far, with the name of the object it is about.
    #[must_use]
    pub fn notices(&self) -> Vec<(String, Notice)> {
        self.store().notices.clone()
    }

    /// What was noted down as left behind.
    #[must_use]
    pub fn left_behind(&self) -> Vec<(Identity, Vec<TokenId>)> {
        self.store().left_behind.clone()
    }
}
