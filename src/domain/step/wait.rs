//! Answers that end a round.

use jiff::Timestamp;

use super::StepKind;
use crate::domain::problem::Problem;

/// Nothing is done now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WaitStep {
    /// Something must change before more can be done.
    Hold {
        /// What is in the way.
        problem: Problem,
        /// When to look again; `None` when only a change helps.
        until: Option<Timestamp>,
    },
    /// Nothing to do before `until`, or before something changes.
    Rest {
        /// When to look again.
        until: Option<Timestamp>,
    },
}

impl WaitStep {
    /// The name of the step.
    #[must_use]
    pub fn kind(&self) -> StepKind {
        match self {
            Self::Hold { .. } => StepKind::Hold,
            Self::Rest { .. } => StepKind::Rest,
        }
    }
}
