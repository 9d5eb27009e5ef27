//! The admin interface: what tests and users do behind the API's back. It knows no credentials,
//! no rate limits and no faults, and it shows keys: never serve it to anybody else.

mod reply;
mod roles;
mod tokens;
mod watch;

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::{delete, get, patch, post};
use serde_json::{Value, json};

use self::reply::{Body, Reply, bad, missing, ok};
use crate::faults::Fault;
use crate::simulator::Simulator;

/// The routes below `/admin`.
pub fn router(simulator: Simulator) -> Router<Simulator> {
    Router::new()
        .route("/switches", get(switches).patch(set_switches))
        .route("/faults", get(faults).post(add_fault).delete(clear_faults))
        .route("/faults/{id}", delete(remove_fault))
        .route("/reset", post(reset))
        .route("/account", patch(set_account).get(account))
        .route("/tokens", get(tokens::list).post(tokens::create))
        .route("/tokens/{id}", patch(tokens::change).delete(tokens::delete))
        .route("/roles", get(roles::list).post(roles::add))
        .route("/roles/{name}", delete(roles::remove))
        .route("/requests", get(watch::requests))
        .route("/history", get(watch::history))
        .route("/clock", get(watch::clock).post(watch::advance))
        .with_state(simulator)
}

async fn switches(State(simulator): State<Simulator>) -> Reply {
    ok(simulator.switches().to_json())
}

async fn set_switches(State(simulator): State<Simulator>, Body(changes): Body<Value>) -> Reply {
    simulator.set_switches(&changes).map_err(bad)?;
    ok(simulator.switches().to_json())
}

async fn faults(State(simulator): State<Simulator>) -> Reply {
    ok(json!({ "items": simulator.world().faults.list() }))
}

async fn add_fault(State(simulator): State<Simulator>, Body(fault): Body<Fault>) -> Reply {
    if fault.nth == 0 {
        return Err(bad("nth counts from 1"));
    }
    let mut fault = fault;
    fault.id = simulator.add_fault(fault.clone());
    ok(json!(fault))
}

async fn clear_faults(State(simulator): State<Simulator>) -> Reply {
    let removed = simulator.world().faults.remove(None);
    ok(json!({ "removed": removed }))
}

async fn remove_fault(State(simulator): State<Simulator>, Path(id): Path<u64>) -> Reply {
    match simulator.world().faults.remove(Some(id)) {
        0 => Err(missing()),
        removed => ok(json!({ "removed": removed })),
    }
}

async fn reset(State(simulator): State<Simulator>) -> Reply {
    simulator.reset();
    ok(json!({}))
}

async fn account(State(simulator): State<Simulator>) -> Reply {
    ok(json!({ "accountId": simulator.account_id() }))
}

/// Another account answers from now on, with the same tokens.
async fn set_account(State(simulator): State<Simulator>, Body(change): Body<Value>) -> Reply {
    let id = change["accountId"]
        .as_str()
        .ok_or_else(|| bad("accountId must be a string"))?;
    id.clone_into(&mut simulator.world().account.id);
    ok(json!({ "accountId": id }))
}
