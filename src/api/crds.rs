//! The CustomResourceDefinitions, made from the types.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;
use serde_json::{Map, Number, Value, json};

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
    name_the_object(&mut crd);
    Some(crd)
}

/// What every object has: the API server knows of it without a word, editors and validators that take the schema alone do not.
///
/// More must not be said of `metadata` there.
fn name_the_object(crd: &mut Value) {
    let common = [
        (
            "apiVersion",
            json!({
                "description": "APIVersion defines the versioned schema of this representation of an object. Servers should convert recognized schemas to the latest internal value, and may reject unrecognized values. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#resources",
                "type": "string",
            }),
        ),
        (
            "kind",
            json!({
                "description": "Kind is a string value representing the REST resource this object represents. Servers may infer this from the endpoint the client submits requests to. Cannot be updated. In CamelCase. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#types-kinds",
                "type": "string",
            }),
        ),
        ("metadata", json!({ "type": "object" })),
    ];
    let versions = crd.pointer_mut("/spec/versions");
    for version in versions.and_then(Value::as_array_mut).into_iter().flatten() {
        let root = version.pointer_mut("/schema/openAPIV3Schema/properties");
        if let Some(properties) = root.and_then(Value::as_object_mut) {
            properties.extend(
                common
                    .clone()
                    .map(|(name, schema)| (name.to_owned(), schema)),
            );
        }
    }
}

/// Strips `nullable` (a null is then pruned instead of stored), empty arrays and bounds of nothing, writes bounds as whole
/// numbers, and paragraphs as one line each.
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
    // Likewise a text here, and an object as a property. Lines of a comment in the source are none of the reader's.
    if let Some(Value::String(description)) = map.get_mut("description") {
        *description = paragraphs(description);
    }
    map.values_mut().for_each(strip);
}

/// Every paragraph on one line.
fn paragraphs(text: &str) -> String {
    let whole = |paragraph: &str| paragraph.lines().collect::<Vec<_>>().join(" ");
    text.split("\n\n")
        .map(whole)
        .collect::<Vec<_>>()
        .join("\n\n")
}

/// Kubernetes' type for a bound is a float.
fn whole(number: &mut Number) {
    if let Some(float) = number.as_f64()
        && let Ok(integer) = format!("{float:.0}").parse::<i64>()
    {
        *number = integer.into();
    }
}
