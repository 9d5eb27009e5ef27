//! Schemas that the derives cannot express.

use schemars::{Schema, SchemaGenerator, json_schema};

/// At most this many labels, and as many annotations, on a Secret or in a selector.
pub(super) const MAX_LABELS: usize = 32;

/// A bounded map of label values.
pub(super) fn labels(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": MAX_LABELS,
        "additionalProperties": { "type": "string", "maxLength": 63 },
    })
}

/// A bounded map of annotation values.
pub(super) fn annotations(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": MAX_LABELS,
        "additionalProperties": { "type": "string", "maxLength": 4096 },
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
