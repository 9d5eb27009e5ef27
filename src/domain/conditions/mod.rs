//! What users are told: from the world and the chosen step to the conditions. They never claim what is not so (I12).

mod parts;
mod ready;

use strum::{EnumMessage as _, VariantArray as _};

use super::cause::Cause;
use super::desired::Desired;
use super::observed::{Observed, Remote, SecretKeyProof, Source};
use super::problem::Problem;
use super::reason::Reason;
use super::record::Record;
use super::revocation;
use super::secret::SecretState;
use super::step::{CallStep, RecordStep, Step, WaitStep};
use super::time::plus;

/// The types of conditions. `Reconciling` and `Stalled` are only present while true, and never both.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    strum::IntoStaticStr,
    strum::Display,
    strum::EnumMessage,
    strum::VariantArray,
)]
pub enum ConditionType {
    /// The summary. AccessToken: the Secret holds a key that works. Account: the credential works.
    Ready,
    /// The current generation is not yet in force, and the operator is at it.
    Reconciling,
    /// User action is required.
    Stalled,
    /// The remote token is as asked for.
    TokenSynced,
    /// The Secret is as asked for.
    SecretSynced,
    /// A previous key still works besides the current one.
    OverlapActive,
    /// The inline role does not confine the token: nothing in it denies.
    LeakyPolicy,
    /// Account: lost keys are not replaced, since there are too many.
    MassChange,
    /// Account: the operator's clock and LaunchDarkly's differ.
    ClockSkew,
}

impl ConditionType {
    /// All types, in the order of the documentation.
    #[must_use]
    pub fn all() -> &'static [Self] {
        Self::VARIANTS
    }

    /// What it says when it is true.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        self.get_documentation().unwrap_or_default()
    }
}

/// Whether a condition holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr, strum::Display)]
pub enum ConditionStatus {
    /// It holds.
    True,
    /// It does not.
    False,
    /// Nobody knows.
    Unknown,
}

impl From<bool> for ConditionStatus {
    fn from(holds: bool) -> Self {
        if holds { Self::True } else { Self::False }
    }
}

/// What one condition says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConditionState {
    /// Which one.
    pub kind: ConditionType,
    /// Whether it holds.
    pub status: ConditionStatus,
    /// Why.
    pub reason: Reason,
    /// What there is to say.
    pub message: String,
}

/// The conditions that are to be present; those of an AccessToken that are not named are absent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Conditions(Vec<ConditionState>);

impl Conditions {
    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &ConditionState> {
        self.0.iter()
    }

    /// The one of a type, if it is present.
    #[must_use]
    pub fn get(&self, kind: ConditionType) -> Option<&ConditionState> {
        self.0.iter().find(|condition| condition.kind == kind)
    }

    fn set(&mut self, kind: ConditionType, status: ConditionStatus, reason: Reason, message: &str) {
        self.0.push(ConditionState {
            kind,
            status,
            reason,
            message: message.to_owned(),
        });
    }

    /// Conditions that are only there while they hold.
    fn mark(&mut self, kind: ConditionType, holds: bool, reason: Reason, message: &str) {
        if holds {
            self.set(kind, ConditionStatus::True, reason, message);
        }
    }
}

/// What is to be said of a record that is about to be written by `step`, or that stands while it waits.
#[must_use]
pub fn conditions(
    desired: &Result<Desired, Problem>,
    observed: &Observed,
    record: &Record,
    step: &Step,
) -> Conditions {
    let situation = Situation::of(desired, observed, record, step);
    let mut conditions = Conditions::default();
    situation.summary(&mut conditions);
    situation.token(&mut conditions, observed);
    situation.secret(&mut conditions);
    parts::overlap(&mut conditions, record);
    parts::leaky_policy(&mut conditions, &situation);
    conditions
}

/// What there is to say.
struct Situation<'a> {
    desired: &'a Result<Desired, Problem>,
    record: &'a Record,
    /// Whether the Secret holds the recorded key.
    key_in_place: bool,
    /// Whether the current generation is in force.
    in_force: bool,
    /// What is to end.
    ending: Ending,
    /// What is in the way.
    obstacle: Option<Problem>,
    /// What is being done.
    activity: Option<Reason>,
    /// Fields that were changed at LaunchDarkly and are left so.
    drift: Vec<String>,
}

