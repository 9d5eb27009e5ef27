//! What the two account kinds have in common.

use kube::ResourceExt;
use kube::api::ObjectMeta;
use kube::core::object::HasStatus;

use crate::api::validate::{self, Invalid};
use crate::api::{AccountStatus, ClusterLaunchDarklyAccount, LaunchDarklyAccount};
use crate::cluster::Managed;
use crate::domain::account::AccountKey;
use crate::domain::account::desired::DesiredAccount;
use crate::domain::account::handler::ControllerRef;
use crate::domain::ids::AccountUid;

/// An account object of either kind.
pub trait AccountObject: Managed + HasStatus<Status = AccountStatus> {
    /// Which account an object with this metadata is.
    fn key_of(metadata: &ObjectMeta) -> AccountKey;
    /// The class of installation that its spec names.
    fn class(&self) -> Option<&str>;
    /// What its spec says.
    ///
    /// # Errors
    /// Every mistake in it.
    fn desired(&self) -> Result<DesiredAccount, Vec<Invalid>>;

    /// Which account it is.
    fn key(&self) -> AccountKey {
        Self::key_of(self.meta())
    }

    /// The installation that its status names.
    fn controller(&self) -> Option<ControllerRef> {
        let controller = self.status()?.controller.clone()?;
        Some(ControllerRef {
            namespace: controller.namespace,
            name: controller.name,
        })
    }

    /// Which object it is: another one of its name has another.
    fn account_uid(&self) -> AccountUid {
        AccountUid::new(self.uid().unwrap_or_default())
    }
}

impl AccountObject for LaunchDarklyAccount {
    fn key_of(metadata: &ObjectMeta) -> AccountKey {
        AccountKey::Namespaced {
            namespace: metadata.namespace.clone().unwrap_or_default(),
            name: metadata.name.clone().unwrap_or_default(),
        }
    }

    fn class(&self) -> Option<&str> {
        self.spec.controller_class.as_deref()
    }

    fn desired(&self) -> Result<DesiredAccount, Vec<Invalid>> {
        validate::account(&self.spec)
    }
}

impl AccountObject for ClusterLaunchDarklyAccount {
    fn key_of(metadata: &ObjectMeta) -> AccountKey {
        AccountKey::Cluster {
            name: metadata.name.clone().unwrap_or_default(),
        }
    }

    fn class(&self) -> Option<&str> {
        self.spec.account.controller_class.as_deref()
    }

    fn desired(&self) -> Result<DesiredAccount, Vec<Invalid>> {
        validate::cluster_account(&self.spec)
    }
}
