use std::collections::HashSet;

use jiff::Timestamp;

use super::*;
use crate::clock::SystemClock;
use crate::controller::account::users::Usage;
use crate::domain::ids::{ObjectUid, TokenId};
use crate::domain::policy::AccountPolicy;
use crate::domain::problem::Problem;
use crate::domain::reason::Reason;
use crate::domain::record::Identity;
use crate::gate::AlwaysOpen;
use crate::launchdarkly::{
    AccountLimiter, AllowedHosts, Endpoint, HttpClient, LimiterOptions, Options,
};
use crate::redaction::Key;

pub(super) fn session(accounts: &Accounts<HttpClient>) -> Session<HttpClient> {
    let hosts = AllowedHosts::new(["127.0.0.1:1".parse().unwrap()]);
    let endpoint = Endpoint::parse("http://127.0.0.1:1", None, &hosts).unwrap();
    let key = Key::from_bytes(b"api-1").unwrap();
    let managing_key = key.clone();
    let fingerprint = key.fingerprint();
    let line = AccountLimiter::new(
        LimiterOptions::default(),
        Arc::new(()),
        Arc::new(SystemClock),
    );
    let options = Options::default();
    let account_id = AccountId::from("account");
    Session {
        api: HttpClient::new(endpoint, key, None, line, options, Arc::new(AlwaysOpen)).unwrap(),
        state: accounts.account_state("127.0.0.1:1", &account_id),
        account_id,
        credential: CredentialToken::Named(TokenId::new("61095542756dba551110ae20")),
        key: fingerprint,
        managing_key,
    }
}

fn closed<L>(state: Availability<L>) -> Entry<L> {
    Entry {
        state,
        policy: AccountPolicy::closed(),
        allowed_namespaces: None,
    }
}

fn account(name: &str) -> AccountKey {
    AccountKey::Namespaced {
        namespace: "team-a".into(),
        name: name.into(),
    }
}

pub(super) fn object_1() -> Identity {
    Identity {
        uid: ObjectUid::from("object-1"),
        namespace: "team-a".to_owned(),
        name: "object-1".to_owned(),
    }
}

pub(super) fn uid(name: &str) -> AccountUid {
    AccountUid::new(format!("uid-of-{name}"))
}

#[test]
fn accounts_that_are_gone_are_forgotten_unless_objects_refer_to_them() {
    let accounts = Accounts::<HttpClient>::new("0a1b2c3d".into());
    let unusable = Availability::Unusable {
        problem: Problem::user(Reason::AccountNotReady, ""),
        own_reason: Reason::CredentialRejected,
        last: None,
    };
    for (name, state) in [
        ("used", Availability::Usable(session(&accounts))),
        ("unused", Availability::Usable(session(&accounts))),
        ("unusable", unusable),
        ("there", Availability::Usable(session(&accounts))),
    ] {
        accounts.put(&account(name), &uid(name), closed(state));
        accounts.note_shown(&account(name), &uid(name));
    }
    accounts.occupy(&account("used"), &object_1(), Usage::default());

    accounts.retire_gone(|key, _| *key == account("there"));

    assert!(accounts.get(&account("unused")).is_none());
    assert!(accounts.get(&account("unusable")).is_none());
    let state = |name| accounts.get(&account(name)).unwrap().state.clone();
    assert!(matches!(
        state("used"),
        Availability::Unusable { last: Some(_), .. }
    ));
    assert!(matches!(state("there"), Availability::Usable(_)));

    accounts.retain(&HashSet::new(), Timestamp::MIN);
    accounts.retire_gone(|key, _| *key == account("there"));
    assert!(accounts.get(&account("used")).is_none());
    assert_eq!(accounts.all().len(), 1);
}

#[test]
fn an_object_that_no_cache_has_shown_yet_is_not_gone() {
    let accounts = Accounts::<HttpClient>::new("0a1b2c3d".into());
    let usable = Availability::Usable(session(&accounts));
    accounts.put(&account("web"), &uid("web"), closed(usable));
    accounts.retire_gone(|_, _| false);
    assert!(accounts.get(&account("web")).is_some());
}

