//! What a step does to the world, and what its sender learns of it.

use jiff::{SignedDuration, Timestamp};
use launchdarkly_token_operator::domain::cause::Cause;
use launchdarkly_token_operator::domain::step::{
    CallStep, LookStep, ObjectStep, RecordStep, SecretStep, Step, StepKind, WaitStep,
};
use launchdarkly_token_operator::domain::time::plus;

use super::calls::list;
use super::ledger::Ledger;
use super::observe::{Seen, keep_up};
use super::world::{Core, Memory};

/// How a step goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fate {
    /// It works, and the answer comes.
    Works,
    /// It is refused: nothing happened.
    Refused,
    /// It never arrives, and nobody says so.
    Lost,
    /// It arrives, the answer is lost.
    Unanswered,
    /// The sender gives up waiting, then it arrives.
    Late,
    /// It arrives, and the process ends before the answer.
    Killed,
    /// It works, but the key in the answer does not.
    DeadKey,
}

impl Fate {
    /// Whether a step of this kind may go this way, besides working.
    ///
    /// What only reads can be asked again. A repeatable call or write that is refused or lost is as if it had not begun.
    pub fn may_befall(self, kind: StepKind) -> bool {
        match Sort::of(kind) {
            Sort::OnceOnly => true,
            Sort::Write | Sort::Repeatable => matches!(self, Self::Unanswered | Self::Killed),
            Sort::Look => false,
        }
    }
}

/// What a step does to the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    /// A call that must not be repeated.
    OnceOnly,
    /// A call to LaunchDarkly that may.
    Repeatable,
    /// A write to Kubernetes, the only sort whose sender may be overtaken by a successor: a call to LaunchDarkly ends while
    /// its sender still holds the lease.
    Write,
    /// Nothing.
    Look,
}

impl Sort {
    pub fn of(kind: StepKind) -> Self {
        match kind {
            StepKind::CreateToken | StepKind::ResetKey => Self::OnceOnly,
            StepKind::PatchToken
            | StepKind::LimitLife
            | StepKind::EndKey
            | StepKind::DeleteToken
            | StepKind::MarkRetained => Self::Repeatable,
            StepKind::AddFinalizer
            | StepKind::RecordIntent
            | StepKind::ForgetIntent
            | StepKind::AbandonAttempt
            | StepKind::PublishKey
            | StepKind::RecordPublication
            | StepKind::FenceSecret
            | StepKind::RecordCutOff
            | StepKind::RecordTakeOver
            | StepKind::RenderSecret
            | StepKind::MoveSecret
            | StepKind::RestoreSecret
            | StepKind::RecordSecret
            | StepKind::DeleteSecret
            | StepKind::RecordRetirement
            | StepKind::RecordSettings
            | StepKind::RemoveFinalizer => Self::Write,
            StepKind::ResolveRoles
            | StepKind::ProbeReset
            | StepKind::ProveKey
            | StepKind::ListTokens
            | StepKind::FetchToken
            | StepKind::ProveSecretKey
            | StepKind::ProveRevokedKey
            | StepKind::Hold
            | StepKind::Rest => Self::Look,
        }
    }
}

/// How the world is made, besides its state.
#[derive(Debug, Clone, Copy)]
pub struct Physics {
    /// LaunchDarkly's clock is ahead by this.
    pub offset: SignedDuration,
    /// Whether Kubernetes refuses writes to what has changed. A mutation turns it off.
    pub fenced: bool,
}

/// A step on its way into the world.
pub struct Act<'a> {
    pub physics: Physics,
    pub core: &'a mut Core,
    pub ledger: &'a mut Ledger,
    /// The sender's memory.
    pub memory: &'a mut Memory,
    /// The version of the object that the sender read.
    pub revision: u32,
    /// Why the pending call is made.
    pub cause: Option<Cause>,
    /// Whether the sender was paused and somebody else leads.
    pub late: bool,
    /// How often this kind of step failed before.
    pub failed: u32,
}

/// The leader carries a step out.
pub fn perform(
    physics: Physics,
    core: &mut Core,
    ledger: &mut Ledger,
    seen: &Seen,
    step: &Step,
    fate: Fate,
) {
    let mut memory = std::mem::take(&mut core.leader.memory);
    keep_up(&mut memory, seen);
    let failed = memory.facts.retries.failures(step.kind());
    memory.facts.retries.succeeded(step.kind());
    let pending = seen.observed.record.pending.as_ref();
    Act {
        physics,
        revision: seen.revision,
        cause: pending.map(|pending| pending.cause),
        late: false,
        failed,
        core,
        ledger,
        memory: &mut memory,
    }
    .carry_out(step, fate);
    if fate == Fate::Killed {
        core.restart();
    } else {
        core.leader.memory = memory;
    }
}

