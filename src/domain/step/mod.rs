//! The steps that can be chosen. A step is data, leaves nothing to choose, and never holds a key.

mod call;
mod look;
mod object;
mod record;
mod secret;
mod wait;

use strum::{EnumIter, IntoStaticStr};

pub use call::CallStep;
pub use look::LookStep;
pub use object::ObjectStep;
pub use record::RecordStep;
pub use secret::SecretStep;
pub use wait::WaitStep;

use super::reason::Reason;
use super::record::Record;

/// One effect or one look, chosen by [`decide`](super::decide::decide) and carried out by `execute`.
///
/// The group of a step is its permission: a look changes nothing, all others need the gate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Ask LaunchDarkly something.
    Look(LookStep),
    /// Change something at LaunchDarkly.
    Call(CallStep),
    /// Write something down.
    Record(RecordStep),
    /// Write a Secret.
    Secret(SecretStep),
    /// Change the object's finalizers.
    Object(ObjectStep),
    /// Do nothing now.
    Wait(WaitStep),
}

/// The name of a [`Step`]: the log line's `step`, the metric's label and the history's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, EnumIter, IntoStaticStr)]
pub enum StepKind {
    /// [`ObjectStep::AddFinalizer`].
    AddFinalizer,
    /// [`LookStep::ResolveRoles`].
    ResolveRoles,
    /// [`CallStep::ProbeReset`].
    ProbeReset,
    /// [`RecordStep::RecordIntent`].
    RecordIntent,
    /// [`RecordStep::ForgetIntent`].
    ForgetIntent,
    /// [`RecordStep::AbandonAttempt`].
    AbandonAttempt,
    /// [`CallStep::CreateToken`].
    CreateToken,
    /// [`CallStep::ResetKey`].
    ResetKey,
    /// [`LookStep::ProveKey`].
    ProveKey,
    /// [`SecretStep::PublishKey`].
    PublishKey,
    /// [`RecordStep::RecordPublication`].
    RecordPublication,
    /// [`SecretStep::FenceSecret`].
    FenceSecret,
    /// [`LookStep::ListTokens`].
    ListTokens,
    /// [`LookStep::FetchToken`].
    FetchToken,
    /// [`LookStep::ProveSecretKey`].
    ProveSecretKey,
    /// [`LookStep::ProveRevokedKey`].
    ProveRevokedKey,
    /// [`RecordStep::RecordCutOff`].
    RecordCutOff,
    /// [`RecordStep::RecordTakeOver`].
    RecordTakeOver,
    /// [`SecretStep::RenderSecret`].
    RenderSecret,
    /// [`SecretStep::MoveSecret`].
    MoveSecret,
    /// [`SecretStep::RestoreSecret`].
    RestoreSecret,
    /// [`RecordStep::RecordSecret`].
    RecordSecret,
    /// [`SecretStep::DeleteSecret`].
    DeleteSecret,
    /// [`RecordStep::RecordRetirement`].
    RecordRetirement,
    /// [`CallStep::PatchToken`].
    PatchToken,
    /// [`RecordStep::RecordSettings`].
    RecordSettings,
    /// [`CallStep::LimitLife`].
    LimitLife,
    /// [`CallStep::EndKey`].
    EndKey,
    /// [`CallStep::DeleteToken`].
    DeleteToken,
    /// [`CallStep::MarkRetained`].
    MarkRetained,
    /// [`ObjectStep::RemoveFinalizer`].
    RemoveFinalizer,
    /// [`WaitStep::Hold`].
    Hold,
    /// [`WaitStep::Rest`].
    Rest,
}

impl Step {
    /// The name of the step.
    #[must_use]
    pub fn kind(&self) -> StepKind {
        match self {
            Self::Look(step) => step.kind(),
            Self::Call(step) => step.kind(),
            Self::Record(step) => step.kind(),
            Self::Secret(step) => step.kind(),
            Self::Object(step) => step.kind(),
            Self::Wait(step) => step.kind(),
        }
    }

    /// The record to be written, for the steps that write nothing else.
    #[must_use]
    pub fn record(&self) -> Option<&Record> {
        match self {
            Self::Record(step) => Some(step.record()),
            Self::Look(_) | Self::Call(_) | Self::Secret(_) | Self::Object(_) | Self::Wait(_) => {
                None
            }
        }
    }

    /// Whether the step begins a call that must not be repeated: a process that ends begins none.
    #[must_use]
    pub fn begins_call(&self) -> bool {
        match self {
            Self::Call(step) => {
                matches!(
                    step,
                    CallStep::CreateToken { .. } | CallStep::ResetKey { .. }
                )
            }
            Self::Record(step) => matches!(step, RecordStep::RecordIntent { .. }),
            Self::Look(_) | Self::Secret(_) | Self::Object(_) | Self::Wait(_) => false,
        }
    }

    /// Whether the replacement budget holds the object back (I14).
    #[must_use]
    pub fn is_held_by_budget(&self) -> bool {
        matches!(
            self,
            Self::Wait(WaitStep::Hold { problem, .. }) if problem.reason == Reason::MassChange
        )
    }

    /// Whether the step ends the round: nothing more is done until a time or a change.
    #[must_use]
    pub fn is_pause(&self) -> bool {
        matches!(self, Self::Wait(_))
    }
}

impl StepKind {
    /// The name as logs, metrics and the history have it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}
