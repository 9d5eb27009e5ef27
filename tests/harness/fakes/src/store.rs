//! What the API server keeps.

use std::any::{Any, TypeId};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::{Resource as _, ResourceExt};
use launchdarkly_token_operator::api::AccessToken;
use launchdarkly_token_operator::cluster::{ClusterError, Managed, NamespaceFacts, Notice};
use launchdarkly_token_operator::domain::account::AccountKey;
use launchdarkly_token_operator::domain::account::handler::{ControllerRef, LeaseReading};
use launchdarkly_token_operator::domain::ids::TokenId;
use launchdarkly_token_operator::domain::record::Identity;
use launchdarkly_token_operator::domain::secret::SecretRevision;
use launchdarkly_token_operator::runtime::clock::Clock;

use crate::fake::Trouble;
use crate::log::{Author, Thing, Verb, Write};
use crate::secret::StoredSecret;

/// Namespace and name; what belongs to the whole cluster has no namespace.
pub(crate) type Place = (String, String);

/// Objects of every kind that the operator looks after, by kind and place.
#[derive(Default)]
pub(crate) struct Objects(HashMap<(TypeId, Place), Box<dyn Any + Send>>);

impl Objects {
    pub(crate) fn get<K: Managed>(&self, place: &Place) -> Option<&K> {
        let stored = self.0.get(&(TypeId::of::<K>(), place.clone()))?;
        stored.downcast_ref()
    }

    fn all<K: Managed>(&self) -> impl Iterator<Item = &K> {
        self.0.values().filter_map(|stored| stored.downcast_ref())
    }

    fn insert<K: Managed>(&mut self, place: Place, object: K) {
        self.0.insert((TypeId::of::<K>(), place), Box::new(object));
    }

    fn remove<K: Managed>(&mut self, place: &Place) {
        self.0.remove(&(TypeId::of::<K>(), place.clone()));
    }
}

pub(crate) struct Store {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) namespaces: BTreeMap<String, NamespaceFacts>,
    pub(crate) objects: Objects,
    pub(crate) secrets: BTreeMap<Place, StoredSecret>,
    pub(crate) leases: HashMap<ControllerRef, LeaseReading>,
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
            objects: Objects::default(),
            secrets: BTreeMap::new(),
            leases: HashMap::new(),
            log: Vec::new(),
            notices: Vec::new(),
            left_behind: Vec::new(),
            troubles: Vec::new(),
            version: 100,
            uids: 0,
        }
    }

    /// Another cluster that was restored from a backup of this one: the same access tokens and Secrets, and a life of its own.
    pub(crate) fn fork(&self) -> Self {
        let mut objects = Objects::default();
        for (kind, place) in self.objects.0.keys() {
            if *kind == TypeId::of::<AccessToken>()
                && let Some(object) = self.objects.get::<AccessToken>(place)
            {
                objects.insert(place.clone(), object.clone());
            }
        }
        Self {
            namespaces: self.namespaces.clone(),
            objects,
            secrets: self.secrets.clone(),
            log: self.log.clone(),
            version: self.version,
            uids: self.uids,
            ..Self::new(self.clock.clone())
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

    /// The access tokens that name this `ClusterLaunchDarklyAccount` and that our finalizer holds.
    pub(crate) fn users_of(&self, account: &str) -> usize {
        let key = AccountKey::Cluster {
            name: account.to_owned(),
        };
        let tokens = self.objects.all::<AccessToken>();
        tokens
            .filter(|token| token.has_finalizer() && token.account_key() == key)
            .count()
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
    pub(crate) fn same_object<K: Managed>(&self, read: &K) -> Result<K, ClusterError> {
        let stored: &K = self
            .objects
            .get(&place(read))
            .ok_or(ClusterError::NotFound)?;
        let (ours, theirs) = (read.meta(), stored.meta());
        if ours.uid != theirs.uid || ours.resource_version != theirs.resource_version {
            return Err(ClusterError::Conflict);
        }
        Ok(stored.clone())
    }

    /// Keeps an object, or lets it go when it is being deleted and nothing holds it.
    pub(crate) fn keep_object<K: Managed>(
        &mut self,
        mut object: K,
        author: Author,
        verb: Verb,
    ) -> K {
        let place = place(&object);
        if self.objects.get(&place) == Some(&object) {
            return object;
        }
        let version = self.fresh_version().to_string();
        object.meta_mut().resource_version = Some(version);
        let goes = object.meta().deletion_timestamp.is_some() && object.finalizers().is_empty();
        if goes {
            self.objects.remove::<K>(&place);
        } else {
            self.objects.insert(place.clone(), object.clone());
        }
        let after = (!goes).then(|| object.clone());
        self.note(author, verb, thing(place.1, after));
        object
    }

    /// Begins a deletion.
    pub(crate) fn delete_object<K: Managed>(&mut self, place: &Place) {
        let now = self.clock.now();
        if let Some(mut object) = self.objects.get::<K>(place).cloned() {
            let metadata = object.meta_mut();
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

pub(crate) fn place<K: Managed>(object: &K) -> Place {
    (object.namespace().unwrap_or_default(), object.name_any())
}

/// What a change was made to. Accounts are told apart from tokens, which invariants are judged on.
fn thing<K: Managed>(name: String, after: Option<K>) -> Thing {
    let kind = K::kind(&()).into_owned();
    let Some(object) = after else {
        return if kind == AccessToken::kind(&()) {
            Thing::Object { name, after: None }
        } else {
            Thing::Account { kind, name }
        };
    };
    match (Box::new(object) as Box<dyn Any>).downcast::<AccessToken>() {
        Ok(token) => Thing::Object {
            name,
            after: Some(token),
        },
        Err(_) => Thing::Account { kind, name },
    }
}
