//! What may be the case around an object; each is added to a settled world by `and`.

use jiff::{SignedDuration, Timestamp};
use launchdarkly_token_operator::domain::cause::Cause;
use launchdarkly_token_operator::domain::desired::{DeletionPolicy, Desired};
use launchdarkly_token_operator::domain::observed::{
    Account, AccountFacts, Deletion, FoundToken, PendingCall, Proof, Remote, RemoteFacts,
    SecretKeyProof, Source,
};
use launchdarkly_token_operator::domain::problem::Problem;
use launchdarkly_token_operator::domain::reason::Reason;
use launchdarkly_token_operator::domain::record::{
    AbandonedAttempt, HistoryEntry, Intent, PendingOperation, Record, RetiringToken,
};
use launchdarkly_token_operator::domain::secret::{Arrangement, SecretFacts, SecretState};
use launchdarkly_token_operator::domain::time::{Clocks, RemoteOffset, plus};

use super::given::Given;
use super::names::{ANOTHER, ME, NOW, TIMING, ago, attempt, hours, key, minutes, seconds, token};

impl Given {
    pub fn desired(&self) -> &Desired {
        match &self.desired {
            Ok(desired) => desired,
            Err(problem) => panic!("no valid desired: {problem:?}"),
        }
    }

    pub fn desired_mut(&mut self) -> &mut Desired {
        match &mut self.desired {
            Ok(desired) => desired,
            Err(problem) => panic!("no valid desired: {problem:?}"),
        }
    }

    pub fn account(&mut self) -> &mut AccountFacts {
        match &mut self.observed.account {
            Account::Usable(facts) => facts,
            Account::Unusable(problem) => panic!("no account: {problem:?}"),
        }
    }

    pub fn secret(&mut self) -> &mut SecretFacts {
        match &mut self.observed.secret {
            SecretState::Ours(facts) => facts,
            other => panic!("no Secret of ours: {other:?}"),
        }
    }

    pub fn remote(&mut self) -> &mut RemoteFacts {
        match &mut self.observed.remote {
            Remote::Present(facts) => facts,
            other => panic!("no token: {other:?}"),
        }
    }

    fn arrangement(&self) -> Box<Arrangement> {
        let desired = self.desired();
        Box::new(Arrangement {
            layout: desired.secret.clone(),
            grace: desired.rotation.grace,
        })
    }

    fn intend(&mut self, operation: PendingOperation, cause: Cause, start_time: Timestamp) {
        let desired = self.desired().clone();
        let lives = plus(
            start_time,
            desired.rotation.grace + TIMING.publication_margin,
        );
        self.observed.record.pending = Some(Intent {
            operation,
            attempt: attempt(1),
            cause,
            start_time,
            holder: ME.into(),
            token_id: self.observed.record.token.as_ref().map(|t| t.id.clone()),
            secret_name: desired.secret.name.clone(),
            spec_hash: desired.settings.hash(),
            token_name: desired.settings.name.clone(),
            handles: Vec::new(),
            previous_key_expiration_time: (operation == PendingOperation::Reset).then_some(lives),
        });
    }
}

pub fn a_new_object() -> impl FnOnce(&mut Given) {
    |given| {
        let observed = &mut given.observed;
        observed.record = Record::default();
        observed.finalizer = false;
        observed.secret = SecretState::Absent;
        observed.remote = Remote::Unknown;
        observed.listed_at = None;
    }
}

pub fn a_lost_status() -> impl FnOnce(&mut Given) {
    |given| given.observed.record = Record::default()
}

/// The key was published long enough ago for the schedule, and the time has come.
pub fn a_due_time() -> impl FnOnce(&mut Given) {
    |given| {
        let interval = given.desired().rotation.interval.unwrap_or(hours(24));
        let rotation = &mut given.observed.record.rotation;
        rotation.last = Some(NOW - interval);
        rotation.next = Some(ago(seconds(1)));
    }
}

pub fn time_passes(duration: SignedDuration) -> impl FnOnce(&mut Given) {
    move |given| {
        let clocks = &mut given.observed.clocks;
        clocks.local = plus(clocks.local, duration);
        clocks.remote = plus(clocks.remote, duration);
        clocks.remote_earliest = plus(clocks.remote_earliest, duration);
        clocks.remote_latest = plus(clocks.remote_latest, duration);
    }
}

