//! What is tested without a process, an API server or a network: decisions, the model of their consequences, the definitions, the manifests,
//! the workflows and what is generated.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "the lints know test functions, but not the helpers beside them"
)]

mod account;
mod closed_schemas;
mod crd_shape;
mod decide_properties;
mod deploy;
mod generated;
mod model;
mod shown_times;
mod workflows;
