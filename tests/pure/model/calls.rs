//! What LaunchDarkly does with calls, and what the sender learns of them.

use jiff::{SignedDuration, Timestamp};
use launchdarkly_token_operator::domain::ids::{Attempt, Fingerprint, TokenId};
use launchdarkly_token_operator::domain::marker;
use launchdarkly_token_operator::domain::memory::{CallProgress, IssuedKey};
use launchdarkly_token_operator::domain::observed::{Proof, Retry};
use launchdarkly_token_operator::domain::problem::Problem;
use launchdarkly_token_operator::domain::reason::Reason;
use launchdarkly_token_operator::domain::settings::{BaseRole, Grant, TokenSettings};
use launchdarkly_token_operator::domain::step::StepKind;
use launchdarkly_token_operator::domain::time::plus;

use super::desired::ROLE_ID;
use super::execute::{Act, Fate};
use super::ledger::Breach;
use super::observe::shown_hash;
use super::world::{Call, Core, Flight, Listing, Memory, Role, START, TIMING, Token, new_key};

impl Act<'_> {
    pub fn create(&mut self, attempt: &Attempt, settings: &TokenSettings, fate: Fate) {
        self.ledger.calls(self.core, attempt);
        let (user_part, _) = marker::split(&settings.description);
        let call = Call::Create {
            attempt: attempt.clone(),
            role: match settings.grant {
                Grant::Role(BaseRole::Writer) => Role::Writer,
                Grant::CustomRoles(_) => Role::Custom,
                Grant::Role(_) | Grant::Inline(_) => Role::Reader,
            },
            description: user_part.bytes().last().unwrap_or(b'0') - b'0',
        };
        let full = self.core.tokens.len() >= self.core.room;
        let fate = if full { Fate::Refused } else { fate };
        self.call(attempt, call, fate, None);
    }

    pub fn reset(&mut self, attempt: &Attempt, id: &TokenId, lives: SignedDuration, fate: Fate) {
        self.ledger.calls(self.core, attempt);
        let now = self.remote_now();
        let cause = self.cause;
        self.ledger.resets(self.core, attempt, id, cause, now);
        let call = Call::Reset {
            token_id: id.clone(),
            previous_key_lives: lives,
        };
        let gone = !self.core.tokens.contains_key(id);
        let fate = if gone { Fate::Refused } else { fate };
        self.call(attempt, call, fate, Some(plus(self.remote_now(), lives)));
    }

    pub fn call(
        &mut self,
        attempt: &Attempt,
        call: Call,
        fate: Fate,
        previous_until: Option<Timestamp>,
    ) {
        match fate {
            Fate::Refused => {
                let facts = &mut self.memory.facts;
                facts.call.progress(attempt, CallProgress::Refused);
                let kind = match call {
                    Call::Create { .. } => StepKind::CreateToken,
                    Call::Reset { .. } => {
                        facts.token.look = None;
                        StepKind::ResetKey
                    }
                };
                self.fail(kind, SignedDuration::from_secs(30));
            }
            Fate::Lost => self.lose_answer(attempt),
            Fate::Late => {
                self.core.flights.push(Flight {
                    call,
                    lands_by: plus(self.core.clock, TIMING.settle),
                });
                self.lose_answer(attempt);
            }
            Fate::Unanswered | Fate::Killed => {
                land(self.core, &call, self.physics.offset);
                self.lose_answer(attempt);
            }
            Fate::Works | Fate::DeadKey => {
                let Some(token_id) = land(self.core, &call, self.physics.offset) else {
                    self.lose_answer(attempt);
                    return;
                };
                self.receive(attempt, token_id, previous_until, fate);
            }
        }
    }

    fn lose_answer(&mut self, attempt: &Attempt) {
        let call = &mut self.memory.facts.call;
        call.progress(attempt, CallProgress::Uncertain);
        call.unanswered_at = Some(self.core.clock);
    }

    /// A step is not tried again before a while.
    fn fail(&mut self, step: StepKind, wait: SignedDuration) {
        let object = self.core.object.as_ref();
        self.memory.facts.retries.note(Retry {
            step,
            problem: Problem::user(Reason::Forbidden, "refused"),
            until: plus(self.core.clock, wait),
            generation: object.map_or(0, |object| object.generation),
            times: self.failed.saturating_add(1).min(2),
        });
    }

    pub fn receive(
        &mut self,
        attempt: &Attempt,
        token_id: TokenId,
        previous_key_expiration_time: Option<Timestamp>,
        fate: Fate,
    ) {
        let now = self.core.clock;
        let token = &self.core.tokens[&token_id];
        let working = token.shown_key().cloned();
        let (observed, creation_time) = (shown_hash(token), token.creation_time);
        let key = match fate {
            Fate::DeadKey => new_key(self.core.next()),
            _ => working.unwrap_or_else(|| new_key(0)),
        };
        let issued = IssuedKey {
            token_id,
            fingerprint: key,
            creation_time: Some(creation_time),
            observed_hash: observed,
            differs: Vec::new(),
            previous_key_expiration_time,
            since: now,
            proof: Proof::Unasked,
        };
        self.memory.facts.receive(attempt, issued);
    }

    pub fn prove_in_hand(&mut self, attempt: &Attempt, id: &TokenId) {
        let now = self.remote_now();
        let token = self.core.tokens.get(id);
        let Some(key) = self.memory.facts.call.key(attempt) else {
            return;
        };
        let accepted = token.is_some_and(|token| token.accepts(&key.fingerprint, now));
        let proof = if accepted {
            Proof::Accepted
        } else {
            Proof::Rejected
        };
        self.memory.facts.call.prove(attempt, proof);
        if !accepted {
            self.fail(StepKind::ProveKey, SignedDuration::from_secs(15));
        }
    }

    pub fn fetch(&mut self, id: &TokenId) {
        let now = self.core.clock;
        let known = &mut self.memory.facts.token;
        match self.core.tokens.get(id) {
            Some(token) => known.note_look(token.clone(), now),
            None => known.note_absence(id, now, TIMING.settle),
        }
    }

    pub fn prove_in_secret(&mut self, key: &Fingerprint, id: &TokenId) {
        let (now, remote_now) = (self.core.clock, self.remote_now());
        let token = self.core.tokens.get(id);
        let missed = self.memory.facts.token.is_missed(id);
        let known = &mut self.memory.facts.secret_key;
        if token.is_some_and(|token| token.accepts(key, remote_now)) {
            known.note(key.clone(), id.clone(), true, self.core.clock);
        } else if !known.note_refusal(key, id, now, TIMING.settle) && !missed {
            self.fail(StepKind::ProveSecretKey, SignedDuration::from_secs(15));
        }
    }

    pub fn prove_revoked(&mut self, key: &Fingerprint) {
        let (now, remote_now) = (self.core.clock, self.remote_now());
        let revoked = &mut self.memory.facts.revoked;
        if self.core.accepts(key, remote_now) {
            revoked.note_accepted(key, now);
        } else {
            revoked.forget(key);
        }
    }

    pub fn resolve(&mut self, roles: &[String]) {
        let found = roles.iter().map(|key| (ROLE_ID.into(), key.clone()));
        let (roles, found) = (roles.to_vec(), Ok(found.collect()));
        self.memory.facts.roles.note(roles, found, self.core.clock);
    }

    /// A token that is changed or deleted must be ours.
    fn token(&mut self, id: &TokenId) -> Option<&mut Token> {
        let token = self.core.tokens.get_mut(id)?;
        if token.foreign {
            self.ledger.notes(Breach::Foreign);
        }
        Some(token)
    }

    pub fn patch(&mut self, id: &TokenId, settings: &TokenSettings, answered: bool) {
        let now = self.core.clock;
        let (user_part, marker) = marker::split(&settings.description);
        let description = user_part.bytes().last().unwrap_or(b'0') - b'0';
        let Some(token) = self.token(id) else {
            self.memory.facts.token.look = None;
            return;
        };
        token.description = description;
        token.attempt = marker.and_then(|marker| marker.attempt().cloned());
        let token = token.clone();
        if answered {
            let object = self.core.object.as_ref();
            let asked = object.map(|object| object.spec.desired().settings.hash());
            self.memory.facts.token.note_patch(token, now, asked);
        }
    }

    pub fn limit_life(&mut self, id: &TokenId, expiry: Timestamp, answered: bool) {
        let there = self.token(id).map(|token| token.expiry = Some(expiry));
        if answered && there.is_none() {
            self.note_gone(id);
        }
        if answered {
            self.memory.facts.token.life_limited.insert(id.clone());
        }
    }

    fn note_gone(&mut self, id: &TokenId) {
        let since = self.core.clock;
        self.memory.facts.token.note_gone(id.clone(), since);
    }

    pub fn end_key(&mut self, id: &TokenId, answered: bool) {
        let key = new_key(self.core.next());
        if let Some(token) = self.token(id) {
            token.keys = vec![(key, None)];
        }
        if answered {
            self.memory.facts.token.keys_ended.insert(id.clone());
        }
    }

    pub fn delete(&mut self, id: &TokenId, answered: bool) {
        if !self.core.deletable {
            self.memory.facts.token.note_undeleted(id);
            self.fail(StepKind::DeleteToken, SignedDuration::from_secs(30));
            return;
        }
        if self.token(id).is_some() {
            self.core.tokens.remove(id);
        }
        if answered {
            self.note_gone(id);
        }
    }

    pub fn mark_retained(&mut self, id: &TokenId, answered: bool) {
        if let Some(token) = self.token(id) {
            token.attempt = None;
        }
        if answered {
            self.note_gone(id);
        }
    }
}

