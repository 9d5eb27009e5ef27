//! What the two account kinds have in common.

use kube::ResourceExt;
use kube::core::object::HasStatus;

use crate::api::validate::{self, Invalid};
use crate::api::{AccountStatus, ClusterLaunchDarklyAccount, LaunchDarklyAccount};
use crate::cluster::Managed;
use crate::domain::account::AccountKey;
use crate::domain::account::desired::DesiredAccount;
use crate::domain::ids::AccountUid;

/// An account object of either kind.
pub trait AccountObject: Managed + HasStatus<Status = AccountStatus> {
    /// Which account it is.
    fn key(&self) -> AccountKey;
    /// What its spec says.
    ///
    /// # Errors
    /// Every mistake in it.
    fn desired(&self) -> Result<DesiredAccount, Vec<Invalid>>;

    /// Which object it is: another one of its name has another.
    fn account_uid(&self) -> AccountUid {
        AccountUid::new(self.uid().unwrap_or_default())
    }
}

impl AccountObject for LaunchDarklyAccount {
    fn key(&self) -> AccountKey {
        AccountKey::Namespaced {
            namespace: self.namespace().unwrap_or_default(),
            name: self.name_any(),
        }
    }

    fn desired(&self) -> Result<DesiredAccount, Vec<Invalid>> {
        validate::account(&self.spec)
    }
}

impl AccountObject for ClusterLaunchDarklyAccount {
    fn key(&self) -> AccountKey {
        AccountKey::Cluster {
            name: self.name_any(),
        }
    }

    fn desired(&self) -> Result<DesiredAccount, Vec<Invalid>> {
        validate::cluster_account(&self.spec)
    }
}
