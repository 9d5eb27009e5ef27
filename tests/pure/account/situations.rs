//! What is decided in the situations that have names.

use std::fmt::Write as _;
use std::time::Duration;

use jiff::SignedDuration;
use launchdarkly_token_operator::domain::account::decide::CONCERNS;
use launchdarkly_token_operator::domain::account::handler::{
    ControllerRef, Handler, Rival, Unseen,
};
use launchdarkly_token_operator::domain::account::observed::{Awaited, Credential};
use launchdarkly_token_operator::domain::account::step::AccountStep;
use launchdarkly_token_operator::domain::ids::{AccountId, Fingerprint};
use launchdarkly_token_operator::domain::problem::Problem;
use launchdarkly_token_operator::domain::reason::Reason;

use super::{Given, RETRY_EVERY, behind, fresh, settled};

const MINUTE: SignedDuration = SignedDuration::from_mins(1);

/// A settled account at its next look.
fn looked_at() -> Given {
    let mut given = settled();
    given.next_look(MINUTE);
    given
}

fn refused(reason: Reason) -> Problem {
    Problem::user(reason, "no")
}

/// Which steps follow, by name, and how many seconds are waited then.
fn assert_steps(situation: &str, mut given: Given, steps: &str, wait: u64) {
    let (followed, waited) = given.follow();
    assert_eq!(followed.join(" "), steps, "{situation}");
    assert_eq!(waited, Duration::from_secs(wait), "{situation}");
}

#[test]
fn an_account_that_works_is_checked_once_and_kept_while_it_is_used() {
    let new = "ReadCredential CheckCredential Publish WriteStatus Rest";
    assert_steps("new", fresh(), new, 60);
    assert_steps("settled", looked_at(), "ReadCredential Rest", 60);
    let renewed = Given {
        secret: Ok(Fingerprint::of(b"api-2")),
        ..looked_at()
    };
    let checked = "ReadCredential CheckCredential Publish Rest";
    assert_steps("another key", renewed, checked, 60);
    let used = looked_at().but(|it| it.users = 1);
    assert_steps("first use", used, "ReadCredential AddFinalizer Rest", 60);
    let unused = looked_at().but(|it| it.held = true);
    let released = "ReadCredential RemoveFinalizer Rest";
    assert_steps("no users left", unused, released, 60);
}

/// I13: who makes or edits many accounts does not take LaunchDarkly's time from others.
#[test]
fn an_account_waits_for_its_turn_to_be_checked_and_says_what_is_so_meanwhile() {
    let mut given = fresh().but(|it| it.turn = None);
    given.turn = Some(SignedDuration::from_secs(7));
    let waits = "ReadCredential JoinLine Publish WriteStatus Hold";
    assert_steps("behind others", given.clone(), waits, 7);
    given.follow();
    given.next_look(SignedDuration::from_secs(7));
    let checked = "ReadCredential CheckCredential Publish WriteStatus Rest";
    assert_steps("its turn", given, checked, 60);
    let mut edited = looked_at().but(|it| (it.turn, it.generation) = (None, Some(2)));
    edited.turn = Some(SignedDuration::from_secs(7));
    let said = "ReadCredential WriteStatus Rest";
    assert_steps("another policy, the same credential", edited, said, 60);
}

#[test]
fn an_account_that_is_deleted_goes_after_its_users() {
    let used = looked_at().but(|it| (it.users, it.held, it.deleting) = (2, true, true));
    let said = "ReadCredential WriteStatus Rest";
    assert_steps("in use", used, said, 5);
    let unused = looked_at().but(|it| (it.deleting, it.held) = (true, true));
    assert_steps("without users", unused, "Forget Release", 60);
    let others = fresh().but(|it| it.deleting = true);
    assert_steps("held by others", others, "Rest", 60);
}

fn another(lease: Rival) -> Handler {
    let controller = ControllerRef {
        namespace: "operators".to_owned(),
        name: "other".to_owned(),
    };
    Handler::Another { controller, lease }
}

