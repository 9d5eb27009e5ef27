//! What is remembered, and what is made of it.

mod ends;
mod hashes;
mod parts;

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;

use super::*;
use crate::domain::desired::{DriftPolicy, Rotation, Strategy};
use crate::domain::ids::{RequestHash, RequestHashing};
use crate::domain::marker::Hold;
use crate::domain::observed::{Proof, Retry, Roles, Source};
use crate::domain::reason::Reason;
use crate::domain::record::{Intent, PendingOperation, TokenRecord};
use crate::domain::secret::{Arrangement, Marks, SecretFacts, SecretLayout};
use crate::domain::settings::{BaseRole, Grant};
use crate::domain::step::StepKind;
use crate::domain::time::plus;

const SETTLE: SignedDuration = SignedDuration::from_secs(60);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Shown {
    id: TokenId,
    description: String,
}

fn shown(description: &str) -> Shown {
    Shown {
        id: "token-1".into(),
        description: description.to_owned(),
    }
}

impl ShownToken for Shown {
    fn id(&self) -> &TokenId {
        &self.id
    }

    fn marker(&self) -> Option<Marker> {
        Some(Marker {
            installation: "0a1b2c3d".into(),
            object: "uid-1".into(),
            hold: Hold::Attempt("attempt1".into()),
        })
    }

    fn creation_time(&self) -> Option<Timestamp> {
        None
    }

    fn expiry(&self) -> Option<Timestamp> {
        None
    }

    fn last_used(&self) -> Option<Timestamp> {
        None
    }

    fn custom_role_ids(&self) -> Vec<String> {
        Vec::new()
    }

    fn settings_hash(&self, _: bool) -> SettingsHash {
        settings(&self.description).hash()
    }

    fn differs_from(&self, desired: &TokenSettings) -> Vec<&'static str> {
        let differs = self.description != desired.description;
        differs.then_some("description").into_iter().collect()
    }
}

struct Listing {
    at: Timestamp,
    tokens: Vec<Shown>,
}

impl ShownListing<Shown> for Listing {
    fn start_time(&self) -> Timestamp {
        self.at
    }

    fn token(&self, id: &TokenId) -> Option<&Shown> {
        self.tokens.iter().find(|token| token.id == *id)
    }

    fn marked_for<'a>(&'a self, _: &ObjectUid) -> impl Iterator<Item = &'a Shown>
    where
        Shown: 'a,
    {
        self.tokens()
    }

    fn tokens<'a>(&'a self) -> impl Iterator<Item = &'a Shown>
    where
        Shown: 'a,
    {
        self.tokens.iter()
    }
}

fn at(seconds: i64) -> Timestamp {
    plus(Timestamp::UNIX_EPOCH, SignedDuration::from_secs(seconds))
}

fn settings(description: &str) -> TokenSettings {
    TokenSettings {
        name: "web".into(),
        description: description.into(),
        service_token: true,
        grant: Grant::Role(BaseRole::Reader),
        default_api_version: None,
    }
}

fn desired() -> Desired {
    Desired {
        settings: settings("desired"),
        secret: SecretLayout {
            name: "web".into(),
            ..SecretLayout::default()
        },
        rotation: Rotation {
            strategy: Strategy::Reset,
            interval: None,
            grace: SignedDuration::from_hours(1),
            triggers: Vec::new(),
            revokes: Vec::new(),
        },
        drift_policy: DriftPolicy::Correct,
        suspend: false,
    }
}

/// An object whose token and key were made at the beginning, looked at some seconds later.
fn read(seconds: i64) -> Surroundings {
    let mut record = Record {
        token: Some(TokenRecord {
            id: "token-1".into(),
            name: "web".into(),
            spec_hash: settings("desired").hash(),
            observed_hash: None,
            differs: Vec::new(),
            creation_time: Some(at(0)),
        }),
        ..Record::default()
    };
    record.rotation.last = Some(at(0));
    Surroundings {
        claims: std::collections::BTreeSet::new(),
        layout: None,
        revokes: Vec::new(),
        cut_offs: Vec::new(),
        former: FormerHashes::default(),
        identity: Identity {
            uid: "uid-1".into(),
            namespace: "team-a".into(),
            name: "web".into(),
        },
        generation: 1,
        finalizer: true,
        deletion: None,
        namespace_terminating: false,
        record,
        account: Account::Unusable(Problem::retry(Reason::AccountNotReady, "not asked")),
        secret: SecretState::Ours(Box::new(SecretFacts {
            uid: "secret-1".into(),
            version: "1".into(),
            marks: Marks::default(),
            key: Some("v1:key".into()),
            previous: None,
            intact: true,
        })),
        former_secret: SecretState::Absent,
        kept_key: None,
        clocks: Clocks {
            local: at(seconds),
            remote: at(seconds),
            remote_earliest: at(seconds),
            remote_latest: at(seconds),
            steady: at(seconds),
        },
        timing: Timing {
            settle: SETTLE,
            lease: SignedDuration::from_secs(30),
            publication_margin: SignedDuration::from_mins(5),
            give_up: SignedDuration::from_mins(10),
            give_up_transient: SignedDuration::from_hours(24),
        },
        holder: "operator-1".into(),
        nonce: "nonce001".into(),
    }
}

fn remote(memory: &Memory<Shown>, seconds: i64, listing: Option<&Listing>) -> Remote {
    let desired = Ok(desired());
    memory
        .observed(&desired, read(seconds), listing, |_| Some(true))
        .remote
}

