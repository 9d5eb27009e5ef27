//! What is known of the world when a step is chosen: each part says how it is known.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::account::budget::Hold;
use super::problem::Problem;
use super::record::{Identity, Record};
use super::secret::{Arrangement, SecretLayout, SecretState};
use crate::domain::desired::DeletionPolicy;
use crate::domain::ids::{
    AccountId, Attempt, Fingerprint, Installation, RequestHash, RoleId, SettingsHash, TokenId,
};
use crate::domain::step::StepKind;
use crate::domain::time::{Clocks, plus};

/// The world around one object.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Observed {
    /// Who the object is.
    pub identity: Identity,
    /// `metadata.generation`.
    pub generation: i64,
    /// Whether our finalizer is on it.
    pub finalizer: bool,
    /// Set once the object is being deleted.
    pub deletion: Option<Deletion>,
    /// Whether its namespace is being deleted.
    pub namespace_terminating: bool,
    /// What was written down.
    pub record: Record,
    /// The account it belongs to.
    pub account: Account,
    /// The Secret the key belongs into: the pending call's, else the desired one, else the recorded one.
    pub secret: SecretState,
    /// The recorded Secret, if the desired one has another name.
    pub former_secret: SecretState,
    /// What this process knows of the pending call.
    pub call: PendingCall,
    /// The recorded token at LaunchDarkly.
    pub remote: Remote,
    /// Whether the key in the Secret was tried at LaunchDarkly.
    pub secret_key: SecretKeyProof,
    /// When, on the local clock.
    pub secret_key_asked_at: Option<Timestamp>,
    /// When the newest listing of the account began, on the local clock.
    pub listed_at: Option<Timestamp>,
    /// By then every call that this process made for the object, and whose answer is unknown, had ended, on the local clock.
    pub calls_ended_by: Timestamp,
    /// The account's last good credential, which this process still has, if it is of the pinned account.
    pub kept_key: Option<Fingerprint>,
    /// How often LaunchDarkly refused a reset since the last publication, as far as this process knows.
    pub resets_refused: u32,
    /// Tokens of that listing whose marker names this object and that are not recorded.
    pub found: Vec<FoundToken>,
    /// How the spec lays its Secret out, where that part of it is valid, whatever the rest is.
    pub layout: Option<SecretLayout>,
    /// The revoke values that the object has, also where its spec makes no sense.
    pub revokes: Vec<RequestHash>,
    /// The values that ask for the end of every key.
    pub cut_offs: Vec<RequestHash>,
    /// Tokens that the user says are this object's, whatever the record says.
    pub claims: BTreeSet<TokenId>,
    /// Tokens known to be deleted.
    pub gone: BTreeSet<TokenId>,
    /// Tokens whose deletion failed, the longest ago first.
    pub delete_failed: Vec<TokenId>,
    /// Keys that this process revoked, still has, and does not know to be dead.
    pub revoked_keys: Vec<RevokedKey>,
    /// Retiring tokens whose keys are dead though they could not be deleted.
    pub keys_ended: BTreeSet<TokenId>,
    /// Retiring tokens whose `expiry` was set, or cannot be.
    pub life_limited: BTreeSet<TokenId>,
    /// Those of them that LaunchDarkly refused to give one.
    pub end_refused: BTreeSet<TokenId>,
    /// The custom roles asked for, as LaunchDarkly knows them.
    pub roles: Roles,
    /// When they were looked up.
    pub roles_seen_at: Option<Timestamp>,
    /// Another object that answers for the token that the Secret names.
    pub claimed_by: Option<String>,
    /// Failures that are being waited out, at most one a kind of step.
    pub retries: Vec<Retry>,
    /// What the clocks say.
    pub clocks: Clocks,
    /// The operator's waiting times.
    pub timing: Timing,
    /// This process, as it signs intents.
    pub holder: String,
    /// A fresh nonce, should an attempt begin.
    pub nonce: Attempt,
}

/// A deletion under way.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Deletion {
    /// `metadata.deletionTimestamp`.
    pub requested_at: Timestamp,
    /// Since when this process tries.
    pub tried_since: Timestamp,
    /// What becomes of tokens and Secret. An invalid spec says it too.
    pub policy: DeletionPolicy,
    /// Whether the user asked to leave everything remote as it is.
    pub skip_cleanup: bool,
}