/// Also one that this installation held before, and whatever else there would be to do.
#[test]
fn an_account_that_another_installation_handles_is_left_alone_until_that_one_is_gone() {
    let busy = |handler: Handler| {
        looked_at().but(|it| (it.handler, it.users, it.deleting) = (handler, 0, true))
    };
    let other_class = busy(Handler::OtherClass).but(|it| it.held = true);
    assert_steps("another class", other_class, "LeaveAlone", 60);
    for (situation, rival, wait) in [
        (
            "it lives",
            Rival::Lives {
                patience: Duration::from_secs(330),
            },
            60,
        ),
        (
            "it is about to end",
            Rival::Lives {
                patience: Duration::from_secs(7),
            },
            7,
        ),
        ("nobody knows", Rival::Unreadable, 60),
    ] {
        let mut given = busy(another(Rival::Unread)).but(|it| it.held = true);
        given.rival = rival;
        assert_steps(situation, given, "ReadLease LeaveAlone", wait);
    }
    let mut left = looked_at().but(|it| (it.handler, it.users) = (another(Rival::Unread), 1));
    left.rival = Rival::Ended;
    let taken = "ReadLease Claim ReadCredential AddFinalizer Rest";
    assert_steps("it ended", left, taken, 60);
}

#[test]
fn an_account_is_claimed_before_anything_else_is_done_with_it() {
    let new = fresh().but(|it| it.handler = Handler::Nobody);
    let steps = "Claim ReadCredential CheckCredential Publish WriteStatus Rest";
    assert_steps("new", new, steps, 60);
    let goes = fresh().but(|it| (it.handler, it.deleting) = (Handler::Nobody, true));
    assert_steps("about to go", goes, "Rest", 60);
}

/// I11: who sees some namespaces only does not know who uses an account of the whole cluster.
#[test]
fn a_finalizer_stays_while_the_account_is_used_where_this_process_does_not_look() {
    for (elsewhere, steps) in [
        (
            Unseen::Counted(0),
            "CountUsers ReadCredential RemoveFinalizer Rest",
        ),
        (Unseen::Counted(2), "CountUsers ReadCredential Rest"),
        (Unseen::Unknown, "CountUsers ReadCredential Rest"),
    ] {
        let mut given = looked_at().but(|it| (it.held, it.unseen) = (true, Unseen::Uncounted));
        given.elsewhere = elsewhere;
        assert_steps(&format!("{elsewhere:?}"), given.clone(), steps, 60);
        let deleted = given.but(|it| it.deleting = true);
        let (steps, wait) = match elsewhere {
            Unseen::Counted(0) => ("CountUsers Forget Release", 60),
            _ => ("CountUsers ReadCredential WriteStatus Rest", 5),
        };
        assert_steps(&format!("deleted, {elsewhere:?}"), deleted, steps, wait);
    }
    let used = looked_at().but(|it| (it.held, it.users, it.unseen) = (true, 1, Unseen::Uncounted));
    assert_steps("used here", used, "ReadCredential Rest", 60);
}

#[test]
fn what_is_missing_of_a_new_account_is_looked_for_every_two_seconds() {
    let without = |reason, awaited| {
        let mut given = fresh().but(|it| it.awaited = awaited);
        given.secret = Err(refused(reason));
        given
    };
    let (secret, right) = (Reason::CredentialMissing, Reason::SecretAccessDenied);
    for (reason, awaited, wait) in [
        (secret, Awaited::Secret, 2),
        (secret, Awaited::SecretAndRight, 2),
        (secret, Awaited::Nothing, 60),
        (right, Awaited::SecretAndRight, 2),
        (right, Awaited::Secret, 60),
        (right, Awaited::Nothing, 60),
    ] {
        let situation = format!("{reason} {awaited:?}");
        let steps = "ReadCredential Publish WriteStatus Hold";
        assert_steps(&situation, without(reason, awaited), steps, wait);
    }
}

#[test]
fn no_secret_is_read_for_a_spec_that_may_not_use_it() {
    let mistaken = Given {
        desired: Err(refused(Reason::InvalidSpec)),
        ..fresh()
    };
    let said = "Publish WriteStatus Hold";
    assert_steps("mistakes", mistaken, said, 60);
    let host = refused(Reason::HostNotAllowed);
    let elsewhere = fresh().but(|it| it.credential = Credential::Unusable(host));
    assert_steps("host", elsewhere, said, 60);
}

