//! `docs/reference.md`: every field of every kind, from the schemas.

use std::fmt::Write as _;

use serde_json::Value;

const INTRODUCTION: &str = "\
# Reference of the custom resources

Group `ldtokens.dev`, version `v1alpha1`. `kubectl explain accesstoken.spec` shows the same texts. A field that a table
does not call required can be left out.
";

/// The whole page.
pub fn page(crds: &[Value]) -> String {
    let mut page = String::from(INTRODUCTION);
    for crd in crds {
        kind(&mut page, crd);
    }
    page
}

fn kind(page: &mut String, crd: &Value) {
    let names = &crd["spec"]["names"];
    let schema = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
    let _ = write!(
        page,
        "\n## {}\n\n{} Short name{}: {}. Scope: {}.\n",
        text(&names["kind"]),
        text(&schema["description"]),
        if list(&names["shortNames"]).len() == 1 {
            ""
        } else {
            "s"
        },
        code(&names["shortNames"]),
        text(&crd["spec"]["scope"]),
    );
    for part in ["spec", "status"] {
        let schema = &schema["properties"][part];
        let _ = write!(page, "\n### {} {part}\n\n", text(&names["kind"]));
        let _ = writeln!(page, "{}\n", paragraph(&schema["description"]));
        page.push_str("| field | type | meaning |\n| --- | --- | --- |\n");
        fields(page, part, schema);
    }
    rules(page, schema);
}

/// One line for each field, parents before children.
fn fields(page: &mut String, path: &str, schema: &Value) {
    let Some(properties) = schema["properties"].as_object() else {
        return;
    };
    let required = list(&schema["required"]);
    for (name, property) in properties {
        let path = format!("{path}.{name}");
        let required = if required.contains(&name.as_str()) {
            "required, "
        } else {
            ""
        };
        let _ = writeln!(
            page,
            "| `{path}` | {required}{} | {} |",
            kind_of(property),
            paragraph(&property["description"])
        );
        fields(page, &path, property);
        fields(page, &format!("{path}[]"), &property["items"]);
    }
}

/// The type with its bounds, in words.
fn kind_of(schema: &Value) -> String {
    if !schema["enum"].is_null() {
        return format!("one of {}", code(&schema["enum"]));
    }
    match text(&schema["type"]) {
        "array" => format!(
            "list{} of {}",
            bounds(schema, "minItems", "maxItems", ""),
            kind_of(&schema["items"])
        ),
        "object" if schema["additionalProperties"].is_object() => format!(
            "map{} to {}",
            bounds(schema, "minProperties", "maxProperties", ""),
            kind_of(&schema["additionalProperties"])
        ),
        "string" if schema["format"] == "date-time" => "time".into(),
        "string" => format!(
            "string{}",
            bounds(schema, "minLength", "maxLength", " characters")
        ),
        "integer" => format!("integer{}", bounds(schema, "minimum", "maximum", "")),
        other => other.into(),
    }
}

fn bounds(schema: &Value, min: &str, max: &str, unit: &str) -> String {
    match (schema[min].as_i64(), schema[max].as_i64()) {
        (Some(min), Some(max)) => format!(" ({min} to {max}{unit})"),
        (Some(min), None) => format!(" (at least {min}{unit})"),
        (None, Some(max)) => format!(" (at most {max}{unit})"),
        (None, None) => String::new(),
    }
}

/// What the rules say, as they say it when broken.
fn rules(page: &mut String, schema: &Value) {
    let mut lines = Vec::new();
    collect_rules(&mut lines, "", schema);
    if !lines.is_empty() {
        page.push_str("\n#### Rules\n\n");
        for line in lines {
            let _ = writeln!(page, "- {line}");
        }
    }
}

fn collect_rules(lines: &mut Vec<String>, path: &str, schema: &Value) {
    for rule in schema["x-kubernetes-validations"]
        .as_array()
        .into_iter()
        .flatten()
    {
        let field = format!("{path}{}", text(&rule["fieldPath"]));
        let says = match rule["message"].as_str() {
            Some(message) => message.to_owned(),
            // The constant beginning of a message that goes on with values.
            None => text(&rule["messageExpression"])
                .trim_start_matches('\'')
                .split([':', '\''])
                .next()
                .unwrap_or_default()
                .to_owned(),
        };
        lines.push(format!("`{}` {says}", field.trim_start_matches('.')));
    }
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        collect_rules(lines, &format!("{path}.{name}"), property);
    }
    if schema["items"].is_object() {
        collect_rules(lines, &format!("{path}[]"), &schema["items"]);
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// A text in one cell of a table.
fn paragraph(value: &Value) -> String {
    text(value)
        .replace("\n\n", " ")
        .replace('\n', " ")
        .replace('|', "\\|")
}

fn list(value: &Value) -> Vec<&str> {
    value.as_array().into_iter().flatten().map(text).collect()
}

fn code(value: &Value) -> String {
    let items: Vec<String> = list(value).iter().map(|item| format!("`{item}`")).collect();
    items.join(", ")
}
