//! The whole state, what time does to it, and what its tokens may do.

use super::audit::AuditEntry;
use super::ids::Random;
use super::key::Key;
use super::members::{Account, Member};
use super::permissions::Permissions;
use super::roles::CustomRole;
use super::statement::Statement;
use super::token::{Rights, Token};
use super::tokens::Tokens;
use crate::clock::Clock;
use crate::faults::Faults;
use crate::history::{EventKind, Happening, History};
use crate::journal::Journal;
use crate::rate_limits::RateLimits;
use crate::switches::Switches;

/// Everything the simulator knows.
#[derive(Debug)]
pub struct World {
    /// The simulator's clock.
    pub clock: Clock,
    /// The source of IDs, keys and chance.
    pub random: Random,
    /// How unknown behaviour is decided.
    pub switches: Switches,
    /// The account.
    pub account: Account,
    /// Its members; the first one is the owner.
    pub members: Vec<Member>,
    /// Its custom roles.
    pub roles: Vec<CustomRole>,
    /// Its tokens.
    pub tokens: Tokens,
    /// Its audit log, oldest first.
    pub audit: Vec<AuditEntry>,
    /// What happened to tokens and keys.
    pub history: History,
    /// Which calls were made.
    pub journal: Journal,
    /// What goes wrong on purpose.
    pub faults: Faults,
    /// How many calls were made in the present window.
    pub rate_limits: RateLimits,
}

impl World {
    /// Milliseconds since the epoch on the simulator's clock.
    #[must_use]
    pub fn now(&self) -> i64 {
        self.clock.now_ms()
    }

    /// Records the deaths that time has brought since the last look.
    pub fn sweep(&mut self) {
        let now = self.now();
        while let Some((at, index, key)) = self.tokens.due(now) {
            match key {
                Some(number) => self.notice_key_death(at, index, number),
                None => self.notice_token_expiry(at, index),
            }
        }
    }

    fn notice_key_death(&mut self, at: i64, index: usize, number: u32) {
        let token = self.tokens.at(index);
        let expires_then =
            |key: &&Key| key.number == number && key.expiry == Some(at) && key.revoked_at.is_none();
        if token.exists()
            && !token.expiry_noticed
            && token.keys.iter().any(|key| expires_then(&key))
        {
            let happening = Happening::new(EventKind::KeyDied, &token.id)
                .key(number)
                .cause("expired");
            self.history.record(self.clock, at, happening);
        }
    }

    fn notice_token_expiry(&mut self, at: i64, index: usize) {
        let token = self.tokens.at_mut(index);
        if !token.exists() || token.expiry_noticed || !token.expired(at) {
            return;
        }
        token.expiry_noticed = true;
        let id = token.id.clone();
        let dying: Vec<u32> = working_keys(token, at);
        self.history
            .record(self.clock, at, Happening::new(EventKind::TokenExpired, &id));
        for number in dying {
            let happening = Happening::new(EventKind::KeyDied, &id)
                .key(number)
                .cause("token-expired");
            self.history.record(self.clock, at, happening);
        }
    }

    /// Adds a custom role; what it lacks of ID and name is filled in. Returns it.
    pub fn add_role(&mut self, mut role: CustomRole) -> CustomRole {
        if role.id.is_empty() {
            role.id = self.random.object_id();
        }
        if role.name.is_empty() {
            role.name.clone_from(&role.key);
        }
        self.roles.push(role.clone());
        role
    }

    /// What the holder of a token's key may do.
    #[must_use]
    pub fn permissions(&self, index: usize) -> Permissions {
        let token = self.tokens.at(index);
        let own = match &token.facts.rights {
            Rights::Role(role) => Permissions::of_role(*role),
            rights => Permissions::of_policies(self.policies(rights)),
        };
        if token.service {
            return own.within(token.cap.clone());
        }
        // A personal token never does more than its member, as the member is now (documented).
        let member = self
            .members
            .iter()
            .find(|member| member.id == token.member_id);
        own.within(member.map(|member| Permissions::of_role(member.role)))
    }

    /// The policies behind rights other than a base role.
    #[must_use]
    pub fn policies(&self, rights: &Rights) -> Vec<Vec<Statement>> {
        match rights {
            Rights::Role(_) => Vec::new(),
            Rights::Inline(statements) => vec![statements.clone()],
            Rights::Custom(ids) => {
                let held = |role: &&CustomRole| ids.contains(&role.id);
                self.roles
                    .iter()
                    .filter(held)
                    .map(|role| role.policy.clone())
                    .collect()
            }
        }
    }
}

/// The numbers of the keys that work just before `at`.
pub(super) fn working_keys(token: &Token, at: i64) -> Vec<u32> {
    let works = |key: &&Key| key.works_at(at);
    token
        .keys
        .iter()
        .filter(works)
        .map(|key| key.number)
        .collect()
}