#[test]
fn a_credential_that_does_not_work_is_asked_about_once_an_interval() {
    let mut given = looked_at();
    given.secret = Ok(Fingerprint::of(b"api-2"));
    given.answer = Err(refused(Reason::CredentialRejected));
    let (steps, _) = given.follow();
    assert!(steps.contains(&"CheckCredential"));
    let mut asked = 0;
    for _ in 0..20 {
        given.next_look(MINUTE);
        // Nor does a call that was refused with it help: that is known.
        given.observed.known.as_mut().unwrap().doubt();
        asked += given
            .follow()
            .0
            .iter()
            .filter(|step| **step == "CheckCredential")
            .count();
    }
    assert_eq!(asked, 4);
}

#[test]
fn a_credential_in_doubt_is_asked_about_at_once_and_not_given_up_for_an_outage() {
    let mut given = looked_at();
    given.answer = Err(Problem::retry(Reason::LaunchDarklyUnavailable, "no"));
    given.observed.known.as_mut().unwrap().doubt();
    let (steps, _) = given.follow();
    assert_eq!(
        steps,
        ["ReadCredential", "CheckCredential", "Publish", "Rest"]
    );
    given.answer = Err(refused(Reason::CredentialRejected));
    given.observed.known.as_mut().unwrap().doubt();
    let (steps, _) = given.follow();
    assert_eq!(steps, ["CheckCredential", "Publish", "WriteStatus", "Hold"]);
}

/// I10: also where the status was bound to another account after the credential was checked, as by a restored backup.
#[test]
fn a_credential_of_another_account_than_the_pinned_one_is_never_offered() {
    let bound = looked_at().but(|it| it.pinned = Some(AccountId::from("other")));
    let mut fresh = fresh().but(|it| it.pinned = Some(AccountId::from("569f")));
    fresh.answer = Ok(behind("other"));
    for mut given in [bound, fresh] {
        let pinned = given.observed.pinned.clone();
        let (steps, _) = given.follow();
        assert_eq!(steps.last(), Some(&"Hold"));
        let standing = given.observed.offered.unwrap().standing;
        assert_eq!(standing.unwrap_err().reason, Reason::AccountMismatch);
        assert_eq!(given.observed.pinned, pinned);
    }
}

/// I9: who cannot say what may be asked for lets nobody ask; who could goes on.
#[test]
fn a_spec_with_mistakes_opens_nothing_and_keeps_what_was_allowed() {
    let mistake = || Err(refused(Reason::InvalidSpec));
    let mut new = Given {
        desired: mistake(),
        ..fresh()
    };
    new.follow();
    let offer = new.observed.offered.unwrap();
    assert_eq!(offer.policy.max_tokens, Some(0));
    assert!(offer.allowed_namespaces.is_some());
    let mut edited = looked_at();
    let before = edited.observed.offered.clone().unwrap();
    edited.desired = mistake();
    edited.follow();
    let after = edited.observed.offered.unwrap();
    assert!(after.standing.is_err());
    assert_eq!(after.policy, before.policy);
}

#[test]
fn a_step_shows_nothing_of_a_key() {
    let mut given = fresh();
    let mut shown = String::new();
    loop {
        let step = given.decides();
        write!(shown, "{step:?}").unwrap();
        if given.take(step).is_some() {
            break;
        }
    }
    assert!(shown.contains("fingerprint") && !shown.contains("api-1"));
}

#[test]
fn every_concern_has_a_name_and_says_when_it_speaks() {
    let names: Vec<_> = CONCERNS.iter().map(|concern| concern.name).collect();
    assert_eq!(names.first(), Some(&"leave_alone"));
    assert_eq!(names.last(), Some(&"write_status"));
    assert!(CONCERNS.iter().all(|concern| !concern.says.is_empty()));
}

/// Time alone is no reason to write (I8).
#[test]
fn a_settled_account_is_left_alone_however_long_it_is() {
    let mut given = settled();
    for _ in 0..100 {
        given.next_look(RETRY_EVERY);
        let (steps, _) = given.follow();
        assert_eq!(steps, ["ReadCredential", "Rest"]);
        assert!(matches!(given.decides(), AccountStep::Rest { .. }));
    }
}
