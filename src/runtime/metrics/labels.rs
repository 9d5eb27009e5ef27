//! The labels of what is counted.

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};

/// Which controller reconciled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue, strum::IntoStaticStr)]
pub enum Controller {
    /// `AccessToken`
    AccessToken,
    /// `LaunchDarklyAccount` and `ClusterLaunchDarklyAccount`
    Account,
}

/// A long-lived task, as the log names it too.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    strum::Display,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[strum(serialize_all = "kebab-case")]
pub enum Task {
    /// Listens to the signals that end the process.
    Signals,
    /// Serves the probes and the metrics.
    AdminServer,
    /// Sends traces, if there is an endpoint for them.
    TraceExporter,
    /// Takes and renews the Lease.
    Elector,
    /// What runs while this process leads.
    Leader,
    /// The controller of access tokens, of one namespace or all.
    AccessTokenController,
    /// The controller of one kind of accounts.
    AccountController,
    /// Lists the tokens of each account once a drift interval.
    AccountListing,
}

impl EncodeLabelValue for Task {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), std::fmt::Error> {
        <&str>::from(self).encode(encoder)
    }
}

/// How something ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OutcomeLabel {
    /// As asked for.
    Success,
    /// Not as asked for; tried again.
    Error,
}

/// What an `AccessToken` is at, for the gauge of all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TokenState {
    /// In line with its spec.
    Ready,
    /// On its way there.
    Reconciling,
    /// Waits for a person.
    Stalled,
    /// On its way out.
    Deleting,
}

/// Declares label values whose text is the variant's name in small letters.
macro_rules! small_letters {
    ($($name:ident { $($variant:ident => $text:literal),+ })+) => {$(
        impl EncodeLabelValue for $name {
            fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), std::fmt::Error> {
                match self { $(Self::$variant => $text),+ }.encode(encoder)
            }
        }
    )+};
}

small_letters! {
    OutcomeLabel { Success => "success", Error => "error" }
    TokenState { Ready => "ready", Reconciling => "reconciling", Stalled => "stalled", Deleting => "deleting" }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ReconcileLabels {
    pub(super) controller: Controller,
    pub(super) result: OutcomeLabel,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ControllerLabel {
    pub(super) controller: Controller,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct StepLabels {
    pub(super) step: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct RequestLabels {
    pub(super) operation: &'static str,
    pub(super) code: Code,
    pub(super) result: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct OperationLabel {
    pub(super) operation: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct LimitLabels {
    pub(super) host: String,
    pub(super) limit: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct RotationLabels {
    pub(super) cause: &'static str,
    pub(super) result: OutcomeLabel,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct StateLabel {
    pub(super) state: TokenState,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct EventLabels {
    pub(super) reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct HostLabel {
    pub(super) host: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct FailureLabels {
    pub(super) step: &'static str,
    pub(super) reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct TaskLabel {
    pub(super) task: Task,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct CauseLabel {
    pub(super) cause: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct MethodLabels {
    pub(super) method: String,
    pub(super) code: Code,
}

/// The status of an answer, if there was one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Code(pub(super) Option<u16>);

impl EncodeLabelValue for Code {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), std::fmt::Error> {
        match self.0 {
            Some(status) => status.encode(encoder),
            None => "none".encode(encoder),
        }
    }
}
