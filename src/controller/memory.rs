//! What this process remembers of one object between two looks: keys in hand, and what it was told.
//!
//! None of it is needed after a crash; all of it may be lost at any moment.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::cluster::snapshot::SecretSnapshot;
use crate::domain::names::{Attempt, Fingerprint, RoleId, SettingsHash, TokenId};
use crate::domain::observed::{Arrangement, Hand, Proof, Setback, Source};
use crate::domain::plan::StepKind;
use crate::domain::record::Record;
use crate::launchdarkly::{Key, Listing, Token};

/// What this process remembers of one object.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// The pending call.
    pub(super) hand: Option<HandMemory>,
    /// The last look at a token.
    pub(super) look: Option<Look>,
    /// When a token was first not found, and whether that was confirmed.
    pub(super) absent: Option<Absence>,
    /// Since when the last four characters are known to differ, for a token and a key.
    pub(super) mismatch: Option<(TokenId, Fingerprint, Timestamp)>,
    /// When this process last changed the token: older looks and listings do not count.
    pub(super) last_write: Option<Timestamp>,
    /// When a call ended whose answer is unknown.
    pub(super) unanswered_at: Option<Timestamp>,
    /// When the deletion was first seen.
    pub(super) deletion_seen: Option<Timestamp>,
    /// A key of the Secret that LaunchDarkly does not accept, and since when.
    pub(super) secret_refused: Option<(Fingerprint, Timestamp)>,
    /// The Secrets as last read or written, by name; `None` for absent.
    pub(super) secrets: Vec<KnownSecret>,
    /// The newest version of the object that this process wrote.
    pub(super) written_version: Option<u128>,
    /// Whether a key of the Secret was accepted for a token.
    pub(super) secret_proof: Option<(Fingerprint, TokenId, bool)>,
    /// Tokens known to be deleted.
    pub(super) gone: BTreeSet<TokenId>,
    /// Retiring tokens that got their `expiry`, or cannot.
    pub(super) life_limited: BTreeSet<TokenId>,
    /// The custom roles that were looked up: the question, the answer, and when.
    pub(super) roles: Option<RolesAnswer>,
    /// Failures that are being waited out.
    pub(super) setbacks: Vec<Setback>,
}

/// A Secret as last read or written.
#[derive(Debug)]
pub(super) struct KnownSecret {
    pub(super) name: String,
    /// `None` for absent.
    pub(super) snapshot: Option<SecretSnapshot>,
    /// Since boot.
    pub(super) read_at: Duration,
}

/// The pending call, as far as this process made it.
#[derive(Debug)]
pub(super) struct HandMemory {
    pub(super) attempt: Attempt,
    pub(super) arrangement: Box<Arrangement>,
    pub(super) state: HandState,
}

/// How far the pending call got.
#[derive(Debug)]
pub(super) enum HandState {
    Armed,
    Refused,
    Uncertain,
    Held(Box<Held>),
}

/// A key in hand.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) key: Key,
    pub(super) token_id: TokenId,
    pub(super) created_at: Option<Timestamp>,
    pub(super) observed_hash: SettingsHash,
    pub(super) differs: Vec<String>,
    pub(super) old_key_until: Option<Timestamp>,
    pub(super) since: Timestamp,
    pub(super) proof: Proof,
}

/// What one look at a token showed.
#[derive(Debug, Clone)]
pub(super) struct Look {
    pub(super) token: Token,
    pub(super) at: Timestamp,
    pub(super) source: Source,
    /// For the answer to a `PATCH`: the settings that were asked for with it.
    pub(super) asked: Option<SettingsHash>,
}

/// A token that was not found.
#[derive(Debug, Clone)]
pub(super) struct Absence {
    pub(super) token_id: TokenId,
    pub(super) first: Timestamp,
    pub(super) confirmed: bool,
}

/// An answer about custom roles.
#[derive(Debug, Clone)]
pub(super) struct RolesAnswer {
    pub(super) asked: Vec<String>,
    pub(super) answer: Result<Vec<(RoleId, String)>, String>,
    pub(super) at: Timestamp,
}

impl Memory {
    /// The hand for a pending attempt.
    pub(super) fn hand_for(&self, attempt: &Attempt) -> Hand {
        let Some(hand) = self.hand.as_ref().filter(|hand| hand.attempt == *attempt) else {
            return Hand::Empty;
        };
        let arrangement = hand.arrangement.clone();
        match &hand.state {
            HandState::Armed => Hand::Armed(arrangement),
            HandState::Refused => Hand::Refused(arrangement),
            HandState::Uncertain => Hand::Empty,
            HandState::Held(held) => Hand::Held {
                arrangement,
                token_id: held.token_id.clone(),
                fingerprint: held.key.fingerprint(),
                created_at: held.created_at,
                observed_hash: held.observed_hash.clone(),
                differs: held.differs.clone(),
                old_key_until: held.old_key_until,
                since: held.since,
                proof: held.proof,
            },
        }
    }

    /// The key in hand, for an attempt.
    pub(super) fn held_mut(&mut self, attempt: &Attempt) -> Option<&mut Held> {
        match self
            .hand
            .as_mut()
            .filter(|hand| hand.attempt == *attempt)
            .map(|hand| &mut hand.state)
        {
            Some(HandState::Held(held)) => Some(held),
            Some(HandState::Armed | HandState::Refused | HandState::Uncertain) | None => None,
        }
    }

    /// Whether a key is in hand that is not published yet.
    pub(super) fn holds_key(&self) -> bool {
        self.hand
            .as_ref()
            .is_some_and(|hand| matches!(hand.state, HandState::Held(_)))
    }

    /// Notes how far the call of an attempt got.
    pub(super) fn set_hand(&mut self, attempt: &Attempt, state: HandState) {
        if let Some(hand) = self.hand.as_mut().filter(|hand| hand.attempt == *attempt) {
            hand.state = state;
        }
    }

    /// The Secret as last read or written, if this process knows.
    pub(super) fn secret(&self, name: &str) -> Option<&Option<SecretSnapshot>> {
        self.secrets
            .iter()
            .find(|known| known.name == name)
            .map(|known| &known.snapshot)
    }

    /// Remembers a Secret as read or written at this time since boot.
    pub(super) fn remember_secret(
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
    pub(super) fn forget_secret(&mut self, name: &str) {
        self.secrets.retain(|known| known.name != name);
    }

    /// Notes that a token was not found: confirmed by a second time, at least `settle` after the first.
    pub(super) fn note_absence(
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
    pub(super) fn note_look(&mut self, token: Token, at: Timestamp) {
        self.absent = None;
        self.look = Some(Look {
            token,
            at,
            source: Source::Get,
            asked: None,
        });
    }

    /// Notes what a token looks like after our own `PATCH`, which asked for these settings.
    pub(super) fn note_patch(&mut self, token: Token, at: Timestamp, asked: Option<SettingsHash>) {
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
    pub(super) fn forget_tokens(
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
    pub(super) fn note_setback(&mut self, setback: Setback) {
        self.setbacks.retain(|known| known.step != setback.step);
        self.setbacks.push(setback);
    }

    /// How often a step of this kind failed in a row.
    pub(super) fn failures(&self, step: StepKind) -> u32 {
        self.setbacks
            .iter()
            .find(|known| known.step == step)
            .map_or(0, |known| known.times)
    }

    /// A step worked: its failures are forgotten.
    pub(super) fn note_success(&mut self, step: StepKind) {
        self.setbacks.retain(|known| known.step != step);
    }
}
