//! All objects as the caches show them.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use kube::ResourceExt;
use kube::runtime::reflector::Store;
use tokio::time::timeout;

use crate::api::AccessToken;
use crate::api::conditions::find_condition;
use crate::api::record;
use crate::cluster::Cluster;
use crate::controller::account::Usage;
use crate::controller::account::registry::Accounts;
use crate::controller::token::context::Context;
use crate::controller::token::ownership::is_ours;
use crate::controller::token::reservation::uses_account;
use crate::domain::account::AccountKey;
use crate::domain::conditions::ConditionType;
use crate::domain::ids::ObjectUid;
use crate::domain::orphans::Living;
use crate::launchdarkly::TokensApi;
use crate::runtime::leader::LeaderTaskError;
use crate::runtime::metrics::TokenState;

/// How often a store is asked whether it has seen everything.
const ASK_AGAIN: Duration = Duration::from_millis(50);

/// The caches of all namespaces that are looked after.
#[derive(Clone)]
pub(in crate::controller) struct ObjectCache(Arc<Vec<Store<AccessToken>>>);

impl ObjectCache {
    pub(in crate::controller) fn new(stores: Vec<Store<AccessToken>>) -> Self {
        Self(Arc::new(stores))
    }

    /// Waits until every object has been seen once.
    ///
    /// A store wakes only whoever asked last, and its controller asks too: so it is asked again and again.
    pub(in crate::controller) async fn wait_until_seen(&self) -> Result<(), LeaderTaskError> {
        for store in self.0.iter() {
            loop {
                if let Ok(seen) = timeout(ASK_AGAIN, store.wait_until_ready()).await {
                    seen?;
                    break;
                }
            }
        }
        Ok(())
    }

    /// Every object.
    pub(in crate::controller) fn all(&self) -> Vec<Arc<AccessToken>> {
        self.0.iter().flat_map(Store::state).collect()
    }

    /// The UIDs of all objects.
    pub(in crate::controller) fn uids(&self) -> HashSet<ObjectUid> {
        let uid = |object: &Arc<AccessToken>| ObjectUid::new(object.uid().unwrap_or_default());
        self.all().iter().map(uid).collect()
    }

    /// The accounts that objects use, by the names under which they refer to them.
    pub(in crate::controller) fn account_keys(&self) -> HashSet<AccountKey> {
        self.all().iter().map(|it| it.account_key()).collect()
    }

    /// Who lives in this cluster, and what they answer for.
    pub(in crate::controller) fn living(&self) -> Living {
        let objects = self.all();
        let records = objects
            .iter()
            .filter_map(|object| object.status.as_ref().map(record::read));
        Living {
            claimed: records
                .flat_map(|record| record.token_ids().cloned().collect::<Vec<_>>())
                .collect(),
            objects: self.uids(),
        }
    }

    /// Objects that have a token keep it and their slots before any new one can take them.
    pub(in crate::controller) fn occupy<L: TokensApi>(&self, accounts: &Accounts<L>) {
        for object in self.all() {
            let record = object.status.as_ref().map(record::read).unwrap_or_default();
            let identity = object.identity();
            accounts.claims.note(&identity, &record);
            if uses_account(&object, &record) {
                accounts.occupy(&object.account_key(), &identity, Usage::of(&record));
            }
        }
    }

    /// The objects that this installation handles.
    pub(in crate::controller) fn ours<C: Cluster, L: TokensApi>(
        &self,
        ctx: &Context<C, L>,
    ) -> Vec<Arc<AccessToken>> {
        let mut objects = self.all();
        objects.retain(|object| is_ours(ctx, object));
        objects
    }

    /// Counts the objects by state.
    pub(in crate::controller) fn count<C: Cluster, L: TokensApi>(&self, ctx: &Context<C, L>) {
        let (objects, metrics) = (self.ours(ctx), &ctx.metrics);
        metrics.set_accounts_left_alone(ctx.accounts.left_to_rivals());
        for state in [
            TokenState::Ready,
            TokenState::Reconciling,
            TokenState::Stalled,
            TokenState::Deleting,
        ] {
            metrics.set_tokens(
                state,
                objects
                    .iter()
                    .filter(|object| state_of(object) == state)
                    .count(),
            );
        }
    }
}

fn state_of(object: &AccessToken) -> TokenState {
    let holds = |kind| {
        let conditions = object.status.as_ref().map(|status| &status.conditions);
        conditions
            .and_then(|conditions| find_condition(conditions, kind))
            .is_some_and(|c| c.status == "True")
    };
    if object.metadata.deletion_timestamp.is_some() {
        TokenState::Deleting
    } else if holds(ConditionType::Stalled) {
        TokenState::Stalled
    } else if holds(ConditionType::Ready) {
        TokenState::Ready
    } else {
        TokenState::Reconciling
    }
}