impl Act<'_> {
    pub fn remote_now(&self) -> Timestamp {
        plus(self.core.clock, self.physics.offset)
    }

    /// Does to the world what the step says, and to the sender's memory what the fate leaves of the answer.
    pub fn carry_out(&mut self, step: &Step, fate: Fate) {
        let answered = matches!(fate, Fate::Works | Fate::DeadKey);
        match step {
            Step::Object(ObjectStep::AddFinalizer) => self.add_finalizer(),
            Step::Record(RecordStep::RecordIntent {
                record,
                arrangement,
                rehearsal,
            }) => {
                // The nonce is used up, whatever comes of it.
                self.core.serial += 1;
                let written = self.may_write(rehearsal) && self.write_record(record);
                if written && answered {
                    self.arm(record, arrangement);
                }
            }
            Step::Record(RecordStep::RecordPublication(record)) => {
                if self.write_record(record) && answered {
                    self.memory.facts.published(record);
                }
            }
            Step::Record(
                RecordStep::ForgetIntent(record)
                | RecordStep::AbandonAttempt(record)
                | RecordStep::RecordCutOff(record),
            ) => {
                if matches!(step, Step::Record(RecordStep::RecordCutOff(_))) {
                    self.keep_revoked();
                }
                if self.write_record(record) && answered {
                    self.memory.facts.call.forget();
                }
            }
            Step::Record(
                RecordStep::RecordTakeOver(record)
                | RecordStep::RecordSecret(record)
                | RecordStep::RecordRetirement(record)
                | RecordStep::RecordSettings(record),
            ) => {
                self.write_record(record);
            }
            Step::Call(CallStep::CreateToken {
                attempt, settings, ..
            }) => self.create(attempt, settings, fate),
            Step::Call(CallStep::ResetKey {
                attempt,
                token_id,
                previous_key_lives,
                ..
            }) => self.reset(attempt, token_id, *previous_key_lives, fate),
            Step::Look(LookStep::ProveKey { attempt, token_id }) => {
                self.prove_in_hand(attempt, token_id);
            }
            Step::Secret(SecretStep::PublishKey { attempt, plan }) => self.publish(attempt, plan),
            Step::Secret(SecretStep::FenceSecret { name, at, attempt }) => {
                self.fence(name, at, attempt);
            }
            Step::Secret(SecretStep::RenderSecret { plan }) => {
                self.rewrite(&plan.layout.name, plan);
            }
            Step::Secret(SecretStep::MoveSecret { from, plan, .. }) => self.rewrite(from, plan),
            Step::Secret(SecretStep::DeleteSecret { name, at }) => self.delete_secret(name, at),
            Step::Object(ObjectStep::RemoveFinalizer { .. }) => self.remove_finalizer(),
            Step::Look(LookStep::ListTokens { .. }) => list(self.core, self.memory),
            Step::Look(LookStep::FetchToken { token_id }) => self.fetch(token_id),
            Step::Look(LookStep::ProveSecretKey {
                fingerprint,
                token_id,
            }) => self.prove_in_secret(fingerprint, token_id),
            Step::Look(LookStep::ProveRevokedKey { fingerprint }) => {
                self.prove_revoked(fingerprint);
            }
            Step::Call(CallStep::PatchToken {
                token_id, settings, ..
            }) => self.patch(token_id, settings, answered),
            Step::Call(CallStep::LimitLife { token_id, expiry }) => {
                self.limit_life(token_id, *expiry, answered);
            }
            Step::Call(CallStep::EndKey { token_id }) => self.end_key(token_id, answered),
            Step::Call(CallStep::DeleteToken { token_id, .. }) => self.delete(token_id, answered),
            Step::Call(CallStep::MarkRetained { token_id }) => {
                self.mark_retained(token_id, answered);
            }
            Step::Look(LookStep::ResolveRoles { roles }) => self.resolve(roles),
            Step::Call(CallStep::ProbeReset { .. }) => self.memory.probed = true,
            // No process of the model has a managing key.
            Step::Secret(SecretStep::RestoreSecret { .. })
            | Step::Wait(WaitStep::Hold { .. } | WaitStep::Rest { .. }) => {}
        }
    }
}
