//! Journal, history and clock.

use axum::extract::{Query, State};
use serde::Deserialize;
use serde_json::json;

use super::reply::{Body, Reply, ok};
use crate::simulator::Simulator;

/// From which number on.
#[derive(Debug, Deserialize)]
pub struct Since {
    #[serde(default)]
    since: u64,
}

/// By how much the clock moves.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Advance {
    advance_ms: i64,
}

/// The calls with a number above `since`; `last` is what to ask for next.
pub async fn requests(State(simulator): State<Simulator>, Query(query): Query<Since>) -> Reply {
    let items = simulator.requests(query.since);
    let last = items.last().map_or(query.since, |entry| entry.seq);
    ok(json!({ "items": items, "last": last }))
}

/// The events with a number above `since`; `last` is what to ask for next.
pub async fn history(State(simulator): State<Simulator>, Query(query): Query<Since>) -> Reply {
    let items = simulator.history(query.since);
    let last = items.last().map_or(query.since, |event| event.seq);
    ok(json!({ "items": items, "last": last }))
}

/// The simulator's time.
pub async fn clock(State(simulator): State<Simulator>) -> Reply {
    let clock = simulator.world().clock;
    ok(json!({ "now": clock.now_ms(), "offsetMs": clock.offset_ms() }))
}

/// Moves the clock.
pub async fn advance(State(simulator): State<Simulator>, Body(by): Body<Advance>) -> Reply {
    let now = simulator.advance_clock(by.advance_ms);
    let offset = simulator.world().clock.offset_ms();
    ok(json!({ "now": now, "offsetMs": offset }))
}
