//! From the world and the chosen step to the conditions: they never claim what is not so (I12).

use jiff::Timestamp;

use crate::api::AccessTokenStatus;
use crate::api::conditions::{ConditionStatus, ConditionType, remove_condition, set_condition};
use crate::domain::cause::Cause;
use crate::domain::decide::Wish;
use crate::domain::observed::{Account, Observed, Remote, Source};
use crate::domain::reason::Reason;
use crate::domain::record::Record;
use crate::domain::secret::SecretState;
use crate::domain::step::Step;
use crate::domain::time::{plus, whole_second_up};

/// Sets the conditions for a record that is about to be written, or that stands.
pub(in crate::controller) fn report(
    wish: &Wish,
    observed: &Observed,
    record: &Record,
    step: &Step,
    status: &mut AccessTokenStatus,
) {
    let situation = Situation::of(wish, observed, record, step);
    let mut writer = Writer {
        status,
        generation: observed.generation,
        now: observed.clocks.local,
    };
    situation.summary(&mut writer);
    situation.token(&mut writer, observed);
    situation.secret(&mut writer);
    overlap(&mut writer, record);
}

/// What there is to say.
struct Situation<'a> {
    wish: &'a Wish,
    record: &'a Record,
    /// Whether the Secret holds the recorded key.
    key_in_place: bool,
    /// Whether the current generation is in force.
    in_force: bool,
    deleting: bool,
    /// What is in the way: reason, message, whether only a change helps.
    obstacle: Option<(Reason, String, bool)>,
    /// What is being done.
    activity: Option<Reason>,
    /// Fields that were changed at LaunchDarkly and are left so.
    drift: Vec<String>,
}

impl<'a> Situation<'a> {
    fn of(wish: &'a Wish, observed: &'a Observed, record: &'a Record, step: &'a Step) -> Self {
        let published = matches!(step, Step::RecordPublication(_) | Step::RecordTakeOver(_));
        let holds = match (&observed.secret, &record.secret) {
            (SecretState::Ours(secret), Some(recorded)) => {
                secret.key.as_ref() == Some(&recorded.fingerprint)
            }
            (
                SecretState::Ours(_)
                | SecretState::Absent
                | SecretState::Foreign { .. }
                | SecretState::Unreadable { .. },
                _,
            ) => false,
        };
        let key_in_place = record.token.is_some()
            && record.secret.is_some()
            && (published || (holds && !is_dead(observed)));
        let in_force = match (wish, &record.token) {
            (Wish::Valid(desired), Some(token)) => {
                let same =
                    token.spec_hash == desired.settings.hash() || !token.spec_hash.is_current();
                let named = record
                    .secret
                    .as_ref()
                    .is_some_and(|secret| secret.name == desired.secret.name);
                same && named && token.differs.is_empty()
            }
            (Wish::Valid(_) | Wish::Invalid(_), _) => false,
        };
        Self {
            wish,
            record,
            key_in_place,
            in_force,
            deleting: observed.deletion.is_some(),
            obstacle: obstacle(wish, observed, record, step),
            activity: activity(record, step),
            drift: drift(observed, record),
        }
    }

    fn suspended(&self) -> bool {
        matches!(self.wish, Wish::Valid(desired) if desired.suspend)
    }

    /// `Ready`, and why not: `Reconciling` while the operator is at it, `Stalled` while only a change helps.
    fn summary(&self, writer: &mut Writer<'_>) {
        let proven = self
            .record
            .secret
            .as_ref()
            .is_some_and(|secret| secret.proven);
        let works = self.key_in_place && self.in_force && !self.deleting;
        let (ready, reason, message) = match (&self.obstacle, works) {
            _ if self.deleting => {
                let (reason, message) = match &self.obstacle {
                    Some((reason, message, _)) => (*reason, message.clone()),
                    None => (
                        Reason::Deleting,
                        "the token and its Secret are being dealt with".to_owned(),
                    ),
                };
                (false, reason, message)
            }
            (Some((reason, message, _)), _) if is_refusal(*reason) => {
                (false, *reason, message.clone())
            }
            (_, true) if self.suspended() => (
                true,
                Reason::Suspended,
                "suspended; the key in the Secret works".to_owned(),
            ),
            // Also when the question is what fails.
            (_, true) if !proven => (
                true,
                Reason::Unproven,
                "the key was published before LaunchDarkly could confirm it".to_owned(),
            ),
            (Some((_, message, _)), true) => (true, Reason::RotationDelayed, message.clone()),
            (None, true) => (
                true,
                Reason::Available,
                "the Secret holds a key that LaunchDarkly accepted".to_owned(),
            ),
            (Some((reason, message, _)), false) => (false, *reason, message.clone()),
            (None, false) if self.suspended() => (
                false,
                Reason::Suspended,
                "suspended; set spec.suspend to false to go on".to_owned(),
            ),
            (None, false) => {
                let reason = self.activity.unwrap_or(Reason::Recovering);
                (false, reason, reason.meaning().to_owned())
            }
        };
        writer.set(ConditionType::Ready, ready.into(), reason, &message);
        let terminal = self
            .obstacle
            .as_ref()
            .is_some_and(|(reason, _, terminal)| *terminal && (!ready || is_refusal(*reason)));
        let busy = !ready && !terminal && !self.suspended();
        writer.mark(ConditionType::Stalled, terminal, reason, &message);
        writer.mark(
            ConditionType::Reconciling,
            busy && !terminal,
            reason,
            &message,
        );
    }

