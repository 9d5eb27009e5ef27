//! What this process remembers of one object between two looks: keys in hand, and what it was told.
//!
//! None of it is needed after a crash; all of it may be lost at any moment.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::cluster::secret::snapshot::SecretSnapshot;
use crate::domain::ids::{Attempt, Fingerprint, RoleId, SettingsHash, TokenId};
use crate::domain::observed::{PendingCall, Proof, Retry, Source};
use crate::domain::record::{Intent, Record};
use crate::domain::secret::Arrangement;
use crate::domain::step::StepKind;
use crate::launchdarkly::{Listing, Token};
use crate::redaction::Key;

/// What this process remembers of one object.
#[derive(Debug, Default)]
pub(in crate::controller) struct Memory {
    /// The pending call.
    pub(in crate::controller) call: Option<CallMemory>,
    /// The last look at a token.
    pub(in crate::controller) look: Option<Look>,
    /// When a token was first not found, and whether that was confirmed.
    pub(in crate::controller) absent: Option<Absence>,
    /// Since when the last four characters are known to differ, for a token and a key.
    pub(in crate::controller) mismatch: Option<(TokenId, Fingerprint, Timestamp)>,
    /// When this process last changed the token: older looks and listings do not count.
    pub(in crate::controller) last_write: Option<Timestamp>,
    /// When a call ended whose answer is unknown.
    pub(in crate::controller) unanswered_at: Option<Timestamp>,
    /// When the deletion was first seen.
    pub(in crate::controller) deletion_seen: Option<Timestamp>,
    /// A key of the Secret that LaunchDarkly does not accept, and since when.
    pub(in crate::controller) secret_refused: Option<(Fingerprint, Timestamp)>,
    /// The Secrets as last read or written, by name; `None` for absent.
    pub(in crate::controller) secrets: Vec<KnownSecret>,
    /// The newest version of the object that this process wrote.
    pub(in crate::controller) written_version: Option<u128>,
    /// Whether a key of the Secret was accepted for a token.
    pub(in crate::controller) secret_proof: Option<(Fingerprint, TokenId, bool)>,
    /// Tokens known to be deleted.
    pub(in crate::controller) gone: BTreeSet<TokenId>,
    /// Retiring tokens that got their `expiry`, or cannot.
    pub(in crate::controller) life_limited: BTreeSet<TokenId>,
    /// The custom roles that were looked up: the question, the answer, and when.
    pub(in crate::controller) roles: Option<RolesAnswer>,
    /// Failures that are being waited out.
    pub(in crate::controller) retries: Vec<Retry>,
}

/// A Secret as last read or written.
#[derive(Debug)]
pub(in crate::controller) struct KnownSecret {
    pub(in crate::controller) name: String,
    /// `None` for absent.
    pub(in crate::controller) snapshot: Option<SecretSnapshot>,
    /// Since boot.
    pub(in crate::controller) read_at: Duration,
}

/// The pending call, as far as this process made it.
#[derive(Debug)]
pub(in crate::controller) struct CallMemory {
    pub(in crate::controller) attempt: Attempt,
    /// When its intent was decided; the status keeps only the second.
    pub(in crate::controller) begun: Timestamp,
    pub(in crate::controller) arrangement: Box<Arrangement>,
    pub(in crate::controller) state: CallState,
}

/// How far the pending call got.
#[derive(Debug)]
pub(in crate::controller) enum CallState {
    Armed,
    Refused,
    Uncertain,
    Held(Box<Held>),
}

/// A key in hand.
#[derive(Debug)]
pub(in crate::controller) struct Held {
    pub(in crate::controller) key: Key,
    pub(in crate::controller) token_id: TokenId,
    pub(in crate::controller) creation_time: Option<Timestamp>,
    pub(in crate::controller) observed_hash: SettingsHash,
    pub(in crate::controller) differs: Vec<String>,
    pub(in crate::controller) previous_key_expiration_time: Option<Timestamp>,
    pub(in crate::controller) since: Timestamp,
    pub(in crate::controller) proof: Proof,
}

/// What one look at a token showed.
#[derive(Debug, Clone)]
pub(in crate::controller) struct Look {
    pub(in crate::controller) token: Token,
    pub(in crate::controller) at: Timestamp,
    pub(in crate::controller) source: Source,
    /// For the answer to a `PATCH`: the settings that were asked for with it.
    pub(in crate::controller) asked: Option<SettingsHash>,
}

/// A token that was not found.
#[derive(Debug, Clone)]
pub(in crate::controller) struct Absence {
    pub(in crate::controller) token_id: TokenId,
    pub(in crate::controller) first: Timestamp,
    pub(in crate::controller) confirmed: bool,
}

/// An answer about custom roles.
#[derive(Debug, Clone)]
pub(in crate::controller) struct RolesAnswer {
    pub(in crate::controller) asked: Vec<String>,
    pub(in crate::controller) answer: Result<Vec<(RoleId, String)>, String>,
    pub(in crate::controller) at: Timestamp,
}

