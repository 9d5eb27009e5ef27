//! Faults: what goes wrong on purpose, and for which calls.

use std::collections::BTreeMap;

use rand::RngExt;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::state::ids::Random;

/// What a fault does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// The connection closes without an answer; the call is not handled.
    DropBefore,
    /// The call is handled, then the connection closes without an answer.
    DropAfter,
    /// The call (or, with `handled`, its answer) is delayed.
    Delay,
    /// Another status, body and headers are answered; handled only with `handled`.
    Status,
    /// The call is handled, then half of the answer's body is sent and the connection closes.
    Truncate,
    /// The connection is reset (TCP RST); handled before only with `handled`.
    Reset,
}

/// A fault and the calls it hits.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Fault {
    /// Given by the simulator; names the fault in `DELETE /admin/faults/{id}`.
    #[serde(default)]
    pub id: u64,
    /// The verb, or `*`.
    #[serde(default = "any")]
    pub method: String,
    /// The route's pattern, such as `/api/v2/tokens/{id}`, or `*`.
    #[serde(default = "any")]
    pub route: String,
    /// The first matching call that is hit, counted from 1.
    #[serde(default = "one")]
    pub nth: u64,
    /// How many calls are hit from there on; 0 is all of them.
    #[serde(default = "one")]
    pub count: u64,
    /// What happens to them.
    pub kind: FaultKind,
    /// For status, reset and delay: handle the call first, then do it.
    #[serde(default)]
    pub handled: bool,
    /// For delay: milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay_ms: Option<u64>,
    /// For delay: the least of a random number of milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_delay_ms: Option<u64>,
    /// For delay: the most of a random number of milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_delay_ms: Option<u64>,
    /// For status: the status; 500 when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// For status: a JSON value, or a string that is sent as HTML. The documented body of the
    /// status when left out, none when null.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub body: Option<Value>,
    /// For status: headers. `now`, `now-5000` and `now+1500` become that time in milliseconds.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, Value>,
    /// Only calls by this token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caller: Option<String>,
    /// Only calls by other tokens than this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub except_caller: Option<String>,
    /// The chance, from 0 to 1, with which a call that would be hit is hit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probability: Option<f64>,
    /// How many calls matched so far.
    #[serde(default)]
    pub seen: u64,
}

fn any() -> String {
    "*".to_owned()
}

fn one() -> u64 {
    1
}

/// Tells `null` from an absent field.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

impl Fault {
    /// A fault of this kind that hits the next call of any route.
    #[must_use]
    pub fn new(kind: FaultKind) -> Self {
        Self {
            id: 0,
            method: any(),
            route: any(),
            nth: 1,
            count: 1,
            kind,
            handled: false,
            delay_ms: None,
            min_delay_ms: None,
            max_delay_ms: None,
            status: None,
            body: None,
            headers: BTreeMap::new(),
            caller: None,
            except_caller: None,
            probability: None,
            seen: 0,
        }
    }

    /// Only calls with this verb and route pattern.
    #[must_use]
    pub fn on(mut self, method: &str, route: &str) -> Self {
        (self.method, self.route) = (method.to_owned(), route.to_owned());
        self
    }

    /// Handles the call before the fault strikes.
    #[must_use]
    pub fn after_handling(mut self) -> Self {
        self.handled = true;
        self
    }

    /// The status to answer.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }

    /// From the `nth` matching call on, `count` calls (0 for all).
    #[must_use]
    pub fn from_nth(mut self, nth: u64, count: u64) -> Self {
        (self.nth, self.count) = (nth, count);
        self
    }

    fn matches(&self, method: &str, route: &str, caller: Option<&str>) -> bool {
        (self.method == "*" || self.method.eq_ignore_ascii_case(method))
            && (self.route == "*" || self.route == route)
            && self
                .caller
                .as_deref()
                .is_none_or(|wanted| caller == Some(wanted))
            && self
                .except_caller
                .as_deref()
                .is_none_or(|unwanted| caller != Some(unwanted))
    }

    fn strikes(&mut self, random: &mut Random) -> bool {
        self.seen += 1;
        let within = self.seen >= self.nth
            && (self.count == 0 || self.seen < self.nth.saturating_add(self.count));
        within
            && self
                .probability
                .is_none_or(|chance| random.rng().random_bool(chance.clamp(0.0, 1.0)))
    }

    fn delay(&self, random: &mut Random) -> u64 {
        let fixed = self.delay_ms.unwrap_or(0);
        let least = self.min_delay_ms.unwrap_or(0);
        let most = self.max_delay_ms.unwrap_or(least).max(least);
        fixed.saturating_add(random.rng().random_range(least..=most))
    }
}

/// What the faults do to one call.
#[derive(Debug, Default)]
pub struct Blow {
    /// Milliseconds to wait before the call is handled.
    pub delay_before_ms: u64,
    /// Milliseconds to wait before the answer is sent.
    pub delay_after_ms: u64,
    /// The fault that ends the call, if one does.
    pub end: Option<Fault>,
    /// The kinds of all faults that struck, for the journal.
    pub kinds: Vec<FaultKind>,
}

/// The faults in force.
#[derive(Debug, Default)]
pub struct Faults {
    list: Vec<Fault>,
    last_id: u64,
}

impl Faults {
    /// Adds a fault and returns its number.
    pub fn add(&mut self, mut fault: Fault) -> u64 {
        self.last_id += 1;
        (fault.id, fault.seen) = (self.last_id, 0);
        self.list.push(fault);
        self.last_id
    }

    /// Removes all faults, or the one with this number; tells how many went.
    pub fn remove(&mut self, id: Option<u64>) -> usize {
        let before = self.list.len();
        self.list
            .retain(|fault| id.is_some_and(|id| fault.id != id));
        before - self.list.len()
    }

    /// The faults in force.
    #[must_use]
    pub fn list(&self) -> &[Fault] {
        &self.list
    }

    /// What happens to this call. Delays add up; the first fault that ends a call ends it.
    pub fn strike(
        &mut self,
        random: &mut Random,
        method: &str,
        route: &str,
        caller: Option<&str>,
    ) -> Blow {
        let mut blow = Blow::default();
        for fault in &mut self.list {
            if !fault.matches(method, route, caller) || !fault.strikes(random) {
                continue;
            }
            if fault.kind == FaultKind::Delay {
                let delay = fault.delay(random);
                if fault.handled {
                    blow.delay_after_ms += delay;
                } else {
                    blow.delay_before_ms += delay;
                }
                blow.kinds.push(fault.kind);
            } else if blow.end.is_none() {
                blow.kinds.push(fault.kind);
                blow.end = Some(fault.clone());
            }
        }
        blow
    }
}
