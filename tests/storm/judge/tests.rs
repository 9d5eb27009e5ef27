use super::*;
use crate::evidence::{Ask, AtRest, Call, Intent, Publication};

const UID: &str = "uid-1";

/// One object that was created, triggered by reset, triggered by replacement, and rests.
fn history() -> Evidence {
    let ask = |at, what| Ask {
        at,
        what,
        done: true,
    };
    let published = |at, key: &str| Publication {
        at,
        key: key.to_owned(),
    };
    let intent = |at, attempt: &str, resets: Option<&str>| Intent {
        at,
        attempt: attempt.to_owned(),
        why: String::new(),
        resets: resets.map(str::to_owned),
    };
    let life = Life {
        name: "storm/web".to_owned(),
        uid: UID.to_owned(),
        grace: 60_000,
        interval: None,
        asks: vec![
            ask(0, Wanted::Creation),
            ask(10_000, Wanted::Trigger),
            ask(20_000, Wanted::Trigger),
        ],
        publications: vec![
            published(1_000, "k1"),
            published(11_000, "k2"),
            published(21_000, "k3"),
        ],
        intents: vec![
            intent(500, "a1", None),
            intent(10_500, "a2", Some("t1")),
            intent(20_500, "a3", None),
        ],
        deletion_asked: None,
        gave_up: None,
        at_rest: Some(AtRest {
            unsettled: None,
            tokens: vec!["t1".to_owned(), "t2".to_owned()],
            key: Some("k3".to_owned()),
        }),
    };
    Evidence {
        lives: vec![life],
        tokens: vec![
            token("t1", &[("k1", 700, Some(76_000)), ("k2", 10_700, None)]),
            token("t2", &[("k3", 20_700, None)]),
        ],
        calls: vec![
            call(1_200, "k1", Answer::Accepted),
            call(21_200, "k3", Answer::Accepted),
        ],
        resets_sent: vec!["t1".to_owned()],
        secrets_left: Vec::new(),
        ended_at: 80_000,
    }
}

fn token(id: &str, keys: &[(&str, Millis, Option<Millis>)]) -> RemoteToken {
    RemoteToken {
        id: id.to_owned(),
        name: "storm/web".to_owned(),
        description: "[ldtokens …]".to_owned(),
        deleted: false,
        keys: keys
            .iter()
            .map(|(key, issued, died)| RemoteKey {
                key: (*key).to_owned(),
                issued: *issued,
                died: *died,
            })
            .collect(),
    }
}

fn call(at: Millis, key: &str, answer: Answer) -> Call {
    Call {
        at,
        uid: UID.to_owned(),
        key: key.to_owned(),
        current: true,
        answer,
    }
}

/// The complaints about the history after it was forged.
fn forged(forge: impl FnOnce(&mut Evidence)) -> Vec<String> {
    let mut evidence = history();
    forge(&mut evidence);
    judge(&evidence)
}

fn assert_one(complaints: &[String], about: &str) {
    assert_eq!(complaints.len(), 1, "{complaints:?}");
    assert!(complaints[0].contains(about), "{complaints:?}");
}

#[test]
fn a_history_without_fault_gives_no_reason_to_complain() {
    assert_eq!(forged(|_| ()), Vec::<String>::new());
}

#[test]
fn one_refused_call_is_found() {
    let complaints = forged(|evidence| evidence.calls.push(call(25_000, "k3", Answer::Refused)));
    assert_one(&complaints, "I2: refused");
}

#[test]
fn a_refused_call_with_a_key_in_its_grace_is_found() {
    let complaints = forged(|evidence| {
        let mut old = call(25_000, "k1", Answer::Refused);
        old.current = false;
        evidence.calls.push(old);
    });
    assert_one(&complaints, "I3: refused");
}

#[test]
fn a_refused_call_with_a_key_that_nobody_published_is_found() {
    let complaints = forged(|evidence| evidence.calls.push(call(25_000, "k9", Answer::Refused)));
    assert_one(&complaints, "I2: refused");
}

#[test]
fn a_revocation_excuses_a_refusal_once_the_successor_is_there_and_no_sooner() {
    let revoked = |refused_at: Millis| {
        forged(|evidence| {
            evidence.lives[0].asks[2].what = Wanted::Revocation;
            evidence.calls.push(call(refused_at, "k2", Answer::Refused));
        })
    };
    assert_eq!(revoked(21_500), Vec::<String>::new());
    assert_one(&revoked(18_500), "I2: refused");
}

#[test]
fn a_deletion_excuses_refusals_from_when_it_was_asked_for() {
    let deleted = |refused_at: Millis| {
        forged(|evidence| {
            let life = &mut evidence.lives[0];
            (life.deletion_asked, life.at_rest) = (Some(30_000), None);
            for token in &mut evidence.tokens {
                token.deleted = true;
            }
            evidence.calls.push(call(refused_at, "k3", Answer::Refused));
        })
    };
    assert_eq!(deleted(30_100), Vec::<String>::new());
    assert_one(&deleted(27_000), "I2: refused");
}

