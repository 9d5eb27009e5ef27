//! Anything that LaunchDarkly and the account may say.

use launchdarkly_token_operator::domain::account::budget::Hold;
use launchdarkly_token_operator::domain::ids::TokenId;
use launchdarkly_token_operator::domain::observed::{
    Account, AccountFacts, Admission, Feature, FoundToken, Observed, OwnToken, Remote, RemoteFacts,
    Source,
};
use launchdarkly_token_operator::domain::problem::Problem;
use launchdarkly_token_operator::domain::reason::Reason;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::{moment, mostly};
use crate::decide_properties::worlds::{Given, NOW, attempt, hours, token};

#[derive(Debug, Clone)]
pub struct Seen {
    account: Account,
    remote: Remote,
    listed_at: Option<jiff::Timestamp>,
    calls_ended_by: jiff::Timestamp,
    found: Vec<FoundToken>,
    delete_failed: Vec<TokenId>,
}

impl Seen {
    pub fn put(self, observed: &mut Observed) {
        observed.account = self.account;
        observed.remote = self.remote;
        observed.listed_at = self.listed_at;
        observed.calls_ended_by = self.calls_ended_by;
        observed.found = self.found;
        observed.delete_failed = self.delete_failed;
    }
}

pub fn any_remote(base: &Given) -> BoxedStrategy<Seen> {
    let settled = base.observed.remote.clone();
    (
        account(base),
        prop_oneof![1 => Just(settled.clone()), 2 => remote(&settled)],
        prop::option::weighted(0.8, moment()),
        moment().prop_map(|at| at.min(NOW)),
        mostly(Vec::new(), found()),
        mostly(Vec::new(), undeleted()),
    )
        .prop_map(
            |(account, remote, listed_at, calls_ended_by, found, delete_failed)| Seen {
                account,
                remote,
                listed_at,
                calls_ended_by,
                found,
                delete_failed,
            },
        )
        .boxed()
}

/// Tokens whose deletion failed, in any order.
fn undeleted() -> BoxedStrategy<Vec<TokenId>> {
    subsequence((20..23).map(token).collect::<Vec<_>>(), 1..=3)
        .prop_shuffle()
        .boxed()
}

fn account(base: &Given) -> BoxedStrategy<Account> {
    let Account::Usable(settled) = base.observed.account.clone() else {
        panic!("a settled world has an account");
    };
    let features = vec![
        Feature::Unknown,
        Feature::Available,
        Feature::Unavailable,
        Feature::Untried,
    ];
    let permits = vec![
        Admission::NeedsRoles,
        Admission::NeedsListing,
        Admission::NoRoom(Problem::user(
            Reason::NotAllowedByPolicy,
            "no token is free",
        )),
        Admission::Refused(Problem::user(
            Reason::NotAllowedByPolicy,
            "role admin is not allowed",
        )),
    ];
    let mut credentials = [0, 7, 20, 30].map(|n| OwnToken::Named(token(n))).to_vec();
    credentials.push(OwnToken::OneOf([token(0), token(20)].into()));
    credentials.push(OwnToken::Unlisted { since: NOW });
    let usable = (
        prop_oneof![9 => Just("account"), 1 => Just("other")],
        mostly(OwnToken::elsewhere(), select(credentials)),
        mostly(Admission::Granted, select(permits)),
        mostly(Feature::Available, select(features.clone())),
        mostly(Feature::Available, select(features)),
        mostly(None, Just(Some(Hold::Namespace))),
        mostly(None, Just(Some(hours(36)))),
    )
        .prop_map(
            move |(id, credential, admission, reset, expiry, held_by_budget, longest)| {
                Account::Usable(AccountFacts {
                    id: id.into(),
                    credential,
                    admission,
                    reset,
                    expiry,
                    longest_description: 300,
                    max_rotation_interval: longest,
                    held_by_budget,
                    ..settled.clone()
                })
            },
        );
    let unusable = any::<bool>().prop_map(|transient| {
        Account::Unusable(
            Problem::user(Reason::AccountNotReady, "no credential").passing_if(transient),
        )
    });
    prop_oneof![12 => usable, 1 => unusable].boxed()
}

fn remote(settled: &Remote) -> BoxedStrategy<Remote> {
    let Remote::Present(facts) = settled.clone() else {
        panic!("a settled world has a token");
    };
    let absent = (any::<bool>(), moment())
        .prop_map(|(confirmed, first)| Remote::Absent { confirmed, first });
    prop_oneof![
        1 => Just(Remote::Unknown),
        1 => absent,
        6 => present(*facts).prop_map(|facts| Remote::Present(Box::new(facts))),
    ]
    .boxed()
}

fn present(settled: RemoteFacts) -> BoxedStrategy<RemoteFacts> {
    let fields = vec![
        vec!["name".to_owned()],
        vec!["description".to_owned()],
        vec!["role".to_owned()],
        vec!["customRoles".to_owned(), "name".to_owned()],
        vec!["defaultApiVersion".to_owned()],
    ];
    (
        moment(),
        select(vec![Source::Listing, Source::Get, Source::Patch]),
        mostly(settled.hash.clone(), Just("v1:0000.1111".into())),
        mostly(Vec::new(), select(fields)),
        prop::bool::weighted(0.8),
        mostly(Some(true), select(vec![None, Some(false)])),
        prop::option::of(moment()),
    )
        .prop_map(
            move |(seen_at, source, hash, mut differs, marked, key_matches, since)| {
                if !marked && !differs.iter().any(|field| field == "description") {
                    differs.push("description".to_owned());
                }
                RemoteFacts {
                    seen_at,
                    source,
                    hash,
                    differs,
                    attempt: marked.then(|| attempt(3)),
                    key_matches,
                    mismatch_since: since.filter(|_| key_matches == Some(false)),
                    ..settled.clone()
                }
            },
        )
        .boxed()
}

fn found() -> BoxedStrategy<Vec<FoundToken>> {
    let one = (
        select(vec![1, 7, 8, 30]),
        1..12_usize,
        prop::option::of(moment()),
        prop::option::of(moment()),
    )
        .prop_map(|(n, with, creation_time, last_used)| FoundToken {
            id: token(n),
            attempt: attempt(with),
            creation_time,
            last_used,
        });
    prop::collection::vec(one, 0..3)
        .prop_map(|mut found| {
            found.sort_by(|a, b| a.id.cmp(&b.id));
            found.dedup_by(|a, b| a.id == b.id);
            found
        })
        .boxed()
}
