//! Every change that was made, in order: what invariants are judged on.

use jiff::Timestamp;
use launchdarkly_token_operator::api::AccessToken;

use crate::secret::StoredSecret;

/// What is done to the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verb {
    /// Reading an object.
    ReadObject,
    /// Adding our finalizer.
    AddFinalizer,
    /// Removing our finalizer.
    RemoveFinalizer,
    /// Replacing a status.
    ReplaceStatus,
    /// Reading the Lease of an installation.
    ReadLease,
    /// Counting the access tokens that use an account of the whole cluster.
    CountUsers,
    /// Reading a managing key.
    ReadCredential,
    /// Reading a Secret.
    ReadSecret,
    /// Creating a Secret.
    CreateSecret,
    /// Applying to a Secret.
    ApplySecret,
    /// Taking entries off a Secret that an apply leaves.
    TidySecret,
    /// Annotating a Secret.
    AnnotateSecret,
    /// Deleting a Secret.
    DeleteSecret,
    /// Reading a namespace.
    ReadNamespace,
    /// Publishing an event.
    Notify,
    /// Noting down what was left behind.
    ReportLeftBehind,
    /// Whatever a user does.
    Use,
}

impl Verb {
    pub(crate) fn writes(self) -> bool {
        !matches!(
            self,
            Self::ReadObject
                | Self::ReadLease
                | Self::CountUsers
                | Self::ReadCredential
                | Self::ReadSecret
                | Self::ReadNamespace
        )
    }
}

/// Who wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Author {
    /// The operator, through [`Cluster`](launchdarkly_token_operator::cluster::Cluster).
    Operator,
    /// Somebody else.
    User,
}

/// One change, with the state after it.
#[derive(Debug, Clone)]
pub struct Write {
    /// When, on the clock that the fake was given.
    pub at: Timestamp,
    /// By whom.
    pub author: Author,
    /// How.
    pub verb: Verb,
    /// Of what.
    pub thing: Thing,
}

/// What a change was made to; `None` when it is gone since.
#[derive(Debug, Clone)]
pub enum Thing {
    /// An `AccessToken`.
    Object {
        /// Its name.
        name: String,
        /// After the change.
        after: Option<Box<AccessToken>>,
    },
    /// An account.
    Account {
        /// Its kind.
        kind: String,
        /// Its name.
        name: String,
    },
    /// A Secret.
    Secret {
        /// Its name.
        name: String,
        /// After the change.
        after: Option<StoredSecret>,
    },
}
