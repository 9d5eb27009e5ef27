//! The kinds whose objects the operator keeps by a finalizer and whose status it writes.

use std::fmt::Debug;

use kube::api::{Api, PostParams};
use kube::core::object::{HasSpec, HasStatus};
use kube::{Client, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::received::{FromParts, Received};
use crate::api::{
    ACCOUNT_FINALIZER, AccessToken, ClusterLaunchDarklyAccount, FIELD_MANAGER, LaunchDarklyAccount,
    TOKEN_FINALIZER,
};

/// A kind whose objects the operator keeps by a finalizer and whose status it writes.
pub trait Managed:
    Resource<DynamicType = ()>
    + FromParts
    + HasSpec<Spec: PartialEq>
    + HasStatus<Status: Clone + Default + PartialEq>
    + Clone
    + Debug
    + PartialEq
    + Serialize
    + DeserializeOwned
    + Send
    + Sync
    + 'static
{
    /// What keeps an object until the operator lets it go.
    const FINALIZER: &'static str;

    /// Whether a write of the status must fail where the definition is older and would drop fields without a word.
    const STRICT_STATUS: bool;

    /// The objects of a namespace; a kind of the whole cluster has none.
    fn api(client: Client, namespace: Option<&str>) -> Api<Received<Self>>;

    /// Whether the API server kept what must never be lost of this object's status.
    fn is_kept_by(&self, written: &Self) -> bool;

    /// Whether our finalizer is on it.
    fn is_held(&self) -> bool {
        self.finalizers().iter().any(|name| name == Self::FINALIZER)
    }
}

impl Managed for AccessToken {
    const FINALIZER: &'static str = TOKEN_FINALIZER;
    const STRICT_STATUS: bool = true;

    fn api(client: Client, namespace: Option<&str>) -> Api<Received<Self>> {
        Api::namespaced(client, namespace.unwrap_or_default())
    }

    /// A proxy between may drop an intent; it must never be lost that way (C1).
    fn is_kept_by(&self, written: &Self) -> bool {
        let pending = |o: &Self| o.status.as_ref().and_then(|status| status.pending.clone());
        pending(written) == pending(self)
    }
}

impl Managed for LaunchDarklyAccount {
    const FINALIZER: &'static str = ACCOUNT_FINALIZER;
    /// All of it can be found out again.
    const STRICT_STATUS: bool = false;

    fn api(client: Client, namespace: Option<&str>) -> Api<Received<Self>> {
        Api::namespaced(client, namespace.unwrap_or_default())
    }

    fn is_kept_by(&self, _written: &Self) -> bool {
        true
    }
}

impl Managed for ClusterLaunchDarklyAccount {
    const FINALIZER: &'static str = ACCOUNT_FINALIZER;
    /// All of it can be found out again.
    const STRICT_STATUS: bool = false;

    fn api(client: Client, _namespace: Option<&str>) -> Api<Received<Self>> {
        Api::all(client)
    }

    fn is_kept_by(&self, _written: &Self) -> bool {
        true
    }
}

/// A write of the status. kube's `PostParams` cannot ask for a strict one.
pub(super) fn status_request<K: Managed>(
    object: &K,
) -> Result<http::Request<Vec<u8>>, kube::Error> {
    let params = PostParams {
        field_manager: Some(FIELD_MANAGER.to_owned()),
        ..PostParams::default()
    };
    let body = serde_json::to_vec(object).map_err(kube::Error::SerdeError)?;
    let url = K::url_path(&(), object.namespace().as_deref());
    let mut request = kube::core::Request::new(url)
        .replace_subresource("status", &object.name_any(), &params, body)
        .map_err(kube::Error::BuildRequest)?;
    if K::STRICT_STATUS {
        let uri = format!("{}&fieldValidation=Strict", request.uri());
        *request.uri_mut() = uri
            .parse()
            .map_err(|error: http::uri::InvalidUri| kube::Error::HttpError(error.into()))?;
    }
    Ok(request)
}
