//! What the metrics show of single objects, read from the caches when somebody asks.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use kube::ResourceExt;

use super::cache::ObjectCache;
use crate::api::conditions::find_condition;
use crate::api::{AccessToken, AccessTokenSpec, AccessTokenStatus};
use crate::cluster::Cluster;
use crate::controller::account::registry::{Accounts, Availability, Entry, Session};
use crate::controller::token::context::Context;
use crate::domain::account::AccountKey;
use crate::domain::conditions::ConditionType;
use crate::domain::desired::Strategy;
use crate::domain::ids::TokenId;
use crate::domain::memory::ShownListing;
use crate::domain::reason::Reason;
use crate::launchdarkly::{Token, TokensApi};
use crate::runtime::metrics::{AccountSample, RemoteAccountSample, Samples, TokenSample};

/// Everything there is to show of single objects: of every account, and of every `AccessToken` if `per_object`.
pub(super) fn facts<C: Cluster, L: TokensApi>(
    ctx: &Context<C, L>,
    objects: &ObjectCache,
    per_object: bool,
) -> Samples {
    let entries = ctx.accounts.all();
    let mut facts = Samples::default();
    if per_object {
        let listings: Vec<_> = entries
            .iter()
            .filter_map(|(_, entry)| entry.state.newest_session()?.listing())
            .collect();
        let expirations = expirations(&listings);
        facts.tokens = objects
            .ours(ctx)
            .iter()
            .map(|object| token(object, &expirations))
            .collect();
    }
    facts.accounts = entries
        .iter()
        .map(|(key, entry)| account(ctx, key, entry))
        .collect();
    facts
}

/// The tokens that have an end, as the last listings show them.
fn expirations<L: ShownListing<Token>>(listings: &[Arc<L>]) -> HashMap<&TokenId, Timestamp> {
    listings
        .iter()
        .flat_map(|listing| listing.tokens())
        .filter_map(|token| Some((&token.id, token.expiry?)))
        .collect()
}

fn token(object: &AccessToken, expirations: &HashMap<&TokenId, Timestamp>) -> TokenSample {
    let nothing = AccessTokenStatus::default();
    let (spec, status) = (&object.spec, object.status.as_ref().unwrap_or(&nothing));
    let ready = find_condition(&status.conditions, ConditionType::Ready);
    let rotation = status.rotation.clone().unwrap_or_default();
    let suspended = spec.suspend.unwrap_or_default();
    let idle = suspended || object.metadata.deletion_timestamp.is_some();
    let expiration = status
        .token
        .as_ref()
        .and_then(|token| expirations.get(&token.id).copied());
    TokenSample {
        namespace: object.namespace().unwrap_or_default(),
        name: object.name_any(),
        ready: ready.and_then(|condition| condition.status.to_lowercase().parse().ok()),
        reason: ready
            .and_then(|condition| condition.reason.parse().ok())
            .map(Reason::as_str),
        account_kind: spec.account_ref.kind.into(),
        account: spec.account_ref.name.clone(),
        grant: grant(spec),
        service_token: spec.service_token.unwrap_or(true),
        strategy: strategy(spec).into(),
        suspended,
        last_rotation: rotation.last_rotation_time,
        next_rotation: rotation.next_rotation_time.filter(|_| !idle),
        previous_key_expiration: rotation.previous_key_expiration_time,
        expiration,
        live_tokens: usize::from(status.token.is_some()) + status.retiring.len(),
    }
}

fn grant(spec: &AccessTokenSpec) -> &'static str {
    match (spec.role, &spec.custom_roles) {
        (Some(role), _) => role.into(),
        (None, Some(_)) => "customRoles",
        (None, None) => "inlineRole",
    }
}

fn strategy(spec: &AccessTokenSpec) -> Strategy {
    let rotation = spec.rotation.as_ref();
    rotation
        .and_then(|rotation| rotation.strategy)
        .unwrap_or(Strategy::Reset)
}

fn account<C: Cluster, L: TokensApi>(
    ctx: &Context<C, L>,
    key: &AccountKey,
    entry: &Entry<L>,
) -> AccountSample {
    let (kind, namespace, name) = match key {
        AccountKey::Namespaced { namespace, name } => {
            ("LaunchDarklyAccount", namespace.clone(), name)
        }
        AccountKey::Cluster { name } => ("ClusterLaunchDarklyAccount", String::new(), name),
    };
    let reason = match &entry.state {
        Availability::Usable(_) => Reason::Available,
        Availability::Unusable { own_reason, .. } => *own_reason,
    };
    AccountSample {
        kind,
        namespace,
        name: name.clone(),
        reason: reason.as_str(),
        ready: matches!(entry.state, Availability::Usable(_)),
        access_tokens: ctx.accounts.users(key),
        behind: entry
            .state
            .newest_session()
            .map(|session| behind(&ctx.accounts, key, session, ctx.clock.steady())),
    }
}

fn behind<L: TokensApi>(
    accounts: &Accounts<L>,
    key: &AccountKey,
    session: &Session<L>,
    now: Timestamp,
) -> RemoteAccountSample {
    let shared = &session.state;
    RemoteAccountSample {
        orphaned: shared.all_orphans(),
        unknown: accounts.unknown(key).len(),
        left_behind: shared.left_behind(key).len(),
        mass_change: shared.worst_hold(now).is_some(),
        clock_offset: session.api.clock_offset().likely.as_secs_f64(),
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
    use serde_json::json;

    use super::*;

    fn object() -> AccessToken {
        serde_json::from_value(json!({
            "apiVersion": "ldtokens.dev/v1alpha1",
            "kind": "AccessToken",
            "metadata": {"namespace": "team-a", "name": "web"},
            "spec": {"customRoles": ["deployer"], "rotation": {"interval": "1h"}},
            "status": {
                "conditions": [{
                    "type": "Ready", "status": "False", "reason": "RateLimited", "message": "",
                    "lastTransitionTime": "2026-11-22T10:00:00Z",
                }],
                "token": {"id": "61095542756dba551110ae21", "name": "team-a/web", "specHash": "v1:0.0"},
                "rotation": {"nextRotationTime": "2026-11-22T11:00:00Z"},
            },
        }))
        .unwrap()
    }

    #[test]
    fn an_object_is_shown_with_its_state_and_times() {
        let id = object().status.unwrap().token.unwrap().id;
        let end: Timestamp = "2027-01-01T00:00:00Z".parse().unwrap();
        let facts = token(&object(), &HashMap::from([(&id, end)]));
        assert_eq!(facts.ready, Some(false));
        assert_eq!(facts.reason, Some("RateLimited"));
        assert_eq!(facts.grant, "customRoles");
        assert_eq!(facts.live_tokens, 1);
        assert_eq!(facts.expiration, Some(end));
        assert_eq!(
            facts.next_rotation,
            Some("2026-11-22T11:00:00Z".parse().unwrap())
        );
    }

    #[test]
    fn a_schedule_that_is_not_in_force_is_not_shown() {
        let mut suspended = object();
        suspended.spec.suspend = Some(true);
        let mut deleted = object();
        deleted.metadata.deletion_timestamp = Some(Time(Timestamp::UNIX_EPOCH));
        for object in [suspended, deleted] {
            assert_eq!(token(&object, &HashMap::new()).next_rotation, None);
        }
    }

    #[test]
    fn an_object_that_was_not_reconciled_yet_is_neither_ready_nor_not() {
        let mut fresh = object();
        fresh.status = None;
        let facts = token(&fresh, &HashMap::new());
        assert_eq!((facts.ready, facts.reason), (None, None));
        assert_eq!(facts.live_tokens, 0);
    }
}
