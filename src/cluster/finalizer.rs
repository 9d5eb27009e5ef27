//! Our finalizer, on objects of every kind: one patch, on the version and the object that was read.

use kube::api::{Patch, PatchParams};
use kube::{Client, ResourceExt};
use serde_json::json;

use super::managed::Managed;
use super::received::Received;
use crate::api::FIELD_MANAGER;

/// What becomes of our finalizer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// It is put on.
    Add,
    /// It is taken off.
    Remove,
}

/// Changes our finalizer and leaves those of others alone.
pub(super) async fn patch<K: Managed>(
    client: &Client,
    object: &K,
    change: Change,
) -> Result<K, kube::Error> {
    let patch = json!({"metadata": {
        "resourceVersion": object.resource_version(), "uid": object.uid(), "finalizers": changed(object, change),
    }});
    let params = PatchParams {
        field_manager: Some(FIELD_MANAGER.to_owned()),
        ..PatchParams::default()
    };
    let api = K::api(client.clone(), object.namespace().as_deref());
    let Received(patched) = api
        .patch(&object.name_any(), &params, &Patch::Merge(patch))
        .await?;
    Ok(patched)
}

fn changed<K: Managed>(object: &K, change: Change) -> Vec<&str> {
    let names = object.finalizers().iter().map(String::as_str);
    let others = names.filter(|name| *name != K::FINALIZER);
    match change {
        Change::Add => others.chain([K::FINALIZER]).collect(),
        Change::Remove => others.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::account::AccountSpec;
    use crate::api::{ACCOUNT_FINALIZER, LaunchDarklyAccount};

    #[test]
    fn our_finalizer_comes_once_and_goes_and_those_of_others_stay() {
        let mut account = LaunchDarklyAccount::new("default", AccountSpec::default());
        let theirs = "example.com/theirs";
        account.metadata.finalizers = Some(vec![theirs.to_owned()]);
        assert_eq!(changed(&account, Change::Add), [theirs, ACCOUNT_FINALIZER]);
        account.metadata.finalizers = Some(vec![ACCOUNT_FINALIZER.to_owned(), theirs.to_owned()]);
        assert_eq!(changed(&account, Change::Add), [theirs, ACCOUNT_FINALIZER]);
        assert_eq!(changed(&account, Change::Remove), [theirs]);
    }
}