impl Deletion {
    /// When it is given up, if it may take this long: counted from the request, but not before this process tried for a while.
    #[must_use]
    pub fn ends_after(&self, patience: SignedDuration, timing: &Timing) -> Timestamp {
        let tried = plus(self.tried_since, patience.min(timing.give_up));
        plus(self.requested_at, patience).max(tried)
    }
}

/// The operator's waiting times, from its flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Timing {
    /// How long LaunchDarkly may take to show or finish something.
    pub settle: SignedDuration,
    /// How long a lease lasts.
    pub lease: SignedDuration,
    /// How much longer a previous key lives than its grace, for the time that publishing takes.
    pub publication_margin: SignedDuration,
    /// How long a deletion waits for an account that is gone or refuses.
    pub give_up: SignedDuration,
    /// How long a deletion waits out trouble that may pass.
    pub give_up_transient: SignedDuration,
}

/// The account an object belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Account {
    /// No call can be made.
    Unusable(Problem),
    /// Calls can be made.
    Usable(AccountFacts),
}

/// What is known of a usable account.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AccountFacts {
    /// The account behind the credential (I10).
    pub id: AccountId,
    /// The token that the operator itself uses there (I6).
    pub credential: OwnToken,
    /// Which cluster our tokens are marked with.
    pub installation: Installation,
    /// Whether the account lets this object have what it asks for (I9).
    pub admission: Admission,
    /// Whether reset leaves the previous key alive as asked.
    pub reset: Feature,
    /// Whether tokens have an `expiry`.
    pub expiry: Feature,
    /// The longest description that LaunchDarkly keeps here, in characters.
    pub longest_description: usize,
    /// The longest time between rotations that the account's policy allows; `None` for any.
    pub max_rotation_interval: Option<SignedDuration>,
    /// What would hold an unasked replacement of this object's key (I14).
    pub held_by_budget: Option<Hold>,
}

/// The token that the operator itself uses on an account: nothing that may be it is deleted, reset or given an end (I6).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum OwnToken {
    /// LaunchDarkly names it.
    Named(TokenId),
    /// LaunchDarkly does not name it (observed of service tokens). Of the tokens that matter to the object a listing that began after
    /// the credential was checked does not rule these out.
    OneOf(BTreeSet<TokenId>),
    /// LaunchDarkly does not name it, and no listing that began since then tells.
    Unlisted {
        /// When the credential was checked, on the local clock.
        since: Timestamp,
    },
}

impl OwnToken {
    /// A token that the object has nothing to do with.
    #[must_use]
    pub fn elsewhere() -> Self {
        Self::OneOf(BTreeSet::new())
    }

    /// Whether this may be it.
    #[must_use]
    pub fn may_be(&self, id: &TokenId) -> bool {
        match self {
            Self::Named(own) => own == id,
            Self::OneOf(alike) => alike.contains(id),
            Self::Unlisted { .. } => true,
        }
    }
}

/// What an account says to what a spec asks for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Admission {
    /// Allowed.
    Granted,
    /// Cannot be said before the custom roles are resolved.
    NeedsRoles,
    /// Cannot be said before a listing shows how many tokens are retained.
    NeedsListing,
    /// No token more than there are: one that exists may be taken over.
    NoRoom(Problem),
    /// Not allowed.
    Refused(Problem),
}

/// Whether an account can do something that LaunchDarkly does not promise for every instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Feature {
    /// Not tried yet, or long ago.
    Unknown,
    /// Tried, works.
    Available,
    /// Tried, does not work.
    Unavailable,
    /// Cannot be tried, so that it stays unknown: LaunchDarkly refuses what trying takes.
    Untried,
}

