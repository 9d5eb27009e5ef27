//! Anything that may be where a Secret belongs, and anything that may be in hand for it.

use launchdarkly_token_operator::domain::ids::Fingerprint;
use launchdarkly_token_operator::domain::observed::{Observed, PendingCall, Proof, SecretKeyProof};
use launchdarkly_token_operator::domain::problem::Problem;
use launchdarkly_token_operator::domain::reason::Reason;
use launchdarkly_token_operator::domain::secret::{Arrangement, Marks, SecretFacts, SecretState};
use proptest::prelude::*;
use proptest::sample::select;

use super::{moment, mostly};
use crate::decide_properties::worlds::{Given, attempt, hours, key, token, trigger};

#[derive(Debug, Clone)]
pub struct Secrets {
    secret: SecretState,
    former: SecretState,
    key: SecretKeyProof,
    call: PendingCall,
}

impl Secrets {
    pub fn put(self, observed: &mut Observed) {
        observed.secret = self.secret;
        observed.former_secret = self.former;
        observed.secret_key = self.key;
        observed.call = self.call;
    }
}

pub fn any_secrets(base: &Given) -> BoxedStrategy<Secrets> {
    let settled = base.observed.secret.clone();
    let proofs = vec![
        SecretKeyProof::Unasked,
        SecretKeyProof::Accepted,
        SecretKeyProof::Rejected,
    ];
    (
        prop_oneof![3 => Just(settled.clone()), 2 => any_state(&settled)],
        prop_oneof![3 => Just(SecretState::Absent), 1 => Just(settled.clone()), 1 => any_state(&settled)],
        select(proofs),
        hand(base),
    )
        .prop_map(|(secret, former, key, call)| Secrets {
            secret,
            former,
            key,
            call,
        }).boxed()
}

fn any_state(settled: &SecretState) -> BoxedStrategy<SecretState> {
    let SecretState::Ours(facts) = settled.clone() else {
        panic!("a settled world has a Secret");
    };
    prop_oneof![
        1 => Just(SecretState::Absent),
        1 => select(vec![None, Some("team-a/other".to_owned())])
            .prop_map(|owner| SecretState::Foreign { owner }),
        1 => any::<bool>().prop_map(|transient| SecretState::Unreadable(Problem::user(Reason::SecretAccessDenied, "no right to read Secrets").passing_if(transient))),
        5 => ours(*facts).prop_map(|facts| SecretState::Ours(Box::new(facts))),
    ]
    .boxed()
}

fn fingerprint() -> BoxedStrategy<Option<Fingerprint>> {
    prop_oneof![
        3 => (0..3_usize).prop_map(|n| Some(key(n))),
        1 => Just(None),
    ]
    .boxed()
}

fn ours(settled: SecretFacts) -> BoxedStrategy<SecretFacts> {
    let marks = (
        mostly(
            Some(token(0)),
            select(vec![None, Some(token(1)), Some(token(20)), Some(token(7))]),
        ),
        mostly(
            Some("account".into()),
            select(vec![None, Some("other".into())]),
        ),
        select(vec![
            None,
            Some(attempt(0)),
            Some(attempt(1)),
            Some(attempt(2)),
        ]),
        prop::option::weighted(0.9, moment()),
        prop::option::of(moment()),
        mostly(Vec::new(), Just(vec![trigger("a")])),
        prop::option::of((0..3_usize).prop_map(attempt)),
        prop::bool::weighted(0.8),
    );
    (
        marks,
        fingerprint(),
        prop::bool::weighted(0.8),
        mostly(None, Just(Some(key(5)))),
        prop::bool::weighted(0.8),
        mostly(settled.uid.clone(), Just("secret-1".into())),
        moment(),
    )
        .prop_map(
            move |(marks, key, consistent, previous, intact, uid, ends)| {
                let (token_id, account_id, attempt, rotated_at, expires, handled, fence, same) =
                    marks;
                SecretFacts {
                    uid,
                    version: settled.version.clone(),
                    marks: Marks {
                        owner_uid: if same {
                            settled.marks.owner_uid.clone()
                        } else {
                            "99999999-2222-4333-8444-555555555555".into()
                        },
                        token_id,
                        account_id,
                        attempt,
                        fingerprint: if consistent {
                            key.clone()
                        } else {
                            Some(crate::decide_properties::worlds::key(6))
                        },
                        rotated_at,
                        previous_expires_at: expires,
                        handled,
                        retiring: vec![(crate::decide_properties::worlds::token(8), ends)],
                        fence,
                    },
                    key,
                    previous,
                    intact,
                }
            },
        )
        .boxed()
}

fn hand(base: &Given) -> BoxedStrategy<PendingCall> {
    let desired = base.desired().clone();
    let arrangement = Box::new(Arrangement {
        layout: desired.secret.clone(),
        grace: desired.rotation.grace,
    });
    let hash = desired.settings.hash();
    let proofs = vec![
        Proof::Unasked,
        Proof::Accepted,
        Proof::OtherOwner,
        Proof::Rejected,
        Proof::Unavailable,
    ];
    let held = (select(proofs), moment()).prop_map({
        let arrangement = arrangement.clone();
        move |(proof, since)| PendingCall::Held {
            arrangement: arrangement.clone(),
            token_id: token(1),
            fingerprint: key(1),
            creation_time: Some(since),
            observed_hash: hash.clone(),
            differs: Vec::new(),
            previous_key_expiration_time: Some(since + hours(7)),
            since,
            proof,
        }
    });
    prop_oneof![
        2 => Just(PendingCall::Empty),
        2 => Just(PendingCall::Armed(arrangement.clone())),
        1 => Just(PendingCall::Refused(arrangement)),
        3 => held,
    ]
    .boxed()
}
