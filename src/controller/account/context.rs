//! What reconciling accounts needs.

use std::sync::Arc;

use jiff::SignedDuration;

use crate::cluster::Cluster;
use crate::controller::account::registry::Accounts;
use crate::launchdarkly::{AllowedHosts, Connect};
use crate::runtime::clock::Clock;

/// What reconciling accounts needs.
pub struct AccountContext<C, D: Connect> {
    /// Kubernetes.
    pub cluster: C,
    /// LaunchDarkly.
    pub connect: D,
    /// Where access tokens find the accounts.
    pub accounts: Arc<Accounts<D::Api>>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// How accounts are treated.
    pub settings: AccountSettings,
}

/// How accounts are treated.
#[derive(Debug, Clone)]
pub struct AccountSettings {
    /// Where the credentials of accounts of the whole cluster are.
    pub own_namespace: String,
    /// The hosts that may see a key.
    pub allowed_hosts: AllowedHosts,
    /// How often a credential that does not work is tried.
    pub retry_every: SignedDuration,
    /// How long an account may wait for what is applied together with it.
    pub settle: SignedDuration,
    /// Whether each namespace decides for itself if the operator may read its Secrets.
    pub by_consent: bool,
}

impl<C: Cluster, D: Connect> AccountContext<C, D> {
    /// A context whose accounts are those.
    pub fn new(
        cluster: C,
        connect: D,
        accounts: Arc<Accounts<D::Api>>,
        clock: Arc<dyn Clock>,
        settings: AccountSettings,
    ) -> Self {
        Self {
            cluster,
            connect,
            accounts,
            clock,
            settings,
        }
    }
}
