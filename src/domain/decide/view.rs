//! What every concern looks at.

use std::borrow::Cow;

use jiff::Timestamp;

use crate::domain::desired::Desired;
use crate::domain::ids::{RequestHash, TokenId};
use crate::domain::observed::{Account, AccountFacts, Observed, OwnToken, Remote};
use crate::domain::problem::Problem;
use crate::domain::reason::Reason;
use crate::domain::record::{AbandonedAttempt, MAX_ABANDONED, Record};
use crate::domain::revocation;
use crate::domain::schedule;
use crate::domain::secret::SecretRevision;
use crate::domain::secret::{SecretFacts, SecretState};
use crate::domain::step::{LookStep, Step, StepKind, WaitStep};
use crate::domain::time::{end_of_second, minus, plus};

/// How long an abandoned attempt is remembered at most: no request lives that long.
const ABANDONED_KEPT: jiff::SignedDuration = jiff::SignedDuration::from_hours(24);

/// What the spec asks for, as far as it is heard now: the key does not move on to another Secret while the one that it left waits, since
/// only one is remembered.
#[must_use]
pub fn heard<'a>(
    desired: &'a Result<Desired, Problem>,
    record: &Record,
) -> Cow<'a, Result<Desired, Problem>> {
    let (Ok(asked), Some(current), Some(former)) = (desired, &record.secret, &record.former_secret)
    else {
        return Cow::Borrowed(desired);
    };
    if [&current.name, &former.name].contains(&&asked.secret.name) {
        return Cow::Borrowed(desired);
    }
    let mut heard = asked.clone();
    heard.secret.name.clone_from(&current.name);
    Cow::Owned(Ok(heard))
}

/// What the spec asks for, and the world it meets.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    pub(super) observed: &'a Observed,
    pub(super) desired: &'a Result<Desired, Problem>,
}

impl<'a> View<'a> {
    pub(super) fn new(desired: &'a Result<Desired, Problem>, observed: &'a Observed) -> Self {
        Self { observed, desired }
    }

