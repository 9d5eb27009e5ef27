//! Objects of our kinds in the documentation, and fields that it names.

use std::sync::LazyLock;

use launchdarkly_token_operator::api::validate;
use launchdarkly_token_operator::api::validate::Invalid;
use launchdarkly_token_operator::api::{
    AccessToken, ClusterLaunchDarklyAccount, LaunchDarklyAccount, crds,
};
use serde_json::Value;

use crate::{pages, values};

const VERSION: &str = "ldtokens.dev/v1alpha1";
/// Beginnings of names that are paths of fields, here and nowhere else.
const ROOTS: [&str; 4] = ["spec", "status", "rotation", "policy"];

/// The kinds with their schemas.
static KINDS: LazyLock<Vec<(String, Value)>> = LazyLock::new(|| {
    let of = |definition: &Value| {
        let kind = definition["spec"]["names"]["kind"].as_str().unwrap();
        let schema = &definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
        (kind.to_owned(), schema.clone())
    };
    crds::all().iter().map(of).collect()
});

/// Names the fields of `value` that `schema` does not have.
fn unknown_fields(value: &Value, schema: &Value, path: &str, into: &mut Vec<String>) {
    match value {
        Value::Object(map) if schema["properties"].is_object() => {
            for (name, value) in map {
                let path = format!("{path}.{name}");
                match schema["properties"].get(name) {
                    Some(schema) => unknown_fields(value, schema, &path, into),
                    None => into.push(format!("{path} does not exist")),
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                unknown_fields(item, &schema["items"], path, into);
            }
        }
        _ => {}
    }
}

/// What the operator's own checks, which agree with the rules of the schema, say about an object.
fn mistakes(object: &Value) -> Result<(), String> {
    let said = |mistakes: Vec<Invalid>| {
        let lines: Vec<_> = mistakes.iter().map(ToString::to_string).collect();
        lines.join("; ")
    };
    let unread = |error: serde_json::Error| error.to_string();
    let object = object.clone();
    match object["kind"].as_str().unwrap_or_default() {
        "AccessToken" => {
            let token: AccessToken = serde_json::from_value(object).map_err(unread)?;
            validate::desired(&token).map(|_| ()).map_err(said)
        }
        "LaunchDarklyAccount" => {
            let account: LaunchDarklyAccount = serde_json::from_value(object).map_err(unread)?;
            validate::account(&account.spec).map(|_| ()).map_err(said)
        }
        "ClusterLaunchDarklyAccount" => {
            let account: ClusterLaunchDarklyAccount =
                serde_json::from_value(object).map_err(unread)?;
            validate::cluster_account(&account.spec)
                .map(|_| ())
                .map_err(said)
        }
        kind => Err(format!("there is no kind {kind:?}")),
    }
}

#[test]
fn every_object_of_ours_is_valid_to_the_last_field() {
    let (mut wrong, mut read) = (Vec::new(), 0);
    for page in pages::all() {
        for block in page.blocks(&["yaml"]) {
            let documents: Vec<Value> = match serde_saphyr::from_multiple(&block.text) {
                Ok(documents) => documents,
                Err(error) => {
                    wrong.push(format!("{}: {error}\n{}", page.path.display(), block.text));
                    continue;
                }
            };
            for document in documents.iter().filter(|one| one["apiVersion"] == VERSION) {
                read += 1;
                let mut says = Vec::new();
                if let Some((_, schema)) = KINDS.iter().find(|(kind, _)| document["kind"] == **kind)
                {
                    unknown_fields(
                        &document["spec"],
                        &schema["properties"]["spec"],
                        "spec",
                        &mut says,
                    );
                }
                says.extend(mistakes(document).err());
                wrong.extend(
                    says.iter()
                        .map(|says| format!("{}: {says}", page.path.display())),
                );
            }
        }
    }
    assert!(read >= 6, "only {read} objects were read");
    pages::verdict("objects that the API server would refuse", &wrong);
}

#[test]
fn the_judge_of_objects_judges() {
    let object: Value = serde_saphyr::from_str(
        "{apiVersion: ldtokens.dev/v1alpha1, kind: AccessToken, metadata: {name: x}, \
         spec: {role: reader, rotation: {intervall: 1h, interval: 10s}}}",
    )
    .unwrap();
    let mut unknown = Vec::new();
    let (_, schema) = &KINDS[0];
    unknown_fields(
        &object["spec"],
        &schema["properties"]["spec"],
        "spec",
        &mut unknown,
    );
    assert_eq!(unknown, ["spec.rotation.intervall does not exist"]);
    assert!(mistakes(&object).unwrap_err().contains("at least 1m"));
}

/// Whether a path such as `spec.rotation.interval` or `status.history[0].cause` leads to a field.
fn is_field(schema: &Value, path: &str) -> bool {
    let mut here = schema;
    for part in path.split('.') {
        let name = part.split('[').next().unwrap_or_default();
        if here["additionalProperties"].is_object() {
            return true;
        }
        here = match (&here["properties"], &here["items"]["properties"]) {
            (Value::Object(fields), _) | (_, Value::Object(fields))
                if fields.contains_key(name) =>
            {
                &fields[name]
            }
            _ => return false,
        };
    }
    true
}

/// Whether a path, from the root of an object or of its spec, leads to a field of one of the kinds.
pub fn is_known(path: &str) -> bool {
    KINDS
        .iter()
        .any(|(_, schema)| is_field(schema, path) || is_field(&schema["properties"]["spec"], path))
}

#[test]
fn every_field_that_the_documentation_names_exists() {
    let (mut wrong, mut looked_up) = (Vec::new(), 0);
    for page in pages::all() {
        for span in &page.spans {
            let path = span.split([':', '=', ' ']).next().unwrap_or_default();
            let path = path.trim_start_matches('.').trim_end_matches(".*");
            let root = path.split('.').next().unwrap_or_default();
            if !ROOTS.contains(&root)
                || !path.contains('.')
                || path.contains(['/', '(', '_'])
                || pages::is_file(path)
            {
                continue;
            }
            looked_up += 1;
            // `policy` is a field of accounts, and may be a value of the chart.
            if !is_known(path) && !values::is_known(path) {
                wrong.push(format!("{}: {span}", page.path.display()));
            }
        }
    }
    assert!(looked_up > 100, "only {looked_up} fields were looked up");
    pages::verdict("fields that do not exist", &wrong);
}
