//! The invariants of the design, each a predicate on a world and the step that is chosen in it.

mod calls;
mod keys;
mod ownership;
mod pace;
mod records;

use launchdarkly_token_operator::domain::desired::Desired;
use launchdarkly_token_operator::domain::ids::{RequestHash, TokenId};
use launchdarkly_token_operator::domain::observed::{
    Account, AccountFacts, FoundToken, Observed, PendingCall,
};
use launchdarkly_token_operator::domain::problem::Problem;
use launchdarkly_token_operator::domain::record::{Intent, PendingOperation};
use launchdarkly_token_operator::domain::secret::{SecretFacts, SecretState};
use launchdarkly_token_operator::domain::step::Step;

/// A world and the step that is chosen in it.
pub struct Case<'a> {
    pub desired: &'a Result<Desired, Problem>,
    pub observed: &'a Observed,
    pub step: &'a Step,
}

/// What is wrong with the step.
pub type Verdict = Result<(), String>;

/// A named invariant.
pub type Invariant = (&'static str, fn(&Case<'_>) -> Verdict);

/// All of them; names begin with the invariant's number.
pub const ALL: &[Invariant] = &[
    ("I2 only a key that may work is published", keys::published),
    ("I3 no key is cut off before its time", keys::deletion),
    ("I3 a promise to a previous key is kept", keys::promises),
    ("I3 a reset leaves the previous key alive", keys::reset),
    ("I3 the Secret in use is not deleted", keys::secret_deletion),
    ("I4 a rotation has a reason", pace::reasons),
    ("I4 what is handled stays handled", pace::handled),
    ("I5 no call without its intent", calls::announced),
    ("I5 an uncertain call is never repeated", calls::uncertain),
    (
        "I5 an unanswered create is not forgotten",
        calls::remembered,
    ),
    ("I5 no reset during a grace", calls::reset_in_grace),
    ("I5 an intent says all that recovery needs", calls::intent),
    (
        "I6 a Secret is written as it was read, and ours",
        ownership::secrets,
    ),
    ("I6 the credential in use is spared", ownership::credential),
    ("I6 only tokens of ours are touched", ownership::tokens),
    (
        "I6 a marker alone is no reason to end a token",
        ownership::markers,
    ),
    ("I9 nothing above the policy", ownership::policy),
    ("I10 nothing in another account", ownership::account),
    (
        "I11 a deletion creates nothing and leaves nothing unsaid",
        records::deletion,
    ),
    ("I12 a record speaks of this generation", records::truth),
    (
        "I14 unasked replacements are within the budget",
        pace::budget,
    ),
    ("bounded lists stay bounded", records::bounds),
    ("what may hold tokens has a finalizer", records::finalizer),
    ("a suspended object is left alone", pace::suspension),
    ("a failure is waited out", pace::retries),
    ("a pause ends in the future", pace::pauses),
];

impl Case<'_> {
    /// The first broken invariant.
    pub fn judge(&self) -> Verdict {
        ALL.iter().try_for_each(|(name, holds)| {
            holds(self).map_err(|why| format!("{name}: {why}\nstep: {:#?}", self.step))
        })
    }

    fn desired(&self) -> Option<&Desired> {
        self.desired.as_ref().ok()
    }

    fn account(&self) -> Option<&AccountFacts> {
        match &self.observed.account {
            Account::Usable(facts) => Some(facts),
            Account::Unusable(_) => None,
        }
    }

    fn secret(&self) -> Option<&SecretFacts> {
        match &self.observed.secret {
            SecretState::Ours(facts) => Some(facts),
            SecretState::Absent | SecretState::Foreign { .. } | SecretState::Unreadable(_) => None,
        }
    }

    fn deleting(&self) -> bool {
        self.observed.deletion.is_some()
    }

    /// The token whose key consumers read now, as the Secret itself says.
    fn token_in_secret(&self) -> Option<&TokenId> {
        let secret = self.secret()?;
        let consistent = secret.key.is_some() && secret.key == secret.marks.fingerprint;
        secret.marks.token_id.as_ref().filter(|_| consistent)
    }

    /// Whether a token is this object's: by what it wrote down, or by an attempt that has no token yet. A marker alone says nothing.
    fn is_ours(&self, id: &TokenId) -> bool {
        let observed = self.observed;
        let record = &observed.record;
        if record.claims(id) || observed.claims.contains(id) || self.token_in_secret() == Some(id) {
            return true;
        }
        if let PendingCall::Held { token_id, .. } = &observed.call
            && token_id == id
        {
            return true;
        }
        if self
            .secret()
            .is_some_and(|secret| secret.marks.retiring.iter().any(|(known, _)| known == id))
        {
            return true;
        }
        let Some(found) = observed.found.iter().find(|found| found.id == *id) else {
            return false;
        };
        // Of several tokens with the marker of one attempt only the oldest can be its token.
        let key = |it: &FoundToken| (it.creation_time, it.id.clone());
        let mut others = observed
            .found
            .iter()
            .filter(|it| it.attempt == found.attempt);
        if others.any(|other| key(other) < key(found)) {
            return self.was_once_ours(found);
        }
        let answered = matches!(observed.call, PendingCall::Held { .. });
        let creates =
            |pending: &&Intent| pending.operation == PendingOperation::Create && !answered;
        let pending = record
            .pending
            .iter()
            .filter(creates)
            .map(|pending| &pending.attempt);
        let mut open = pending.chain(record.abandoned.iter().map(|known| &known.attempt));
        open.any(|attempt| *attempt == found.attempt) || self.was_once_ours(found)
    }

    /// Whether it was ours once and nobody has used it for a day.
    fn was_once_ours(&self, found: &FoundToken) -> bool {
        let last_sign = found.creation_time.max(found.last_used);
        let day = jiff::SignedDuration::from_hours(24);
        let idle = last_sign
            .is_some_and(|at| self.observed.clocks.remote_earliest.duration_since(at) > day);
        let mut history = self.observed.record.history.iter();
        idle && history.any(|entry| entry.token_id == found.id)
    }

    fn unhandled(&self, requests: &[RequestHash]) -> bool {
        let record = &self.observed.record;
        requests.iter().any(|request| !record.has_handled(request))
    }

    fn revokes(&self) -> &[RequestHash] {
        self.desired()
            .map_or(&self.observed.revokes, |desired| &desired.rotation.revokes)
    }

    fn triggers(&self) -> &[RequestHash] {
        self.desired()
            .map_or(&[], |desired| &desired.rotation.triggers)
    }

    fn revoking(&self) -> bool {
        self.unhandled(self.revokes())
    }
}

/// A verdict from a condition.
fn ensure(holds: bool, why: impl FnOnce() -> String) -> Verdict {
    if holds { Ok(()) } else { Err(why()) }
}
