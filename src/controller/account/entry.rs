//! An account as access tokens find it.

use std::sync::Arc;

use jiff::Timestamp;

use crate::controller::account::features::Features;
use crate::controller::account::listings::View;
use crate::controller::account::state::AccountState;
use crate::domain::ids::{AccountId, Fingerprint, TokenId};
use crate::domain::namespaces::AdmittedNamespaces;
use crate::domain::policy::AccountPolicy;
use crate::domain::problem::Problem;
use crate::domain::reason::Reason;

/// An account object as the controllers use it.
#[derive(Debug, Clone)]
pub struct Entry<L> {
    /// Whether calls can be made.
    pub state: Availability<L>,
    /// What may be asked for.
    pub policy: AccountPolicy,
    /// Who may ask; `None` for a namespaced account, which serves its own namespace.
    pub allowed_namespaces: Option<AdmittedNamespaces>,
}

/// Whether calls can be made on an account.
#[derive(Debug, Clone)]
pub enum Availability<L> {
    /// Yes.
    Usable(Session<L>),
    /// No.
    Unusable {
        /// Why, as its objects say it.
        problem: Problem,
        /// Why, as it says itself.
        own_reason: Reason,
        /// The last credential that worked: deletions still use it while it does.
        last: Option<Session<L>>,
    },
}

impl<L> Availability<L> {
    /// The newest credential that worked.
    pub(in crate::controller) fn newest_session(&self) -> Option<&Session<L>> {
        match self {
            Self::Usable(session) => Some(session),
            Self::Unusable { last, .. } => last.as_ref(),
        }
    }
}

impl<L> Session<L> {
    /// What all credentials listed, as the objects of this one see it.
    pub(in crate::controller) fn listing(&self) -> Option<Arc<View>> {
        self.state.listings().view(&self.key)
    }

    /// What was found out about the instance, as it is for this credential.
    pub(in crate::controller) fn features(&self, now: Timestamp) -> Features {
        self.state.found_out().features(&self.key, now)
    }
}

/// A credential whose identity was checked, and the account behind it (I10).
#[derive(Debug, Clone)]
pub struct Session<L> {
    /// Calls with these very credential bytes.
    pub api: L,
    /// The account behind the credential.
    pub account_id: AccountId,
    /// The token that the credential is.
    pub credential: Option<TokenId>,
    /// The credential, as what is known of it alone is kept by.
    pub key: Fingerprint,
    /// What all credentials of the account share.
    pub state: Arc<AccountState>,
}
