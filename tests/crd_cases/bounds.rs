//! For every bound a case that just keeps it and one that just breaks it.

use serde_json::{Value, json};

use super::objects::{Kind, at, steps};
use super::schema::{Mark, marks};
use super::{Case, Judge};

/// Both cases for every bound of every kind.
pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for kind in Kind::ALL {
        for mark in marks(kind.schema()) {
            if mark.keyword != "rule" {
                let place = concrete(&mark.place);
                cases.push(case(kind, &mark, kept(kind, &mark, &place), String::new()));
                let (object, says) = broken(kind, &mark, &place);
                cases.push(case(
                    kind,
                    &mark,
                    object,
                    format!("{}: {says}", at_fault(&mark, &place)),
                ));
            }
        }
    }
    cases
}

fn case(kind: Kind, mark: &Mark, object: Value, says: String) -> Case {
    Case {
        judge: Judge::Schema,
        kind,
        object,
        before: None,
        says,
        status: mark.place.starts_with("status"),
    }
}

/// A place in the full objects: the first item that has it, and for a map its key.
fn concrete(place: &str) -> String {
    let statement = if place.contains(".not") { "[1]" } else { "[0]" };
    place
        .replacen("inlineRole[]", &format!("inlineRole{statement}"), 1)
        .replace("[]", "[0]")
        .replace(".*", ".a")
}

/// Where the API server sees the fault.
fn at_fault(mark: &Mark, place: &str) -> String {
    match mark.keyword {
        "x-kubernetes-list-type" => format!("{place}[1]"),
        _ => place.to_owned(),
    }
}

fn with(kind: Kind, place: &str, value: Value) -> Value {
    let mut object = kind.full(place);
    *at(&mut object, place) = value;
    object
}

fn size(mark: &Mark) -> usize {
    usize::try_from(mark.value.as_u64().unwrap()).unwrap()
}

/// An object that is exactly at the bound.
fn kept(kind: Kind, mark: &Mark, place: &str) -> Value {
    match mark.keyword {
        "enum" => with(kind, place, mark.value[0].clone()),
        "minimum" | "maximum" => with(kind, place, mark.value.clone()),
        "minLength" | "maxLength" => with(kind, place, json!(text(place, size(mark)))),
        "minItems" | "maxItems" => with(kind, place, items(kind, place, size(mark))),
        "x-kubernetes-list-type" => with(kind, place, items(kind, place, 2)),
        "maxProperties" => with(kind, place, entries(size(mark))),
        _ => kind.full(place),
    }
}

/// An object just beyond the bound, and what is said about it.
fn broken(kind: Kind, mark: &Mark, place: &str) -> (Value, String) {
    // The status is validated as a document of its own.
    let named = place.trim_start_matches("status.");
    match mark.keyword {
        "required" => {
            let mut object = kind.full(place);
            let (parent, field) = place.rsplit_once('.').unwrap_or(("", place));
            at(&mut object, parent)
                .as_object_mut()
                .unwrap()
                .remove(field);
            (object, "Required value".into())
        }
        "enum" => {
            let known: Vec<String> = mark
                .value
                .as_array()
                .unwrap()
                .iter()
                .map(Value::to_string)
                .collect();
            let says = format!(
                "Unsupported value: \"Other\": supported values: {}",
                known.join(", ")
            );
            (with(kind, place, json!("Other")), says)
        }
        "minimum" => {
            let value = mark.value.as_i64().unwrap() - 1;
            let says = format!(
                "Invalid value: {value}: {named} in body should be greater than or equal to {}",
                mark.value
            );
            (with(kind, place, json!(value)), says)
        }
        "maximum" => {
            let value = mark.value.as_i64().unwrap() + 1;
            let says = format!(
                "Invalid value: {value}: {named} in body should be less than or equal to {}",
                mark.value
            );
            (with(kind, place, json!(value)), says)
        }
        "minLength" => {
            let value = "a".repeat(size(mark) - 1);
            let says = format!(
                "Invalid value: \"{value}\": {named} in body should be at least {} chars long",
                mark.value
            );
            (with(kind, place, json!(value)), says)
        }
        "maxLength" => {
            let says = format!("Too long: may not be more than {} bytes", mark.value);
            (with(kind, place, json!(text(place, size(mark) + 1))), says)
        }
        "minItems" => {
            let count = size(mark) - 1;
            let says = format!(
                "Invalid value: {count}: {named} in body should have at least {} items",
                mark.value
            );
            (with(kind, place, items(kind, place, count)), says)
        }
        "maxItems" => {
            let count = size(mark) + 1;
            let says = format!("Too many: {count}: must have at most {} items", mark.value);
            (with(kind, place, items(kind, place, count)), says)
        }
        "maxProperties" => {
            let count = size(mark) + 1;
            let says = format!("Too many: {count}: must have at most {} items", mark.value);
            (with(kind, place, entries(count)), says)
        }
        "format" => {
            let says = format!(
                "Invalid value: \"yesterday\": {named} in body must be of type date-time: \"yesterday\""
            );
            (with(kind, place, json!("yesterday")), says)
        }
        "pattern" => {
            let says = format!(
                "Invalid value: \"nonsense\": {named} in body should match '{}'",
                mark.value.as_str().unwrap()
            );
            (with(kind, place, json!("nonsense")), says)
        }
        "x-kubernetes-list-type" => {
            let mut object = kind.full(place);
            let list = at(&mut object, place).as_array_mut().unwrap();
            let first = list[0].clone();
            list.truncate(1);
            list.push(first.clone());
            let shown = match first {
                Value::Object(_) => key_of(mark, place, &first),
                other => other.to_string(),
            };
            (object, format!("Duplicate value: {shown}"))
        }
        other => panic!("no case for {other}"),
    }
}