#[test]
fn another_object_of_the_name_replaces_all_but_the_users() {
    let accounts = Accounts::<HttpClient>::new("0a1b2c3d".into());
    let key = account("web");
    let before = session(&accounts);
    let usable = Availability::Usable(before.clone());
    accounts.put(&key, &uid("1"), closed(usable));
    accounts.note_shown(&key, &uid("1"));
    accounts.occupy(&key, &object_1(), Usage::default());
    assert_eq!(before.state.objects(), 1);

    let problem = Problem::user(Reason::CredentialMissing, "");
    let offer = Offer {
        standing: Err(problem),
        policy: AccountPolicy::open(),
        allowed_namespaces: None,
    };
    accounts.publish(&key, &uid("2"), offer);

    let state = accounts.get(&key).unwrap().state.clone();
    assert!(matches!(state, Availability::Unusable { last: None, .. }));
    assert_eq!(accounts.users(&key), 1);
    assert_eq!(before.state.objects(), 0);
    accounts.forget(&key, &uid("1"));
    assert!(accounts.get(&key).is_some());
    // The new one was not shown yet.
    accounts.retire_gone(|_, _| false);
    accounts.forget(&key, &uid("2"));
    assert!(accounts.get(&key).is_none());
    assert_eq!(accounts.users(&key), 1);
}

#[test]
fn an_object_made_again_finds_nothing_of_its_predecessor_but_the_users() {
    let accounts = Accounts::<HttpClient>::new("0a1b2c3d".into());
    let key = account("web");
    let usable = Availability::Usable(session(&accounts));
    accounts.put(&key, &uid("1"), closed(usable));
    accounts.occupy(&key, &object_1(), Usage::default());
    accounts.meet(&key, &uid("1"));
    assert!(accounts.get(&key).is_some());
    accounts.meet(&key, &uid("2"));
    assert!(accounts.get(&key).is_none());
    assert!(accounts.all().is_empty());
    assert_eq!(accounts.users(&key), 1);
}

#[test]
fn an_object_that_a_read_does_not_find_is_gone_whatever_a_cache_showed() {
    let accounts = Accounts::<HttpClient>::new("0a1b2c3d".into());
    for name in ["used", "unused"] {
        let usable = Availability::Usable(session(&accounts));
        accounts.put(&account(name), &uid(name), closed(usable));
    }
    accounts.occupy(&account("used"), &object_1(), Usage::default());
    accounts.retire(&account("used"));
    accounts.retire(&account("unused"));
    accounts.retire(&account("never-there"));
    let used = accounts.get(&account("used")).unwrap().state.clone();
    assert!(matches!(used, Availability::Unusable { last: Some(_), .. }));
    assert_eq!(accounts.all().len(), 1);
}

#[test]
fn an_object_that_came_and_went_between_two_looks_of_a_cache_is_read_and_forgotten() {
    let accounts = Accounts::<HttpClient>::new("0a1b2c3d".into());
    for name in ["used", "unused", "late"] {
        let usable = Availability::Usable(session(&accounts));
        accounts.put(&account(name), &uid(name), closed(usable));
    }
    accounts.occupy(&account("used"), &object_1(), Usage::default());
    assert_eq!(accounts.unseen().len(), 3);
    accounts.note_shown(&account("late"), &uid("late"));
    // One that has its name by now is not meant.
    accounts.retire_object(&account("late"), &uid("another"));
    for name in ["used", "unused"] {
        accounts.retire_object(&account(name), &uid(name));
    }
    assert_eq!(accounts.unseen(), []);
    let state = |name| accounts.get(&account(name)).map(|it| it.state.clone());
    assert!(matches!(state("late"), Some(Availability::Usable(_))));
    assert!(state("unused").is_none());
    assert!(matches!(
        state("used"),
        Some(Availability::Unusable { last: Some(_), .. })
    ));
    // It goes with its last user, as one that a cache has shown.
    accounts.release(&ObjectUid::from("object-1"), Timestamp::MIN);
    accounts.retire_gone(|key, _| *key == account("late"));
    assert_eq!(accounts.all().len(), 1);
}

#[test]
fn an_account_that_is_left_to_others_is_looked_for_until_it_is_gone() {
    let accounts = Accounts::<HttpClient>::new("0a1b2c3d".into());
    let rival = ControllerRef {
        namespace: "elsewhere".to_owned(),
        name: "operator".to_owned(),
    };
    accounts.leave(&account("class"), &uid("class"), None);
    accounts.leave(&account("rival"), &uid("rival"), Some(rival));
    let mut unseen = accounts.unseen();
    unseen.sort_by_key(|it| it.key.clone());
    let keys = ["class", "rival"].map(account);
    assert!(unseen.iter().map(|it| &it.key).eq(&keys), "{unseen:?}");
    for key in &keys {
        accounts.forget_left(key);
    }
    assert_eq!(accounts.unseen(), []);
    assert_eq!(accounts.left_to_rivals(), 0);
    assert!(!accounts.is_left(&account("class")) && accounts.is_left(&account("rival")));
}
