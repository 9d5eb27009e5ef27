//! The output of [`decide`](super::decide::decide): one effect, or none.

use std::time::Duration;

use super::finding::Access;
use super::handler::ControllerRef;
use super::offer::Offer;
use super::report::Report;
use crate::domain::problem::Problem;

/// One effect for an account. A step leaves nothing to choose, and holds no key.
#[derive(Debug, Clone, PartialEq, Eq, strum::IntoStaticStr)]
pub enum AccountStep {
    /// Read the Lease of the installation that the account says it is handled by.
    ReadLease,
    /// Another installation handles the account: nothing of it is used, and nothing is written to it.
    LeaveAlone {
        /// The installation, where it is one of our own class.
        to: Option<ControllerRef>,
        /// How long to wait before the next look.
        wait: Duration,
    },
    /// Have the status say that this installation handles the account.
    Claim,
    /// Count the access tokens that use the account in the whole cluster.
    CountUsers,
    /// Read the managing key from its Secret.
    ReadCredential,
    /// Take a place in the line of those whose credentials LaunchDarkly is to be asked about.
    JoinLine,
    /// Ask LaunchDarkly whose the credential is.
    CheckCredential {
        /// Where, and with which key.
        access: Box<Access>,
    },
    /// Put in place what access tokens find.
    Publish(Box<Offer>),
    /// Put our finalizer on: the account's credential is needed to clean up.
    AddFinalizer,
    /// Take our finalizer off an account that nobody uses any more.
    RemoveFinalizer,
    /// Forget all that is known of it.
    Forget,
    /// Let an account go that is being deleted.
    Release,
    /// Have the status say what is so.
    WriteStatus(Box<Report>),
    /// Something is in the way.
    Hold {
        /// What.
        problem: Problem,
        /// How long to wait before the next look.
        wait: Duration,
    },
    /// Nothing to do before the next look.
    Rest {
        /// How long to wait for it.
        wait: Duration,
    },
}

impl AccountStep {
    /// Its name, as logs say it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.into()
    }
}
