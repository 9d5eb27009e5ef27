//! Schemas that the derives cannot express.

use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::json;

use super::rules;
use crate::domain::limits;
use crate::domain::syntax::{self, Syntax};

/// A bounded map of label values.
pub(super) fn labels(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": limits::LABELS,
        "additionalProperties": { "type": "string", "maxLength": limits::LABEL },
    })
}

/// A bounded map of annotation values.
pub(super) fn annotations(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": limits::LABELS,
        "additionalProperties": { "type": "string", "maxLength": limits::ANNOTATION },
    })
}

/// Keys or IDs of custom roles.
pub(super) fn custom_roles(_: &mut SchemaGenerator) -> Schema {
    set((1, limits::ENTRIES), limits::ROLE, &syntax::ROLE)
}

/// Globs over keys of custom roles; see [`PolicySpec`](super::account::PolicySpec) for why it is atomic.
pub(super) fn role_globs(_: &mut SchemaGenerator) -> Schema {
    let mut list = set((0, limits::GLOBS), limits::ROLE, &syntax::ROLE_GLOB);
    list.insert("x-kubernetes-list-type".into(), "atomic".into());
    list.insert(
        "x-kubernetes-validations".into(),
        json!([rules::some_item()]),
    );
    list
}

/// Beginnings of keys of labels and annotations; atomic like [`role_globs`].
pub(super) fn key_prefixes(_: &mut SchemaGenerator) -> Schema {
    let mut list = set(
        (0, limits::KEY_PREFIXES),
        limits::LABEL_KEY,
        &syntax::KEY_PREFIX,
    );
    list.insert("x-kubernetes-list-type".into(), "atomic".into());
    list.insert(
        "x-kubernetes-validations".into(),
        json!([rules::some_prefix()]),
    );
    list
}

/// Resource specifiers. Their form is a pattern: a rule for so many long texts would cost more than the API server allows.
pub(super) fn specifiers(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "minItems": 1,
        "maxItems": limits::ENTRIES,
        "x-kubernetes-list-type": "set",
        "items": {
            "type": "string",
            "maxLength": limits::RESOURCE,
            "pattern": syntax::SPECIFIER.pattern,
        },
    })
}

/// Names of namespaces.
pub(super) fn namespaces(_: &mut SchemaGenerator) -> Schema {
    set((0, limits::NAMESPACES), limits::LABEL, &syntax::NAMESPACE)
}

/// Values of a label.
pub(super) fn label_values(_: &mut SchemaGenerator) -> Schema {
    set((0, limits::ENTRIES), limits::LABEL, &syntax::LABEL_VALUE)
}

/// A set of texts of one form. The rule stands at the items, so that the API server names the one that breaks it.
fn set(items: (usize, usize), length: usize, syntax: &Syntax) -> Schema {
    json_schema!({
        "type": "array",
        "minItems": items.0,
        "maxItems": items.1,
        "x-kubernetes-list-type": "set",
        "items": {
            "type": "string",
            "maxLength": length,
            "x-kubernetes-validations": [rules::form(syntax)],
        },
    })
}

/// The conditions of a status: a list map by type, with the bounds of Kubernetes' own kinds.
pub(super) fn conditions(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "maxItems": 16,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["type"],
        "items": {
            "type": "object",
            "description": "One aspect of the current state.",
            "required": ["type", "status", "reason", "message", "lastTransitionTime"],
            "properties": {
                "type": {
                    "description": "Which aspect.",
                    "type": "string", "minLength": 1, "maxLength": 316,
                },
                "status": {
                    "description": "Whether it holds.",
                    "type": "string", "enum": ["True", "False", "Unknown"],
                },
                "reason": {
                    "description": "Why, in one constant word; see the table of reasons.",
                    "type": "string", "minLength": 1, "maxLength": 128,
                },
                "message": {
                    "description": "Why, for people: what to change, or what is waited for.",
                    "type": "string", "maxLength": 2048,
                },
                "lastTransitionTime": {
                    "description": "When `status` changed last.",
                    "type": "string", "format": "date-time",
                },
                "observedGeneration": {
                    "description": "The `metadata.generation` this was said about.",
                    "type": "integer", "format": "int64", "minimum": 0,
                },
            },
        },
    })
}

/// A point in time.
pub(super) fn time(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "format": "date-time" })
}
