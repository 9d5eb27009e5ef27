//! What is known of an account's credential, and until when it is believed.

use jiff::{SignedDuration, Timestamp};

use crate::domain::ids::{AccountId, Fingerprint};
use crate::domain::problem::Problem;
use crate::domain::reason::Reason;

/// Where calls go and with which key. What is known of one says nothing about another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// Where the API is.
    pub api_url: String,
    /// The only authorities to trust; `None` for those of the system.
    pub ca_bundle: Option<String>,
    /// Which key it is.
    pub fingerprint: Fingerprint,
}

/// Whose a credential is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Behind {
    /// The account.
    pub account_id: AccountId,
}

/// What LaunchDarkly said to a credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What was asked with.
    pub access: Access,
    /// When; `None` once a call with it was answered 401.
    pub checked_at: Option<Timestamp>,
    /// Whose it is, or why it is of no use.
    pub result: Result<Behind, Problem>,
}

impl Finding {
    /// What is known after a check: a credential that worked is not given up for an outage.
    #[must_use]
    pub fn after(
        before: Option<&Self>,
        access: Access,
        answer: Result<Behind, Problem>,
        now: Timestamp,
    ) -> Self {
        let before = before.filter(|before| before.access == access);
        let worked = before.and_then(|before| before.result.as_ref().ok());
        let result = match (answer, worked) {
            (Err(problem), Some(behind)) if !problem.needs_user() => Ok(behind.clone()),
            (answer, _) => answer,
        };
        Self {
            access,
            checked_at: Some(now),
            result,
        }
    }

    /// Whether LaunchDarkly is to be asked again: at once if a call was refused since, and once an interval about a credential that
    /// does not work, so that a broken account costs one call (I13).
    #[must_use]
    pub fn is_due(&self, now: Timestamp, retry_every: SignedDuration) -> bool {
        match (&self.result, self.checked_at) {
            (Ok(_), checked_at) => checked_at.is_none(),
            (Err(_), None) => true,
            (Err(_), Some(at)) => now.duration_since(at) >= retry_every,
        }
    }

    /// A call was answered 401. That a credential does not work is known already, and costs no call before its time.
    pub fn doubt(&mut self) {
        if self.result.is_ok() {
            self.checked_at = None;
        }
    }
}

/// The pinned account is the only right one: with another nothing is written anywhere (I10).
///
/// # Errors
/// The mismatch.
pub fn in_pinned_account(behind: &Behind, pinned: Option<&AccountId>) -> Result<(), Problem> {
    let account_id = &behind.account_id;
    let Some(pinned) = pinned.filter(|pinned| *pinned != account_id) else {
        return Ok(());
    };
    let message = format!(
        "the credential belongs to LaunchDarkly account {account_id}, but this object is bound to account {pinned}; put back a \
         credential of account {pinned}, or create another account object"
    );
    Err(Problem::user(Reason::AccountMismatch, message))
}
