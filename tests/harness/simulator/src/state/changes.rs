//! The few ways in which tokens change. Each tells the history and the audit log.

use super::audit::AuditEntry;
use super::key::{Key, KeyValue};
use super::members::Member;
use super::permissions::Permissions;
use super::token::{Facts, Rights, Token};
use super::world::{World, working_keys};
use crate::history::{EventKind, Happening};
use crate::switches::PreviousKeys;

/// Who changes a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Actor {
    /// The holder of a key of the token at this index.
    Token(usize),
    /// Somebody through the admin interface.
    Admin,
}

/// A token about to be created.
#[derive(Debug, Clone)]
pub struct Draft {
    /// Name.
    pub name: String,
    /// Description.
    pub description: String,
    /// What it may do.
    pub rights: Rights,
    /// When it stops working.
    pub expiry: Option<i64>,
    /// Service token or personal token.
    pub service: bool,
    /// Whose it is, or who made it.
    pub member_id: String,
    /// API version of calls that name none.
    pub default_api_version: u32,
    /// The creator's permissions, where they limit the token.
    pub cap: Option<Permissions>,
    /// The key it gets; drawn when left out.
    pub key: Option<KeyValue>,
}

impl World {
    /// Creates a token with its first key and returns its index.
    pub fn create(&mut self, draft: Draft, actor: Actor) -> usize {
        let now = self.now();
        let value = draft.key.unwrap_or_else(|| self.random.key());
        let token = Token {
            id: self.random.object_id(),
            member_id: draft.member_id,
            created_by: match actor {
                Actor::Token(index) => Some(self.tokens.at(index).id.clone()),
                Actor::Admin => None,
            },
            service: draft.service,
            default_api_version: draft.default_api_version,
            creation_date: now,
            last_used: 0,
            deleted_at: None,
            expiry_noticed: false,
            facts: Facts {
                name: draft.name,
                description: draft.description,
                rights: draft.rights,
                expiry: draft.expiry,
                last_modified: now,
                ending: value.ending(),
            },
            past: Vec::new(),
            keys: vec![Key {
                number: 0,
                value,
                valid_from: now,
                expiry: None,
                revoked_at: None,
            }],
            cap: draft.cap,
        };
        let index = self.tokens.add(token);
        let id = self.tokens.at(index).id.clone();
        self.happened(
            Happening::new(EventKind::TokenCreated, &id).expiry(draft.expiry),
            actor,
        );
        self.happened(Happening::new(EventKind::KeyIssued, &id).key(0), actor);
        self.audit("createAccessToken", index, actor);
        index
    }

    /// Replaces what can change about a token.
    pub fn change(&mut self, index: usize, mut facts: Facts, action: &str, actor: Actor) {
        let now = self.now();
        facts.last_modified = now;
        let token = self.tokens.at_mut(index);
        let id = token.id.clone();
        let expiry = facts.expiry;
        let moved = token.facts.expiry != expiry;
        let was_dead = std::mem::take(&mut token.expiry_noticed);
        token.supersede(facts, now);
        token.expiry_noticed = was_dead && token.expired(now);
        let revived = if was_dead && !token.expiry_noticed {
            working_keys(token, now)
        } else {
            Vec::new()
        };
        if moved {
            self.happened(
                Happening::new(EventKind::TokenExpirySet, &id).expiry(expiry),
                actor,
            );
            if let Some(expiry) = expiry {
                self.tokens.watch(expiry.max(now), index, None);
            }
        }
        for number in revived {
            self.happened(
                Happening::new(EventKind::KeyIssued, &id)
                    .key(number)
                    .cause("revived"),
                actor,
            );
        }
        self.happened(Happening::new(EventKind::TokenChanged, &id), actor);
        self.audit(action, index, actor);
        self.sweep();
    }

