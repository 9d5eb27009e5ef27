//! What everybody else does to the cluster, and what tests look at.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt as _;
use kube::core::object::HasStatus;
use launchdarkly_token_operator::api::{AccessToken, AccessTokenStatus, AccountStatus};
use launchdarkly_token_operator::cluster::{ClusterError, Managed, NamespaceFacts, Notice};
use launchdarkly_token_operator::domain::account::handler::{ControllerRef, LeaseReading};
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

    /// Has the leader of another installation hold, renew or release its Lease; `None` deletes it.
    pub fn set_lease(&self, at: ControllerRef, lease: Option<LeaseReading>) {
        let mut store = self.store();
        match lease {
            Some(lease) => store.leases.insert(at, lease),
            None => store.leases.remove(&at),
        };
    }

    /// Creates an object, as the API server would fill it in.
    ///
    /// # Errors
    /// The namespace does not take it, or the name is taken.
    pub fn create_object(&self, mut object: AccessToken) -> Result<AccessToken, ClusterError> {
        object.status = Some(AccessTokenStatus {
            observed_generation: Some(-1),
            ..AccessTokenStatus::default()
        });
        self.create(object)
    }

    /// The same for an account of either kind.
    ///
    /// # Errors
    /// The namespace does not take it, or the name is taken.
    pub fn create_account<K>(&self, mut account: K) -> Result<K, ClusterError>
    where
        K: Managed + HasStatus<Status = AccountStatus>,
    {
        *account.status_mut() = Some(AccountStatus {
            observed_generation: Some(-1),
            ..AccountStatus::default()
        });
        self.create(account)
    }

    fn create<K: Managed>(&self, mut object: K) -> Result<K, ClusterError> {
        let mut store = self.store();
        if let Some(namespace) = object.namespace() {
            store.admits(&namespace)?;
        }
        if store.objects.get::<K>(&place(&object)).is_some() {
            return Err(ClusterError::Conflict);
        }
        let (uid, now) = (store.fresh_uid(), store.clock.now());
        let metadata = object.meta_mut();
        metadata.uid = Some(uid);
        metadata.generation = Some(1);
        metadata.creation_timestamp = Some(Time(now));
        Ok(store.keep_object(object, Author::User, Verb::Use))
    }

    /// Changes an object; a changed spec makes a new generation.
    ///
    /// # Errors
    /// There is none.
    pub fn edit_object<K: Managed>(
        &self,
        namespace: &str,
        name: &str,
        change: impl FnOnce(&mut K),
    ) -> Result<K, ClusterError> {
        let mut store = self.store();
        let place = (namespace.to_owned(), name.to_owned());
        let stored = store.objects.get::<K>(&place);
        let before = stored.cloned().ok_or(ClusterError::NotFound)?;
        let mut object = before.clone();
        change(&mut object);
        if object.spec() != before.spec() {
            let generation = before.meta().generation;
            object.meta_mut().generation = generation.map(|number| number + 1);
        }
        Ok(store.keep_object(object, Author::User, Verb::Use))
    }

    /// Asks for an object's deletion.
    pub fn delete_object(&self, namespace: &str, name: &str) {
        self.delete::<AccessToken>(namespace, name);
    }

    /// Asks for the deletion of an object of any kind.
    pub fn delete<K: Managed>(&self, namespace: &str, name: &str) {
        let place = (namespace.to_owned(), name.to_owned());
        self.store().delete_object::<K>(&place);
    }

    /// The object as it is now.
    #[must_use]
    pub fn object(&self, namespace: &str, name: &str) -> Option<AccessToken> {
        self.get(namespace, name)
    }

    /// The object of any kind as it is now.
    #[must_use]
    pub fn get<K: Managed>(&self, namespace: &str, name: &str) -> Option<K> {
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