impl Memory {
    /// The hand for a pending attempt.
    pub(in crate::controller) fn pending_call(&self, attempt: &Attempt) -> PendingCall {
        let Some(hand) = self.call.as_ref().filter(|hand| hand.attempt == *attempt) else {
            return PendingCall::Empty;
        };
        let arrangement = hand.arrangement.clone();
        match &hand.state {
            CallState::Armed => PendingCall::Armed(arrangement),
            CallState::Refused => PendingCall::Refused(arrangement),
            CallState::Uncertain => PendingCall::Empty,
            CallState::Held(held) => PendingCall::Held {
                arrangement,
                token_id: held.token_id.clone(),
                fingerprint: held.key.fingerprint(),
                creation_time: held.creation_time,
                observed_hash: held.observed_hash.clone(),
                differs: held.differs.clone(),
                previous_key_expiration_time: held.previous_key_expiration_time,
                since: held.since,
                proof: held.proof,
            },
        }
    }

    /// When a call began, as precisely as it is known.
    pub(in crate::controller) fn begun(&self, intent: &Intent) -> Timestamp {
        let call = self.call.as_ref();
        call.filter(|call| call.attempt == intent.attempt)
            .map_or(intent.start_time, |call| call.begun)
    }

    /// The key in hand, for an attempt.
    pub(in crate::controller) fn held_mut(&mut self, attempt: &Attempt) -> Option<&mut Held> {
        match self
            .call
            .as_mut()
            .filter(|hand| hand.attempt == *attempt)
            .map(|hand| &mut hand.state)
        {
            Some(CallState::Held(held)) => Some(held),
            Some(CallState::Armed | CallState::Refused | CallState::Uncertain) | None => None,
        }
    }

    /// Whether a key is in hand that is not published yet.
    pub(in crate::controller) fn holds_key(&self) -> bool {
        self.call
            .as_ref()
            .is_some_and(|hand| matches!(hand.state, CallState::Held(_)))
    }

    /// Notes how far the call of an attempt got.
    pub(in crate::controller) fn set_call(&mut self, attempt: &Attempt, state: CallState) {
        if let Some(hand) = self.call.as_mut().filter(|hand| hand.attempt == *attempt) {
            hand.state = state;
        }
    }

    /// The Secret as last read or written, if this process knows.
    pub(in crate::controller) fn secret(&self, name: &str) -> Option<&Option<SecretSnapshot>> {
        self.secrets
            .iter()
            .find(|known| known.name == name)
            .map(|known| &known.snapshot)
    }

    /// Remembers a Secret as read or written at this time since boot.
    pub(in crate::controller) fn remember_secret(
        &mut self,
        name: &str,
        snapshot: Option<SecretSnapshot>,
        read_at: Duration,
    ) {
        self.forget_secret(name);
        self.secrets.push(KnownSecret {
            name: name.to_owned(),
            snapshot,
            read_at,
        });
    }

    /// Forgets a Secret, so that it is read again.
    pub(in crate::controller) fn forget_secret(&mut self, name: &str) {
        self.secrets.retain(|known| known.name != name);
    }

    /// Notes that a token was not found: confirmed by a second time, at least `settle` after the first.
    pub(in crate::controller) fn note_absence(
        &mut self,
        token_id: &TokenId,
        now: Timestamp,
        settle: SignedDuration,
    ) {
        self.look = None;
        match &mut self.absent {
            Some(known) if known.token_id == *token_id => {
                known.confirmed |= now.duration_since(known.first) >= settle;
            }
            other => {
                *other = Some(Absence {
                    token_id: token_id.clone(),
                    first: now,
                    confirmed: false,
                });
            }
        }
    }

    /// Notes what a token looks like.
    pub(in crate::controller) fn note_look(&mut self, token: Token, at: Timestamp) {
        self.absent = None;
        self.look = Some(Look {
            token,
            at,
            source: Source::Get,
            asked: None,
        });
    }

    /// Notes what a token looks like after our own `PATCH`, which asked for these settings.
    pub(in crate::controller) fn note_patch(
        &mut self,
        token: Token,
        at: Timestamp,
        asked: Option<SettingsHash>,
    ) {
        self.absent = None;
        self.last_write = Some(at);
        self.look = Some(Look {
            token,
            at,
            source: Source::Patch,
            asked,
        });
    }

    /// Forgets tokens that nobody asks about any more: neither recorded nor listed.
    pub(in crate::controller) fn forget_tokens(
        &mut self,
        record: &Record,
        deleting: bool,
        listing: Option<&Listing>,
    ) {
        self.life_limited.retain(|id| record.claims(id));
        let Some(listing) = listing.filter(|_| !deleting && record.pending.is_none()) else {
            return;
        };
        let listed = |id: &TokenId| listing.tokens.iter().any(|token| token.id == *id);
        self.gone.retain(|id| record.claims(id) || listed(id));
    }

    /// Notes a failure; the back-off grows with every one in a row.
    pub(in crate::controller) fn note_retry(&mut self, retry: Retry) {
        self.retries.retain(|known| known.step != retry.step);
        self.retries.push(retry);
    }

    /// How often a step of this kind failed in a row.
    pub(in crate::controller) fn failures(&self, step: StepKind) -> u32 {
        self.retries
            .iter()
            .find(|known| known.step == step)
            .map_or(0, |known| known.times)
    }

    /// A step worked: its failures are forgotten.
    pub(in crate::controller) fn note_success(&mut self, step: StepKind) {
        self.retries.retain(|known| known.step != step);
    }
}
