//! The account an object belongs to: whether calls can be made, and what it may ask for.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::cluster::Cluster;
use crate::controller::account::registry::{Availability, Entry, Session};
use crate::controller::token::context::Context;
use crate::domain::account::AccountKey;
use crate::domain::desired::{DeletionPolicy, Desired};
use crate::domain::memory::RoleMemory;
use crate::domain::namespaces::is_admitted;
use crate::domain::observed::{Account, AccountFacts, Admission, OwnToken};
use crate::domain::policy::{self};
use crate::domain::problem::Problem;
use crate::domain::reason::Reason;
use crate::domain::record::Identity;
use crate::launchdarkly::TokensApi;

/// New objects may have been applied together with their account: that is waited for before it is called a mistake.
fn unusable_account_missing(key: &AccountKey, is_new: bool) -> Account {
    let message = match key {
        AccountKey::Cluster { name } => {
            format!("ClusterLaunchDarklyAccount {name:?} does not exist; create it")
        }
        AccountKey::Namespaced { namespace, name } => {
            format!(
                "LaunchDarklyAccount {name:?} does not exist in namespace {namespace:?}; create it, or set spec.accountRef"
            )
        }
    };
    Account::Unusable(Problem::user(Reason::AccountNotFound, message).passing_if(is_new))
}

/// What an account says to an object.
pub(in crate::controller) struct AccountQuery<'a, C, L> {
    pub(in crate::controller) ctx: &'a Context<C, L>,
    pub(in crate::controller) key: &'a AccountKey,
    pub(in crate::controller) identity: &'a Identity,
    pub(in crate::controller) namespace_labels: &'a BTreeMap<String, String>,
    pub(in crate::controller) desired: &'a Result<Desired, Problem>,
    /// Whether it has a token already.
    pub(in crate::controller) has_token: bool,
    pub(in crate::controller) deleting: bool,
    /// What the spec asks for when it is deleted.
    pub(in crate::controller) deletion_policy: DeletionPolicy,
    /// Whether the object was created a moment ago.
    pub(in crate::controller) is_new: bool,
    pub(in crate::controller) steady: Timestamp,
}

impl<C: Cluster, L: TokensApi> AccountQuery<'_, C, L> {
    pub(in crate::controller) fn account(
        &self,
        entry: Option<&Entry<L>>,
        roles: &RoleMemory,
    ) -> (Account, Option<Session<L>>) {
        let Some(entry) = entry else {
            return (unusable_account_missing(self.key, self.is_new), None);
        };
        let session = match &entry.state {
            Availability::Usable(session) => session,
            // The last good credential still serves for deletions.
            Availability::Unusable {
                last: Some(last), ..
            } if self.deleting => last,
            Availability::Unusable { problem, .. } => {
                let problem = problem.clone().passing_if(self.is_new);
                return (Account::Unusable(problem), None);
            }
        };
        let features = session.features(self.steady);
        let facts = AccountFacts {
            id: session.account_id.clone(),
            credential: OwnToken::elsewhere(),
            installation: self.ctx.accounts.installation.clone(),
            admission: self.admission(entry, roles),
            reset: features.reset,
            expiry: features.expiry,
            longest_description: features.longest_description,
            max_rotation_interval: entry.policy.max_interval,
            held_by_budget: session.state.hold(self.identity, self.steady),
        };
        let session = session.clone().on_behalf_of(&self.identity.namespace);
        (Account::Usable(facts), Some(session))
    }

    fn admission(&self, entry: &Entry<L>, roles: &RoleMemory) -> Admission {
        let Ok(desired) = self.desired else {
            return Admission::Granted;
        };
        let namespace = &self.identity.namespace;
        if let Some(allowed) = &entry.allowed_namespaces
            && !is_admitted(allowed, namespace, self.namespace_labels)
        {
            return Admission::Refused(Problem::user(
                Reason::NamespaceNotAllowed,
                format!(
                    "the account does not admit namespace {namespace:?}; have its spec.allowedNamespaces extended"
                ),
            ));
        }
        let resolved = match roles.resolved(desired, self.steady) {
            Some(Ok(resolved)) => resolved,
            Some(Err(_)) => return Admission::Granted,
            None => return Admission::NeedsRoles,
        };
        let judgement = policy::allowed(&entry.policy, &desired.settings, &resolved)
            .and_then(|()| entry.policy.allows_interval(desired.rotation.interval))
            .and_then(|()| entry.policy.allows_metadata(&desired.secret))
            .and_then(|()| entry.policy.allows_deletion(self.deletion_policy));
        match judgement {
            Ok(()) => self.room(entry),
            Err(refusal) => Admission::Refused(not_allowed(&refusal)),
        }
    }

    /// Whether the account has room for the object; a token that exists needs none.
    fn room(&self, entry: &Entry<L>) -> Admission {
        let (accounts, uid) = (&self.ctx.accounts, &self.identity.uid);
        let needs_none = self.deleting || self.has_token || entry.policy.max_tokens.is_none();
        if needs_none || accounts.uses(self.key, uid) {
            return Admission::Granted;
        }
        let session = entry.state.newest_session();
        let has_listed =
            |session: &Session<L>| session.state.listings().own(&session.key).is_some();
        if !session.is_some_and(has_listed) {
            return Admission::NeedsListing;
        }
        match accounts.has_room(self.key, uid, &entry.policy) {
            Ok(()) => Admission::Granted,
            Err(refusal) => Admission::NoRoom(not_allowed(&refusal)),
        }
    }
}

fn not_allowed(refusal: &policy::Refusal) -> Problem {
    Problem::user(Reason::NotAllowedByPolicy, refusal.to_string())
}