/// What this process knows of the pending call.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum PendingCall {
    /// Nothing: another process wrote the intent, or the answer was lost.
    Empty,
    /// This process wrote the intent and has not made the call.
    Armed(Box<Arrangement>),
    /// LaunchDarkly refused the call: nothing happened.
    Refused(Box<Arrangement>),
    /// The key is in this process's memory.
    Held {
        /// What was arranged with the intent.
        arrangement: Box<Arrangement>,
        /// The token, as the answer named it.
        token_id: TokenId,
        /// Of the key.
        fingerprint: Fingerprint,
        /// When LaunchDarkly created the token.
        creation_time: Option<Timestamp>,
        /// What the answer showed of the settings.
        observed_hash: SettingsHash,
        /// Fields that came back other than asked for.
        differs: Vec<String>,
        /// Reset: until when the previous key works, as it was asked for.
        previous_key_expiration_time: Option<Timestamp>,
        /// When the answer came.
        since: Timestamp,
        /// Whether the key works.
        proof: Proof,
    },
}

/// Whether a key works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Proof {
    /// Not tried.
    Unasked,
    /// `caller-identity` answered this token and account.
    Accepted,
    /// It answered another token or account: never to be published.
    OtherOwner,
    /// It is refused while the managing key is accepted.
    Rejected,
    /// Nobody could say.
    Unavailable,
}

/// Whether the key that is in the Secret now was tried at LaunchDarkly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SecretKeyProof {
    /// Not since this key was read.
    Unasked,
    /// It belongs to the token that the Secret names, in this account.
    Accepted,
    /// It does not, or is refused.
    Rejected,
}

/// A key that was revoked.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RevokedKey {
    /// Of the key.
    pub fingerprint: Fingerprint,
    /// When LaunchDarkly still accepted it, if it did.
    pub accepted_at: Option<Timestamp>,
}

/// A token at LaunchDarkly.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Remote {
    /// Not looked at since our last write to it.
    Unknown,
    /// Not found.
    Absent {
        /// Whether it was missing twice, a settle time apart, with nothing speaking against it.
        confirmed: bool,
        /// When it was first missed.
        first: Timestamp,
    },
    /// Found.
    Present(Box<RemoteFacts>),
}

/// What LaunchDarkly says of a token.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RemoteFacts {
    /// When the answer's request began, on the local clock.
    pub seen_at: Timestamp,
    /// How it was learned.
    pub source: Source,
    /// Of its settings, over the fields that are asked for.
    pub hash: SettingsHash,
    /// Fields that differ from what the spec asks for.
    pub differs: Vec<String>,
    /// The attempt that its marker names; `None` where the marker is not this object's.
    pub attempt: Option<Attempt>,
    /// Whether its last four characters are those of the key in the Secret; `None` where nothing can be compared.
    pub key_matches: Option<bool>,
    /// Since when the last four characters are known to differ.
    pub mismatch_since: Option<Timestamp>,
    /// Its own end of life.
    pub expiry: Option<Timestamp>,
    /// When it was created.
    pub creation_time: Option<Timestamp>,
}

impl RemoteFacts {
    /// Whether its marker is this object's.
    #[must_use]
    pub fn is_marked(&self) -> bool {
        self.attempt.is_some()
    }
}

/// How something was learned about a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Source {
    /// The account's listing showed it.
    Listing,
    /// It was asked for alone.
    Get,
    /// It answered our own `PATCH`.
    Patch,
}

/// A token that the listing shows with this object's marker, but that is not recorded.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FoundToken {
    /// Its id.
    pub id: TokenId,
    /// The attempt that its marker names.
    pub attempt: Attempt,
    /// When it was created.
    pub creation_time: Option<Timestamp>,
    /// When it was last used, on LaunchDarkly's clock; `None` for never.
    pub last_used: Option<Timestamp>,
}

/// The custom roles asked for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Roles {
    /// Not looked up lately.
    Unknown,
    /// LaunchDarkly does not have this one.
    Missing(String),
    /// Their ids; empty where no custom role is asked for.
    Resolved(Vec<RoleId>),
}

/// A failure that is waited out.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Retry {
    /// What failed.
    pub step: StepKind,
    /// Why.
    pub problem: Problem,
    /// When it is tried again.
    pub until: Timestamp,
    /// The object's generation at the time: an edit ends the wait.
    pub generation: i64,
    /// How many times in a row.
    pub times: u32,
}