/// How the API server shows which item of a list map is there twice.
fn key_of(_mark: &Mark, place: &str, item: &Value) -> String {
    let key = match place {
        "status.abandoned" => "attempt",
        "status.retiring" => "tokenId",
        _ => "type",
    };
    json!({ key: item[key] }).to_string()
}

/// A valid text of a length, or as near as there is.
fn text(place: &str, length: usize) -> String {
    let last = steps(place)
        .filter(|step| step.parse::<usize>().is_err())
        .last()
        .unwrap();
    let padded = |start: &str, end: &str, fill: &str| {
        let rest = length.saturating_sub(start.len() + end.len());
        format!("{start}{}{end}", fill.repeat(rest))
    };
    match last {
        "interval" | "gracePeriod" | "maxRotationInterval" if place.starts_with("spec") => padded(
            if last == "interval" {
                "00720h000000m"
            } else {
                "00001h000000m"
            },
            "s",
            "0",
        ),
        "apiUrl" => padded("https://", "", "a"),
        "resources" | "notResources" if place.starts_with("spec.inlineRole") => {
            padded("proj/", "", "a")
        }
        "secretMetadata" => padded("example.com/", "", "a"),
        "caBundle" => padded(
            "-----BEGIN CERTIFICATE-----",
            "-----END CERTIFICATE-----",
            "\n",
        ),
        "key" if place.contains("matchExpressions") && length > 63 => {
            let name = "n".repeat(63);
            format!("{}/{name}", padded("", "", "d").split_at(length - 64).0)
        }
        _ => "a".repeat(length),
    }
}

/// A list of so many different valid items.
fn items(kind: Kind, place: &str, count: usize) -> Value {
    let mut full = kind.full(place);
    let first = at(&mut full, place)[0].clone();
    let roles = ["reader", "writer", "admin", "reader"];
    (0..count)
        .map(|number| match &first {
            Value::Object(_) => numbered(first.clone(), number),
            _ if place == "spec.policy.roles" => json!(roles[number]),
            _ if place.ends_with("secretMetadata") => json!(format!("a{number}/")),
            _ if place.ends_with("esources") => json!(format!("proj/a{number}")),
            _ => json!(format!("a{number}")),
        })
        .collect()
}

/// The same item under another key, where it has one.
fn numbered(mut item: Value, number: usize) -> Value {
    for key in ["type", "attempt", "tokenId"] {
        if item.get(key).is_some() {
            item[key] = json!(format!("a{number}"));
        }
    }
    item
}

fn entries(count: usize) -> Value {
    (0..count)
        .map(|number| (format!("a{number}"), json!("b")))
        .collect()
}
