//! What happened so far, as far as the invariants ask for it; it decides nothing.

use std::collections::BTreeSet;

use jiff::Timestamp;
use launchdarkly_token_operator::domain::cause::Cause;
use launchdarkly_token_operator::domain::ids::{Attempt, Fingerprint, TokenId};
use launchdarkly_token_operator::domain::record::{MAX_ABANDONED, MAX_RETIRING, Record};
use launchdarkly_token_operator::domain::time::plus;

use super::world::{Call, Core, GRACE, INTERVAL, TIMING};

/// What must never happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Breach {
    /// A key that does not work was published (I2).
    DeadKey,
    /// The Secret in use was deleted (I3).
    SecretInUse,
    /// One due time rotated twice (I4).
    DueTwice,
    /// A call without a durable intent (I5).
    NoIntent,
    /// A reset whose outcome is not known was repeated (I5).
    ResetAgain,
    /// A reset while a previous key of the token is in its grace (I5).
    ResetInGrace,
    /// A Secret or token of somebody else was changed or deleted (I6).
    Foreign,
    /// A bounded list overflows.
    Overflow,
}

/// The history that the invariants are judged by.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Ledger {
    /// Keys that consumers may hold.
    pub published: Vec<Published>,
    /// Publications that answered a trigger, and a revocation.
    pub triggered: u8,
    pub revoked: u8,
    pub scheduled_at: Option<Timestamp>,
    /// Resets that were sent.
    pub resets: BTreeSet<Attempt>,
    /// What must never happen and did.
    pub breaches: BTreeSet<Breach>,
    /// A revocation was asked for: keys that were replaced are cut on purpose.
    pub revoking: bool,
    /// Somebody else changed the token or the Secret since the last publication.
    pub tampered: bool,
}

/// A key that was in the Secret.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Published {
    pub key: Fingerprint,
    pub token: TokenId,
    /// When another key took its place.
    pub superseded: Option<Timestamp>,
}

impl Ledger {
    /// Notes what must never happen.
    pub fn notes(&mut self, breach: Breach) {
        self.breaches.insert(breach);
    }

    /// A create or a reset is sent: its intent must be in the object at that moment.
    pub fn calls(&mut self, core: &Core, attempt: &Attempt) {
        let pending = core.object.as_ref().and_then(|o| o.record.pending.as_ref());
        if pending.is_none_or(|pending| pending.attempt != *attempt) {
            self.notes(Breach::NoIntent);
        }
    }

    /// A reset is sent. One that revokes cuts the token's previous keys on purpose.
    pub fn resets(
        &mut self,
        core: &Core,
        attempt: &Attempt,
        id: &TokenId,
        cause: Option<Cause>,
        now: Timestamp,
    ) {
        if cause == Some(Cause::Revoke) {
            self.published.retain(|published| published.token != *id);
        }
        let flying = core
            .flights
            .iter()
            .any(|flight| matches!(&flight.call, Call::Reset { token_id, .. } if token_id == id));
        if !self.resets.insert(attempt.clone()) || flying {
            self.notes(Breach::ResetAgain);
        }
        let older = core.tokens.get(id).is_some_and(|token| {
            let ends = token.keys.iter().filter_map(|(_, end)| *end);
            ends.into_iter().any(|end| end > now)
        });
        // Not even what a reset does to an older key matters to one that revokes.
        if older && cause != Some(Cause::Revoke) {
            self.notes(Breach::ResetInGrace);
        }
    }

    /// A key reaches the Secret.
    pub fn publishes(
        &mut self,
        core: &Core,
        key: &Fingerprint,
        token: &TokenId,
        cause: Option<Cause>,
        remote_now: Timestamp,
    ) {
        if let Some(again) = self.published.iter_mut().find(|p| p.key == *key) {
            again.superseded = None;
            self.tampered = false;
            return;
        }
        if !core.accepts(key, remote_now) && !self.tampered {
            self.notes(Breach::DeadKey);
        }
        match cause {
            Some(Cause::Trigger) => self.triggered += 1,
            Some(Cause::Revoke) => {
                self.revoked += 1;
                // A revocation cuts every previous key on purpose.
                self.published.clear();
                self.revoking = false;
            }
            Some(Cause::Schedule) => self.rotates_on_schedule(core.clock),
            Some(_) | None => {}
        }
        for before in &mut self.published {
            before.superseded.get_or_insert(core.clock);
        }
        self.published.push(Published {
            key: key.clone(),
            token: token.clone(),
            superseded: None,
        });
        self.tampered = false;
    }

    fn rotates_on_schedule(&mut self, now: Timestamp) {
        let early = |last: Timestamp| plus(last, INTERVAL / 2) > now;
        if self.scheduled_at.is_some_and(early) {
            self.notes(Breach::DueTwice);
        }
        self.scheduled_at = Some(now);
    }

    /// The record changes.
    pub fn writes(&mut self, record: &Record) {
        if record.abandoned.len() > MAX_ABANDONED || record.retiring.len() > MAX_RETIRING {
            self.notes(Breach::Overflow);
        }
    }

    /// A Secret is deleted by the operator.
    pub fn deletes_secret(&mut self, core: &Core, name: &str) {
        let object = core.object.as_ref();
        let in_use = object.is_some_and(|object| {
            let recorded = object.record.secret.as_ref();
            object.deleted_at.is_none() && recorded.is_some_and(|secret| secret.name == name)
        });
        if in_use {
            self.notes(Breach::SecretInUse);
        }
        if core.secrets.get(name).is_some_and(|secret| !secret.ours) {
            self.notes(Breach::Foreign);
        }
    }

    /// Somebody else takes the key out of the Secret.
    ///
    /// One that was put there a moment ago, so that the status does not know it yet, has its grace from then on.
    pub fn loses_secret(&mut self, core: &Core, key: &Fingerprint) {
        self.tampered = true;
        let record = core.object.as_ref().map(|object| &object.record);
        let recorded = record.and_then(|record| record.secret.as_ref());
        if recorded.is_none_or(|secret| secret.fingerprint != *key) {
            let published = self.published.iter_mut().find(|p| p.key == *key);
            if let Some(published) = published {
                published.superseded.get_or_insert(core.clock);
            }
        }
    }

    /// Somebody else cut the keys of a token.
    pub fn excuse_token(&mut self, id: &TokenId) {
        self.published.retain(|published| published.token != *id);
        self.tampered = true;
    }

    /// Keys whose grace is over are nobody's concern any more.
    pub fn forget_old(&mut self, now: Timestamp) {
        let over = |at: Timestamp| plus(at, GRACE) <= now;
        self.published
            .retain(|published| !published.superseded.is_some_and(over));
    }

    /// A key that a consumer may hold and LaunchDarkly refuses (I3).
    pub fn refused<'a>(&'a self, core: &Core, remote_now: Timestamp) -> Option<&'a Published> {
        // A consumer that reads while the Secret is being written may be late by one call.
        let held = |published: &&Published| {
            published
                .superseded
                .is_none_or(|at| !self.revoking && plus(at, GRACE - TIMING.settle) > core.clock)
        };
        self.published
            .iter()
            .filter(held)
            .find(|published| !core.accepts(&published.key, remote_now))
    }
}