pub fn the_remote_clock_is_off_by(seconds: i64) -> impl FnOnce(&mut Given) {
    move |given| {
        let offset = RemoteOffset::certain(SignedDuration::from_secs(seconds));
        given.observed.clocks = Clocks::new(NOW, NOW, offset);
    }
}

pub fn a_previous_key_until(end: Timestamp) -> impl FnOnce(&mut Given) {
    move |given| {
        given.observed.record.rotation.previous_key_expiration_time = Some(end);
        given.secret().marks.previous_expires_at = Some(end);
    }
}

/// Keys of these tokens were published, the latest first.
pub fn published_lately(tokens: &'static [usize]) -> impl FnOnce(&mut Given) {
    |given| {
        let entry = |n: &usize| HistoryEntry {
            publication_time: ago(hours(2)),
            cause: Cause::SpecChanged,
            token_id: token(*n),
            previous_key_expiration_time: None,
        };
        given.observed.record.history = tokens.iter().map(entry).collect();
    }
}

pub fn retiring_tokens(count: usize, retirement_time: Timestamp) -> impl FnOnce(&mut Given) {
    move |given| {
        for n in 0..count {
            given.observed.life_limited.insert(token(20 + n));
            given.observed.record.retiring.push(RetiringToken {
                token_id: token(20 + n),
                cause: Cause::SpecChanged,
                retirement_time,
            });
        }
    }
}

/// A create whose answer never came: the process that sent it lives on.
pub fn a_create_without_an_answer(cause: Cause) -> impl FnOnce(&mut Given) {
    move |given| {
        given.intend(PendingOperation::Create, cause, ago(minutes(3)));
        given.observed.listed_at = None;
        given.observed.call = PendingCall::Empty;
    }
}

pub fn a_reset_without_an_answer() -> impl FnOnce(&mut Given) {
    |given| {
        given.intend(PendingOperation::Reset, Cause::Schedule, ago(minutes(3)));
        given.observed.call = PendingCall::Empty;
    }
}

/// An intent of this process whose call was not made yet.
pub fn an_intent_to(operation: PendingOperation, cause: Cause) -> impl FnOnce(&mut Given) {
    move |given| {
        given.intend(operation, cause, ago(seconds(2)));
        given.observed.call = PendingCall::Armed(given.arrangement());
    }
}

pub fn the_call_was_refused() -> impl FnOnce(&mut Given) {
    |given| given.observed.call = PendingCall::Refused(given.arrangement())
}

pub fn the_intent_was_written(age: SignedDuration) -> impl FnOnce(&mut Given) {
    move |given| {
        if let Some(pending) = &mut given.observed.record.pending {
            pending.start_time = ago(age);
        }
    }
}

pub fn another_process_wrote_it() -> impl FnOnce(&mut Given) {
    |given| {
        if let Some(pending) = &mut given.observed.record.pending {
            pending.holder = ANOTHER.into();
        }
        given.observed.call = PendingCall::Empty;
    }
}

/// The call was answered, `age` ago: key 1 is in hand.
pub fn its_key_in_hand(proof: Proof, age: SignedDuration) -> impl FnOnce(&mut Given) {
    move |given| {
        let hash = given.desired().settings.hash();
        let pending = given.observed.record.pending.as_ref();
        let reset = pending.is_some_and(|p| p.operation == PendingOperation::Reset);
        given.observed.call = PendingCall::Held {
            arrangement: given.arrangement(),
            token_id: if reset { token(0) } else { token(1) },
            fingerprint: key(1),
            creation_time: Some(ago(age)),
            observed_hash: hash,
            differs: Vec::new(),
            previous_key_expiration_time: reset.then(|| NOW + hours(6)),
            since: ago(age),
            proof,
        };
    }
}

