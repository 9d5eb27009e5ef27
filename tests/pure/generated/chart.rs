//! What the Helm chart has that is made from something else: the copies of the definitions, the schema of the values and the table of
//! them in the README, both from the comments in values.yaml.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use clap::builder::PossibleValue;
use clap::{Arg, CommandFactory as _};
use launchdarkly_token_operator::runtime::args::Cli;
use serde_json::{Value, json};

const CHART: &str = "charts/launchdarkly-token-operator";
const BEGIN: &str = "<!-- values: made from values.yaml by `cargo xtask generate` -->";
const END: &str = "<!-- end of values -->";

/// Flags that the chart sets by itself.
const OURS: [&str; 7] = [
    "listen",
    "namespace",
    "pod-name",
    "lease-name",
    "watch-namespaces",
    "controller-class",
    "opt-in-role",
];

/// A value of values.yaml.
struct Entry {
    path: Vec<String>,
    description: String,
    schema: Value,
    default: Value,
}

impl Entry {
    /// Whether the values below it are entries too.
    fn is_section(&self) -> bool {
        self.schema.is_null() && self.default.as_object().is_some_and(|map| !map.is_empty())
    }
}

/// The generated files of the chart: where they are, and what they must be.
pub fn files(definitions: Vec<(String, String)>) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(CHART);
    let entries = entries(&fs::read_to_string(root.join("values.yaml")).unwrap());
    let schema = serde_json::to_string_pretty(&schema(&entries)).unwrap();
    let readme = fs::read_to_string(root.join("README.md")).unwrap();
    let mut files: Vec<_> = definitions
        .into_iter()
        .map(|(name, text)| (format!("{CHART}/files/{name}"), text))
        .collect();
    files.push((format!("{CHART}/values.schema.json"), schema + "\n"));
    files.push((format!("{CHART}/README.md"), with_table(&readme, &entries)));
    files
}

/// Reads values.yaml by its lines: a comment right above a key, of two spaces a level, describes it.
fn entries(text: &str) -> Vec<Entry> {
    let values: Value = serde_saphyr::from_str(text).unwrap();
    let mut entries: Vec<Entry> = Vec::new();
    let (mut parents, mut comment): (Vec<String>, Vec<&str>) = (Vec::new(), Vec::new());
    for line in text.lines() {
        let content = line.trim_start();
        if let Some(words) = content.strip_prefix('#') {
            comment.push(words.trim());
            continue;
        }
        if let Some((key, _)) = content.split_once(':') {
            parents.truncate((line.len() - content.len()) / 2);
            parents.push(key.to_owned());
            let inside = entries
                .iter()
                .any(|entry| !entry.is_section() && parents.starts_with(&entry.path));
            if !inside {
                entries.push(entry(&parents, &comment.join("\n"), &values));
            }
        }
        comment.clear();
    }
    entries
}

fn entry(path: &[String], comment: &str, values: &Value) -> Entry {
    let (description, schema) = match comment.split_once("@schema ") {
        Some((words, schema)) => (words, serde_json::from_str(schema).unwrap()),
        None => (comment, Value::Null),
    };
    let entry = Entry {
        path: path.to_owned(),
        description: description.trim().replace('\n', " "),
        schema,
        default: values
            .pointer(&format!("/{}", path.join("/")))
            .unwrap()
            .clone(),
    };
    assert!(
        entry.is_section() || entry.description.ends_with('.'),
        "values.yaml: {} needs a description, in sentences",
        path.join(".")
    );
    entry
}

fn schema(entries: &[Entry]) -> Value {
    let mut schema = object();
    schema["$schema"] = json!("http://json-schema.org/draft-07/schema#");
    schema["title"] = json!("Values of the chart launchdarkly-token-operator");
    schema["properties"]["enabled"] =
        json!({"description": "Read by a parent chart, as the condition of this one."});
    for entry in entries {
        let pointer = format!("/properties/{}", entry.path.join("/properties/"));
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        schema.pointer_mut(parent).unwrap()[key] = schema_of(entry);
    }
    // A parent chart shares these with all its charts.
    schema["properties"]["global"]["additionalProperties"] = json!(true);
    schema
}

