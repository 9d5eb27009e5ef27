//! What reconciling accounts needs.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use jiff::SignedDuration;
use parking_lot::Mutex;

use crate::cluster::Cluster;
use crate::controller::account::registry::Accounts;
use crate::controller::account::rivals::Rivals;
use crate::domain::account::handler::ThisInstallation;
use crate::domain::account::pace::CheckLine;
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
    /// Whether the definitions are older and do not keep who handles an account.
    pub(in crate::controller) is_unsaid: AtomicBool,
    /// Accounts whose credentials LaunchDarkly is to be asked about.
    pub(in crate::controller) line: Mutex<CheckLine>,
    /// The Leases of other installations.
    pub(in crate::controller) rivals: Rivals,
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
    /// This installation, which leaves the accounts of others alone.
    pub installation: ThisInstallation,
    /// How long a Lease of ours lasts without a renewal.
    pub lease: Duration,
    /// Whether it looks after all namespaces, and so sees every access token.
    pub whole_cluster: bool,
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
            is_unsaid: AtomicBool::new(false),
            line: Mutex::default(),
            rivals: Rivals::default(),
        }
    }
}