    fn token(&self, writer: &mut Writer<'_>, observed: &Observed) {
        let Some(token) = &self.record.token else {
            writer.set(
                ConditionType::TokenSynced,
                ConditionStatus::False,
                self.activity.unwrap_or(Reason::Creating),
                "there is no token yet",
            );
            return;
        };
        if let Account::Unusable {
            reason, message, ..
        } = &observed.account
        {
            writer.set(
                ConditionType::TokenSynced,
                ConditionStatus::Unknown,
                *reason,
                message,
            );
        } else if !token.differs.is_empty() {
            let message = format!(
                "LaunchDarkly accepted but did not apply {}",
                token.differs.join(", ")
            );
            writer.set(
                ConditionType::TokenSynced,
                ConditionStatus::False,
                Reason::NotApplied,
                &message,
            );
        } else if let Some((reason, message, _)) = &self.obstacle {
            writer.set(
                ConditionType::TokenSynced,
                ConditionStatus::False,
                *reason,
                message,
            );
        } else if !self.drift.is_empty() {
            let message = format!("changed at LaunchDarkly: {}", self.drift.join(", "));
            writer.set(
                ConditionType::TokenSynced,
                ConditionStatus::False,
                Reason::Drifted,
                &message,
            );
        } else if self.in_force {
            writer.set(
                ConditionType::TokenSynced,
                ConditionStatus::True,
                Reason::Synced,
                "the token is as asked for",
            );
        } else {
            let reason = self.activity.unwrap_or(Reason::Updating);
            writer.set(
                ConditionType::TokenSynced,
                ConditionStatus::False,
                reason,
                "the current generation is not in force yet",
            );
        }
    }

    fn secret(&self, writer: &mut Writer<'_>) {
        if self.key_in_place {
            writer.set(
                ConditionType::SecretSynced,
                ConditionStatus::True,
                Reason::Synced,
                "the Secret holds the token's key",
            );
            return;
        }
        let (reason, message) = match &self.obstacle {
            Some((reason, message, _)) => (*reason, message.as_str()),
            None => (
                self.activity.unwrap_or(Reason::Recovering),
                "the Secret does not hold the token's key",
            ),
        };
        writer.set(
            ConditionType::SecretSynced,
            ConditionStatus::False,
            reason,
            message,
        );
    }
}

fn overlap(writer: &mut Writer<'_>, record: &Record) {
    let ends = record
        .retiring
        .iter()
        .map(|r| r.retirement_time)
        .chain(record.rotation.previous_key_expiration_time)
        .max();
    let message = ends.map_or_else(String::new, |end| {
        format!("a previous key works until {}", whole_second_up(end))
    });
    writer.mark(
        ConditionType::OverlapActive,
        ends.is_some(),
        Reason::PreviousKeyValid,
        &message,
    );
}

/// Whether the recorded token or its key is known to be gone from LaunchDarkly.
fn is_dead(observed: &Observed) -> bool {
    match &observed.remote {
        Remote::Absent { confirmed, .. } => *confirmed,
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

/// Refusals that make the summary bad although a key works: somebody decided so, and it must be seen (I9).
fn is_refusal(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::NotAllowedByPolicy
            | Reason::NamespaceNotAllowed
            | Reason::InvalidSpec
            | Reason::RevokeBlocked
            | Reason::SecretContested
    )
}

fn obstacle(
    wish: &Wish,
    observed: &Observed,
    record: &Record,
    step: &Step,
) -> Option<(Reason, String, bool)> {
    if let Step::Hold {
        reason,
        message,
        terminal,
        ..
    } = step
    {
        return Some((*reason, message.clone(), *terminal));
    }
    if let Wish::Invalid(message) = wish {
        return Some((Reason::InvalidSpec, message.clone(), true));
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
        return Some((Reason::NotApplied, message, true));
    }
    None
}

fn activity(record: &Record, step: &Step) -> Option<Reason> {
    if let Some(intent) = &record.pending {
        return Some(match intent.cause {
            Cause::Created => Reason::Creating,
            Cause::Schedule | Cause::Trigger | Cause::Revoke => Reason::Rotating,
            Cause::SpecChanged | Cause::Expiring | Cause::Reclaimed => Reason::Replacing,
            Cause::SecretDeleted
            | Cause::SecretEdited
            | Cause::ResetElsewhere
            | Cause::LostKey
            | Cause::TokenMissing => Reason::Recovering,
        });
    }
    match step {
        Step::RecordSettings(_) | Step::PatchToken { .. } => Some(Reason::Updating),
        _ if record.token.is_none() => Some(Reason::Creating),
        _ => None,
    }
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

struct Writer<'a> {
    status: &'a mut AccessTokenStatus,
    generation: i64,
    now: Timestamp,
}

impl Writer<'_> {
    fn set(&mut self, kind: ConditionType, status: ConditionStatus, reason: Reason, message: &str) {
        set_condition(
            &mut self.status.conditions,
            kind,
            status,
            reason,
            message,
            Some(self.generation),
            self.now,
        );
    }

    /// Conditions that are only there while they hold.
    fn mark(&mut self, kind: ConditionType, holds: bool, reason: Reason, message: &str) {
        if holds {
            self.set(kind, ConditionStatus::True, reason, message);
        } else {
            remove_condition(&mut self.status.conditions, kind);
        }
    }
}