fn object() -> Value {
    json!({"type": "object", "additionalProperties": false, "properties": {}})
}

fn schema_of(entry: &Entry) -> Value {
    if entry.is_section() {
        return object();
    }
    let mut schema = if entry.path == ["flags"] {
        flags()
    } else {
        json!({"type": match &entry.default {
            Value::Bool(_) => "boolean",
            Value::Number(_) => "integer",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
            Value::Null => "null",
        }})
    };
    schema["description"] = json!(entry.description);
    for (key, value) in entry.schema.as_object().into_iter().flatten() {
        schema[key] = value.clone();
    }
    schema
}

fn flags() -> Value {
    let mut schema = object();
    for flag in operator_flags() {
        schema["properties"][flag.get_long().unwrap()] = flag_schema(&flag);
    }
    schema
}

/// The flags of `run` that a user may set, as the program knows them.
fn operator_flags() -> Vec<Arg> {
    let mut command = Cli::command();
    command.build();
    let run = command.find_subcommand("run").unwrap();
    let ours = |flag: &&Arg| {
        flag.get_long()
            .is_some_and(|name| name != "help" && !OURS.contains(&name))
    };
    run.get_arguments().filter(ours).cloned().collect()
}

/// The type of a flag, as its default shows it.
fn flag_schema(flag: &Arg) -> Value {
    let default = default_of(flag);
    let mut schema = if flag.get_value_delimiter().is_some() {
        json!({"type": "array", "items": {"type": "string", "minLength": 1}, "minItems": 1})
    } else if default.parse::<bool>().is_ok() {
        json!({"type": "boolean"})
    } else if default.parse::<u32>().is_ok() {
        json!({"type": "integer", "minimum": 0})
    } else if default.parse::<f64>().is_ok() {
        json!({"type": "number", "minimum": 0})
    } else if default.starts_with(|c: char| c.is_ascii_digit()) {
        json!({"type": "string", "pattern": "^([0-9]+(ms|s|m|h))+$"})
    } else {
        json!({"type": "string", "minLength": 1})
    };
    let values = flag.get_possible_values();
    if schema["type"] == "string" && !values.is_empty() {
        let names: Vec<_> = values.iter().map(PossibleValue::get_name).collect();
        schema["enum"] = json!(names);
    }
    schema["description"] = json!(format!("{} (default {default})", help_of(flag)));
    schema
}

fn default_of(flag: &Arg) -> String {
    let values = flag.get_default_values();
    if values.is_empty() {
        return "none".to_owned();
    }
    let values: Vec<_> = values.iter().map(|value| value.to_string_lossy()).collect();
    values.join(", ")
}

fn help_of(flag: &Arg) -> String {
    flag.get_help().unwrap().to_string()
}

/// The README with the table of today between its marks.
fn with_table(readme: &str, entries: &[Entry]) -> String {
    let (before, rest) = readme.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    format!("{before}{BEGIN}\n\n{}\n{END}{after}", table(entries))
}

fn table(entries: &[Entry]) -> String {
    let mut table = String::from("| value | default | meaning |\n| --- | --- | --- |\n");
    for entry in entries.iter().filter(|entry| !entry.is_section()) {
        let path = entry.path.join(".");
        let default = entry.default.to_string();
        let _ = writeln!(table, "| `{path}` | `{default}` | {} |", entry.description);
        if path == "flags" {
            for flag in operator_flags() {
                let (name, default) = (flag.get_long().unwrap(), default_of(&flag));
                let help = help_of(&flag);
                let _ = writeln!(table, "| `flags.{name}` | ({default}) | {help} |");
            }
        }
    }
    table
}
