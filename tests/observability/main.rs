//! What a running operator tells: its metrics against their catalogue, the chart's alerts and dashboard against a real Prometheus that
//! scrapes it, and its log.
#![expect(clippy::unwrap_used, reason = "helpers of tests may fail like tests")]

mod alerts;
mod collector;
mod dashboard;
mod exposition;
mod logs;
mod metrics;
mod stage;
mod traces;
