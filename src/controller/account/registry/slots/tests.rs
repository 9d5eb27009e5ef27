use std::collections::HashSet;

use jiff::Timestamp;

use super::super::tests::{object_1, session, uid};
use super::*;
use crate::controller::account::registry::{Availability, Entry, Session};
use crate::domain::cause::Cause;
use crate::domain::ids::AccountMark;
use crate::domain::marker::{Hold, Marker};
use crate::domain::record::{Record, RetiringToken};
use crate::launchdarkly::{HttpClient, Listing, Token};
use crate::redaction::Key;

/// The accounts of three tenants and of the operator's namespace, which lead to one at LaunchDarkly.
fn shared() -> (Accounts<HttpClient>, Session<HttpClient>) {
    let accounts = Accounts::<HttpClient>::new("0a1b2c3d".into());
    let session = session(&accounts);
    for key in [of("team-a"), of("team-b"), of("operator")] {
        let policy = AccountPolicy {
            max_tokens: Some(5),
            ..AccountPolicy::open()
        };
        let entry = Entry {
            state: Availability::Usable(session.clone()),
            policy,
            allowed_namespaces: None,
        };
        accounts.put(&key, &uid("1"), entry);
    }
    (accounts, session)
}

fn of(namespace: &str) -> AccountKey {
    AccountKey::Namespaced {
        namespace: namespace.to_owned(),
        name: "default".to_owned(),
    }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn listed(id: &str, retained_for: Option<AccountMark>) -> Token {
    let marker = Marker {
        installation: "0a1b2c3d".into(),
        object: "11111111-2222-4333-8444-555555555555".into(),
        hold: Hold::Retained(retained_for),
    };
    Token {
        id: TokenId::new(id),
        name: String::new(),
        description: marker.render(),
        service_token: true,
        role: None,
        custom_role_ids: Vec::new(),
        inline_role: Vec::new(),
        default_api_version: None,
        creation_time: None,
        last_used: None,
        expiry: None,
        last_four: None,
    }
}

/// An object that answers for a token and so many that retire.
fn retiring(count: usize) -> Record {
    let mut record = Record::default();
    record.retiring.extend((0..count).map(|n| RetiringToken {
        token_id: TokenId::new(format!("retiring-{n}")),
        cause: Cause::Schedule,
        retirement_time: at(0),
    }));
    record
}

#[test]
fn what_a_deletion_keeps_takes_room_as_long_as_it_is_there_i9() {
    let (accounts, session) = shared();
    let (mine, object) = (of("team-a"), object_1());
    let retained = TokenId::new("retained");
    accounts.retain_token(&mine, &retained, at(10));
    accounts.leave_behind(&mine, &[TokenId::new("left")], at(10));
    assert_eq!(accounts.tokens(&mine), 2);
    assert_eq!(accounts.tokens(&of("team-b")), 0, "those of others");
    // A listing that began before shows neither; one that began later knows both.
    let keep = |tokens, begun| {
        let listing = Listing::new(tokens, at(begun));
        session.state.listings().keep(&session.key, listing);
        let in_use = HashSet::from([session.key.clone()]);
        session.state.compare_kept(&session.key, &in_use);
    };
    keep(vec![], 9);
    assert_eq!(accounts.tokens(&mine), 2);
    keep(
        vec![
            listed("retained", Some(mine.mark(&accounts.installation))),
            listed("left", None),
            listed("of-b", Some(of("team-b").mark(&accounts.installation))),
            listed("of-another-cluster", Some(mine.mark(&"99999999".into()))),
        ],
        11,
    );
    assert_eq!(accounts.tokens(&mine), 2);
    assert_eq!(accounts.tokens(&of("team-b")), 1);
    // One that an object answers for counts with it alone.
    assert!(accounts.claims.take(&retained, &object));
    accounts.occupy(&mine, &object, Usage::of(&retiring(3)));
    assert_eq!(accounts.tokens(&mine), 4);
    let policy = accounts.get(&mine).unwrap().policy.clone();
    let next = |n| Identity {
        uid: ObjectUid::new(format!("next-{n}")),
        ..object_1()
    };
    assert_eq!(accounts.reserve(&mine, &next(1), &policy), Ok(true));
    assert!(accounts.reserve(&mine, &next(2), &policy).is_err());
    assert!(accounts.has_room(&mine, &next(2).uid, &policy).is_err());
    assert_eq!(accounts.has_room(&mine, &next(1).uid, &policy), Ok(()));
    keep(
        vec![listed("retained", Some(mine.mark(&accounts.installation)))],
        12,
    );
    assert_eq!(accounts.reserve(&mine, &next(2), &policy), Ok(true));
}

#[test]
fn who_makes_an_account_full_or_frees_a_place_has_it_say_so() {
    let (accounts, _) = shared();
    let mine = of("team-a");
    accounts.occupy(&mine, &object_1(), Usage::default());
    let mut signals = accounts.signals();
    let mut signalled = |count| {
        accounts.occupy(&mine, &object_1(), Usage::of(&retiring(count)));
        signals.try_recv().is_ok()
    };
    assert!(!signalled(4), "not yet");
    assert!(signalled(5));
    assert!(!signalled(6), "still");
    assert!(signalled(2));
}

#[test]
fn a_tenant_does_not_learn_of_tokens_that_others_made_i1() {
    let (accounts, session) = shared();
    let state = &session.state;
    let (mine, own) = (of("team-a"), "operator");
    let (left, forsaken, old) = (
        TokenId::new("left"),
        TokenId::new("forsaken"),
        TokenId::new("old"),
    );
    accounts.leave_behind(&mine, std::slice::from_ref(&left), at(1));
    // Its finalizer was taken off by hand.
    let object = object_1();
    assert!(accounts.claims.take(&forsaken, &object));
    accounts.occupy(&mine, &object, Usage::default());
    accounts.release(&object.uid, at(1));
    for begun in [2, 3] {
        let suspects = [forsaken.clone(), old.clone()].into();
        state.suspect_orphans(suspects, at(begun));
    }
    let told = |namespace| {
        let key = of(namespace);
        let orphans = state.orphans(&key, own).unwrap();
        (state.left_behind(&key), orphans)
    };
    assert_eq!(told("team-a"), ([left].into(), [forsaken].into()));
    assert_eq!(told("team-b"), ([].into(), [].into()));
    assert_eq!(told("operator"), ([].into(), [old].into()));
    assert_eq!(state.all_orphans(), Some(2));
}

#[test]
fn what_one_credential_cannot_see_is_not_gone_for_another_i13() {
    let (accounts, session) = shared();
    let state = &session.state;
    let other = Key::from_bytes(b"api-2").unwrap().fingerprint();
    let mine = of("team-a");
    for (token, why) in [("left", Why::LeftBehind), ("retained", Why::Retained)] {
        state.keep(why, (&mine, &session.key), &[TokenId::new(token)], at(1));
    }
    let in_use = HashSet::from([session.key.clone(), other.clone()]);
    state
        .listings()
        .keep(&other, Listing::new(Vec::new(), at(2)));
    state.compare_kept(&other, &in_use);
    assert_eq!(accounts.tokens(&mine), 2);
    assert!(accounts.has_kept(&mine), "so that it is listed on");
    // Its own listing tells, or another one once it is not used any more.
    state.compare_kept(&other, &HashSet::from([other.clone()]));
    assert!(!accounts.has_kept(&mine));
}

#[test]
fn a_finalizer_that_is_taken_off_frees_no_place_i9() {
    let (accounts, session) = shared();
    let (mine, object) = (of("team-a"), object_1());
    let token = TokenId::new("forsaken");
    assert!(accounts.claims.take(&token, &object));
    accounts.occupy(&mine, &object, Usage::default());
    accounts.retain(&HashSet::new(), at(1));
    assert_eq!((accounts.users(&mine), accounts.tokens(&mine)), (0, 1));
    let listing = Listing::new(Vec::new(), at(2));
    session.state.listings().keep(&session.key, listing);
    let in_use = HashSet::from([session.key.clone()]);
    session.state.compare_kept(&session.key, &in_use);
    assert_eq!(accounts.tokens(&mine), 0, "deleted by hand");
}