fn seen(remote: Remote) -> (Timestamp, Source) {
    match remote {
        Remote::Present(facts) => (facts.seen_at, facts.source),
        other => panic!("not seen: {other:?}"),
    }
}

fn listing(seconds: i64, tokens: &[&str]) -> Listing {
    Listing {
        at: at(seconds),
        tokens: tokens
            .iter()
            .map(|description| shown(description))
            .collect(),
    }
}

#[test]
fn the_newest_of_look_and_listing_counts() {
    let mut memory = Memory::default();
    assert_eq!(remote(&memory, 100, None), Remote::Unknown);
    memory.token.note_look(shown("desired"), at(100));
    let older = listing(90, &["other"]);
    assert_eq!(
        seen(remote(&memory, 110, Some(&older))),
        (at(100), Source::Get)
    );
    let newer = listing(105, &["other"]);
    assert_eq!(
        seen(remote(&memory, 110, Some(&newer))),
        (at(105), Source::Listing)
    );
}

#[test]
fn a_listing_that_began_before_our_own_change_does_not_count() {
    let mut memory = Memory::default();
    memory
        .token
        .note_patch(shown("desired"), at(100), Some(desired().settings.hash()));
    let stale = listing(100, &["other"]);
    assert_eq!(
        seen(remote(&memory, 110, Some(&stale))),
        (at(100), Source::Patch)
    );
}

#[test]
fn the_answer_to_a_patch_that_asked_for_other_settings_is_a_look_like_any_other() {
    let mut memory = Memory::default();
    memory
        .token
        .note_patch(shown("desired"), at(100), Some(settings("earlier").hash()));
    assert_eq!(seen(remote(&memory, 110, None)), (at(100), Source::Get));
}

#[test]
fn an_absence_is_confirmed_by_a_second_one_a_settle_time_later() {
    let mut memory = Memory::<Shown>::default();
    let confirmed = |memory: &Memory<Shown>| match remote(memory, 500, None) {
        Remote::Absent { confirmed, first } => (confirmed, first),
        other => panic!("{other:?}"),
    };
    memory
        .token
        .note_absence(&"token-1".into(), at(400), SETTLE);
    memory
        .token
        .note_absence(&"token-1".into(), at(459), SETTLE);
    assert_eq!(confirmed(&memory), (false, at(400)));
    memory
        .token
        .note_absence(&"token-1".into(), at(460), SETTLE);
    assert_eq!(confirmed(&memory), (true, at(400)));
    let again = listing(470, &["desired"]);
    assert_eq!(
        seen(remote(&memory, 500, Some(&again))),
        (at(470), Source::Listing)
    );
}

#[test]
fn a_listing_without_the_token_counts_only_where_it_had_to_show_it() {
    let memory = Memory::<Shown>::default();
    let other = |seconds| Listing {
        at: at(seconds),
        tokens: vec![Shown {
            id: "token-2".into(),
            description: String::new(),
        }],
    };
    assert_eq!(remote(&memory, 100, Some(&other(59))), Remote::Unknown);
    assert_eq!(
        remote(&memory, 100, Some(&listing(90, &[]))),
        Remote::Unknown
    );
    assert_eq!(
        remote(&memory, 100, Some(&other(60))),
        Remote::Absent {
            confirmed: false,
            first: at(0)
        }
    );
}

#[test]
fn a_mismatch_is_dated_by_the_first_look_that_showed_it_and_forgotten_with_a_match() {
    let mut memory = Memory::default();
    let mut since = |seconds, matches| {
        memory.token.note_look(shown("desired"), at(seconds));
        let desired = Ok(desired());
        let observed = memory.observed(&desired, read(seconds), None::<&Listing>, |_| matches);
        memory.keep_up_with(&observed, None::<&Listing>);
        match observed.remote {
            Remote::Present(facts) => facts.mismatch_since,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(since(100, Some(false)), Some(at(100)));
    assert_eq!(since(200, Some(false)), Some(at(100)));
    assert_eq!(since(300, Some(true)), None);
    assert_eq!(since(400, Some(false)), Some(at(400)));
}

#[test]
fn tokens_that_are_neither_recorded_nor_listed_are_forgotten() {
    let mut memory = Memory::default();
    let ids = ["token-1", "token-2", "token-3"].map(TokenId::from);
    memory.token.gone = ids.iter().map(|id| (id.clone(), at(90))).collect();
    memory.token.life_limited.extend(ids.clone());
    let second = Listing {
        at: at(90),
        tokens: vec![Shown {
            id: ids[1].clone(),
            description: String::new(),
        }],
    };
    let observed = memory.observed(&Ok(desired()), read(100), Some(&second), |_| None);
    memory.keep_up_with(&observed, Some(&second));
    let gone: Vec<_> = memory.token.gone.keys().cloned().collect();
    assert_eq!(gone, ids[..2]);
    assert_eq!(memory.token.life_limited, BTreeSet::from([ids[0].clone()]));
}

/// I1: an answer that says that a token is deleted is no proof for ever.
#[test]
fn a_token_that_is_listed_a_settle_time_after_its_deletion_lives() {
    let mut memory = Memory::default();
    memory.token.note_gone("token-2".into(), at(100));
    let mut gone_after = |seconds: i64| {
        let listing = Listing {
            at: at(seconds),
            tokens: vec![Shown {
                id: "token-2".into(),
                description: String::new(),
            }],
        };
        let observed = memory.observed(&Ok(desired()), read(200), Some(&listing), |_| None);
        memory.keep_up_with(&observed, Some(&listing));
        memory.token.gone.len()
    };
    assert_eq!(gone_after(130), 1);
    assert_eq!(gone_after(161), 0);
}
