//! The `ConfigMap` of what deletions left behind: an entry an object, and no more of them than fit.

use std::collections::{BTreeMap, HashMap};

use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use kube::api::{Api, Patch, PatchParams};
use serde_json::json;

use crate::api::FIELD_MANAGER;
use crate::cluster::ClusterError;
use crate::domain::ids::{ObjectUid, TokenId};
use crate::domain::record::Identity;

/// How many entries there are at most. One takes up to 1 KiB with what the API server keeps of who wrote it, and an object 1.5 MiB.
const MAX_ENTRIES: usize = 500;

/// Notes what a deletion left behind.
///
/// # Errors
/// Kubernetes refuses.
pub(super) async fn report(
    api: &Api<ConfigMap>,
    object: &Identity,
    tokens: &[TokenId],
) -> Result<(), ClusterError> {
    let ids: Vec<&str> = tokens.iter().map(TokenId::as_str).collect();
    let name = format!("{FIELD_MANAGER}-left-behind");
    let map = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {key(object): ids.join(",")},
    });
    let params = PatchParams::apply(&manager(&object.uid)).force();
    let written = api.patch(&name, &params, &Patch::Apply(map)).await?;
    let surplus = surplus(&written);
    if surplus.is_empty() {
        return Ok(());
    }
    tracing::warn!(entries = ?surplus, "dropped the oldest entries of what was left behind, to make room for another");
    let dropped: BTreeMap<String, Option<String>> =
        surplus.into_iter().map(|it| (it, None)).collect();
    let patch = Patch::Merge(json!({"data": dropped}));
    api.patch(&name, &PatchParams::default(), &patch).await?;
    Ok(())
}

/// Name of an object's entry: at most 253 characters, which the object's name may have alone. The UID tells objects apart.
fn key(object: &Identity) -> String {
    let name: String = object.name.chars().take(150).collect();
    format!("{}.{name}.{}", object.namespace, object.uid)
}

/// Who writes an object's entry: one field manager an object, so that an apply adds its entry and leaves the others alone.
fn manager(object: &ObjectUid) -> String {
    format!("{FIELD_MANAGER}/{object}")
}

/// The entries that are too many: the oldest ones of the namespaces that have the most, so that nobody pushes out what others left.
fn surplus(map: &ConfigMap) -> Vec<String> {
    let entries = map.data.iter().flat_map(BTreeMap::keys);
    let managers = map.metadata.managed_fields.iter().flatten();
    let written: HashMap<&str, &Time> = managers
        .filter_map(|it| {
            let (_, uid) = it.manager.as_deref()?.split_once('/')?;
            Some((uid, it.time.as_ref()?))
        })
        .collect();
    let mut by_namespace: BTreeMap<&str, Vec<&String>> = BTreeMap::new();
    let mut count = 0;
    for key in entries {
        let namespace = key.split('.').next().unwrap_or_default();
        by_namespace.entry(namespace).or_default().push(key);
        count += 1;
    }
    for keys in by_namespace.values_mut() {
        // The last one goes first.
        keys.sort_by_key(|key| {
            let uid = key.rsplit('.').next().unwrap_or_default();
            std::cmp::Reverse(written.get(uid).map(|time| time.0))
        });
    }
    let mut surplus = Vec::new();
    while count > MAX_ENTRIES {
        let most = by_namespace.values_mut().max_by_key(|keys| keys.len());
        surplus.extend(most.and_then(Vec::pop).cloned());
        count -= 1;
    }
    surplus
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
    use k8s_openapi::jiff::Timestamp;

    use super::*;

    fn object(namespace: &str, n: usize) -> Identity {
        Identity {
            uid: ObjectUid::new(format!("{namespace}-{n}")),
            namespace: namespace.to_owned(),
            name: "web".to_owned(),
        }
    }

    /// So many entries of each namespace, written one after the other.
    fn map(namespaces: &[(&str, usize)]) -> ConfigMap {
        let mut map = ConfigMap::default();
        let objects = namespaces
            .iter()
            .flat_map(|(namespace, count)| (0..*count).map(|n| object(namespace, n)));
        for (second, object) in (0..).zip(objects) {
            let data = map.data.get_or_insert_default();
            data.insert(key(&object), "61095542756dba551110ae21".to_owned());
            let time = Timestamp::from_second(second).unwrap();
            let managers = map.metadata.managed_fields.get_or_insert_default();
            managers.push(ManagedFieldsEntry {
                manager: Some(manager(&object.uid)),
                time: Some(Time(time)),
                ..ManagedFieldsEntry::default()
            });
        }
        map
    }

    #[test]
    fn the_longest_names_fit_into_the_name_of_an_entry() {
        let object = Identity {
            namespace: "n".repeat(63),
            name: "o".repeat(253),
            uid: "11111111-2222-4333-8444-555555555555".into(),
        };
        let key = key(&object);
        assert!(key.len() <= 253, "{key}");
        assert!(key.ends_with(object.uid.as_str()), "{key}");
    }

    #[test]
    fn the_oldest_entries_go_of_who_has_the_most() {
        assert!(surplus(&map(&[("one", MAX_ENTRIES - 1), ("two", 1)])).is_empty());
        let few = map(&[("few", 2), ("many", MAX_ENTRIES)]);
        let oldest = [0, 1].map(|n| key(&object("many", n)));
        assert_eq!(surplus(&few), oldest);
    }
}
