//! `given(a spec).and(a situation).takes(steps)`.

use std::collections::BTreeSet;

use launchdarkly_token_operator::domain::decide::{decide, record_at_rest};
use launchdarkly_token_operator::domain::desired::Desired;
use launchdarkly_token_operator::domain::observed::{
    Account, AccountFacts, Admission, Feature, Observed, OwnToken, PendingCall, Remote,
    RemoteFacts, Roles, SecretKeyProof, Source,
};
use launchdarkly_token_operator::domain::problem::Problem;
use launchdarkly_token_operator::domain::record::{
    Identity, Record, RotationRecord, SecretRecord, TokenRecord,
};
use launchdarkly_token_operator::domain::secret::{Marks, SecretFacts, SecretState};
use launchdarkly_token_operator::domain::step::{Step, StepKind, WaitStep};
use launchdarkly_token_operator::domain::time::Clocks;

use super::follow;
use super::names::{ME, NOW, TIMING, ago, attempt, hours, key, minutes, token};
use super::token::DesiredToken;

/// A spec and the world it meets.
#[derive(Debug, Clone)]
pub struct Given {
    pub desired: Result<Desired, Problem>,
    pub observed: Observed,
}

/// The spec in a settled world: token 0 was made for it two hours ago, Secret and record agree.
pub fn given(desired: DesiredToken) -> Given {
    let observed = settled(&desired.0);
    Given {
        desired: Ok(desired.0),
        observed,
    }
}

fn marks_of_a_publication(last: jiff::Timestamp) -> Marks {
    Marks {
        owner_uid: "11111111-2222-4333-8444-555555555555".into(),
        token_id: Some(token(0)),
        account_id: Some("account".into()),
        attempt: Some(attempt(0)),
        fingerprint: Some(key(0)),
        rotated_at: Some(last),
        previous_expires_at: None,
        handled: Vec::new(),
        retiring: Vec::new(),
        fence: None,
    }
}

/// The world in which everything is as `desired` says.
pub fn settled(desired: &Desired) -> Observed {
    let last = ago(hours(2));
    let marks = marks_of_a_publication(last);
    Observed {
        identity: Identity {
            uid: "11111111-2222-4333-8444-555555555555".into(),
            namespace: "team-a".into(),
            name: "web".into(),
        },
        generation: 1,
        finalizer: true,
        deletion: None,
        namespace_terminating: false,
        record: Record {
            observed_generation: Some(1),
            account_id: Some("account".into()),
            token: Some(TokenRecord {
                id: token(0),
                name: desired.settings.name.clone(),
                spec_hash: desired.settings.hash(),
                observed_hash: Some(desired.settings.hash()),
                differs: Vec::new(),
                creation_time: Some(last),
            }),
            secret: Some(SecretRecord {
                name: desired.secret.name.clone(),
                uid: "secret-0".into(),
                fingerprint: key(0),
                proven: true,
            }),
            rotation: RotationRecord {
                last: Some(last),
                next: None,
                previous_key_expiration_time: None,
                grace: Some(desired.rotation.grace),
                handled: Vec::new(),
            },
            ..Record::default()
        },
        account: Account::Usable(AccountFacts {
            id: "account".into(),
            credential: OwnToken::elsewhere(),
            installation: "0a1b2c3d".into(),
            admission: Admission::Granted,
            reset: Feature::Available,
            expiry: Feature::Available,
            longest_description: 300,
            max_rotation_interval: None,
            held_by_budget: None,
        }),
        secret: SecretState::Ours(Box::new(SecretFacts {
            uid: "secret-0".into(),
            version: "1".into(),
            marks,
            key: Some(key(0)),
            previous: None,
            intact: true,
        })),
        former_secret: SecretState::Absent,
        call: PendingCall::Empty,
        remote: Remote::Present(Box::new(RemoteFacts {
            seen_at: ago(minutes(4)),
            source: Source::Listing,
            hash: desired.settings.hash(),
            differs: Vec::new(),
            attempt: Some(attempt(0)),
            key_matches: Some(true),
            mismatch_since: None,
            expiry: None,
            creation_time: Some(last),
        })),
        secret_key: SecretKeyProof::Unasked,
        secret_key_asked_at: None,
        listed_at: Some(ago(minutes(4))),
        calls_ended_by: ago(hours(1)),
        resets_refused: 0,
        kept_key: None,
        found: Vec::new(),
        claims: BTreeSet::new(),
        layout: Some(desired.secret.clone()),
        revokes: Vec::new(),
        cut_offs: Vec::new(),
        gone: BTreeSet::new(),
        delete_failed: Vec::new(),
        revoked_keys: Vec::new(),
        keys_ended: BTreeSet::new(),
        life_limited: BTreeSet::new(),
        end_refused: BTreeSet::new(),
        roles: Roles::Resolved(Vec::new()),
        roles_seen_at: Some(NOW),
        claimed_by: None,
        retries: Vec::new(),
        clocks: Clocks::agreeing(NOW),
        timing: TIMING,
        holder: ME.into(),
        nonce: attempt(100),
    }
}

impl Given {
    /// Adds to the situation.
    pub fn and(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    /// The user changes the spec; the world stays as it is.
    pub fn but_desired(mut self, desired: DesiredToken) -> Self {
        self.desired = Ok(desired.0);
        self.observed.generation += 1;
        self
    }

    /// What is written down once nothing more is done now.
    pub fn record_at_rest(&self) -> Record {
        record_at_rest(&self.desired, &self.observed)
    }

    /// The next step.
    pub fn decides(&self) -> Step {
        decide(&self.desired, &self.observed)
    }

    /// The next steps, each of which works, as far as the world shows it.
    #[track_caller]
    pub fn takes(mut self, kinds: &[StepKind]) -> Self {
        let mut taken = Vec::new();
        for kind in kinds {
            let step = self.decides();
            taken.push(step.kind());
            assert_eq!(
                step.kind(),
                *kind,
                "after {taken:?} comes {step:?}\nin {:#?}",
                self.observed
            );
            follow::carry_out(&mut self.observed, &step);
        }
        self
    }

    /// Nothing is to be done now; whatever is due comes later.
    #[track_caller]
    pub fn and_rests(self) -> Self {
        let step = self.decides();
        let Step::Wait(WaitStep::Rest { until }) = &step else {
            panic!("not at rest: {step:?}\nin {:#?}", self.observed);
        };
        assert!(
            until.is_none_or(|until| until >= self.observed.clocks.local),
            "{step:?}"
        );
        self
    }

    /// Nothing can be done before something changes.
    #[track_caller]
    pub fn and_holds(self, reason: launchdarkly_token_operator::domain::reason::Reason) -> Self {
        let step = self.decides();
        let Step::Wait(WaitStep::Hold { problem, .. }) = &step else {
            panic!("no hold: {step:?}");
        };
        assert_eq!(problem.reason, reason, "{step:?}");
        self
    }

    /// The record's account, Secret and so on, for judging the end of a story.
    pub fn record(&self) -> &Record {
        &self.observed.record
    }
}
