//! What LaunchDarkly does with calls, and what the sender learns of them.

use jiff::{SignedDuration, Timestamp};
use launchdarkly_token_operator::domain::ids::{Attempt, Fingerprint, TokenId};
use launchdarkly_token_operator::domain::marker;
use launchdarkly_token_operator::domain::observed::{Proof, Source};
use launchdarkly_token_operator::domain::settings::{BaseRole, Grant, TokenSettings};
use launchdarkly_token_operator::domain::step::StepKind;
use launchdarkly_token_operator::domain::time::plus;

use super::execute::{Act, Fate};
use super::ledger::Breach;
use super::observe::shown_hash;
use super::world::{
    Call, CallState, Core, Flight, InHand, Look, Memory, Role, TIMING, Token, new_key,
};

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
                self.set_call(attempt, CallState::Refused);
                self.memory.look = None;
                let until = plus(self.core.clock, SignedDuration::from_secs(30));
                let kind = match call {
                    Call::Create { .. } => StepKind::CreateToken,
                    Call::Reset { .. } => StepKind::ResetKey,
                };
                self.memory.retry = Some((kind, until));
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
        self.set_call(attempt, CallState::Uncertain);
        self.memory.unanswered_at = Some(self.core.clock);
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
        self.memory.last_write = Some(now);
        self.memory.look = None;
        let state = CallState::Held {
            token_id,
            key,
            previous_key_expiration_time,
            observed,
            creation_time,
            since: now,
            proof: Proof::Unasked,
        };
        self.set_call(attempt, state);
    }

    pub fn prove_in_hand(&mut self, id: &TokenId) {
        let now = self.remote_now();
        let token = self.core.tokens.get(id);
        if let Some(InHand {
            state: CallState::Held { proof, key, .. },
            ..
        }) = &mut self.memory.call
        {
            let accepted = token.is_some_and(|token| token.accepts(key, now));
            *proof = if accepted {
                Proof::Accepted
            } else {
                Proof::Rejected
            };
            if !accepted {
                let until = plus(self.core.clock, SignedDuration::from_secs(15));
                self.memory.retry = Some((StepKind::ProveKey, until));
            }
        }
    }

    pub fn fetch(&mut self, id: &TokenId) {
        let now = self.core.clock;
        if let Some(token) = self.core.tokens.get(id) {
            self.memory.absent = None;
            self.memory.look = Some(Look {
                id: id.clone(),
                token: token.clone(),
                at: now,
                source: Source::Get,
                asked: None,
            });
            return;
        }
        self.memory.look = None;
        match &mut self.memory.absent {
            Some((known, first, confirmed)) if known == id => {
                *confirmed |= now.duration_since(*first) >= TIMING.settle;
            }
            other => *other = Some((id.clone(), now, false)),
        }
    }

    pub fn prove_in_secret(&mut self, key: &Fingerprint, id: &TokenId) {
        let now = self.remote_now();
        let token = self.core.tokens.get(id);
        let accepted = token.is_some_and(|token| token.accepts(key, now));
        self.memory.proof = Some((key.clone(), id.clone(), accepted));
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
            self.memory.look = None;
            return;
        };
        token.description = description;
        token.attempt = marker.and_then(|marker| marker.attempt().cloned());
        let token = token.clone();
        if answered {
            let spec = self.core.object.as_ref().map(|object| object.spec);
            self.memory.absent = None;
            self.memory.last_write = Some(now);
            self.memory.look = Some(Look {
                id: id.clone(),
                token,
                at: now,
                source: Source::Patch,
                asked: spec.map(|spec| (spec.role, spec.description)),
            });
        }
    }

    pub fn limit_life(&mut self, id: &TokenId, expiry: Timestamp, answered: bool) {
        let there = self.token(id).map(|token| token.expiry = Some(expiry));
        if answered && there.is_none() {
            self.memory.gone.insert(id.clone());
        }
        if answered {
            self.memory.limited.insert(id.clone());
        }
    }

    pub fn delete(&mut self, id: &TokenId, answered: bool) {
        if self.token(id).is_some() {
            self.core.tokens.remove(id);
        }
        if answered {
            self.memory.gone.insert(id.clone());
        }
    }

    pub fn mark_retained(&mut self, id: &TokenId, answered: bool) {
        if let Some(token) = self.token(id) {
            token.attempt = None;
        }
        if answered {
            self.memory.gone.insert(id.clone());
        }
    }
}

/// A fresh listing of the account.
pub fn list(core: &Core, memory: &mut Memory) {
    memory.listing = Some((core.clock, core.tokens.clone()));
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
