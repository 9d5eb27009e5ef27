//! The simulator as a library: its state behind one lock, and what tests do with it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde_json::Value;

use crate::api;
use crate::api::call::{Answer, Call};
use crate::config::Config;
use crate::faults::{Fault, Faults};
use crate::history::{Event, History};
use crate::journal::{Entry, Journal};
use crate::rate_limits::RateLimits;
use crate::state::changes::{Actor, Draft};
use crate::state::ids::Random;
use crate::state::key::KeyValue;
use crate::state::members::{Account, Member};
use crate::state::token::{BaseRole, Rights};
use crate::state::tokens::Tokens;
use crate::state::world::World;
use crate::switches::Switches;

/// A LaunchDarkly account with its API. Clones share the state.
#[derive(Debug, Clone)]
pub struct Simulator {
    world: Arc<Mutex<World>>,
    config: Arc<Config>,
}

/// A token with all its keys, as tests see it. Times are milliseconds since the epoch on the
/// simulator's clock.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TokenSnapshot {
    /// Object ID.
    #[serde(rename = "_id")]
    pub id: String,
    /// Name, may be empty.
    pub name: String,
    /// Description, may be empty.
    pub description: String,
    /// The base role, if it has one.
    pub role: Option<BaseRole>,
    /// The IDs of its custom roles.
    pub custom_role_ids: Vec<String>,
    /// Its own policy.
    pub inline_role: Vec<crate::Statement>,
    /// Service token or personal token.
    pub service_token: bool,
    /// API version of calls that name none.
    pub default_api_version: u32,
    /// The member who made it, or whose it is.
    pub member_id: String,
    /// The token that created it.
    pub created_by: Option<String>,
    /// When it was created.
    pub creation_date: i64,
    /// When it was last changed or reset.
    pub last_modified: i64,
    /// When one of its keys was last used; 0 is never.
    pub last_used: i64,
    /// When it stops working.
    pub expiry: Option<i64>,
    /// When it was deleted.
    pub deleted_at: Option<i64>,
    /// Its keys, oldest first.
    pub keys: Vec<KeySnapshot>,
}

/// One key of a token, as tests see it.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KeySnapshot {
    /// Counts from 0 within the token.
    pub number: u32,
    /// The secret.
    pub value: KeyValue,
    /// When it began to work.
    pub valid_from: i64,
    /// When it stops (or stopped) working after a reset.
    pub expiry: Option<i64>,
    /// When it was made to stop at once.
    pub revoked_at: Option<i64>,
    /// Whether it is accepted now.
    pub valid: bool,
}

impl Simulator {
    /// An account with one managing token, without a server.
    #[must_use]
    pub fn new(mut config: Config) -> Self {
        let mut random = Random::new(config.seed);
        // Drawn once, so that a reset of the state keeps both.
        config.managing.key.get_or_insert_with(|| random.key());
        config.account_id.get_or_insert_with(|| random.object_id());
        let world = Arc::new(Mutex::new(world(&config)));
        Self {
            world,
            config: Arc::new(config),
        }
    }

    /// Handles one call at once, rate limits included, faults and journal left out.
    #[expect(clippy::must_use_candidate, reason = "called for the effect")]
    pub fn call(&self, call: &Call) -> Answer {
        api::handle(&mut self.world(), call)
    }

    /// The state. Hold it only for a moment: every call waits for it.
    pub fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How it was started.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The managing token's key.
    #[must_use]
    pub fn managing_key(&self) -> KeyValue {
        self.config
            .managing
            .key
            .clone()
            .unwrap_or_else(|| KeyValue::new(""))
    }

    /// The account's ID.
    #[must_use]
    pub fn account_id(&self) -> String {
        self.world().account.id.clone()
    }

    /// Every token there is, in the order of creation, the managing one first.
    #[must_use]
    pub fn tokens(&self) -> Vec<TokenSnapshot> {
        let mut tokens = self.tokens_ever();
        tokens.retain(|token| token.deleted_at.is_none());
        tokens
    }

    /// Every token there is or was.
    #[must_use]
    pub fn tokens_ever(&self) -> Vec<TokenSnapshot> {
        let mut world = self.world();
        world.sweep();
        (0..world.tokens.len())
            .map(|index| snapshot(&world, index))
            .collect()
    }

    /// The calls with a number above `since`, in the order in which they ended.
    #[must_use]
    pub fn requests(&self, since: u64) -> Vec<Entry> {
        self.world().journal.since(since)
    }

