//! Steps that let the object stay or go.

use super::StepKind;
use crate::domain::ids::TokenId;

/// One change of the finalizers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ObjectStep {
    /// Put our finalizer on the object, before anything is created for it.
    AddFinalizer,
    /// Let the object go.
    RemoveFinalizer {
        /// Tokens that could not be dealt with.
        left_behind: Vec<TokenId>,
    },
}

impl ObjectStep {
    /// The name of the step.
    #[must_use]
    pub fn kind(&self) -> StepKind {
        match self {
            Self::AddFinalizer => StepKind::AddFinalizer,
            Self::RemoveFinalizer { .. } => StepKind::RemoveFinalizer,
        }
    }
}