/// The key reached the Secret, and the record does not say so yet.
pub fn it_was_published() -> impl FnOnce(&mut Given) {
    |given| {
        let pending = given.observed.record.pending.clone();
        let pending = pending.expect("a pending call");
        let grace = given.desired().rotation.grace;
        if matches!(given.observed.secret, SecretState::Absent) {
            let settled = super::given::settled(given.desired());
            given.observed.secret = settled.secret;
        }
        let reset = pending.operation == PendingOperation::Reset;
        if let Remote::Present(facts) = &mut given.observed.remote {
            facts.attempt = Some(pending.attempt.clone());
        }
        let secret = given.secret();
        secret.version = "2".into();
        secret.key = Some(key(1));
        secret.marks.attempt = Some(pending.attempt);
        secret.marks.fingerprint = Some(key(1));
        secret.marks.token_id = Some(if reset { token(0) } else { token(1) });
        let published = ago(seconds(1));
        let counted_from = if reset { NOW } else { published };
        secret.marks.rotated_at = Some(published);
        secret.marks.previous_expires_at =
            (pending.cause != Cause::Revoke).then(|| counted_from + grace);
    }
}

pub fn the_secret_is_deleted() -> impl FnOnce(&mut Given) {
    |given| given.observed.secret = SecretState::Absent
}

pub fn the_key_in_the_secret_is_edited() -> impl FnOnce(&mut Given) {
    |given| given.secret().key = Some(key(66))
}

pub fn the_secret_belongs_to(owner: &str) -> impl FnOnce(&mut Given) {
    let owner = Some(owner.to_owned());
    |given| given.observed.secret = SecretState::Foreign { owner }
}

pub fn the_secret_cannot_be_read() -> impl FnOnce(&mut Given) {
    |given| {
        given.observed.secret = SecretState::Unreadable(Problem::user(
            Reason::SecretAccessDenied,
            "no right to read Secrets",
        ));
    }
}

/// The Secret holds what it held before the last publication: key 9 of token `n`, published `age` ago.
pub fn the_secret_is_restored_to(n: usize, age: SignedDuration) -> impl FnOnce(&mut Given) {
    move |given| {
        let secret = given.secret();
        secret.key = Some(key(9));
        secret.marks.fingerprint = Some(key(9));
        secret.marks.token_id = Some(token(n));
        secret.marks.attempt = Some(attempt(9));
        secret.marks.rotated_at = Some(ago(age));
    }
}

pub fn the_key_in_the_secret_was_tried(proof: SecretKeyProof) -> impl FnOnce(&mut Given) {
    move |given| given.observed.secret_key = proof
}

pub fn a_fresh_look_at_the_token() -> impl FnOnce(&mut Given) {
    |given| {
        given.remote().source = Source::Get;
        given.remote().seen_at = given.observed.clocks.local;
    }
}

pub fn the_token_differs_in(field: &'static str) -> impl FnOnce(&mut Given) {
    move |given| {
        given.remote().differs = vec![field.to_owned()];
        given.remote().hash = "v1:aaaa.bbbb".into();
    }
}

pub fn the_token_was_missed(since: Timestamp, confirmed: bool) -> impl FnOnce(&mut Given) {
    move |given| {
        given.observed.remote = Remote::Absent {
            confirmed,
            first: since,
        };
    }
}

/// LaunchDarkly shows the end of another key, first seen `age` ago.
pub fn the_token_was_reset_elsewhere(age: SignedDuration) -> impl FnOnce(&mut Given) {
    move |given| {
        given.remote().key_matches = Some(false);
        given.remote().mismatch_since = Some(ago(age));
    }
}

pub fn a_token_turns_up(n: usize, with_attempt: usize, used: bool) -> impl FnOnce(&mut Given) {
    move |given| {
        given.observed.found.push(FoundToken {
            id: token(n),
            attempt: attempt(with_attempt),
            creation_time: Some(ago(minutes(30))),
            last_used: used.then(|| ago(minutes(5))),
        });
    }
}

pub fn an_abandoned_attempt(n: usize) -> impl FnOnce(&mut Given) {
    move |given| {
        given.observed.record.abandoned.push(AbandonedAttempt {
            attempt: attempt(n),
            start_time: ago(minutes(31)),
        });
    }
}

pub fn the_object_is_being_deleted() -> impl FnOnce(&mut Given) {
    |given| {
        given.observed.deletion = Some(Deletion {
            requested_at: ago(seconds(5)),
            tried_since: ago(seconds(5)),
            policy: DeletionPolicy::Delete,
            skip_cleanup: false,
        });
    }
}

pub fn the_object_goes_and_leaves_its_token() -> impl FnOnce(&mut Given) {
    |given| {
        the_object_is_being_deleted()(given);
        given.observed.deletion.as_mut().unwrap().policy = DeletionPolicy::Retain;
    }
}
