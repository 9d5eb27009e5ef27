//! How far the pending call got, as far as this process made it. The key itself is elsewhere.

use jiff::Timestamp;

use crate::domain::ids::{Attempt, Fingerprint, SettingsHash, TokenId};
use crate::domain::observed::{PendingCall, Proof};
use crate::domain::record::Intent;
use crate::domain::secret::Arrangement;
use crate::domain::time::Clocks;

/// The pending call.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct CallMemory {
    announced: Option<Announced>,
    /// When a call ended whose answer is unknown.
    pub unanswered_at: Option<Timestamp>,
}

/// A call whose intent this process wrote.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Announced {
    attempt: Attempt,
    /// When its intent was decided; the status keeps only the second.
    begun: Timestamp,
    arrangement: Box<Arrangement>,
    progress: CallProgress,
}

/// How far a call got.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum CallProgress {
    /// It may be made.
    Armed,
    /// LaunchDarkly refused it: nothing happened.
    Refused,
    /// It may have taken effect.
    Uncertain,
    /// It was answered with a key.
    Answered(Box<IssuedKey>),
}

/// What is known of a key in hand.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct IssuedKey {
    /// The token, as the answer named it.
    pub token_id: TokenId,
    /// Of the key.
    pub fingerprint: Fingerprint,
    /// When LaunchDarkly created the token.
    pub creation_time: Option<Timestamp>,
    /// What the answer showed of the settings.
    pub observed_hash: SettingsHash,
    /// Fields that came back other than asked for.
    pub differs: Vec<String>,
    /// Reset: until when the previous key works, as it was asked for.
    pub previous_key_expiration_time: Option<Timestamp>,
    /// When the answer came.
    pub since: Timestamp,
    /// Whether the key works.
    pub proof: Proof,
}

impl CallMemory {
    /// The intent is written: this process may make the one call that it announces.
    pub fn arm(&mut self, intent: &Intent, arrangement: Box<Arrangement>, clocks: Clocks) {
        self.announced = Some(Announced {
            attempt: intent.attempt.clone(),
            begun: clocks.steadily(intent.start_time),
            arrangement,
            progress: CallProgress::Armed,
        });
    }

    /// Notes how far the call of an attempt got.
    pub fn progress(&mut self, attempt: &Attempt, progress: CallProgress) {
        if let Some(call) = self.of_mut(attempt) {
            call.progress = progress;
        }
    }

    /// The call is settled.
    pub fn forget(&mut self) {
        self.announced = None;
    }

    /// The pending call of an attempt.
    #[must_use]
    pub fn pending(&self, attempt: &Attempt, clocks: Clocks) -> PendingCall {
        let Some(call) = self.of(attempt) else {
            return PendingCall::Empty;
        };
        let arrangement = call.arrangement.clone();
        match &call.progress {
            CallProgress::Armed => PendingCall::Armed(arrangement),
            CallProgress::Refused => PendingCall::Refused(arrangement),
            CallProgress::Uncertain => PendingCall::Empty,
            CallProgress::Answered(key) => PendingCall::Held {
                arrangement,
                token_id: key.token_id.clone(),
                fingerprint: key.fingerprint.clone(),
                creation_time: key.creation_time,
                observed_hash: key.observed_hash.clone(),
                differs: key.differs.clone(),
                previous_key_expiration_time: key.previous_key_expiration_time,
                since: clocks.shown(key.since),
                proof: key.proof,
            },
        }
    }

    /// When a call began, on the steady clock, as precisely as it is known.
    #[must_use]
    pub fn begun(&self, intent: &Intent, clocks: Clocks) -> Timestamp {
        self.of(&intent.attempt)
            .map_or(clocks.steadily(intent.start_time), |call| call.begun)
    }

    /// Notes whether the key in hand works.
    pub fn prove(&mut self, attempt: &Attempt, proof: Proof) {
        if let Some(Announced {
            progress: CallProgress::Answered(key),
            ..
        }) = self.of_mut(attempt)
        {
            key.proof = proof;
        }
    }

    /// The key in hand for an attempt.
    #[must_use]
    pub fn key(&self, attempt: &Attempt) -> Option<&IssuedKey> {
        match &self.of(attempt)?.progress {
            CallProgress::Answered(key) => Some(key),
            CallProgress::Armed | CallProgress::Refused | CallProgress::Uncertain => None,
        }
    }

    /// Whether a key is in hand that is not published yet.
    #[must_use]
    pub fn holds_key(&self) -> bool {
        let call = self.announced.as_ref();
        call.is_some_and(|call| matches!(call.progress, CallProgress::Answered(_)))
    }

    /// Whether a call was announced that had no effect: it was not sent, or was refused.
    #[must_use]
    pub fn is_unsent(&self) -> bool {
        let call = self.announced.as_ref();
        call.is_some_and(|call| {
            matches!(call.progress, CallProgress::Armed | CallProgress::Refused)
        })
    }

    fn of(&self, attempt: &Attempt) -> Option<&Announced> {
        let call = self.announced.as_ref();
        call.filter(|call| call.attempt == *attempt)
    }

    fn of_mut(&mut self, attempt: &Attempt) -> Option<&mut Announced> {
        let call = self.announced.as_mut();
        call.filter(|call| call.attempt == *attempt)
    }
}
