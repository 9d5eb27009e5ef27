//! The Secret that holds a key: how it is laid out, what it says, and what is to be written into it.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::ids::{
    AccountId, Attempt, Fingerprint, RequestHash, ResourceVersion, SecretUid, TokenId,
};
use super::problem::Problem;
use super::record::Record;

/// The shape of the Secret.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct SecretLayout {
    /// Its name, in the object's namespace.
    pub name: String,
    /// The entry that holds the key.
    pub key: String,
    /// The entry that holds the previous key during its grace, when asked for.
    pub previous_key: Option<String>,
    /// Labels the user wants on it.
    pub labels: BTreeMap<String, String>,
    /// Annotations the user wants on it.
    pub annotations: BTreeMap<String, String>,
}

/// What is fixed with an intent, whatever the spec says later.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Arrangement {
    /// The Secret to render.
    pub layout: SecretLayout,
    /// How long the previous key lives on.
    pub grace: SignedDuration,
}

/// A Secret, as far as it matters.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum SecretState {
    /// There is none of that name.
    Absent,
    /// There is one that is not ours.
    Foreign {
        /// Whose it is, where it says so.
        owner: Option<String>,
    },
    /// It cannot be read.
    Unreadable(Problem),
    /// Ours.
    Ours(Box<SecretFacts>),
}

/// A Secret of ours.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SecretFacts {
    /// Its UID.
    pub uid: SecretUid,
    /// Its version when it was read.
    pub version: ResourceVersion,
    /// What its annotations say.
    pub marks: Marks,
    /// Of the key's bytes; `None` where the entry is missing or empty.
    pub key: Option<Fingerprint>,
    /// Of the previous key's bytes.
    pub previous: Option<Fingerprint>,
    /// Whether entries, labels and annotations are what the spec renders to.
    pub intact: bool,
}

/// The Secret's annotations: the commit record of a publication.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Marks {
    /// UID of the object that wrote it.
    pub owner_uid: String,
    /// The token whose key it holds.
    pub token_id: Option<TokenId>,
    /// The account of that token.
    pub account_id: Option<AccountId>,
    /// The attempt that published the key.
    pub attempt: Option<Attempt>,
    /// Of the published key.
    pub fingerprint: Option<Fingerprint>,
    /// When it was published.
    pub rotated_at: Option<Timestamp>,
    /// Until when the previous key works.
    pub previous_expires_at: Option<Timestamp>,
    /// Trigger and revoke values handled by then.
    pub handled: Vec<RequestHash>,
    /// Replaced tokens and when they are to be deleted, for a status that is lost.
    pub retiring: Vec<(TokenId, Timestamp)>,
    /// The attempt that fenced it off from a paused predecessor.
    pub fence: Option<Attempt>,
}

/// A Secret to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretPlan {
    /// What it must be when it is written.
    pub at: SecretRevision,
    /// Name, entries, labels, annotations.
    pub layout: SecretLayout,
    /// The commit record.
    pub marks: Marks,
    /// What the previous key's entry will hold.
    pub previous: PreviousKey,
}

/// What a Secret must be for a write to go through.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum SecretRevision {
    /// Not there.
    Absent,
    /// Exactly as read.
    Exactly {
        /// Its UID.
        uid: SecretUid,
        /// Its version.
        version: ResourceVersion,
    },
}

/// What becomes of the entry for the previous key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PreviousKey {
    /// There is none, or it goes.
    Drop,
    /// It takes the key that the Secret holds before this write.
    TakeCurrent,
    /// It stays as it is.
    Keep,
}

impl SecretFacts {
    /// The token whose key is in the Secret, as the Secret itself says.
    #[must_use]
    pub fn named_token(&self) -> Option<&TokenId> {
        let consistent = self.key.is_some() && self.key == self.marks.fingerprint;
        self.marks.token_id.as_ref().filter(|_| consistent)
    }
}

/// The name of the Secret that the key comes from, or that is left for a while, when it is not the one of `layout`.
#[must_use]
pub fn other_name(record: &Record, layout: &SecretLayout) -> Option<String> {
    let recorded = record.secret.as_ref().map(|secret| &secret.name);
    let moved = recorded.filter(|name| **name != layout.name);
    let former = record.former_secret.as_ref().map(|former| &former.name);
    moved.or(former).cloned()
}
