//! What holds of every decision, whatever is observed of an account.

use std::time::Duration;

use jiff::SignedDuration;
use launchdarkly_token_operator::domain::account::finding::{Access, Behind, Finding};
use launchdarkly_token_operator::domain::account::handler::{
    ControllerRef, Handler, Rival, Unseen,
};
use launchdarkly_token_operator::domain::account::observed::{Awaited, Credential};
use launchdarkly_token_operator::domain::account::offer::Offer;
use launchdarkly_token_operator::domain::account::step::AccountStep;
use launchdarkly_token_operator::domain::ids::{AccountId, Fingerprint};
use launchdarkly_token_operator::domain::policy::AccountPolicy;
use launchdarkly_token_operator::domain::problem::{Problem, Recovery};
use launchdarkly_token_operator::domain::reason::Reason;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, RngSeed, TestRunner};

use super::{Given, behind, desired, facts, fresh, noon};

fn problem() -> impl Strategy<Value = Problem> {
    let reasons = [
        Reason::CredentialMissing,
        Reason::CredentialRejected,
        Reason::SecretAccessDenied,
        Reason::HostNotAllowed,
        Reason::InvalidSpec,
        Reason::AccountMismatch,
        Reason::LaunchDarklyUnavailable,
    ];
    let recoveries = [Recovery::Retry, Recovery::User, Recovery::Never];
    (select(reasons.to_vec()), select(recoveries.to_vec())).prop_map(|(reason, recovery)| Problem {
        reason,
        message: "no".to_owned(),
        recovery,
    })
}

fn fingerprint() -> impl Strategy<Value = Fingerprint> {
    select(vec!["api-1", "api-2"]).prop_map(|key| Fingerprint::of(key.as_bytes()))
}

fn account() -> impl Strategy<Value = Behind> {
    select(vec!["569f", "other"]).prop_map(behind)
}

/// What was asked with: mostly what the spec of [`fresh`] says.
fn access() -> impl Strategy<Value = Access> {
    let urls = [
        "https://app.launchdarkly.com",
        "https://app.launchdarkly.us",
    ];
    (
        select(urls.to_vec()),
        prop::option::weighted(0.3, Just("PEM".to_owned())),
        fingerprint(),
    )
        .prop_map(|(api_url, ca_bundle, fingerprint)| Access {
            api_url: api_url.to_owned(),
            ca_bundle,
            fingerprint,
        })
}

fn finding() -> impl Strategy<Value = Finding> {
    let minutes = prop::option::weighted(0.8, -20..=20_i64);
    let result = prop_oneof![account().prop_map(Ok), problem().prop_map(Err)];
    (access(), minutes, result).prop_map(|(access, minutes, result)| Finding {
        access,
        checked_at: minutes.map(|minutes| noon() + SignedDuration::from_mins(minutes)),
        result,
    })
}

fn offer() -> impl Strategy<Value = Offer> {
    let standing = prop_oneof![finding().prop_map(Ok), problem().prop_map(Err)];
    standing.prop_map(|standing| Offer {
        standing,
        policy: AccountPolicy::open(),
        allowed_namespaces: None,
    })
}

/// Which installation handles it, what its Lease shows, and what is known of users that are not seen.
fn others() -> impl Strategy<Value = (Handler, Rival, Unseen, Unseen)> {
    let another = |lease| Handler::Another {
        controller: ControllerRef::default(),
        lease,
    };
    let lives = Rival::Lives {
        patience: Duration::from_secs(90),
    };
    let rivals = [Rival::Unreadable, lives, Rival::Ended];
    let handler = prop_oneof![
        6 => Just(Handler::Us),
        1 => Just(Handler::Nobody),
        1 => Just(Handler::OtherClass),
        2 => Just(another(Rival::Unread)),
    ];
    let counted = [Unseen::Counted(0), Unseen::Counted(1), Unseen::Unknown];
    let unseen = select(vec![Unseen::None, Unseen::Uncounted]);
    (
        handler,
        select(rivals.to_vec()),
        unseen,
        select(counted.to_vec()),
    )
}

/// Any account at all, also one that no process ever saw.
fn any_account() -> impl Strategy<Value = Given> {
    let flags = (any::<bool>(), any::<bool>());
    let awaited = select(vec![
        Awaited::Nothing,
        Awaited::Secret,
        Awaited::SecretAndRight,
    ]);
    let spec = prop_oneof![
        4 => (1..=2_i64, any::<bool>()).prop_map(Ok),
        1 => problem().prop_map(Err),
    ];
    let secret = prop_oneof![3 => fingerprint().prop_map(Ok), 1 => problem().prop_map(Err)];
    let answer = prop_oneof![account().prop_map(Ok), problem().prop_map(Err)];
    let remembered = (
        prop::option::of(finding()),
        prop::option::of(offer()),
        prop::option::of(select(vec!["569f", "other"])),
        0..=2_usize,
        prop::option::of((0..=90_i64).prop_map(SignedDuration::from_secs)),
    );
    (flags, awaited, spec, secret, answer, remembered, others()).prop_map(
        |(flags, awaited, spec, secret, answer, (known, offered, pinned, users, turn), others)| {
            let (handler, rival, unseen, elsewhere) = others;
            let mut given = fresh().but(|it| {
                (it.handler, it.unseen) = (handler, unseen);
                ((it.deleting, it.held), it.awaited) = (flags, awaited);
                it.users = users;
                it.turn = turn.is_none().then(noon);
                it.pinned = pinned.map(AccountId::from);
                it.behind = known
                    .as_ref()
                    .and_then(|known| known.result.as_ref().ok())
                    .map(|_| facts());
                (it.known, it.offered) = (known, offered);
            });
            given.desired = spec.map(|(generation, bundle)| {
                given.observed.generation = Some(generation);
                let mut desired = desired();
                desired.ca_bundle = bundle.then(|| "PEM".to_owned());
                desired
            });
            given.turn = turn;
            given.secret = secret;
            given.answer = answer;
            (given.rival, given.elsewhere) = (rival, elsewhere);
            given
        },
    )
}

