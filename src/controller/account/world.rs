//! What one reconcile of an account hands from the reader to the writer.

use crate::controller::account::credential;
use crate::controller::account::kinds::AccountObject;
use crate::domain::account::AccountKey;
use crate::domain::account::desired::DesiredAccount;
use crate::domain::account::handler::{Rival, Unseen};
use crate::domain::account::report::Report;
use crate::domain::ids::AccountUid;
use crate::domain::problem::Problem;
use crate::launchdarkly::{AllowedHosts, Endpoint};
use crate::redaction::Key;

/// An account object as it was read, and what was learned since then.
pub(super) struct World<K> {
    pub(super) key: AccountKey,
    pub(super) uid: AccountUid,
    pub(super) object: K,
    pub(super) desired: Result<DesiredAccount, Problem>,
    /// Where its calls go, if they may.
    pub(super) endpoint: Result<Endpoint, Problem>,
    /// The managing key, or what is wrong with it; `None` before it was read.
    pub(super) credential: Option<Result<Key, Problem>>,
    /// What the Lease of the installation shows that the status names, once it was read.
    pub(super) rival: Option<Rival>,
    /// Users in namespaces that are not looked after, once they were counted.
    pub(super) unseen: Option<Unseen>,
    /// What the status was made to say.
    pub(super) told: Option<Report>,
}

impl<K: AccountObject> World<K> {
    /// Nothing was learned yet.
    pub(super) fn new(object: K, allowed_hosts: &AllowedHosts) -> Self {
        let desired = object
            .desired()
            .map_err(|mistakes| credential::invalid(&mistakes));
        let endpoint = desired.as_ref().map_err(Clone::clone);
        Self {
            key: object.key(),
            uid: object.account_uid(),
            endpoint: endpoint.and_then(|desired| credential::endpoint(desired, allowed_hosts)),
            object,
            desired,
            credential: None,
            rival: None,
            unseen: None,
            told: None,
        }
    }
}
