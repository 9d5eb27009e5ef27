//! Which call goes first when several wait.

use crate::launchdarkly::error::Operation;

/// The order in which waiting calls leave (I13); earlier variants first, and first come first served within one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, strum::IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub enum Priority {
    /// Anything done for a revocation.
    Revoke,
    /// Retiring and deleting tokens.
    Retire,
    /// Proving that a key works.
    Proof,
    /// Creating and resetting.
    Issue,
    /// Changing tokens.
    Patch,
    /// Everything that only reads.
    Read,
}

impl Priority {
    /// The priority of an operation that is not done for a revocation.
    #[must_use]
    pub fn of(operation: Operation) -> Self {
        match operation {
            Operation::Delete => Self::Retire,
            Operation::Identify => Self::Proof,
            Operation::Create | Operation::Reset => Self::Issue,
            Operation::Patch => Self::Patch,
            Operation::List | Operation::Get | Operation::Role => Self::Read,
        }
    }
}