    pub(super) fn desired(&self) -> Option<&'a Desired> {
        self.desired.as_ref().ok()
    }

    pub(super) fn now(&self) -> Timestamp {
        self.observed.clocks.local
    }

    /// The account, or why no call can be made on it. The pinned account is the only right one (I10).
    pub(super) fn account(&self) -> Result<&'a AccountFacts, Step> {
        match &self.observed.account {
            Account::Unusable(problem) => Err(hold(problem.clone())),
            Account::Usable(facts) => match &self.observed.record.account_id {
                Some(pinned) if *pinned != facts.id => Err(hold(Problem::user(
                    Reason::AccountMismatch,
                    format!(
                        "the credential belongs to LaunchDarkly account {}, but this token was made in account {pinned}; \
                         put a credential of account {pinned} back into the account's Secret",
                        facts.id
                    ),
                ))),
                Some(_) | None => Ok(facts),
            },
        }
    }

    /// Our Secret, where there is one.
    pub(super) fn secret(&self) -> Option<&'a SecretFacts> {
        match &self.observed.secret {
            SecretState::Ours(facts) => Some(facts),
            SecretState::Absent | SecretState::Foreign { .. } | SecretState::Unreadable(_) => None,
        }
    }

    /// What the Secret must still be when it is written.
    pub(super) fn secret_revision(&self) -> SecretRevision {
        self.secret().map_or(SecretRevision::Absent, revision)
    }

    /// The record brought up to date: the base of everything that is written.
    pub(super) fn record(&self) -> Record {
        let (observed, clocks) = (self.observed, self.observed.clocks);
        let mut record = observed.record.clone();
        let edited = record.observed_generation != Some(observed.generation);
        record.observed_generation = Some(observed.generation);
        record.abandoned = self.open_attempts();
        if record
            .rotation
            .previous_key_expiration_time
            .is_some_and(|end| clocks.passed(end))
        {
            record.rotation.previous_key_expiration_time = None;
        }
        if let Some(desired) = self.desired() {
            record.rotation.grace = Some(desired.rotation.grace);
            self.reschedule(&mut record, edited);
        }
        record
    }

    /// The attempts that were given up and whose tokens would still be ours. They are remembered for as long as a request may live at
    /// all, but for those that a listing disproves when there is no room.
    pub(super) fn open_attempts(&self) -> Vec<AbandonedAttempt> {
        let observed = self.observed;
        let mut open = observed.record.abandoned.clone();
        open.retain(|a| {
            let forgotten = plus(a.start_time, ABANDONED_KEPT);
            self.is_found(a) || !observed.clocks.passed(forgotten)
        });
        if open.len() >= MAX_ABANDONED {
            open.retain(|a| self.is_found(a) || !self.is_disproved(a));
        }
        open
    }

    /// Whether a listing that shows no token of an attempt began after the call must have ended and shown its effect.
    fn is_disproved(&self, attempt: &AbandonedAttempt) -> bool {
        let observed = self.observed;
        let shown_by = plus(self.shown_by(attempt.start_time), observed.timing.lease);
        observed.listed_at.is_some_and(|at| at >= shown_by)
    }

    fn is_found(&self, attempt: &AbandonedAttempt) -> bool {
        let mut found = self.observed.found.iter();
        found.any(|f| f.attempt == attempt.attempt && !self.observed.gone.contains(&f.id))
    }

    /// When the effect of a call shows at the latest, whose intent was written in the second of `start_time` and whose answer is
    /// unknown.
    pub(super) fn shown_by(&self, start_time: Timestamp) -> Timestamp {
        let settle = self.observed.timing.settle;
        let after_intent = plus(end_of_second(start_time), settle.saturating_mul(2));
        after_intent.max(plus(self.observed.calls_ended_by, settle))
    }

    /// Sets the due time anew after a publication or an edit; otherwise the recorded one stands.
    ///
    /// No edit takes back a time that has come: a spec that is edited again and again still rotates.
    pub(super) fn reschedule(&self, record: &mut Record, edited: bool) {
        let interval = self.desired().and_then(|desired| desired.rotation.interval);
        let uid = &self.observed.identity.uid;
        let clocks = self.observed.clocks;
        record.rotation.next = match (interval, record.rotation.last, record.rotation.next) {
            (Some(interval), Some(last), before) if edited => {
                let due = schedule::due(uid, last, interval, clocks);
                let spread = schedule::due_after_edit(uid, last, interval, clocks);
                match before {
                    Some(before) if due <= clocks.local => Some(before.min(spread)),
                    Some(_) | None => Some(spread),
                }
            }
            (Some(interval), Some(last), None) => Some(schedule::due(uid, last, interval, clocks)),
            // A due time further away than any interval allows comes from a clock that stood wrong.
            (Some(interval), Some(_), Some(next)) => Some(next.min(plus(clocks.later(), interval))),
            (Some(_), None, _) | (None, _, _) => None,
        };
    }

    /// The wait that a failed step of this kind still has, as the answer that ends the round.
    pub(super) fn retry(&self, kind: StepKind) -> Option<Step> {
        let retry = self.observed.retries.iter().find(|s| s.step == kind)?;
        let waiting = retry.until > self.now() && retry.generation == self.observed.generation;
        waiting.then(|| {
            Step::Wait(WaitStep::Hold {
                problem: retry.problem.clone(),
                until: Some(retry.until),
            })
        })
    }

    /// Whether a previous key of the token in use may still work: both clocks must have passed its end.
    pub(super) fn in_grace(&self) -> bool {
        self.record().has_key_in_grace()
    }

    /// A token that was missed once is looked for again a settle time later, and not before.
    pub(super) fn second_look(&self, token_id: &TokenId, first: Timestamp) -> Step {
        let due = plus(first, self.observed.timing.settle);
        if self.now() >= due {
            Step::Look(LookStep::FetchToken {
                token_id: token_id.clone(),
            })
        } else {
            Step::Wait(WaitStep::Rest { until: Some(due) })
        }
    }

    /// Whether the operator itself may be using this token (I6).
    pub(super) fn is_credential(&self, id: &TokenId) -> bool {
        matches!(&self.observed.account, Account::Usable(facts) if facts.credential.may_be(id))
    }

    /// The listing that tells which token the operator itself uses, where one is needed.
    pub(super) fn find_own_token(&self) -> Option<Step> {
        match self.account().ok()?.credential {
            OwnToken::Unlisted { since } => Some(Step::Look(LookStep::ListTokens {
                begun_after: since.min(self.now()),
            })),
            OwnToken::Named(_) | OwnToken::OneOf(_) => None,
        }
    }

    /// The token whose key is in our Secret, as the Secret itself says.
    pub(super) fn token_in_secret(&self) -> Option<&'a TokenId> {
        self.secret().and_then(SecretFacts::named_token)
    }

    /// Nothing to do.
    pub(super) fn rest(&self) -> Step {
        Step::Wait(WaitStep::Rest {
            until: self.next_look(),
        })
    }

    /// When a token that stops working at `end`, on LaunchDarkly's clock, has to be replaced: its successor's key is to be in
    /// the Secret for the grace by then.
    pub(super) fn replace_before(&self, end: Timestamp) -> Timestamp {
        let grace = self.record().rotation.grace.unwrap_or_default();
        let early = grace.saturating_add(self.observed.timing.publication_margin);
        let lead = self.observed.clocks.remote.duration_since(self.now());
        minus(end, early.saturating_add(lead))
    }

    /// When something is going to be due.
    pub(super) fn next_look(&self) -> Option<Timestamp> {
        let record = self.record();
        let settle = self.observed.timing.settle;
        let suspended = self.desired().is_some_and(|desired| desired.suspend);
        let retiring = record.retiring.iter().map(|r| r.retirement_time);
        let grace = record.rotation.previous_key_expiration_time;
        let former = record.former_secret.iter().map(|f| f.deletion_time);
        let ends = retiring
            .chain(grace)
            .chain(former)
            .map(|end| self.observed.clocks.passed_at(end));
        let rotation = record.rotation.next.filter(|_| !suspended);
        let second_look = match &self.observed.remote {
            Remote::Absent {
                confirmed: false,
                first,
            } => Some(plus(*first, settle)),
            Remote::Present(facts) => {
                let expiring = facts.expiry.map(|end| self.replace_before(end));
                let mismatch = facts.mismatch_since.map(|since| plus(since, settle));
                expiring.into_iter().chain(mismatch).min()
            }
            Remote::Absent {
                confirmed: true, ..
            }
            | Remote::Unknown => None,
        };
        // A time that has come and still brought nothing waits for something else: looking again at once would not help.
        ends.chain(rotation)
            .chain(second_look)
            .filter(|time| *time >= self.now())
            .min()
    }

    /// Whether a look is recent enough to act on.
    pub(super) fn is_fresh(&self, seen_at: Timestamp) -> bool {
        self.now().duration_since(seen_at).abs() <= self.observed.timing.settle
    }

    /// The revoke values, also of a spec that makes no sense.
    pub(super) fn revokes(&self) -> &'a [RequestHash] {
        revocation::revokes(self.desired, self.observed)
    }

    /// The values that ask for a rotation; none of a spec that makes no sense.
    pub(super) fn triggers(&self) -> &'a [RequestHash] {
        self.desired()
            .map_or(&[], |desired| &desired.rotation.triggers)
    }

    /// Every value that asks for something once.
    pub(super) fn requests(&self) -> impl Iterator<Item = &'a RequestHash> {
        let rotates = self.triggers().iter().chain(self.revokes());
        rotates.chain(&self.observed.cut_offs)
    }

    /// The requests that were not handled yet.
    pub(super) fn unhandled(&self, requests: &[RequestHash]) -> Vec<RequestHash> {
        let record = &self.observed.record;
        let new = requests
            .iter()
            .filter(|request| !record.has_handled(request));
        new.cloned().collect()
    }
}

/// The revision of a Secret that was read.
pub(super) fn revision(facts: &SecretFacts) -> SecretRevision {
    SecretRevision::Exactly {
        uid: facts.uid.clone(),
        version: facts.version.clone(),
    }
}

/// An answer that ends the round until something changes or the usual look.
pub(super) fn hold(problem: Problem) -> Step {
    Step::Wait(WaitStep::Hold {
        problem,
        until: None,
    })
}
