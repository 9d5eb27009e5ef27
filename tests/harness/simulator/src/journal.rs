//! The journal: one line for each call, without any key.

use std::collections::VecDeque;

use serde::Serialize;

/// Older entries are dropped beyond this number.
const KEPT: usize = 200_000;

/// One call to the API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// Counts from 1 in the order in which calls ended.
    pub seq: u64,
    /// When the call arrived, simulator's clock, milliseconds since the epoch.
    pub at: i64,
    /// When the call arrived, wall clock, milliseconds since the epoch.
    pub wall_at: i64,
    /// How long it took, in milliseconds.
    pub took_ms: i64,
    /// The verb, after `X-HTTP-Method-Override`.
    pub method: String,
    /// The path without the query.
    pub path: String,
    /// The query as sent.
    pub query: String,
    /// The route's pattern.
    pub route: String,
    /// The status that was sent, or would have been sent; none if the call was not handled.
    pub status: Option<u16>,
    /// Whether the call took effect (false when a fault ended it before).
    pub handled: bool,
    /// Whether a whole answer was sent.
    pub answered: bool,
    /// The token whose key came with the call, also when the key no longer worked.
    pub caller: Option<String>,
    /// Whether the key worked when the call arrived.
    pub key_valid: bool,
    /// Which of the caller's keys was used, counted from 0.
    pub caller_key: Option<u32>,
    /// The kinds of the faults that hit the call.
    pub faults: Vec<String>,
    /// The `User-Agent`.
    pub user_agent: Option<String>,
}

/// The last calls, oldest first.
#[derive(Debug, Default)]
pub struct Journal {
    entries: VecDeque<Entry>,
    last: u64,
}

impl Journal {
    /// Adds an entry and gives it its number.
    pub fn push(&mut self, mut entry: Entry) {
        self.last += 1;
        entry.seq = self.last;
        if self.entries.len() == KEPT {
            self.entries.pop_front();
        }
        self.entries.push_back(entry);
    }

    /// The entries with a number above `since`, oldest first.
    #[must_use]
    pub fn since(&self, since: u64) -> Vec<Entry> {
        let skip = self.entries.partition_point(|entry| entry.seq <= since);
        self.entries.range(skip..).cloned().collect()
    }
}
