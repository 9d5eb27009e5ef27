//! Everything known of one account object at one moment: the input of [`decide`](super::decide::decide).

use jiff::{SignedDuration, Timestamp};

use super::budget::Hold;
use super::finding::{Access, Finding};
use super::handler::{Handler, Unseen};
use super::offer::Offer;
use super::report::Report;
use crate::domain::ids::{AccountId, TokenId};
use crate::domain::observed::Feature;
use crate::domain::problem::Problem;

/// Everything known of one account object at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedAccount {
    /// When, on the steady clock.
    pub now: Timestamp,
    /// The generation of its spec.
    pub generation: Option<i64>,
    /// Whether its deletion was asked for.
    pub deleting: bool,
    /// Whether our finalizer is on it.
    pub held: bool,
    /// What may have been applied together with it and still be missing.
    pub awaited: Awaited,
    /// Which installation handles it.
    pub handler: Handler,
    /// How many access tokens use it that this process sees.
    pub users: usize,
    /// What is known of those that it does not see.
    pub unseen: Unseen,
    /// The account that its status is bound to.
    pub pinned: Option<AccountId>,
    /// The managing key, as far as it was read.
    pub credential: Credential,
    /// What was found out about a credential of this very object, which may be another one by now.
    pub known: Option<Finding>,
    /// When its turn comes to be asked about, on the steady clock; `None` while it has no place in the line.
    pub turn: Option<Timestamp>,
    /// How often a credential that does not work is asked about.
    pub retry_every: SignedDuration,
    /// What access tokens find of this very object.
    pub offered: Option<Offer>,
    /// What is known of the account behind the credential that worked last.
    pub behind: Option<RemoteAccountFacts>,
    /// What its status was made to say since it was read.
    pub told: Option<Report>,
}

impl ObservedAccount {
    /// Whether some access token uses it, as far as is known; who cannot tell takes it for used.
    #[must_use]
    pub fn is_used(&self) -> bool {
        let elsewhere = match self.unseen {
            Unseen::None | Unseen::Uncounted => false,
            Unseen::Counted(users) => users > 0,
            Unseen::Unknown => true,
        };
        self.users > 0 || elsewhere
    }
}

/// What may still come that was applied together with an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Awaited {
    /// The account is not new: what is missing is a mistake.
    Nothing,
    /// Its Secret.
    Secret,
    /// Its Secret, and the right to read it, where each namespace decides for itself.
    SecretAndRight,
}

/// A managing key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// It was not read yet.
    Unread,
    /// There is none, or it may not be used where the spec would send it.
    Unusable(Problem),
    /// It was read a moment ago.
    Read(Access),
}

/// What is known of a LaunchDarkly account, whatever the number of credentials and objects that lead there (I13).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteAccountFacts {
    /// The token that the credential is, where LaunchDarkly or its listing tells.
    pub credential: Option<TokenId>,
    /// Whether a reset leaves the old key alive.
    pub reset: Feature,
    /// Whether tokens have an `expiry`.
    pub expiry: Feature,
    /// When that was tried.
    pub probe_time: Option<Timestamp>,
    /// Tokens that belong to no object; `None` as long as nobody can tell.
    pub orphans: Option<Vec<TokenId>>,
    /// Tokens that carry an object's marker and that it does not know.
    pub unknown_tokens: Vec<TokenId>,
    /// Tokens whose cleaning up was given up, by this process or as the status says.
    pub left_behind: Vec<TokenId>,
    /// The most tokens that its policy allows, if there are as many.
    pub full_at: Option<usize>,
    /// Why objects that lost their keys have to wait (I14); `None` if none has to.
    pub held_by_budget: Option<Hold>,
    /// What to add to this machine's clock to get LaunchDarkly's.
    pub clock_offset: SignedDuration,
}