impl<'a> Situation<'a> {
    fn of(
        desired: &'a Result<Desired, Problem>,
        observed: &'a Observed,
        record: &'a Record,
        step: &'a Step,
    ) -> Self {
        let published = matches!(
            step,
            Step::Record(RecordStep::RecordPublication(_) | RecordStep::RecordTakeOver(_))
        );
        let holds = match (&observed.secret, &record.secret) {
            (SecretState::Ours(secret), Some(recorded)) => {
                secret.key.is_some() && !recorded.fingerprint.differs(secret.key.as_ref())
            }
            (
                SecretState::Ours(_)
                | SecretState::Absent
                | SecretState::Foreign { .. }
                | SecretState::Unreadable(_),
                _,
            ) => false,
        };
        let key_in_place = record.token.is_some()
            && record.secret.is_some()
            && (published || (holds && !is_dead(observed)));
        let in_force = match (desired, &record.token) {
            (Ok(desired), Some(token)) => {
                let same =
                    token.spec_hash == desired.settings.hash() || !token.spec_hash.is_current();
                let named = record.secret.is_some() && !moves(desired, record);
                same && named && token.differs.is_empty()
            }
            (Ok(_) | Err(_), _) => false,
        };
        Self {
            desired,
            record,
            key_in_place,
            in_force,
            ending: Ending::of(desired, observed, record),
            obstacle: obstacle(desired, observed, record, step),
            activity: activity(desired, record, step),
            drift: drift(observed, record),
        }
    }

    fn suspended(&self) -> bool {
        matches!(self.desired, Ok(desired) if desired.suspend)
    }
}

/// What is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// Nothing.
    Nothing,
    /// The object.
    Object,
    /// Every key: there is none any more.
    CutOff,
    /// A key at once, and it may still work: then nothing is green.
    Key,
}

impl Ending {
    fn of(desired: &Result<Desired, Problem>, observed: &Observed, record: &Record) -> Self {
        if observed.deletion.is_some() {
            return Self::Object;
        }
        if record.is_cut_off() {
            return Self::CutOff;
        }
        // A reset cannot end the key at once.
        let last = record.history.first();
        let dying = last.is_some_and(|last| last.cause == Cause::Revoke)
            && record.rotation.previous_key_expiration_time.is_some();
        if dying || revocation::is_under_way(desired, observed, record) {
            Self::Key
        } else {
            Self::Nothing
        }
    }
}

/// Whether the recorded token or its key is known to be gone from LaunchDarkly.
fn is_dead(observed: &Observed) -> bool {
    match &observed.remote {
        Remote::Absent { confirmed, .. } => {
            *confirmed && observed.secret_key != SecretKeyProof::Accepted
        }
        Remote::Present(facts) => {
            let over = facts
                .expiry
                .is_some_and(|end| observed.clocks.remote >= end);
            let since = facts
                .mismatch_since
                .filter(|_| facts.key_matches == Some(false));
            let lasts = |since| facts.seen_at >= plus(since, observed.timing.settle);
            over || since.is_some_and(lasts)
        }
        Remote::Unknown => false,
    }
}

fn obstacle(
    desired: &Result<Desired, Problem>,
    observed: &Observed,
    record: &Record,
    step: &Step,
) -> Option<Problem> {
    if let Step::Wait(WaitStep::Hold { problem, .. }) = step {
        return Some(problem.clone());
    }
    if let Err(problem) = desired {
        return Some(problem.clone());
    }
    let differs = record
        .token
        .as_ref()
        .map(|token| &token.differs)
        .filter(|differs| !differs.is_empty());
    if let Some(differs) = differs.filter(|_| observed.deletion.is_none()) {
        let message = format!(
            "LaunchDarkly accepted but did not apply {}; change these fields",
            differs.join(", ")
        );
        return Some(Problem::user(Reason::NotApplied, message));
    }
    None
}

fn activity(desired: &Result<Desired, Problem>, record: &Record, step: &Step) -> Option<Reason> {
    if let Some(intent) = &record.pending {
        return Some(match intent.cause {
            Cause::Created => Reason::Creating,
            Cause::Schedule | Cause::Trigger | Cause::Revoke => Reason::Rotating,
            Cause::SpecChanged | Cause::Expiring | Cause::Reclaimed | Cause::CutOff => {
                Reason::Replacing
            }
            Cause::SecretDeleted
            | Cause::SecretEdited
            | Cause::ResetElsewhere
            | Cause::LostKey
            | Cause::TokenMissing => Reason::Recovering,
        });
    }
    match step {
        Step::Record(RecordStep::RecordSettings(_)) | Step::Call(CallStep::PatchToken { .. }) => {
            Some(Reason::Updating)
        }
        _ if record.token.is_none() => Some(Reason::Creating),
        _ => {
            let desired = desired.as_ref().ok()?;
            moves(desired, record).then_some(Reason::Updating)
        }
    }
}

/// Whether the key is to move into another Secret, which waits until the one that was left before is gone.
fn moves(desired: &Desired, record: &Record) -> bool {
    let recorded = record.secret.as_ref();
    recorded.is_some_and(|recorded| recorded.name != desired.secret.name)
}

/// Fields that were changed behind our back, as a look at the token itself showed.
fn drift(observed: &Observed, record: &Record) -> Vec<String> {
    match (&observed.remote, &record.token) {
        (Remote::Present(facts), Some(token))
            if facts.source == Source::Get
                && token
                    .observed_hash
                    .as_ref()
                    .is_some_and(|hash| *hash != facts.hash) =>
        {
            facts.differs.clone()
        }
        (Remote::Present(_) | Remote::Absent { .. } | Remote::Unknown, _) => Vec::new(),
    }
}