/// The same accounts in every run; `PROPTEST_CASES` and `PROPTEST_RNG_SEED` ask for more, and for others.
///
/// Each step is shown with the account that it was decided on, until the account comes to rest, and through three more looks.
fn on_every_step(holds: impl Fn(&Given, &AccountStep) -> Result<(), TestCaseError>) {
    let given = Config::default();
    let config = Config {
        cases: given.cases.max(2_000),
        rng_seed: match given.rng_seed {
            RngSeed::Random => RngSeed::Fixed(20_261_129),
            seed @ RngSeed::Fixed(_) => seed,
        },
        failure_persistence: None,
        ..given
    };
    let outcome = TestRunner::new(config).run(&any_account(), |mut given| {
        for _ in 0..4 {
            for round in 0.. {
                prop_assert!(round < 10, "it never comes to rest");
                let step = given.decides();
                prop_assert_eq!(&step, &given.decides());
                holds(&given, &step)?;
                if given.take(step).is_some() {
                    break;
                }
            }
            given.next_look(SignedDuration::from_mins(2));
        }
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
}

#[test]
fn every_account_comes_to_rest_by_the_same_steps_each_time() {
    on_every_step(|_, _| Ok(()));
}

/// I11: tokens are deleted with the credential of their account.
#[test]
fn no_account_is_let_go_or_forgotten_while_access_tokens_use_it() {
    on_every_step(|given, step| {
        let lets_go = matches!(
            step,
            AccountStep::RemoveFinalizer | AccountStep::Release | AccountStep::Forget
        );
        prop_assert!(!(lets_go && given.observed.is_used()));
        let counted = given.observed.unseen != Unseen::Uncounted;
        prop_assert!(!lets_go || counted || !given.observed.held);
        Ok(())
    });
}

/// Two installations that write to one account undo each other's work.
#[test]
fn of_an_account_that_another_installation_handles_only_its_lease_is_read() {
    on_every_step(|given, step| {
        let theirs = match &given.observed.handler {
            Handler::OtherClass => true,
            Handler::Another { lease, .. } => *lease != Rival::Ended,
            Handler::Us | Handler::Nobody => false,
        };
        let harmless = matches!(
            step,
            AccountStep::ReadLease | AccountStep::LeaveAlone { .. }
        );
        prop_assert_eq!(theirs, harmless);
        let ours = given.observed.handler == Handler::Us;
        let writes = matches!(
            step,
            AccountStep::AddFinalizer
                | AccountStep::RemoveFinalizer
                | AccountStep::Release
                | AccountStep::WriteStatus(_)
                | AccountStep::Publish(_)
        );
        prop_assert!(ours || !writes);
        Ok(())
    });
}

/// I10: with exactly what was checked, and only in the pinned account.
#[test]
fn what_is_offered_was_checked_at_this_address_with_these_authorities_and_this_key() {
    on_every_step(|given, step| {
        let AccountStep::Publish(offer) = step else {
            return Ok(());
        };
        let Ok(finding) = &offer.standing else {
            return Ok(());
        };
        let read = Credential::Read(finding.access.clone());
        prop_assert_eq!(&given.observed.credential, &read);
        let now = given.access(given.secret.as_ref().unwrap());
        prop_assert_eq!(Some(&finding.access), now.as_ref());
        let account = &finding.result.as_ref().unwrap().account_id;
        let pinned = given.observed.pinned.as_ref();
        prop_assert!(pinned.is_none_or(|pinned| pinned == account));
        Ok(())
    });
}

/// I10: and a status that is bound stays bound.
#[test]
fn no_status_is_bound_to_another_account_than_before() {
    on_every_step(|given, step| {
        if let AccountStep::WriteStatus(report) = step
            && let (Some(behind), Some(pinned)) = (&report.behind, &given.observed.pinned)
        {
            prop_assert_eq!(&behind.account_id, pinned);
        }
        Ok(())
    });
}

/// I13: nothing is asked twice about a credential that does not work before an interval has passed, nor about one that does.
#[test]
fn a_credential_is_asked_about_only_when_there_is_something_to_learn() {
    on_every_step(|given, step| {
        let AccountStep::CheckCredential { access } = step else {
            return Ok(());
        };
        let observed = &given.observed;
        let known = observed.known.as_ref();
        if let Some(known) = known.filter(|known| known.access == **access) {
            let waited = known.checked_at.is_none_or(|at| {
                let waited = observed.now.duration_since(at).abs() >= observed.retry_every;
                waited && known.result.is_err()
            });
            prop_assert!(waited);
        }
        prop_assert!(given.desired.is_ok());
        prop_assert!(observed.turn.is_some_and(|turn| turn <= observed.now));
        Ok(())
    });
}

/// I12: at rest, status and offer say the same, and a problem is in both.
#[test]
fn what_is_waited_for_is_what_is_said() {
    on_every_step(|given, step| {
        let observed = &given.observed;
        let problem = match step {
            AccountStep::Hold { problem, .. } => Some(problem),
            AccountStep::Rest { .. } if observed.is_used() || !observed.deleting => None,
            _ => return Ok(()),
        };
        let told = observed.told.as_ref().unwrap();
        let offered = observed.offered.as_ref().unwrap();
        prop_assert_eq!(offered.standing.as_ref().err(), problem);
        prop_assert_eq!(told.ready, problem.is_none());
        prop_assert_eq!(told.generation, observed.generation);
        Ok(())
    });
}