    /// What happened to tokens and keys, from the event after number `since` on.
    #[must_use]
    pub fn history(&self, since: u64) -> Vec<Event> {
        let mut world = self.world();
        world.sweep();
        world.history.since(since)
    }

    /// Moves the clock; what expires by it dies at once. Returns the new time.
    #[expect(clippy::must_use_candidate, reason = "called for the effect")]
    pub fn advance_clock(&self, by_ms: i64) -> i64 {
        let mut world = self.world();
        world.sweep();
        world.clock.advance(by_ms);
        world.history.clock_was_set();
        world.sweep();
        world.now()
    }

    /// Milliseconds since the epoch on the simulator's clock.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        self.world().now()
    }

    /// The switches.
    #[must_use]
    pub fn switches(&self) -> Switches {
        self.world().switches.clone()
    }

    /// Sets switches, given by name.
    ///
    /// # Errors
    /// A sentence about the first switch that does not exist or does not take its value; then
    /// none is changed.
    pub fn set_switches(&self, changes: &Value) -> Result<(), String> {
        self.world().switches.merge(changes)
    }

    /// Adds a fault and returns its number.
    #[expect(clippy::must_use_candidate, reason = "called for the effect")]
    pub fn add_fault(&self, fault: Fault) -> u64 {
        self.world().faults.add(fault)
    }

    /// Removes all faults.
    pub fn clear_faults(&self) {
        self.world().faults.remove(None);
    }

    /// Goes back to the state of the start: same account, managing key, switches and clock.
    pub fn reset(&self) {
        *self.world() = world(&self.config);
    }
}

/// What tests see of the token at `index`.
#[must_use]
pub fn snapshot(world: &World, index: usize) -> TokenSnapshot {
    let now = world.now();
    let token = world.tokens.at(index);
    let facts = &token.facts;
    let keys = token.keys.iter().map(|key| KeySnapshot {
        number: key.number,
        value: key.value.clone(),
        valid_from: key.valid_from,
        expiry: key.expiry,
        revoked_at: key.revoked_at,
        valid: token.accepts(key, now),
    });
    TokenSnapshot {
        id: token.id.clone(),
        name: facts.name.clone(),
        description: facts.description.clone(),
        role: match facts.rights {
            Rights::Role(role) => Some(role),
            _ => None,
        },
        custom_role_ids: match &facts.rights {
            Rights::Custom(ids) => ids.clone(),
            _ => Vec::new(),
        },
        inline_role: match &facts.rights {
            Rights::Inline(statements) => statements.clone(),
            _ => Vec::new(),
        },
        service_token: token.service,
        default_api_version: token.default_api_version,
        member_id: token.member_id.clone(),
        created_by: token.created_by.clone(),
        creation_date: token.creation_date,
        last_modified: facts.last_modified,
        last_used: token.last_used,
        expiry: facts.expiry,
        deleted_at: token.deleted_at,
        keys: keys.collect(),
    }
}

fn world(config: &Config) -> World {
    let mut random = Random::new(config.seed);
    let member = |random: &mut Random, role, email: &str, first: &str, last: &str| Member {
        id: random.object_id(),
        role,
        email: email.to_owned(),
        first_name: first.to_owned(),
        last_name: last.to_owned(),
    };
    let members = vec![
        member(
            &mut random,
            BaseRole::Admin,
            "ops@example.com",
            "Olga",
            "Owner",
        ),
        member(
            &mut random,
            BaseRole::Writer,
            "dev@example.com",
            "Dan",
            "Developer",
        ),
    ];
    let account = Account {
        id: config
            .account_id
            .clone()
            .unwrap_or_else(|| random.object_id()),
        owner_id: members[0].id.clone(),
    };
    let mut world = World {
        clock: crate::clock::Clock::with_offset(config.clock_offset_ms),
        switches: config.switches.clone(),
        account,
        roles: Vec::new(),
        tokens: Tokens::default(),
        audit: Vec::new(),
        history: History::default(),
        journal: Journal::default(),
        faults: Faults::default(),
        rate_limits: RateLimits::default(),
        random,
        members,
    };
    for role in &config.roles {
        world.add_role(role.clone());
    }
    let draft = Draft {
        name: "managing token".to_owned(),
        description: String::new(),
        rights: Rights::Role(config.managing.role),
        expiry: None,
        service: config.managing.service,
        member_id: world.members[0].id.clone(),
        default_api_version: api::versions::LATEST,
        cap: None,
        key: config.managing.key.clone(),
    };
    world.create(draft, Actor::Admin);
    world
}
