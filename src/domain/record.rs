//! What the operator has written down about one object: the durable part of its memory, kept in the object's status.

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::cause::Cause;
use crate::domain::ids::{
    AccountId, Attempt, Fingerprint, ObjectUid, RequestHash, SecretUid, SettingsHash, TokenId,
};

/// How many replaced tokens may wait for their deletion at once.
pub const MAX_RETIRING: usize = 3;
/// How many tokens wait for their deletion at most, when all are to end at once: the one in use and one in hand besides.
pub const MAX_ENDING: usize = MAX_RETIRING + 2;
/// How many attempts that were given up are remembered.
pub const MAX_ABANDONED: usize = 8;
/// How many handled trigger and revoke values are remembered; they never rotate again.
pub const MAX_HANDLED: usize = 8;
/// How many unknown tokens are named.
pub const MAX_UNKNOWN: usize = 10;
/// How many past publications are remembered.
pub const MAX_HISTORY: usize = 10;

/// Everything recorded about one object, apart from its conditions.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Record {
    /// The generation that the record speaks of; `None` before the first reconcile.
    pub observed_generation: Option<i64>,
    /// The account, pinned with the first intent (I10).
    pub account_id: Option<AccountId>,
    /// The token whose key the Secret holds.
    pub token: Option<TokenRecord>,
    /// The Secret that holds the key.
    pub secret: Option<SecretRecord>,
    /// A Secret that held the key before `secret.name` was changed.
    pub former_secret: Option<FormerSecret>,
    /// When the key changed and will change.
    pub rotation: RotationRecord,
    /// A call that must not be repeated, noted before it is made (I5).
    pub pending: Option<Intent>,
    /// Create attempts that were given up; tokens that turn up with one are cleaned.
    pub abandoned: Vec<AbandonedAttempt>,
    /// Replaced tokens waiting for their deletion.
    pub retiring: Vec<RetiringToken>,
    /// Tokens with this object's marker that are neither recorded nor of an open attempt, as the last listing showed them, in order.
    pub unknown_tokens: Vec<TokenId>,
    /// The last publications, newest first.
    pub history: Vec<HistoryEntry>,
}

/// The token in use.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TokenRecord {
    /// Its id.
    pub id: TokenId,
    /// Its name, as last asked for.
    pub name: String,
    /// Hash of the settings that were asked for and have been sent.
    pub spec_hash: SettingsHash,
    /// Hash of what LaunchDarkly answered; `None` until an answer was seen (the process that asked may have died).
    pub observed_hash: Option<SettingsHash>,
    /// Names of the fields that came back other than asked for.
    pub differs: Vec<String>,
    /// When LaunchDarkly created it.
    pub creation_time: Option<Timestamp>,
}

/// The Secret in use.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SecretRecord {
    /// Its name.
    pub name: String,
    /// Its UID.
    pub uid: SecretUid,
    /// Of the key that was published.
    pub fingerprint: Fingerprint,
    /// Whether LaunchDarkly accepted the key before it was published.
    pub proven: bool,
}

/// A Secret that is left until consumers have moved to its successor.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FormerSecret {
    /// Its name.
    pub name: String,
    /// It is deleted after this time.
    pub deletion_time: Timestamp,
}

/// When the key changed and will change.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct RotationRecord {
    /// When the key in use was published.
    pub last: Option<Timestamp>,
    /// When the next scheduled rotation is due.
    pub next: Option<Timestamp>,
    /// Until when the previous key works, on LaunchDarkly's clock.
    pub previous_key_expiration_time: Option<Timestamp>,
    /// How long a previous key lives on, as the spec says or by default.
    pub grace: Option<SignedDuration>,
    /// Trigger and revoke values that never rotate again, oldest first.
    pub handled: Vec<RequestHash>,
}

/// What a pending call does.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    JsonSchema,
    Serialize,
    Deserialize,
    strum::IntoStaticStr,
    strum::Display,
    strum::EnumString,
)]
pub enum PendingOperation {
    /// A token is created, as the first or as a replacement.
    Create,
    /// The key of the token is reset.
    Reset,
}

/// The durable note that is written before a call that must not be repeated.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Intent {
    /// The call.
    pub operation: PendingOperation,
    /// Its nonce; the marker of a created token carries it, the Secret that publishes the key too.
    pub attempt: Attempt,
    /// Why.
    pub cause: Cause,
    /// When the intent was decided, on the local clock.
    pub start_time: Timestamp,
    /// The process that wrote it.
    pub holder: String,
    /// Create: the token to be replaced. Reset: the token to be reset.
    pub token_id: Option<TokenId>,
    /// Where the key will go.
    pub secret_name: String,
    /// Of the settings asked for.
    pub spec_hash: SettingsHash,
    /// The name asked for.
    pub token_name: String,
    /// Trigger and revoke values that this attempt handles.
    pub handles: Vec<RequestHash>,
    /// A key of `token_id` that a consumer may hold lives at least until then, should the attempt's outcome be lost.
    pub previous_key_expiration_time: Option<Timestamp>,
}

