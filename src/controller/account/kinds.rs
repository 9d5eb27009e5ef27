//! What the two account kinds have in common.

use std::fmt::Debug;

use k8s_openapi::NamespaceResourceScope;
use kube::api::Api;
use kube::{Client, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::api::validate;
use crate::api::validate::{DesiredAccount, Invalid};
use crate::api::{AccountStatus, ClusterLaunchDarklyAccount, LaunchDarklyAccount};
use crate::domain::account::AccountKey;

/// An account object of either kind.
pub(in crate::controller) trait AccountObject:
    Resource<DynamicType = ()> + Clone + Debug + Serialize + DeserializeOwned + Send + Sync + 'static
{
    /// Which account it is.
    fn key(&self) -> AccountKey;
    /// What its spec says.
    fn desired(&self) -> Result<DesiredAccount, Vec<Invalid>>;
    /// Its status.
    fn status(&self) -> Option<&AccountStatus>;
    /// Its status, to be written.
    fn status_mut(&mut self) -> &mut Option<AccountStatus>;
    /// Where objects like it are.
    fn api(&self, client: &Client) -> Api<Self>;
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

    fn status(&self) -> Option<&AccountStatus> {
        self.status.as_ref()
    }

    fn status_mut(&mut self) -> &mut Option<AccountStatus> {
        &mut self.status
    }

    fn api(&self, client: &Client) -> Api<Self> {
        namespaced(self, client)
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

    fn status(&self) -> Option<&AccountStatus> {
        self.status.as_ref()
    }

    fn status_mut(&mut self) -> &mut Option<AccountStatus> {
        &mut self.status
    }

    fn api(&self, client: &Client) -> Api<Self> {
        Api::all(client.clone())
    }
}

fn namespaced<K>(object: &K, client: &Client) -> Api<K>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
{
    Api::namespaced(client.clone(), &object.namespace().unwrap_or_default())
}
