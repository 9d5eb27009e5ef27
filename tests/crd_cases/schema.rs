//! The rules and bounds that are in a schema, and which of them an object meets or a message speaks of.

use std::collections::BTreeSet;

use serde_json::Value;

/// The bounds we know. Another keyword in the schema fails the test, so that none is overlooked.
pub const BOUNDS: [&str; 12] = [
    "required",
    "enum",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "maxProperties",
    "minimum",
    "maximum",
    "format",
    "pattern",
    "x-kubernetes-list-type",
];
const OTHER_KEYWORDS: [&str; 9] = [
    "type",
    "title",
    "description",
    "default",
    "properties",
    "items",
    "additionalProperties",
    "x-kubernetes-validations",
    "x-kubernetes-list-map-keys",
];

/// A rule or a bound at a place of the schema.
#[derive(Debug, Clone)]
pub struct Mark {
    /// Such as `spec.inlineRole[].actions`; for `required` the place of the required field.
    pub place: String,
    pub keyword: &'static str,
    /// The bound, or the rule.
    pub value: Value,
}

impl Mark {
    /// A name for it.
    pub fn key(&self) -> String {
        if self.keyword == "rule" {
            format!("{} {}", self.place, message(&self.value))
        } else {
            format!("{} {}", self.place, self.keyword)
        }
    }
}

/// All rules and bounds of a schema.
pub fn marks(schema: &Value) -> Vec<Mark> {
    let mut found = Vec::new();
    walk(schema, "", &mut found);
    found
}

fn walk(schema: &Value, place: &str, found: &mut Vec<Mark>) {
    let mut mark = |place: String, keyword, value: &Value| {
        found.push(Mark {
            place,
            keyword,
            value: value.clone(),
        });
    };
    for (keyword, value) in schema.as_object().unwrap() {
        let Some(bound) = BOUNDS.into_iter().find(|bound| bound == keyword) else {
            assert!(
                OTHER_KEYWORDS.contains(&keyword.as_str()),
                "{place}: what is {keyword}?"
            );
            continue;
        };
        match bound {
            "required" => {
                for field in value.as_array().unwrap() {
                    mark(join(place, field.as_str().unwrap()), bound, field);
                }
            }
            // A size, and a list whose order or repetition means nothing: no bounds.
            "format" if value != "date-time" => {}
            "x-kubernetes-list-type" if value == "atomic" => {}
            _ => mark(place.to_owned(), bound, value),
        }
    }
    for rule in schema["x-kubernetes-validations"]
        .as_array()
        .into_iter()
        .flatten()
    {
        mark(place.to_owned(), "rule", rule);
    }
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        walk(property, &join(place, name), found);
    }
    if schema["items"].is_object() {
        walk(&schema["items"], &format!("{place}[]"), found);
    }
    if schema["additionalProperties"].is_object() {
        walk(
            &schema["additionalProperties"],
            &format!("{place}.*"),
            found,
        );
    }
}

fn join(place: &str, field: &str) -> String {
    if place.is_empty() {
        field.into()
    } else {
        format!("{place}.{field}")
    }
}

/// What a rule says; of a message with values in it, what comes before them.
fn message(rule: &Value) -> String {
    let expression = || rule["messageExpression"].as_str().unwrap().split('\'');
    rule["message"]
        .as_str()
        .unwrap_or_else(|| expression().nth(1).unwrap())
        .to_owned()
}

/// The rules that an object is judged by, and the bounds that it meets exactly.
pub fn met(marks: &[Mark], object: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for mark in marks {
        if values(object, &mark.place)
            .iter()
            .any(|value| meets(mark, value))
        {
            found.insert(mark.key());
        }
    }
    found
}

fn meets(mark: &Mark, value: &Value) -> bool {
    let items = || value.as_array().map_or(0, Vec::len);
    let length = || value.as_str().map_or(0, |text| text.chars().count());
    let bound = || usize::try_from(mark.value.as_u64().unwrap()).unwrap();
    match mark.keyword {
        "minLength" | "maxLength" => length() == bound(),
        "minItems" | "maxItems" => items() == bound(),
        "maxProperties" => value.as_object().map_or(0, serde_json::Map::len) == bound(),
        "minimum" | "maximum" => *value == mark.value,
        "x-kubernetes-list-type" => items() > 1,
        _ => true,
    }
}

/// The values at a place of the schema, in all items of lists and maps on the way.
fn values<'a>(object: &'a Value, place: &str) -> Vec<&'a Value> {
    let mut found = vec![object];
    for step in place
        .replace("[]", ".[]")
        .split('.')
        .filter(|step| !step.is_empty())
    {
        found = found
            .into_iter()
            .flat_map(|value| match step {
                "[]" => value
                    .as_array()
                    .map(|items| items.iter().collect())
                    .unwrap_or_default(),
                "*" => value
                    .as_object()
                    .map(|map| map.values().collect())
                    .unwrap_or_default(),
                field => value.get(field).into_iter().collect::<Vec<_>>(),
            })
            .collect();
    }
    found
}

/// Which rule or bound a line of the API server's message speaks of.
pub fn broken(marks: &[Mark], line: &str) -> Option<String> {
    let (place, says) = line.split_once(": ")?;
    let place = without_indexes(place);
    let speaks = |mark: &&Mark| match mark.keyword {
        "rule" => {
            let at = format!(
                "{}{}",
                mark.place,
                mark.value["fieldPath"].as_str().unwrap_or_default()
            );
            at == place && says.contains(&message(&mark.value))
        }
        "x-kubernetes-list-type" => {
            place == format!("{}[]", mark.place) && says.contains("Duplicate value")
        }
        keyword => same_place(&mark.place, &place) && says.contains(phrase(keyword)),
    };
    marks.iter().find(speaks).map(Mark::key)
}

/// In the schema `*` stands for the keys of a map.
fn same_place(schema: &str, place: &str) -> bool {
    match schema.strip_suffix(".*") {
        Some(map) => place
            .rsplit_once('.')
            .is_some_and(|(parent, _)| parent == map),
        None => schema == place,
    }
}

/// By what the API server's message for a bound is known.
fn phrase(keyword: &str) -> &'static str {
    match keyword {
        "required" => "Required value",
        "enum" => "Unsupported value",
        "minLength" => "should be at least",
        "maxLength" => "may not be more than",
        "minItems" => "should have at least",
        "maxItems" | "maxProperties" => "Too many",
        "minimum" => "should be greater than or equal to",
        "maximum" => "should be less than or equal to",
        "format" => "must be of type date-time",
        "pattern" => "in body should match",
        other => panic!("no phrase for {other}"),
    }
}

fn without_indexes(place: &str) -> String {
    let mut text = String::new();
    let mut rest = place;
    while let Some((before, after)) = rest.split_once('[') {
        let (_, end) = after.split_once(']').unwrap();
        text.push_str(before);
        text.push_str("[]");
        rest = end;
    }
    text + rest
}
