//! One access token.

use serde::{Deserialize, Serialize};

use super::key::Key;
use super::permissions::Permissions;
use super::statement::Statement;

/// How long a superseded state of a token is kept for lagging reads, in milliseconds.
const PAST_KEPT_MS: i64 = 600_000;

/// A base role; the three the API accepts for tokens (documented).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BaseRole {
    /// Reads.
    Reader,
    /// Reads and writes flags, and manages its own and service tokens.
    Writer,
    /// Does everything.
    Admin,
}

/// What a token may do; exactly one kind at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rights {
    /// A base role.
    Role(BaseRole),
    /// Custom roles, by ID.
    Custom(Vec<String>),
    /// A policy of the token's own.
    Inline(Vec<Statement>),
}

/// The parts of a token that change and that reads may show late.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Name, may be empty.
    pub name: String,
    /// Description, may be empty.
    pub description: String,
    /// What the token may do.
    pub rights: Rights,
    /// When the token stops working, milliseconds since the epoch.
    pub expiry: Option<i64>,
    /// When it was last changed or reset, milliseconds since the epoch.
    pub last_modified: i64,
    /// The last four characters of the newest key.
    pub ending: String,
}

/// A token with all its keys. Times are milliseconds since the epoch on the simulator's clock.
#[derive(Debug, Clone)]
pub struct Token {
    /// Object ID.
    pub id: String,
    /// The member who made it, or whose it is.
    pub member_id: String,
    /// The token that created it; none for those made by the admin interface.
    pub created_by: Option<String>,
    /// Service token or personal token.
    pub service: bool,
    /// API version of calls that name none.
    pub default_api_version: u32,
    /// When it was created.
    pub creation_date: i64,
    /// When one of its keys was last used; 0 is never.
    pub last_used: i64,
    /// When it was deleted.
    pub deleted_at: Option<i64>,
    /// Whether the passing of its expiry was recorded.
    pub expiry_noticed: bool,
    /// What can change.
    pub facts: Facts,
    /// Superseded facts, each with the time at which it was superseded, oldest first.
    pub past: Vec<(i64, Facts)>,
    /// Its keys, oldest first; the last one is the present key.
    pub keys: Vec<Key>,
    /// The creator's permissions, where they limit this token.
    pub cap: Option<Permissions>,
}

impl Token {
    /// Whether the token is there: not deleted.
    #[must_use]
    pub fn exists(&self) -> bool {
        self.deleted_at.is_none()
    }

    /// Whether its own expiry has passed.
    #[must_use]
    pub fn expired(&self, now: i64) -> bool {
        self.facts.expiry.is_some_and(|expiry| expiry <= now)
    }

    /// Whether this key of the token is accepted at `now`.
    #[must_use]
    pub fn accepts(&self, key: &Key, now: i64) -> bool {
        self.exists() && !self.expired(now) && key.works_at(now)
    }

    /// Replaces the facts and keeps the old ones for lagging reads.
    pub fn supersede(&mut self, facts: Facts, now: i64) {
        let old = std::mem::replace(&mut self.facts, facts);
        self.past.retain(|(until, _)| *until > now - PAST_KEPT_MS);
        self.past.push((now, old));
    }

    /// The facts as a reader sees them `now` who is shown the state of `then`; none if the token was not there.
    #[must_use]
    pub fn seen_at(&self, then: i64, now: i64) -> Option<&Facts> {
        // The present is what it is, also after the clock was set back to before it.
        if then >= now {
            return self.exists().then_some(&self.facts);
        }
        if self.creation_date > then || self.deleted_at.is_some_and(|at| at <= then) {
            return None;
        }
        let past = self.past.iter().find(|(until, _)| *until > then);
        Some(past.map_or(&self.facts, |(_, facts)| facts))
    }

    /// The resource specifier of the token, as permissions and the audit log name it.
    #[must_use]
    pub fn resource(&self) -> String {
        resource(self.service, &self.member_id, &self.id)
    }
}

/// The resource specifier of a token.
#[must_use]
pub fn resource(service: bool, member_id: &str, id: &str) -> String {
    if service {
        format!("service-token/{id}")
    } else {
        format!("member/{member_id}:token/{id}")
    }
}