    /// Deletes a token; its keys stop working at once.
    pub fn delete(&mut self, index: usize, actor: Actor) {
        let now = self.now();
        self.audit("deleteAccessToken", index, actor);
        let token = self.tokens.at_mut(index);
        let id = token.id.clone();
        let dying = if token.expired(now) {
            Vec::new()
        } else {
            working_keys(token, now)
        };
        token.deleted_at = Some(now);
        self.happened(Happening::new(EventKind::TokenDeleted, &id), actor);
        for number in dying {
            let happening = Happening::new(EventKind::KeyDied, &id)
                .key(number)
                .cause("token-deleted");
            self.happened(happening, actor);
        }
    }

    /// Issues a new key. The present key lives on until `previous_until` if that lies ahead.
    pub fn reset(&mut self, index: usize, previous_until: Option<i64>, actor: Actor) -> KeyValue {
        let now = self.now();
        let value = self.random.key();
        let token = self.tokens.at(index);
        let (id, number) = (
            token.id.clone(),
            u32::try_from(token.keys.len()).unwrap_or(u32::MAX),
        );
        let mut facts = token.facts.clone();
        (facts.ending, facts.last_modified) = (value.ending(), now);
        self.tokens.at_mut(index).supersede(facts, now);
        let key = Key {
            number,
            value: value.clone(),
            valid_from: now,
            expiry: None,
            revoked_at: None,
        };
        self.tokens.add_key(index, key);
        self.happened(Happening::new(EventKind::KeyIssued, &id).key(number), actor);
        self.end_previous_keys(
            index,
            number,
            previous_until.filter(|until| *until > now),
            actor,
        );
        self.audit("resetAccessToken", index, actor);
        value
    }

    fn end_previous_keys(&mut self, index: usize, newest: u32, until: Option<i64>, actor: Actor) {
        let now = self.now();
        let id = self.tokens.at(index).id.clone();
        let one_slot = self.switches.reset_previous_keys == PreviousKeys::One;
        for number in working_keys(self.tokens.at(index), now) {
            if number == newest {
                continue;
            }
            let last = number + 1 == newest;
            let Some(key) = self
                .tokens
                .at_mut(index)
                .keys
                .iter_mut()
                .find(|key| key.number == number)
            else {
                continue;
            };
            let happening = match until {
                Some(until) if last => {
                    key.expiry = Some(until);
                    self.tokens.watch(until, index, Some(number));
                    Happening::new(EventKind::KeyExpirySet, &id).expiry(Some(until))
                }
                _ if last => {
                    key.revoked_at = Some(now);
                    Happening::new(EventKind::KeyDied, &id).cause("reset")
                }
                _ if one_slot => {
                    key.revoked_at = Some(now);
                    Happening::new(EventKind::KeyDied, &id).cause("slot")
                }
                _ => continue,
            };
            self.happened(happening.key(number), actor);
        }
    }

    fn happened(&mut self, happening: Happening, actor: Actor) {
        let by = match actor {
            Actor::Token(index) => self.tokens.at(index).id.clone(),
            Actor::Admin => "admin".to_owned(),
        };
        let now = self.now();
        self.history.record(self.clock, now, happening.by(&by));
    }

    fn audit(&mut self, action: &str, index: usize, actor: Actor) {
        let token = self.tokens.at(index);
        let by = match actor {
            Actor::Token(index) => Some(self.tokens.at(index)),
            Actor::Admin => None,
        };
        let entry = AuditEntry {
            id: self.random.object_id(),
            date: self.clock.now_ms(),
            action: action.to_owned(),
            resource: token.resource(),
            name: token.facts.name.clone(),
            service: token.service,
            by_token: by.map(|by| {
                serde_json::json!({
                    "_id": by.id, "name": by.facts.name, "ending": by.facts.ending, "serviceToken": by.service,
                })
            }),
            by_member: if by.is_none() { self.members.first().map(Member::summary) } else { None },
        };
        self.audit.push(entry);
    }
}
