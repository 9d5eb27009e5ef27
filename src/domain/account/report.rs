//! What an account's status says, without the form that it has in Kubernetes.

use jiff::Timestamp;

use crate::domain::ids::{AccountId, TokenId};
use crate::domain::observed::Feature;
use crate::domain::problem::Recovery;
use crate::domain::reason::Reason;

/// What an account's status says. Nothing in it moves with time alone (I8).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The generation that it speaks of.
    pub generation: Option<i64>,
    /// Whether the account can be used.
    pub ready: bool,
    /// Why it can or cannot.
    pub cause: Explanation,
    /// Who has to act; `None` if nothing is in the way.
    pub recovery: Option<Recovery>,
    /// The account behind the credential; what was said of it before stays, apart from conditions, while the
    /// credential does not work.
    pub behind: Option<RemoteAccountReport>,
}

/// The reason and the message of a condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// Its reason.
    pub reason: Reason,
    /// Its message.
    pub message: String,
}

/// What the status says of the account behind the credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteAccountReport {
    /// Its ID.
    pub account_id: AccountId,
    /// The token that the credential is.
    pub credential: Option<TokenId>,
    /// Whether a reset leaves the old key alive.
    pub reset: Feature,
    /// Whether tokens have an `expiry`.
    pub expiry: Feature,
    /// When that was tried.
    pub probe_time: Option<Timestamp>,
    /// Tokens that belong to no object; what was said before stays as long as nobody can tell.
    pub orphans: Option<Vec<TokenId>>,
    /// Tokens that carry an object's marker and that it does not know.
    pub unknown_tokens: Vec<TokenId>,
    /// Tokens whose cleaning up was given up.
    pub left_behind: Vec<TokenId>,
    /// Lost keys are not replaced, since there are too many.
    pub mass_change: Option<Explanation>,
    /// Our clock and LaunchDarkly's differ.
    pub clock_skew: Option<Explanation>,
}
