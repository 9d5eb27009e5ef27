//! What every part of every schema must have.

use launchdarkly_token_operator::api::crds;
use serde_json::Value;

/// Calls `check` with the place of every schema, and whether it is a field, and whether it is below a list.
fn each(check: &mut dyn FnMut(&str, &Value, bool, bool)) {
    for crd in crds::all() {
        let kind = crd["spec"]["names"]["kind"].as_str().unwrap();
        let schema = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
        walk(kind, schema, true, false, check);
    }
}

fn walk(
    place: &str,
    schema: &Value,
    field: bool,
    in_list: bool,
    check: &mut dyn FnMut(&str, &Value, bool, bool),
) {
    check(place, schema, field, in_list);
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        walk(&format!("{place}.{name}"), property, true, in_list, check);
    }
    for (keyword, list) in [("items", true), ("additionalProperties", in_list)] {
        if schema[keyword].is_object() {
            walk(&format!("{place}[]"), &schema[keyword], false, list, check);
        }
    }
}

/// What the API server knows of every object, and lets nobody say more about.
fn is_common(place: &str) -> bool {
    let field = place.split_once('.').map(|(_, field)| field);
    matches!(field, Some("apiVersion" | "kind" | "metadata"))
}

#[test]
fn every_field_has_a_description() {
    each(&mut |place, schema, field, _| {
        // More than its type must not be said of an object's metadata.
        let said =
            is_common(place) && schema["properties"].is_null() || schema["description"].is_string();
        assert!(!field || said, "{place}");
    });
}

/// `kubectl explain` shows it: whole paragraphs in plain words, nothing that only Rust's documentation understands.
#[test]
fn a_description_is_made_of_whole_paragraphs_and_no_rustdoc() {
    each(&mut |place, schema, _, _| {
        let Some(text) = schema["description"].as_str() else {
            return;
        };
        for paragraph in text.split("\n\n") {
            let whole = !paragraph.contains('\n') && paragraph.trim() == paragraph;
            assert!(whole && !paragraph.is_empty(), "{place}: {text:?}");
            let link = paragraph.contains("https://");
            assert!(link || paragraph.ends_with('.'), "{place}: {text:?}");
        }
        for rustdoc in ["[`", "`]", "](", "::", "crate", "///"] {
            assert!(!text.contains(rustdoc), "{place}: {text:?}");
        }
        assert_eq!(text.matches('`').count() % 2, 0, "{place}: {text:?}");
    });
}

#[test]
fn the_items_of_a_list_of_objects_have_one_description() {
    each(&mut |place, schema, field, _| {
        let item = !field && schema["type"] == "object";
        assert!(!item || schema["description"].is_string(), "{place}");
        let unsaid = ["allOf", "anyOf", "oneOf"]
            .iter()
            .all(|word| schema[word].is_null());
        assert!(unsaid, "{place}: {schema}");
    });
}

/// Nobody should build on what may be kept otherwise tomorrow.
#[test]
fn what_is_internal_says_so() {
    let mut internal = Vec::new();
    each(&mut |place, schema, field, _| {
        let name = place.rsplit('.').next().unwrap();
        let hash = name.ends_with("Hash") || name == "fingerprint";
        let note = ["pending", "abandoned", "handled", "handles"].contains(&name);
        let said = schema["description"]
            .as_str()
            .unwrap_or_default()
            .starts_with("Internal: ");
        if field && (hash || note) {
            assert!(said, "{place}");
            internal.push(place.to_owned());
        } else {
            assert!(!said, "{place}");
        }
    });
    assert!(internal.len() >= 8, "{internal:?}");
}

/// Argo CD compares lists as a whole: a default in an item would be a difference for ever.
#[test]
fn there_is_no_default_below_a_list() {
    each(&mut |place, schema, _, in_list| {
        assert!(!in_list || schema["default"].is_null(), "{place}");
    });
}

#[test]
fn everything_is_bounded() {
    each(&mut |place, schema, _, _| {
        if is_common(place) {
            return;
        }
        let has = |keyword: &str| !schema[keyword].is_null();
        let bounded = match schema["type"].as_str().unwrap() {
            "string" => has("maxLength") || has("enum") || schema["format"] == "date-time",
            "array" => has("maxItems") && has("x-kubernetes-list-type"),
            "object" => has("properties") != (has("additionalProperties") && has("maxProperties")),
            "integer" => has("minimum"),
            other => other == "boolean",
        };
        assert!(bounded, "{place}: {schema}");
    });
}

#[test]
fn nothing_is_nullable_and_nothing_unknown_is_kept() {
    each(&mut |place, schema, _, _| {
        assert!(schema["nullable"].is_null(), "{place}");
        let keyword = "x-kubernetes-preserve-unknown-fields";
        assert!(schema[keyword].is_null(), "{place}");
    });
}

#[test]
fn an_access_token_shows_and_selects_what_users_look_for() {
    let all = crds::all();
    let token = &all[0];
    let version = &token["spec"]["versions"][0];
    let column = |column: &Value| column["name"].as_str().unwrap().to_owned();
    let columns = version["additionalPrinterColumns"].as_array().unwrap();
    assert_eq!(
        columns.iter().map(column).collect::<Vec<_>>(),
        ["Ready", "Reason", "Secret", "Role", "Next rotation", "Age"]
    );
    let path = |field: &Value| field["jsonPath"].as_str().unwrap().to_owned();
    let fields = version["selectableFields"].as_array().unwrap();
    assert_eq!(
        fields.iter().map(path).collect::<Vec<_>>(),
        [".spec.accountRef.name", ".spec.secret.name"]
    );
    assert_eq!(
        token["spec"]["names"]["shortNames"],
        serde_json::json!(["ldt", "ldtoken"])
    );
    assert_eq!(version["subresources"], serde_json::json!({"status": {}}));
}
