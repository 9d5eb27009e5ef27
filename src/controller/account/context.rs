//! What reconciling accounts needs, and what is remembered of their credentials.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::cluster::OptIn;
use crate::controller::account::registry::{Accounts, Availability, Session};
use crate::domain::account::AccountKey;
use crate::domain::ids::Fingerprint;
use crate::domain::problem::Problem;
use crate::gate::Gate;
use crate::launchdarkly::{AllowedHosts, HttpClient, Limiters, Options};
use crate::runtime::clock::Clock;

/// What reconciling accounts needs.
pub(in crate::controller) struct AccountContext {
    pub(in crate::controller) client: kube::Client,
    pub(in crate::controller) gate: Arc<dyn Gate>,
    pub(in crate::controller) call_time: Duration,
    pub(in crate::controller) own_namespace: String,
    pub(in crate::controller) accounts: Arc<Accounts<HttpClient>>,
    pub(in crate::controller) lines: Arc<Limiters>,
    pub(in crate::controller) allowed_hosts: AllowedHosts,
    pub(in crate::controller) options: Options,
    pub(in crate::controller) clock: Arc<dyn Clock>,
    /// How often a credential that does not work is tried.
    pub(in crate::controller) retry_every: SignedDuration,
    /// How long an account may wait for what is applied together with it.
    pub(in crate::controller) settle: SignedDuration,
    /// How a namespace lets the operator at its Secrets, where each decides for itself.
    pub(in crate::controller) opt_in: Option<OptIn>,
    known: Mutex<HashMap<AccountKey, Known>>,
}

/// What was found out about a credential.
#[derive(Clone)]
pub(in crate::controller) struct Known {
    pub(super) fingerprint: Fingerprint,
    pub(super) generation: i64,
    pub(super) checked_at: Timestamp,
    pub(super) finding: Result<Session<HttpClient>, Problem>,
}

impl AccountContext {
    #[expect(
        clippy::too_many_arguments,
        reason = "the parts of a context, each named where it is made"
    )]
    pub(in crate::controller) fn new(
        client: kube::Client,
        gate: Arc<dyn Gate>,
        call_time: Duration,
        own_namespace: String,
        accounts: Arc<Accounts<HttpClient>>,
        lines: Arc<Limiters>,
        allowed_hosts: AllowedHosts,
        options: Options,
        clock: Arc<dyn Clock>,
        retry_every: SignedDuration,
        settle: SignedDuration,
        opt_in: Option<OptIn>,
    ) -> Self {
        Self {
            client,
            gate,
            call_time,
            own_namespace,
            accounts,
            lines,
            allowed_hosts,
            options,
            clock,
            retry_every,
            settle,
            opt_in,
            known: Mutex::default(),
        }
    }

    /// A call with the credential was answered 401: what is known of it no longer counts.
    pub(in crate::controller) fn doubt(&self, key: &AccountKey) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.get_mut(key).filter(|known| known.finding.is_ok()) {
            known.checked_at = Timestamp::MIN;
        }
    }

    pub(in crate::controller) fn known(&self, key: &AccountKey) -> Option<Known> {
        self.known
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(key)
            .cloned()
    }

    pub(in crate::controller) fn remember(&self, key: &AccountKey, known: Known) {
        self.known
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(key.clone(), known);
    }

    /// Forgets the credentials of accounts that are no longer there. What it forgets too early is asked again.
    pub(in crate::controller) fn forget_gone(&self) {
        self.known
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|key, _| self.accounts.get(key).is_some());
    }

    pub(in crate::controller) fn forget(&self, key: &AccountKey) {
        self.known
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(key);
        let entry = self.accounts.get(key);
        if let Some(Availability::Usable(session)) = entry.as_deref().map(|entry| &entry.state) {
            session.state.set_objects(key, 0);
        }
        self.accounts.remove(key);
    }
}
