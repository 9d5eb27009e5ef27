//! Steps that write something down.

use super::StepKind;
use crate::domain::record::Record;
use crate::domain::secret::{Arrangement, SecretPlan};

/// One write of the record into the status, named by what it notes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordStep {
    /// Note down, before the call, that a token is about to be created or a key to be reset.
    RecordIntent {
        /// The record with the intent in it.
        record: Box<Record>,
        /// What stays fixed whatever the spec says later.
        arrangement: Box<Arrangement>,
        /// The Secret that will be written, tried without effect first.
        rehearsal: Box<SecretPlan>,
    },
    /// Drop an intent whose call certainly had no effect.
    ForgetIntent(Box<Record>),
    /// Give an attempt up whose outcome cannot be known.
    AbandonAttempt(Box<Record>),
    /// Note down that the key is published, and clear the intent.
    RecordPublication(Box<Record>),
    /// Note down that every key is to end, before the first of them does.
    RecordCutOff(Box<Record>),
    /// Note down what a Secret of ours proves.
    RecordTakeOver(Box<Record>),
    /// Note down where the Secret is.
    RecordSecret(Box<Record>),
    /// Note down what became of retiring or abandoned ones.
    RecordRetirement(Box<Record>),
    /// Note down the settings that are in force.
    RecordSettings(Box<Record>),
}

impl RecordStep {
    /// The name of the step.
    #[must_use]
    pub fn kind(&self) -> StepKind {
        match self {
            Self::RecordIntent { .. } => StepKind::RecordIntent,
            Self::ForgetIntent(_) => StepKind::ForgetIntent,
            Self::AbandonAttempt(_) => StepKind::AbandonAttempt,
            Self::RecordPublication(_) => StepKind::RecordPublication,
            Self::RecordCutOff(_) => StepKind::RecordCutOff,
            Self::RecordTakeOver(_) => StepKind::RecordTakeOver,
            Self::RecordSecret(_) => StepKind::RecordSecret,
            Self::RecordRetirement(_) => StepKind::RecordRetirement,
            Self::RecordSettings(_) => StepKind::RecordSettings,
        }
    }

    /// The record to be written.
    #[must_use]
    pub fn record(&self) -> &Record {
        match self {
            Self::RecordIntent { record, .. }
            | Self::ForgetIntent(record)
            | Self::AbandonAttempt(record)
            | Self::RecordPublication(record)
            | Self::RecordCutOff(record)
            | Self::RecordTakeOver(record)
            | Self::RecordSecret(record)
            | Self::RecordRetirement(record)
            | Self::RecordSettings(record) => record,
        }
    }
}
