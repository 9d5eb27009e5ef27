//! `GET /api/v2/tokens` and `GET /api/v2/tokens/{id}`.

use rand::seq::SliceRandom;
use serde_json::{Map, Value, json};

use super::Outcome;
use super::call::{Answer, Call};
use super::caller::{self, Caller};
use super::refusal::Refusal;
use super::represent;
use super::versions::{LATEST, Version};
use crate::state::world::World;
use crate::switches::{ListLinks, ListOrder, MaxLimit, TotalCount};

/// Tokens on a page when none is asked for (documented).
const PAGE: usize = 25;
/// The largest page (unknown: a switch).
const MAX_PAGE: usize = 100;

/// Lists the tokens the caller may see.
///
/// # Errors
/// 400 for a `limit` or `offset` that is no number, or too large a `limit` where the switch says so.
pub fn tokens(world: &mut World, call: &Call, caller: &Caller, version: Version) -> Outcome {
    // Versions before the latest have no pages unless asked for (documented).
    let default = if version.number < LATEST {
        usize::MAX
    } else {
        PAGE
    };
    let (mut limit, offset) = page(call, default)?;
    if call.find_query("limit").is_some() && limit > MAX_PAGE {
        match world.switches.list_max_limit {
            MaxLimit::Clamp => limit = MAX_PAGE,
            MaxLimit::Refuse => return Err(Refusal::invalid("limit must be at most 100")),
            MaxLimit::Unlimited => {}
        }
    }
    let show_all = call.find_query("showAll");
    let all = show_all.as_ref().is_some_and(|value| value != "false");
    let (then, now) = (read_time(world), world.now());
    let seen = seen(world, caller, all, then);
    let total = seen.len();
    let mut items = Vec::new();
    for index in seen.into_iter().skip(offset).take(limit) {
        if let Some(facts) = world.tokens.at(index).seen_at(then, now).cloned() {
            items.push(represent::token_with(world, index, &facts, None));
        }
    }
    let mut body = Map::new();
    match world.switches.list_total_count {
        TotalCount::Total => drop(body.insert("totalCount".to_owned(), json!(total))),
        TotalCount::Page => drop(body.insert("totalCount".to_owned(), json!(items.len()))),
        TotalCount::Absent => {}
    }
    let target = show_all.map_or_else(
        || "/api/v2/tokens".to_owned(),
        |value| format!("/api/v2/tokens?showAll={value}"),
    );
    if let Some(links) = links(world.switches.list_links, &target, limit, offset, total) {
        body.insert("_links".to_owned(), links);
    }
    body.insert("items".to_owned(), Value::Array(items));
    Ok(Answer::of_json(200, &Value::Object(body)))
}

/// Shows one token.
///
/// # Errors
/// 404 for an unknown or malformed ID, or a token not visible to the caller.
pub fn token(world: &mut World, id: &str, caller: &Caller) -> Outcome {
    let now = world.now();
    let found = world.tokens.find(id).and_then(|index| {
        let token = world.tokens.at(index);
        let facts = token.seen_at(now, now).cloned()?;
        let shows = caller::lingers(world, token) && caller::sees(world, caller, token, true);
        shows.then_some((index, facts))
    });
    let (index, facts) = found.ok_or_else(Refusal::not_found)?;
    Ok(Answer::of_json(
        200,
        &represent::token_with(world, index, &facts, None),
    ))
}

/// `limit` and `offset` of a call.
///
/// # Errors
/// 400 for a value that is no number.
pub fn page(call: &Call, default: usize) -> Result<(usize, usize), Refusal> {
    let number = |name: &str| -> Result<Option<usize>, Refusal> {
        let refused = |_| Refusal::invalid(format!("{name} must be a number"));
        call.find_query(name)
            .map(|text| text.parse().map_err(refused))
            .transpose()
    };
    let limit = number("limit")?
        .filter(|limit| *limit > 0)
        .unwrap_or(default);
    Ok((limit, number("offset")?.unwrap_or(0)))
}

/// The tokens the caller saw at `then`, in the order of the list.
fn seen(world: &mut World, caller: &Caller, all: bool, then: i64) -> Vec<usize> {
    let now = world.now();
    let mut seen: Vec<usize> = world
        .tokens
        .iter()
        .filter(|(_, token)| token.seen_at(then, now).is_some())
        .filter(|(_, token)| {
            caller::lingers(world, token) && caller::sees(world, caller, token, all)
        })
        .map(|(index, _)| index)
        .collect();
    match world.switches.list_order {
        ListOrder::Ascending => {}
        ListOrder::Descending => seen.reverse(),
        ListOrder::Unstable => seen.shuffle(world.random.rng()),
    }
    seen
}

/// The time as of which the list shows the tokens.
fn read_time(world: &World) -> i64 {
    let lag = i64::try_from(world.switches.list_lag).unwrap_or(i64::MAX);
    world.now().saturating_sub(lag)
}

/// The links of a page. `target` is the path, with the query that all of them keep (documented).
#[must_use]
pub fn links(
    switch: ListLinks,
    target: &str,
    limit: usize,
    offset: usize,
    total: usize,
) -> Option<Value> {
    let separator = if target.contains('?') { '&' } else { '?' };
    let link = |offset: usize| {
        let limit = if limit == usize::MAX { total } else { limit };
        let href = format!("{target}{separator}limit={limit}&offset={offset}");
        json!({ "href": href, "type": "application/json" })
    };
    let mut links = json!({ "self": link(offset) });
    match switch {
        ListLinks::Absent => return None,
        ListLinks::SelfOnly => {}
        ListLinks::Paging => {
            let next = offset.saturating_add(limit);
            if next < total {
                links["next"] = link(next);
                links["last"] = link((total - 1) / limit * limit);
            }
            if offset > 0 {
                links["first"] = link(0);
                links["prev"] = link(offset.saturating_sub(limit));
            }
        }
    }
    Some(links)
}
