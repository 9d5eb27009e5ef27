//! The CustomResourceDefinitions, made from the types.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;
use serde_json::{Map, Number, Value};

use super::{AccessToken, ClusterLaunchDarklyAccount, LaunchDarklyAccount};

/// The definitions of all kinds, as they are installed.
#[must_use]
pub fn all() -> Vec<Value> {
    [
        AccessToken::crd(),
        LaunchDarklyAccount::crd(),
        ClusterLaunchDarklyAccount::crd(),
    ]
    .into_iter()
    .filter_map(tidy)
    .collect()
}

/// Removes what the derives emit and nobody wants in a manifest.
fn tidy(crd: CustomResourceDefinition) -> Option<Value> {
    let mut crd = serde_json::to_value(crd).ok()?;
    strip(&mut crd);
    Some(crd)
}

/// Strips `nullable` (a null is then pruned instead of stored), empty arrays and bounds of nothing, and writes bounds as
/// whole numbers.
fn strip(value: &mut Value) {
    match value {
        Value::Object(map) => strip_map(map),
        Value::Array(items) => items.iter_mut().for_each(strip),
        Value::Number(number) => whole(number),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

fn strip_map(map: &mut Map<String, Value>) {
    // A schema's keyword is a boolean; a property of this name would be an object.
    map.retain(|key, value| {
        let nullable = key == "nullable" && value.is_boolean();
        let no_bound = matches!(key.as_str(), "minItems" | "minLength") && *value == 0;
        let empty = value.as_array().is_some_and(Vec::is_empty);
        !nullable && !no_bound && !empty
    });
    map.values_mut().for_each(strip);
}

/// Kubernetes' type for a bound is a float.
fn whole(number: &mut Number) {
    if let Some(float) = number.as_f64()
        && let Ok(integer) = format!("{float:.0}").parse::<i64>()
    {
        *number = integer.into();
    }
}