impl Intent {
    /// Whether it makes up for a key that was lost, which nothing else shows: such an intent is never just dropped.
    #[must_use]
    pub fn recovers_a_key(&self) -> bool {
        let after_lost_reset = self.operation == PendingOperation::Create
            && self.cause == Cause::Revoke
            && self.previous_key_expiration_time.is_some();
        self.cause == Cause::LostKey || after_lost_reset
    }
}

/// A create whose answer never came.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AbandonedAttempt {
    /// Its nonce.
    pub attempt: Attempt,
    /// When it began; a token created long after cannot be its token.
    pub start_time: Timestamp,
}

/// A replaced token.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RetiringToken {
    /// Its id.
    pub token_id: TokenId,
    /// Why it was replaced.
    pub cause: Cause,
    /// It is deleted once LaunchDarkly's clock and ours have passed this time.
    pub retirement_time: Timestamp,
}

impl RetiringToken {
    /// Whether it is deleted when its time is over: one that somebody else reset may be in use by then (I6).
    #[must_use]
    pub fn is_ours_to_end(&self) -> bool {
        self.cause != Cause::ResetElsewhere
    }
}

impl RetiringToken {
    /// Whether its key is to end at once, whoever may hold it.
    #[must_use]
    pub fn ends_at_once(&self) -> bool {
        matches!(self.cause, Cause::Revoke | Cause::CutOff)
    }
}

/// One past publication of a key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HistoryEntry {
    /// When the key was published.
    pub publication_time: Timestamp,
    /// Why.
    pub cause: Cause,
    /// The token whose key it is.
    pub token_id: TokenId,
    /// Until when the key before it was left working; `None` where there was none.
    pub previous_key_expiration_time: Option<Timestamp>,
}

impl Record {
    /// Whether a trigger or revoke value has been handled, or is being handled.
    #[must_use]
    pub fn has_handled(&self, request: &RequestHash) -> bool {
        self.rotation.handled.contains(request)
            || self
                .pending
                .as_ref()
                .is_some_and(|p| p.handles.contains(request))
    }

    /// Whether every key of the object was ended on request, and none has taken its place.
    #[must_use]
    pub fn is_cut_off(&self) -> bool {
        self.token.is_none() && !self.history.is_empty()
    }

    /// Whether a token of this object exists at LaunchDarkly, or may exist.
    #[must_use]
    pub fn answers_for_tokens(&self) -> bool {
        self.token.is_some()
            || self.pending.is_some()
            || !self.abandoned.is_empty()
            || !self.retiring.is_empty()
    }

    /// Every token id that this object answers for.
    pub fn token_ids(&self) -> impl Iterator<Item = &TokenId> {
        let token = self.token.iter().map(|t| &t.id);
        token.chain(self.retiring.iter().map(|r| &r.token_id))
    }

    /// Whether this object answers for the token.
    #[must_use]
    pub fn claims(&self, id: &TokenId) -> bool {
        self.token_ids().any(|claimed| claimed == id)
    }

    /// Whether the token in use still has a previous key that works: resetting it now might cut that one off (unknown).
    ///
    /// After a replacement the previous key is another token's, which a reset does not touch. Of a token that was reclaimed
    /// it is unknown how its key was made.
    #[must_use]
    pub fn has_key_in_grace(&self) -> bool {
        let token = self.token.as_ref().map(|token| &token.id);
        let replaced = match self.history.as_slice() {
            [last, before, ..] => {
                Some(&last.token_id) == token
                    && last.cause != Cause::Reclaimed
                    && before.token_id != last.token_id
            }
            [_] | [] => false,
        };
        self.rotation.previous_key_expiration_time.is_some() && !replaced
    }

    /// Remembers that values were handled, as the latest ones, forgetting the oldest beyond [`MAX_HANDLED`].
    pub fn remember_handled(&mut self, requests: &[RequestHash]) {
        self.rotation
            .handled
            .retain(|known| !requests.contains(known));
        self.rotation.handled.extend_from_slice(requests);
        let excess = self.rotation.handled.len().saturating_sub(MAX_HANDLED);
        self.rotation.handled.drain(..excess);
    }

    /// Adds a publication to the history, dropping the oldest beyond [`MAX_HISTORY`].
    pub fn remember_publication(&mut self, entry: HistoryEntry) {
        self.history.insert(0, entry);
        self.history.truncate(MAX_HISTORY);
    }

    /// Lets a token retire; a token that is retiring already keeps the later time.
    pub fn retire(&mut self, token: RetiringToken) {
        match self
            .retiring
            .iter_mut()
            .find(|r| r.token_id == token.token_id)
        {
            Some(known) => known.retirement_time = known.retirement_time.max(token.retirement_time),
            None => self.retiring.push(token),
        }
    }
}

/// Who an object is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Identity {
    /// `metadata.uid`.
    pub uid: ObjectUid,
    /// `metadata.namespace`.
    pub namespace: String,
    /// `metadata.name`.
    pub name: String,
}

impl Identity {
    /// `<namespace>/<name>`, as the Secret's `owned-by` annotation has it.
    #[must_use]
    pub fn owner_mark(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }
}
