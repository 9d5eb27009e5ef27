//! What happens to a call on its way: faults before and after, handling, the journal.

use std::time::Duration;

use serde_json::Value;

use crate::api::call::{Answer, Call};
use crate::api::caller::{identify, works};
use crate::api::refusal::Refusal;
use crate::api::route::Route;
use crate::clock::wall_ms;
use crate::faults::{Blow, Fault, FaultKind};
use crate::journal::Entry;
use crate::simulator::Simulator;
use crate::state::world::World;

/// How a call ends on the wire.
#[derive(Debug)]
pub enum Ending {
    /// The answer is sent.
    Whole(Answer),
    /// Half of the answer's body is sent, then the connection closes.
    Half(Answer),
    /// The connection closes without an answer.
    Closed,
    /// The connection is reset.
    Reset,
}

/// Takes a call through faults and handling. Goes on to its end even if the client has gone.
pub async fn process(simulator: Simulator, call: Call) -> Ending {
    let method = call.effective_method();
    let route = Route::of(&call.path).pattern();
    let (blow, mut entry) = {
        let mut world = simulator.world();
        world.sweep();
        arrival(&mut world, &call, method, route)
    };
    pause(blow.delay_before_ms).await;
    let handled = blow.end.as_ref().is_none_or(handles);
    let mut answer = handled.then(|| simulator.call(&call));
    pause(blow.delay_after_ms).await;
    if let Some(fault) = blow
        .end
        .as_ref()
        .filter(|fault| fault.kind == FaultKind::Status)
    {
        answer = Some(substitute(&mut simulator.world(), fault));
    }
    entry.handled = handled;
    entry.status = answer.as_ref().map(|answer| answer.status);
    entry.took_ms = wall_ms().saturating_sub(entry.wall_at);
    let ending = ending(blow.end.as_ref().map(|fault| fault.kind), answer);
    entry.answered = matches!(ending, Ending::Whole(_));
    tracing::debug!(method = entry.method, route, status = entry.status, faults = ?entry.faults, "call");
    simulator.world().journal.push(entry);
    ending
}

fn arrival(world: &mut World, call: &Call, method: String, route: &str) -> (Blow, Entry) {
    let caller = identify(world, call);
    let caller_id = caller.map(|caller| world.tokens.at(caller.index).id.clone());
    let blow = world
        .faults
        .strike(&mut world.random, &method, route, caller_id.as_deref());
    let kind = |kind: &FaultKind| match serde_json::to_value(kind) {
        Ok(Value::String(name)) => name,
        _ => String::new(),
    };
    let entry = Entry {
        seq: 0,
        at: world.now(),
        wall_at: wall_ms(),
        took_ms: 0,
        method,
        path: call.path.clone(),
        query: call.query.clone(),
        route: route.to_owned(),
        status: None,
        handled: false,
        answered: false,
        caller: caller_id,
        key_valid: caller.is_some_and(|caller| works(world, &caller)),
        caller_key: caller.map(|caller| caller.key),
        faults: blow.kinds.iter().map(kind).collect(),
        user_agent: call.find_header("User-Agent").map(str::to_owned),
    };
    (blow, entry)
}

fn handles(fault: &Fault) -> bool {
    match fault.kind {
        FaultKind::DropBefore => false,
        FaultKind::DropAfter | FaultKind::Truncate | FaultKind::Delay => true,
        FaultKind::Status | FaultKind::Reset => fault.handled,
    }
}

fn ending(fault: Option<FaultKind>, answer: Option<Answer>) -> Ending {
    match (fault, answer) {
        (Some(FaultKind::Reset), _) => Ending::Reset,
        (Some(FaultKind::Truncate), Some(answer)) => Ending::Half(answer),
        (Some(FaultKind::DropBefore | FaultKind::DropAfter), _) | (_, None) => Ending::Closed,
        (_, Some(answer)) => Ending::Whole(answer),
    }
}

/// The answer a status fault gives in place of the real one.
fn substitute(world: &mut World, fault: &Fault) -> Answer {
    let status = fault.status.unwrap_or(500);
    let answer = match &fault.body {
        None => Refusal::of_status(status).answer(world),
        Some(Value::Null) => Answer::empty(status),
        Some(Value::String(text)) => {
            let mut answer = Answer::empty(status).header("Content-Type", "text/html");
            answer.body = text.clone().into_bytes();
            answer
        }
        Some(body) => Answer::of_json(status, body),
    };
    let now = world.now();
    let dated = answer.header("Date", &world.clock.http_date());
    fault.headers.iter().fold(dated, |answer, (name, value)| {
        answer.header(name, &header_value(value, now))
    })
}

/// A header's value; `now-5000` and `now+1500` are times in milliseconds.
fn header_value(value: &Value, now: i64) -> String {
    let text = value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned);
    let Some(offset) = text.strip_prefix("now") else {
        return text;
    };
    let offset = if offset.is_empty() {
        Ok(0)
    } else {
        offset.parse::<i64>()
    };
    offset.map_or_else(
        |_| text.clone(),
        |offset| now.saturating_add(offset).to_string(),
    )
}

async fn pause(ms: u64) {
    if ms > 0 {
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }
}