/// A fresh listing of the account.
pub fn list(core: &Core, memory: &mut Memory) {
    let mut tokens = core.tokens.clone();
    // The operator's own token is always there.
    let own = TokenId::from("managing");
    let managing = Token {
        id: own.clone(),
        foreign: true,
        attempt: None,
        role: Role::Reader,
        description: 0,
        keys: Vec::new(),
        expiry: None,
        creation_time: START,
        used: true,
    };
    tokens.insert(own, managing);
    memory.listing = Some(Listing {
        at: core.clock,
        tokens,
    });
}

/// A call takes effect. A reset cuts every previous key but the newest, the strictest reading of what LaunchDarkly may do.
pub fn land(core: &mut Core, call: &Call, offset: SignedDuration) -> Option<TokenId> {
    let now = plus(core.clock, offset);
    match call {
        Call::Create {
            attempt,
            role,
            description,
        } => {
            let number = core.next();
            let id = TokenId::new(format!("token-{number}"));
            let token = Token {
                id: id.clone(),
                foreign: false,
                attempt: Some(attempt.clone()),
                role: *role,
                description: *description,
                keys: vec![(new_key(number), None)],
                expiry: None,
                creation_time: now,
                used: false,
            };
            core.tokens.insert(id.clone(), token);
            Some(id)
        }
        Call::Reset {
            token_id,
            previous_key_lives,
        } => {
            let key = new_key(core.next());
            let token = core.tokens.get_mut(token_id)?;
            let (newest, _) = token.keys.pop()?;
            token.keys = vec![(newest, Some(plus(now, *previous_key_lives))), (key, None)];
            Some(token_id.clone())
        }
    }
}
