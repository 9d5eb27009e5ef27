//! The film: every version of every object and Secret that the API server showed, from a watch that misses none.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Api, ListParams, WatchEvent, WatchParams};
use kube::{Client, Resource, ResourceExt};
use launchdarkly_token_operator::api::AccessToken;
use launchdarkly_token_operator::api::conditions::find_condition;
use launchdarkly_token_operator::cluster::secret::MANAGED_BY;
use launchdarkly_token_operator::cluster::secret::annotation;
use launchdarkly_token_operator::domain::conditions::ConditionType;
use launchdarkly_token_operator::domain::record::PendingOperation;
use launchdarkly_token_operator::redaction::Key;
use parking_lot::{Mutex, MutexGuard};
use serde::de::DeserializeOwned;

use crate::evidence::{Intent, KeyName, Millis, Publication};

/// The time now.
pub fn now() -> Millis {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    Millis::try_from(since.unwrap().as_millis()).unwrap()
}

/// Namespace and name.
pub type Place = (String, String);

/// What was shown of one object.
#[derive(Debug, Clone)]
pub struct Reel {
    pub place: Place,
    /// The last version.
    pub latest: AccessToken,
    /// Since when it is gone.
    pub gone: Option<Millis>,
    pub intents: Vec<Intent>,
    /// From when on which attempt was pending.
    pub pending: Vec<(Millis, Option<String>)>,
    pub publications: Vec<Publication>,
}

/// A key that is or was in a Secret.
#[derive(Clone)]
pub struct Held {
    pub uid: String,
    pub place: Place,
    pub name: KeyName,
    pub key: Key,
    /// When its successor came.
    pub replaced: Option<Millis>,
}

/// All that was shown so far.
#[derive(Default)]
pub struct Shown {
    /// By UID.
    pub reels: BTreeMap<String, Reel>,
    /// The living objects' UIDs.
    pub living: BTreeMap<Place, String>,
    /// Every key that a Secret ever held, in the order in which they came.
    pub held: Vec<Held>,
    /// The key in each Secret that is there now, as its number in `held`.
    pub current: BTreeMap<Place, usize>,
    /// Why the film has a gap.
    broken: Option<String>,
}

/// The film while it is being made.
#[derive(Clone)]
pub struct Film(Arc<Mutex<Shown>>);

impl Film {
    /// Begins with what is there now.
    pub async fn start(client: &Client) -> Self {
        let film = Self(Arc::default());
        let label = format!("{}={}", MANAGED_BY.0, MANAGED_BY.1);
        let secrets = follow(
            Api::<Secret>::all(client.clone()),
            Some(label),
            film.clone(),
            |shown, secret, gone| shown.secret(&secret, gone),
        );
        let objects = follow(
            Api::<AccessToken>::all(client.clone()),
            None,
            film.clone(),
            Shown::object,
        );
        tokio::spawn(secrets.await);
        tokio::spawn(objects.await);
        film
    }

    /// What was shown so far; fails the test if something was missed.
    pub fn shown(&self) -> MutexGuard<'_, Shown> {
        let shown = self.0.lock();
        assert_eq!(shown.broken, None, "the watch missed something");
        shown
    }

    /// The last version of the object there, if there is one.
    pub fn object(&self, place: &Place) -> Option<Reel> {
        let shown = self.shown();
        let uid = shown.living.get(place)?;
        shown.reels.get(uid).cloned()
    }
}

/// Lists once and returns what then watches for ever, from version to version.
async fn follow<K>(
    api: Api<K>,
    label: Option<String>,
    film: Film,
    take: fn(&mut Shown, K, bool),
) -> impl Future<Output = ()>
where
    K: Resource + Clone + DeserializeOwned + std::fmt::Debug + Send + 'static,
{
    let selector = label.unwrap_or_default();
    let list = api
        .list(&ListParams::default().labels(&selector))
        .await
        .unwrap();
    assert!(list.items.is_empty(), "the film begins before the story");
    let mut version = list.metadata.resource_version.unwrap_or_default();
    async move {
        loop {
            let parameters = WatchParams::default().labels(&selector).timeout(290);
            let broken = match api.watch(&parameters, &version).await {
                Ok(events) => show(events.boxed(), &film, take, &mut version).await,
                Err(error) => Some(error.to_string()),
            };
            if broken.is_some() {
                film.0.lock().broken = broken;
                return;
            }
        }
    }
}

