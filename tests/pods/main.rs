//! The shipped image in real pods on a real node: installed by Helm under restricted Pod Security, calling LaunchDarkly by its own name
//! through https, while real consumers use mounted keys and the pods are killed, drained, upgraded and stopped.
//!
//! All tests share one node, one after the other. Whatever a test does to the operator, keys are rotated meanwhile, and in the end every
//! token is accounted for and no consumer was ever refused.
#![expect(clippy::unwrap_used, reason = "helpers of tests may fail like tests")]

mod consumers;
mod disruptions;
mod release;
mod stage;
mod tokens;
mod traces;
