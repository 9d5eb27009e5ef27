//! The CEL rules of the schema.
