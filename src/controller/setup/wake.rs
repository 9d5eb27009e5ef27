//! Has objects reconciled before their time.

use std::collections::HashSet;
use std::sync::Arc;

use futures::{Stream, StreamExt as _, stream};
use kube::runtime::reflector::{ObjectRef, Store};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use crate::api::AccessToken;
use crate::domain::account::AccountKey;

/// How many calls a controller that is busy elsewhere does not miss. One that missed some wakes all of its objects.
const KEPT: usize = 256;

/// Wakes objects of all controllers of access tokens.
#[derive(Debug, Clone)]
pub(super) struct Wake(broadcast::Sender<Woken>);

#[derive(Debug, Clone)]
enum Woken {
    All,
    UsersOf(Arc<HashSet<AccountKey>>),
}

impl Wake {
    pub(super) fn new() -> Self {
        Self(broadcast::channel(KEPT).0)
    }

    /// Wakes every object.
    pub(super) fn all(&self) {
        self.send(Woken::All);
    }

    /// Wakes the objects that use one of these accounts.
    pub(super) fn users_of(&self, accounts: HashSet<AccountKey>) {
        if !accounts.is_empty() {
            self.send(Woken::UsersOf(Arc::new(accounts)));
        }
    }

    /// The objects of a cache that are woken from now on.
    pub(super) fn woken(
        &self,
        store: Store<AccessToken>,
    ) -> impl Stream<Item = ObjectRef<AccessToken>> + Send + 'static {
        let calls = stream::unfold(self.0.subscribe(), |mut calls| async move {
            match calls.recv().await {
                Ok(woken) => Some((woken, calls)),
                Err(RecvError::Lagged(_)) => Some((Woken::All, calls)),
                Err(RecvError::Closed) => None,
            }
        });
        calls.flat_map(move |woken| stream::iter(objects(&store, &woken)))
    }

    fn send(&self, woken: Woken) {
        // Without a controller there is nobody to wake.
        let _ = self.0.send(woken);
    }
}

fn objects(store: &Store<AccessToken>, woken: &Woken) -> Vec<ObjectRef<AccessToken>> {
    match woken {
        Woken::All => {
            let all = store.state();
            all.iter().map(|it| ObjectRef::from_obj(&**it)).collect()
        }
        Woken::UsersOf(accounts) => users_of(store, |key| accounts.contains(key)),
    }
}

/// The objects of a cache that use such an account.
pub(super) fn users_of(
    store: &Store<AccessToken>,
    is_used: impl Fn(&AccountKey) -> bool,
) -> Vec<ObjectRef<AccessToken>> {
    let users = store
        .state()
        .into_iter()
        .filter(|object| is_used(&object.account_key()));
    users.map(|object| ObjectRef::from_obj(&*object)).collect()
}
