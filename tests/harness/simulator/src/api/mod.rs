//! The API under `/api/v2`: one pure function from a call and the state to an answer.

pub mod audit_log;
pub mod call;
pub mod caller;
pub mod caller_identity;
pub mod change;
pub mod create;
pub mod list;
pub mod refusal;
pub mod represent;
pub mod reset;
pub mod rights;
pub mod roles;
pub mod route;
pub mod versions;

use self::call::{Answer, Call};
use self::caller::Caller;
use self::refusal::Refusal;
use self::route::Route;
use crate::state::changes::Actor;
use crate::state::world::World;

/// What handling a call gives: an answer, or a refusal that becomes one.
pub type Outcome = Result<Answer, Refusal>;

/// Handles one call: credentials, rate limits, then the route.
pub fn handle(world: &mut World, call: &Call) -> Answer {
    world.sweep();
    let route = Route::of(&call.path);
    let method = call.effective_method();
    let (answer, headers) = match caller::authenticate(world, call) {
        Err(refusal) => (refusal.answer(world), Vec::new()),
        Ok(caller) => {
            let now = world.now();
            let verdict = world.rate_limits.take(
                &world.switches,
                now,
                &method,
                route.pattern(),
                caller.index,
            );
            let outcome = if verdict.admitted {
                // Any authenticated use counts, also one that is refused later.
                world.tokens.at_mut(caller.index).last_used = now;
                answer(world, call, &method, &route, &caller)
            } else {
                Err(Refusal::rate_limited())
            };
            let answer = outcome.unwrap_or_else(|refusal| refusal.answer(world));
            (answer, verdict.headers)
        }
    };
    let date = world.clock.http_date();
    headers
        .into_iter()
        .fold(answer, |answer, (name, value)| answer.header(&name, &value))
        .header("Date", &date)
}

fn answer(world: &mut World, call: &Call, method: &str, route: &Route, caller: &Caller) -> Outcome {
    let version = versions::of(world, call, caller)?;
    match (method, route) {
        ("GET", Route::Tokens) => list::tokens(world, call, caller, version),
        ("POST", Route::Tokens) => create::token(world, call, caller),
        ("GET", Route::Token(id)) => list::token(world, id, caller),
        ("PATCH", Route::Token(id)) => change::token(world, call, id, caller),
        ("DELETE", Route::Token(id)) => delete(world, id, caller),
        ("POST", Route::Reset(id)) => reset::token(world, call, id, caller),
        ("GET", Route::CallerIdentity) => Ok(caller_identity::answer(world, caller)),
        ("GET", Route::Roles) => roles::list(world, call),
        ("GET", Route::Role(name)) => roles::get(world, name),
        ("GET", Route::Versions) => Ok(versions::answer(version)),
        ("GET", Route::AuditLog) => audit_log::list(world, call),
        (_, Route::Unknown) => Err(Refusal::not_found()),
        _ => Err(Refusal::method_not_allowed()),
    }
}

fn delete(world: &mut World, id: &str, caller: &Caller) -> Outcome {
    let index = caller::visible(world, id, caller)?;
    caller::allow(world, caller, "deleteAccessToken", index)?;
    world.delete(index, Actor::Token(caller.index));
    Ok(Answer::empty(204))
}
