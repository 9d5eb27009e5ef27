//! What is decided in the situations that have names.

use std::time::Duration;

use jiff::SignedDuration;
use launchdarkly_token_operator::domain::account::decide::CONCERNS;
use launchdarkly_token_operator::domain::account::observed::Credential;
use launchdarkly_token_operator::domain::account::step::AccountStep;
use launchdarkly_token_operator::domain::ids::{AccountId, Fingerprint};
use launchdarkly_token_operator::domain::problem::Problem;
use launchdarkly_token_operator::domain::reason::Reason;

use super::{Given, RETRY_EVERY, behind, fresh, settled};

const MINUTE: SignedDuration = SignedDuration::from_mins(1);

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn follows(mut given: Given) -> (Vec<&'static str>, Duration) {
    given.follow()
}

/// A settled account at its next look.
fn looked_at() -> Given {
    let mut given = settled();
    given.next_look(MINUTE);
    given
}

fn refused(reason: Reason) -> Problem {
    Problem::user(reason, "no")
}

#[test]
fn situations_are_followed_by_these_steps() {
    let in_use = || looked_at().but(|it| (it.users, it.held) = (2, true));
    let renewed = || Given {
        secret: Ok(Fingerprint::of(b"api-2")),
        ..looked_at()
    };
    let missing = |is_new| {
        let mut given = fresh().but(|it| it.is_new = is_new);
        given.secret = Err(refused(Reason::CredentialMissing));
        given
    };
    let denied = |by_consent| {
        let mut given = fresh().but(|it| it.by_consent = by_consent);
        given.secret = Err(refused(Reason::SecretAccessDenied));
        given
    };
    let mistaken = Given {
        desired: Err(refused(Reason::InvalidSpec)),
        ..fresh()
    };
    let host = Problem::user(Reason::HostNotAllowed, "no");
    let elsewhere = fresh().but(|it| it.credential = Credential::Unusable(host));
    let read_and_check = &["ReadCredential", "CheckCredential", "Publish"][..];
    let just_read = &["ReadCredential"][..];
    for (situation, given, before, after, wait) in [
        (
            "new",
            fresh(),
            read_and_check,
            &["WriteStatus", "Rest"][..],
            60,
        ),
        ("settled", looked_at(), just_read, &["Rest"], 60),
        ("another key", renewed(), read_and_check, &["Rest"], 60),
        (
            "first use",
            looked_at().but(|it| it.users = 1),
            just_read,
            &["AddFinalizer", "Rest"],
            60,
        ),
        (
            "no users left",
            looked_at().but(|it| it.held = true),
            just_read,
            &["RemoveFinalizer", "Rest"],
            60,
        ),
        (
            "deleted in use",
            in_use().but(|it| it.deleting = true),
            just_read,
            &["WriteStatus", "Rest"],
            5,
        ),
        (
            "deleted without users",
            looked_at().but(|it| (it.deleting, it.held) = (true, true)),
            &["Forget"],
            &["Release"],
            60,
        ),
        (
            "deleted, held by others",
            fresh().but(|it| it.deleting = true),
            &[],
            &["Rest"],
            60,
        ),
        (
            "no Secret yet",
            missing(true),
            just_read,
            &["Publish", "WriteStatus", "Hold"],
            2,
        ),
        (
            "no Secret",
            missing(false),
            just_read,
            &["Publish", "WriteStatus", "Hold"],
            60,
        ),
        (
            "no right yet",
            denied(true),
            just_read,
            &["Publish", "WriteStatus", "Hold"],
            2,
        ),
        (
            "no right",
            denied(false),
            just_read,
            &["Publish", "WriteStatus", "Hold"],
            60,
        ),
        (
            "a spec with mistakes",
            mistaken,
            &[],
            &["Publish", "WriteStatus", "Hold"],
            60,
        ),
        (
            "a host that is not allowed",
            elsewhere,
            &[],
            &["Publish", "WriteStatus", "Hold"],
            60,
        ),
    ] {
        let expected = [before, after].concat();
        assert_eq!(follows(given), (expected, seconds(wait)), "{situation}");
    }
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
        shown += &format!("{step:?}");
        if given.take(step).is_some() {
            break;
        }
    }
    assert!(shown.contains("fingerprint") && !shown.contains("api-1"));
}

#[test]
fn every_concern_has_a_name_and_says_when_it_speaks() {
    let names: Vec<_> = CONCERNS.iter().map(|concern| concern.name).collect();
    assert_eq!(names.first(), Some(&"let_go"));
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