/// Takes events until the stream ends; returns what makes going on impossible.
async fn show<K>(
    mut events: futures::stream::BoxStream<'_, kube::Result<WatchEvent<K>>>,
    film: &Film,
    take: fn(&mut Shown, K, bool),
    version: &mut String,
) -> Option<String>
where
    K: Resource + Clone + DeserializeOwned + std::fmt::Debug + 'static,
{
    loop {
        let (object, gone) = match events.try_next().await {
            Ok(None) => return None,
            Ok(Some(WatchEvent::Added(object) | WatchEvent::Modified(object))) => (object, false),
            Ok(Some(WatchEvent::Deleted(object))) => (object, true),
            Ok(Some(WatchEvent::Bookmark(bookmark))) => {
                *version = bookmark.metadata.resource_version;
                continue;
            }
            Ok(Some(WatchEvent::Error(status))) => return Some(format!("{status:?}")),
            Err(error) => return Some(error.to_string()),
        };
        *version = object.meta().resource_version.clone().unwrap_or_default();
        take(&mut film.0.lock(), object, gone);
    }
}

fn place<K: ResourceExt>(object: &K) -> Place {
    (object.namespace().unwrap_or_default(), object.name_any())
}

/// Why an object is not as its user wants it: what a user waits for.
pub fn unsettled(object: &AccessToken) -> Option<String> {
    let status = object.status.clone().unwrap_or_default();
    let Some(ready) = find_condition(&status.conditions, ConditionType::Ready) else {
        return Some("it says nothing".to_owned());
    };
    if ready.status != "True" {
        return Some(format!("{}: {}", ready.reason, ready.message));
    }
    if status.observed_generation != object.metadata.generation {
        return Some("the last edit was not seen".to_owned());
    }
    status
        .pending
        .map(|pending| format!("a {} is pending", pending.operation))
}

impl Shown {
    fn object(&mut self, object: AccessToken, gone: bool) {
        let (place, uid) = (place(&object), object.uid().unwrap_or_default());
        let pending = object
            .status
            .as_ref()
            .and_then(|status| status.pending.clone());
        let reel = self.reel(&uid, &place);
        reel.latest = object;
        reel.gone = gone.then(now);
        let attempt = pending.as_ref().map(|pending| pending.attempt.to_string());
        if let Some(pending) = pending
            && reel
                .intents
                .iter()
                .all(|known| known.attempt != pending.attempt.as_str())
        {
            let resets = (pending.operation == PendingOperation::Reset).then(|| {
                pending
                    .token_id
                    .map(|id| id.to_string())
                    .unwrap_or_default()
            });
            reel.intents.push(Intent {
                at: now(),
                attempt: pending.attempt.to_string(),
                why: format!("{} {:?}", pending.cause, pending.handles),
                resets,
            });
        }
        let known = reel.pending.last().and_then(|(_, attempt)| attempt.clone());
        if known != attempt {
            reel.pending.push((now(), attempt));
        }
        if gone {
            self.living.remove(&place);
        } else {
            self.living.insert(place, uid);
        }
    }

    fn secret(&mut self, secret: &Secret, gone: bool) {
        let place = place(secret);
        if gone {
            self.current.remove(&place);
            return;
        }
        let mark = |name: &str| secret.annotations().get(name).cloned().unwrap_or_default();
        let (uid, entry) = (mark(annotation::UID), mark(annotation::KEY_ENTRY));
        let data = secret.data.as_ref().and_then(|data| data.get(&entry));
        let Some(key) = data.and_then(|bytes| Key::from_bytes(&bytes.0).ok()) else {
            return;
        };
        let name = key.fingerprint().to_string();
        let same = self
            .current
            .get(&place)
            .is_some_and(|held| self.held[*held].name == name);
        if same {
            return;
        }
        self.replace(&place);
        let owner = mark(annotation::OWNED_BY);
        let owner = owner.split_once('/').unwrap_or_default();
        let owner = (owner.0.to_owned(), owner.1.to_owned());
        self.reel(&uid, &owner).publications.push(Publication {
            at: now(),
            key: name.clone(),
        });
        self.current.insert(place.clone(), self.held.len());
        self.held.push(Held {
            uid,
            place,
            name,
            key,
            replaced: None,
        });
    }

    /// The key that came there last is no longer the newest.
    fn replace(&mut self, place: &Place) {
        let mut older = self.held.iter_mut().filter(|held| held.place == *place);
        if let Some(last) = older.next_back() {
            last.replaced = last.replaced.or(Some(now()));
        }
    }

    fn reel(&mut self, uid: &str, place: &Place) -> &mut Reel {
        self.reels.entry(uid.to_owned()).or_insert_with(|| Reel {
            place: place.clone(),
            latest: AccessToken::new(
                &place.1,
                launchdarkly_token_operator::api::AccessTokenSpec::default(),
            ),
            gone: None,
            intents: Vec::new(),
            pending: Vec::new(),
            publications: Vec::new(),
        })
    }
}