#[test]
fn a_key_that_dies_within_its_grace_is_found() {
    let complaints = forged(|evidence| evidence.tokens[0].keys[0].died = Some(60_000));
    assert_one(&complaints, "I3: key k1");
}

#[test]
fn a_key_that_dies_in_the_secret_is_found_at_rest_and_in_the_history() {
    let complaints = forged(|evidence| evidence.tokens[1].keys[0].died = Some(30_000));
    assert_eq!(complaints.len(), 2, "{complaints:?}");
    assert!(
        complaints[0].contains("I2: no working key"),
        "{complaints:?}"
    );
    assert!(complaints[1].contains("I3: key k3"), "{complaints:?}");
}

#[test]
fn one_leaked_token_is_found() {
    let mut complaints = forged(|evidence| {
        evidence.tokens.push(token("t3", &[("k9", 20_600, None)]));
        let mut intent = evidence.lives[0].intents[2].clone();
        intent.attempt = "a4".to_owned();
        evidence.lives[0].intents.push(intent);
    });
    assert_one(&complaints, "I1: leaked");
    // The same without an intent is also a create that nobody announced.
    complaints = forged(|evidence| evidence.tokens.push(token("t3", &[("k9", 20_600, None)])));
    assert_eq!(complaints.len(), 2, "{complaints:?}");
    assert!(complaints[1].contains("I5: a token"), "{complaints:?}");
}

#[test]
fn a_token_that_two_objects_answer_for_is_found() {
    let complaints = forged(|evidence| {
        let rest = evidence.lives[0].at_rest.as_mut();
        rest.unwrap().tokens.push("t1".to_owned());
    });
    assert_one(&complaints, "I1: leaked: 2 objects");
}

#[test]
fn a_token_that_a_status_names_and_nobody_has_is_found() {
    let complaints = forged(|evidence| {
        let rest = evidence.lives[0].at_rest.as_mut();
        rest.unwrap().tokens.push("t9".to_owned());
    });
    assert_one(&complaints, "which does not exist");
}

#[test]
fn a_secret_that_outlives_its_object_is_found() {
    let complaints = forged(|evidence| evidence.secrets_left.push("storm/web".to_owned()));
    assert_one(&complaints, "I1: Secret");
}

#[test]
fn one_double_rotation_is_found() {
    let complaints = forged(|evidence| {
        let life = &mut evidence.lives[0];
        life.publications.push(Publication {
            at: 23_000,
            key: "k4".to_owned(),
        });
        life.intents.push(Intent {
            at: 22_500,
            attempt: "a4".to_owned(),
            why: String::new(),
            resets: None,
        });
        let rest = life.at_rest.as_mut().unwrap();
        rest.tokens.push("t3".to_owned());
        rest.key = Some("k4".to_owned());
        evidence.tokens.push(token("t3", &[("k4", 22_700, None)]));
    });
    assert_one(&complaints, "I4: 2 changes");
}

#[test]
fn a_rotation_that_never_came_is_found() {
    let complaints = forged(|evidence| {
        let life = &mut evidence.lives[0];
        life.asks.push(Ask {
            at: 30_000,
            what: Wanted::Trigger,
            done: true,
        });
    });
    assert_one(&complaints, "I4: 0 changes");
}

#[test]
fn a_schedule_that_rotates_too_soon_or_not_at_all_is_found() {
    let scheduled = |third: Millis, ended_at: Millis| {
        forged(|evidence| {
            let life = &mut evidence.lives[0];
            life.interval = Some(60_000);
            life.publications[1].at = 58_000;
            life.publications[2].at = third;
            evidence.tokens[0].keys[0].died = None;
            evidence.ended_at = ended_at;
        })
    };
    assert_eq!(scheduled(115_000, 160_000), Vec::<String>::new());
    assert_one(
        &scheduled(90_000, 120_000),
        "I4: storm/web (uid-1) rotated twice",
    );
    assert_one(&scheduled(115_000, 300_000), "I4: storm/web (uid-1) missed");
}

#[test]
fn a_repeated_reset_is_found_even_when_only_the_first_was_handled() {
    let complaints = forged(|evidence| evidence.resets_sent.push("t1".to_owned()));
    assert_one(&complaints, "I5: token t1");
}

#[test]
fn a_reset_that_cuts_a_previous_key_off_is_found() {
    let complaints = forged(|evidence| {
        let mut intent = evidence.lives[0].intents[1].clone();
        intent.attempt = "a4".to_owned();
        evidence.lives[0].intents.push(intent);
        evidence.resets_sent.push("t1".to_owned());
        let third = ("k9", 70_000, None);
        evidence.tokens[0] = token(
            "t1",
            &[("k1", 700, Some(76_000)), ("k2", 10_700, None), third],
        );
    });
    assert_one(&complaints, "while a previous key was in its grace");
}

#[test]
fn a_user_who_waited_in_vain_is_heard() {
    let complaints = forged(|evidence| {
        let life = &mut evidence.lives[0];
        life.gave_up = Some("a new key".to_owned());
        life.asks[2].done = false;
    });
    assert_one(&complaints, "gave up: a new key");
}
