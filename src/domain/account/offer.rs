//! What access tokens find of an account.

use super::desired::DesiredAccount;
use super::finding::Finding;
use crate::domain::namespaces::AdmittedNamespaces;
use crate::domain::policy::AccountPolicy;
use crate::domain::problem::Problem;
use crate::domain::reason::Reason;

/// What access tokens find of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// The check that calls rest on, or why none can be made.
    pub standing: Result<Finding, Problem>,
    /// What may be asked for.
    pub policy: AccountPolicy,
    /// Who may ask; `None` for a namespaced account, which serves its own namespace.
    pub allowed_namespaces: Option<AdmittedNamespaces>,
}

impl Offer {
    /// While the spec makes no sense the policy before holds on; where there is none, nobody may do anything (I9).
    #[must_use]
    pub fn new(
        desired: &Result<DesiredAccount, Problem>,
        standing: Result<Finding, Problem>,
        before: Option<&Self>,
    ) -> Self {
        let (policy, allowed_namespaces) = match (desired, before) {
            (Ok(desired), _) => (desired.policy.clone(), desired.allowed_namespaces.clone()),
            (Err(_), Some(before)) => (before.policy.clone(), before.allowed_namespaces.clone()),
            (Err(_), None) => (AccountPolicy::closed(), Some(AdmittedNamespaces::default())),
        };
        Self {
            standing,
            policy,
            allowed_namespaces,
        }
    }
}

/// What the account's problem is for those that use it.
#[must_use]
pub fn for_users(problem: &Problem) -> Problem {
    Problem {
        reason: Reason::AccountNotReady,
        message: format!("the account cannot be used: {}", problem.message),
        recovery: problem.recovery,
    }
}

/// Whether the last good credential still serves for deletions: not with another account behind the new one, when nothing may be
/// written anywhere (I10).
#[must_use]
pub fn leaves_last_credential(problem: &Problem) -> bool {
    problem.reason != Reason::AccountMismatch
}
