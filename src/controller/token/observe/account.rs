//! The account an object belongs to: whether calls can be made, and what it may ask for.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::cluster::Cluster;
use crate::controller::account::registry::{Availability, Entry, Session};
use crate::controller::token::context::Context;
use crate::controller::token::memory::Memory;
use crate::domain::account::AccountKey;
use crate::domain::cause::Cause;
use crate::domain::desired::Desired;
use crate::domain::namespaces::is_admitted;
use crate::domain::observed::{Account, AccountFacts, Admission, Roles};
use crate::domain::policy::{self, ResolvedRole};
use crate::domain::problem::Problem;
use crate::domain::reason::Reason;
use crate::domain::record::{Identity, Record};
use crate::domain::settings::Grant;
use crate::launchdarkly::TokensApi;

/// A looked-up role is believed this long.
pub(in crate::controller) const ROLES_BELIEVED: SignedDuration = SignedDuration::from_mins(1);

/// New objects may have been applied together with their account: that is waited for before it is called a mistake.
pub(in crate::controller) fn unusable_account_missing(key: &AccountKey, is_new: bool) -> Account {
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
    pub(in crate::controller) wish: &'a Result<Desired, Problem>,
    pub(in crate::controller) record: &'a Record,
    pub(in crate::controller) deleting: bool,
    pub(in crate::controller) has_finalizer: bool,
    /// Whether the object was created a moment ago.
    pub(in crate::controller) is_new: bool,
    pub(in crate::controller) now: Timestamp,
}

impl<C: Cluster, L: TokensApi> AccountQuery<'_, C, L> {
    pub(in crate::controller) fn account(
        &self,
        entry: &Entry<L>,
        memory: &Memory,
    ) -> (Account, Option<Session<L>>) {
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
        session
            .state
            .remember_unasked(&self.identity.uid, unasked(self.record));
        let features = session.state.features(self.now);
        let facts = AccountFacts {
            id: session.account_id.clone(),
            credential: session.credential.clone(),
            installation: self.ctx.accounts.installation.clone(),
            admission: self.admission(entry, memory),
            reset: features.reset,
            expiry: features.expiry,
            longest_description: features.longest_description,
            unasked_left: session.state.unasked_left(self.now),
        };
        (Account::Usable(facts), Some(session.clone()))
    }

    fn admission(&self, entry: &Entry<L>, memory: &Memory) -> Admission {
        let Ok(desired) = self.wish else {
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
        let resolved = match resolved_roles(desired, memory, self.now) {
            Some(Ok(roles)) => roles,
            Some(Err(_)) => return Admission::Granted,
            None => return Admission::NeedsRoles,
        };
        let judgement = policy::allowed(&entry.policy, &desired.settings, &resolved)
            .and_then(|()| entry.policy.allows_interval(desired.rotation.interval))
            .and_then(|()| self.take_slot(entry));
        match judgement {
            Ok(()) => Admission::Granted,
            Err(refusal) => Admission::Refused(Problem::user(
                Reason::NotAllowedByPolicy,
                refusal.to_string(),
            )),
        }
    }

    fn take_slot(&self, entry: &Entry<L>) -> Result<(), policy::Refusal> {
        let accounts = &self.ctx.accounts;
        if self.deleting && !self.has_finalizer {
            return Ok(());
        }
        if self.deleting || self.record.token.is_some() {
            accounts.occupy(self.key, &self.identity.uid);
            return Ok(());
        }
        accounts.reserve(self.key, &self.identity.uid, &entry.policy)
    }
}

/// When tokens of this object were replaced though nobody asked for it. Most lost keys are those of calls that were under way
/// when a process ended, which the budget does not mean.
fn unasked(record: &Record) -> impl Iterator<Item = Timestamp> + '_ {
    let entries = record.history.iter();
    entries
        .filter(|entry| entry.cause.is_unasked() && entry.cause != Cause::LostKey)
        .map(|entry| entry.publication_time)
}

pub(in crate::controller) fn asked_roles(desired: &Desired) -> Vec<String> {
    match &desired.settings.grant {
        Grant::CustomRoles(roles) => roles.iter().cloned().collect(),
        Grant::Role(_) | Grant::Inline(_) => Vec::new(),
    }
}

pub(in crate::controller) fn resolved_roles(
    desired: &Desired,
    memory: &Memory,
    now: Timestamp,
) -> Option<Result<Vec<ResolvedRole>, String>> {
    let asked = asked_roles(desired);
    if asked.is_empty() {
        return Some(Ok(Vec::new()));
    }
    let known = memory.roles.as_ref().filter(|known| known.asked == asked)?;
    // A missing role is looked for again soon; one that was found stays known for what is settled.
    match &known.answer {
        Ok(roles) => Some(Ok(roles
            .iter()
            .map(|(id, key)| ResolvedRole {
                id: id.clone(),
                key: key.clone(),
            })
            .collect())),
        Err(missing) if now.duration_since(known.at) < ROLES_BELIEVED => Some(Err(missing.clone())),
        Err(_) => None,
    }
}

pub(in crate::controller) fn roles(
    wish: &Result<Desired, Problem>,
    memory: &Memory,
    now: Timestamp,
) -> Roles {
    let Ok(desired) = wish else {
        return Roles::Unknown;
    };
    match resolved_roles(desired, memory, now) {
        None => Roles::Unknown,
        Some(Err(missing)) => Roles::Missing(missing),
        Some(Ok(roles)) => Roles::Resolved(roles.into_iter().map(|role| role.id).collect()),
    }
}
