//! A leaked key ends, or it is said what keeps it alive.

use launchdarkly_token_operator::domain::cause::Cause;
use launchdarkly_token_operator::domain::observed::{Feature, Proof, Remote, Roles};
use launchdarkly_token_operator::domain::problem::Problem;
use launchdarkly_token_operator::domain::reason::Reason;
use launchdarkly_token_operator::domain::record::PendingOperation;
use launchdarkly_token_operator::domain::secret::SecretState;
use launchdarkly_token_operator::domain::step::{CallStep, Step, StepKind as K, WaitStep};

use crate::decide_properties::worlds::*;

const REPLACE: [K; 5] = [
    K::RecordIntent,
    K::CreateToken,
    K::ProveKey,
    K::PublishKey,
    K::RecordPublication,
];

const RESET: [K; 5] = [
    K::RecordIntent,
    K::ResetKey,
    K::ProveKey,
    K::PublishKey,
    K::RecordPublication,
];

/// Something that is in the way.
type Obstacle = fn(Given) -> Given;

#[test]
fn a_revocation_cuts_the_old_token_at_once_whatever_the_clocks_say() {
    for offset in [-3600, 0, 3600] {
        given(a_token().revoked_by("leak"))
            .and(the_remote_clock_is_off_by(offset))
            .takes(&REPLACE)
            .takes(&[K::DeleteToken, K::RecordRetirement])
            .and_rests();
    }
}

#[test]
fn a_revocation_handles_a_waiting_trigger_too() {
    given(a_token().revoked_by("leak").triggered_by("audit"))
        .takes(&REPLACE)
        .takes(&[K::DeleteToken, K::RecordRetirement])
        .and_rests();
}

#[test]
fn a_revocation_works_on_a_suspended_object() {
    given(a_token().suspended().revoked_by("leak")).takes(&REPLACE);
}

#[test]
fn a_revocation_spares_the_operator_s_own_credential() {
    given(a_token().revoked_by("leak"))
        .and(retiring_tokens(1, ahead(hours(3))))
        .and(the_credential_is_token(20))
        .takes(&REPLACE);
}

#[test]
fn a_revocation_overtakes_a_call_that_was_not_made() {
    given(a_token().triggered_by("audit").revoked_by("leak"))
        .and(an_intent_to(PendingOperation::Create, Cause::Trigger))
        .takes(&[K::ForgetIntent])
        .takes(&REPLACE);
}

#[test]
fn a_revocation_without_room_for_a_token_resets() {
    let end = given(a_token().revoked_by("leak"))
        .and(a_failed(K::CreateToken, true))
        .takes(&[
            K::RecordIntent,
            K::ResetKey,
            K::ProveKey,
            K::PublishKey,
            K::RecordPublication,
        ])
        .and_rests();
    assert!(end.record().has_key_in_grace());
}

#[test]
fn i4_a_revocation_whose_reset_was_lost_goes_on_with_one_new_key() {
    let end = given(a_token().revoked_by("leak"))
        .and(a_reset_without_an_answer())
        .and(|given| {
            let pending = given.observed.record.pending.as_mut().unwrap();
            pending.cause = Cause::Revoke;
            pending.handles = vec![revoke("leak")];
        })
        .takes(&[K::FenceSecret])
        .takes(&[K::RecordIntent]);
    // Whether the reset ended the leaked key is unknown: until the new one is published, nothing is done.
    assert!(!end.record().rotation.handled.contains(&revoke("leak")));
    let end = end.takes(&REPLACE[1..]);
    assert!(end.record().has_handled(&revoke("leak")));
    assert_eq!(end.record().history[0].cause, Cause::Revoke);
    end.takes(&[K::DeleteToken, K::RecordRetirement]);
}

#[test]
fn a_revocation_does_not_wait_for_a_token_that_cannot_be_deleted() {
    given(a_token().revoked_by("leak"))
        .and(retiring_tokens(1, ahead(hours(3))))
        .and(no_retiring_token_can_be_deleted(false))
        .takes(&[K::RecordIntent, K::CreateToken]);
}

#[test]
fn a_revocation_may_reset_before_anybody_tried_whether_previous_keys_live_on() {
    for reset in [Feature::Unknown, Feature::Untried] {
        given(a_token().revoked_by("leak"))
            .and(reset_is(reset))
            .and(a_failed(K::CreateToken, true))
            .takes(&[K::RecordIntent, K::ResetKey]);
    }
}

#[test]
fn a_revocation_kills_what_could_not_be_deleted_before_it_too() {
    let end = given(a_token().revoked_by("leak"))
        .and(retiring_tokens(1, ahead(hours(3))))
        .and(no_retiring_token_can_be_deleted(false))
        .takes(&REPLACE);
    let retiring = &end.record().retiring;
    assert_eq!(retiring.len(), 2);
    assert!(retiring.iter().all(|r| r.cause == Cause::Revoke));
}

/// What keeps another token from being made has the key reset, whatever is known of resets and whatever is in its grace.
#[test]
fn i9_and_i15_where_no_token_may_be_made_a_revocation_resets() {
    let obstacles: [(&str, Obstacle); 4] = [
        ("policy", |world| world.and(the_policy_refuses())),
        ("role gone", |world| {
            world.and(|given| given.observed.roles = Roles::Missing("deploy".into()))
        }),
        ("limit", |world| world.and(a_failed(K::CreateToken, true))),
        ("outage", |world| world.and(a_failed(K::CreateToken, false))),
    ];
    for (name, obstacle) in obstacles {
        for reset in [Feature::Available, Feature::Unknown, Feature::Unavailable] {
            for grace in [false, true] {
                println!("{name}, reset {reset:?}, grace {grace}");
                let mut world = given(a_token().revoked_by("leak")).and(reset_is(reset));
                if grace {
                    world = world.and(a_previous_key_until(ahead(hours(1))));
                }
                let end = obstacle(world).takes(&RESET);
                assert_eq!(end.record().history[0].cause, Cause::Revoke);
                assert!(end.record().has_handled(&revoke("leak")));
            }
        }
    }
}

/// Every other obstacle is said, at the first try and while another call is pending.
#[test]
fn i15_what_is_in_the_way_of_a_revocation_is_named_with_the_way_out() {
    let obstacles: [(&str, Obstacle); 8] = [
        ("ownership", |world| {
            world.and(|given| {
                let owner = Some("team-b/web".into());
                given.observed.secret = SecretState::Foreign { owner };
            })
        }),
        ("rights", |world| world.and(the_secret_cannot_be_read())),
        ("admission, quota, an immutable Secret", |world| {
            world.and(a_failed(K::RecordIntent, true))
        }),
        ("account trouble", |world| {
            world.and(the_account_is_unusable(true))
        }),
        ("account gone", |world| {
            world.and(the_account_is_unusable(false))
        }),
        ("neither create nor reset", |world| {
            let world = world.and(a_failed(K::CreateToken, true));
            world.and(a_failed(K::ResetKey, true))
        }),
        ("suspension too", |world| {
            let world = world.and(the_secret_cannot_be_read());
            world.and(|given| given.desired.as_mut().unwrap().suspend = true)
        }),
        ("the budget too", |world| {
            let world = world.and(no_unasked_replacement_is_left());
            world.and(the_secret_cannot_be_read())
        }),
    ];
    for (name, obstacle) in obstacles {
        println!("{name}");
        let alone = given(a_token().revoked_by("leak"));
        let meanwhile = given(a_token().revoked_by("leak"))
            .and(an_intent_to(PendingOperation::Create, Cause::LostKey))
            .and(a_failed(K::CreateToken, true));
        for world in [obstacle(alone), obstacle(meanwhile)] {
            let Step::Wait(WaitStep::Hold { problem, .. }) = world.decides() else {
                panic!("{:?}", world.decides());
            };
            assert_eq!(problem.reason, Reason::RevokeBlocked);
            let message = problem.message;
            assert!(message.contains("ldtokens.dev/cut-off"), "{message}");
        }
    }
}

#[test]
fn i9_and_i15_a_revocation_is_heard_though_the_spec_makes_no_sense() {
    let invalid = || {
        given(a_token().in_secret("renamed"))
            .and(|given| given.observed.record.secret.as_mut().unwrap().name = "web".into())
            .and(|given| given.observed.revokes = vec![revoke("leak")])
            .and(|given| given.desired = Err(Problem::user(Reason::InvalidSpec, "no role")))
    };
    let end = invalid().takes(&RESET).and_holds(Reason::InvalidSpec);
    assert!(end.record().has_handled(&revoke("leak")));
    assert_eq!(end.record().secret.as_ref().unwrap().name, "web");
    // Where nobody knows under which entry consumers read the key it is not moved.
    invalid()
        .and(|given| given.observed.layout = None)
        .and_holds(Reason::RevokeBlocked);
}

fn revoked_before(n: usize) -> impl FnOnce(&mut Given) {
    move |given| {
        retiring_tokens(n, ago(minutes(1)))(given);
        given.observed.record.retiring[0].cause = Cause::Revoke;
    }
}

#[test]
fn a_revoked_token_that_cannot_be_deleted_is_given_an_end_and_said() {
    given(a_token())
        .and(revoked_before(1))
        .and(|given| given.observed.life_limited.clear())
        .and(no_retiring_token_can_be_deleted(true))
        .takes(&[K::LimitLife])
        .and_holds(Reason::RevokeBlocked);
}

#[test]
fn a_revoked_token_that_cannot_be_deleted_twice_has_its_key_reset_away_i9() {
    let twice = |given: &mut Given| given.observed.retries[0].times = 2;
    let world = || {
        given(a_token())
            .and(revoked_before(1))
            .and(no_retiring_token_can_be_deleted(true))
            .and(twice)
    };
    // What is left is a token whose key nobody has: its deletion is still tried.
    world()
        .takes(&[K::EndKey])
        .and_holds(Reason::LaunchDarklyUnavailable);
    let refused = world().and(a_failed(K::EndKey, true));
    refused.and_holds(Reason::RevokeBlocked);
    // An end in a minute comes first, where there is such a thing.
    let unlimited = |given: &mut Given| given.observed.life_limited.clear();
    world()
        .and(unlimited)
        .takes(&[K::LimitLife, K::EndKey])
        .and_holds(Reason::LaunchDarklyUnavailable);
    // The operator's own key, and one that was replaced with grace, are spared.
    world()
        .and(the_credential_is_token(20))
        .and_holds(Reason::RevokeBlocked);
    let replaced = world()
        .and(|given| given.observed.record.retiring[0].cause = Cause::Schedule)
        .decides();
    assert_ne!(replaced.kind(), K::EndKey);
}

#[test]
fn a_revoked_token_that_is_the_operators_own_credential_is_spared_and_said_i6() {
    given(a_token())
        .and(revoked_before(1))
        .and(the_credential_is_token(20))
        .and_holds(Reason::RevokeBlocked);
}

/// A back-off for tokens that were replaced long ago keeps no leaked key alive.
#[test]
fn a_revocation_does_not_wait_for_older_tokens_that_cannot_be_deleted_now() {
    let first = given(a_token().revoked_by("leak"))
        .and(retiring_tokens(2, ahead(hours(3))))
        .and(no_retiring_token_can_be_deleted(true))
        .and(|given| given.observed.delete_failed.truncate(1))
        .decides();
    assert_eq!(first.kind(), K::RecordIntent);
}

fn cut_off(given: &mut Given) {
    given.observed.cut_offs = vec![revoke("all of it")];
}

#[test]
fn a_cut_off_ends_every_token_first_and_a_successor_follows() {
    let end = given(a_token())
        .and(published_lately(&[0]))
        .and(retiring_tokens(1, ahead(hours(3))))
        .and(cut_off)
        .takes(&[
            K::RecordCutOff,
            K::DeleteToken,
            K::RecordRetirement,
            K::DeleteToken,
            K::RecordRetirement,
        ]);
    assert!(end.record().token.is_none() && end.record().retiring.is_empty());
    let end = end.takes(&REPLACE).and_rests();
    assert_eq!(end.record().history[0].cause, Cause::CutOff);
    assert!(end.record().retiring.is_empty());
}

#[test]
fn a_cut_off_does_not_wait_for_spec_secret_policy_account_or_a_pending_call() {
    let obstacles: [Obstacle; 5] = [
        |world| world.and(the_policy_refuses()),
        |world| world.and(the_secret_cannot_be_read()),
        |world| world.and(the_account_is_unusable(true)),
        |world| {
            let invalid = Problem::user(Reason::InvalidSpec, "no role");
            world.and(|given| given.desired = Err(invalid))
        },
        |world| {
            let creates = an_intent_to(PendingOperation::Create, Cause::SpecChanged);
            world
                .and(creates)
                .and(its_key_in_hand(Proof::Accepted, seconds(1)))
        },
    ];
    for obstacle in obstacles {
        let end = obstacle(given(a_token()).and(cut_off)).takes(&[K::RecordCutOff]);
        let record = end.record();
        assert!(record.token.is_none() && record.pending.is_none());
        assert!(!record.retiring.is_empty());
        assert!(record.retiring.iter().all(|r| r.cause == Cause::CutOff));
    }
}

#[test]
fn a_cut_off_spares_the_operators_own_credential_and_says_so_i6() {
    given(a_token())
        .and(the_credential_is_token(0))
        .and(cut_off)
        .and_holds(Reason::RevokeBlocked);
}

#[test]
fn i4_a_cut_off_value_acts_once() {
    let end = given(a_token()).and(cut_off).takes(&[K::RecordCutOff]);
    assert!(end.record().has_handled(&revoke("all of it")));
}

#[test]
fn i4_a_cut_off_value_acts_once_however_many_other_values_follow() {
    let mut world = given(a_token())
        .and(cut_off)
        .takes(&[K::RecordCutOff, K::DeleteToken, K::RecordRetirement])
        .takes(&REPLACE);
    for n in 0..10 {
        let value = trigger(&format!("audit-{n}"));
        world = world
            .and(|given| given.observed.nonce = attempt(200 + n))
            .and(|given| given.desired_mut().rotation.triggers = vec![value])
            .takes(&[K::FetchToken, K::RecordIntent]);
        assert!(world.record().has_handled(&revoke("all of it")));
        world = world.takes(&RESET[1..]).and(|given| {
            given.observed.record.rotation.previous_key_expiration_time = None;
        });
    }
}

#[test]
fn a_cut_off_value_that_is_there_when_an_object_is_created_never_acts() {
    let end = given(a_token())
        .and(a_new_object())
        .and(cut_off)
        .takes(&[K::AddFinalizer])
        .takes(&REPLACE)
        .and_rests();
    assert_eq!(end.record().history[0].cause, Cause::Created);
    assert!(end.record().has_handled(&revoke("all of it")));
    // Nor when it is created again and finds its Secret.
    let created_again = |given: &mut Given| given.secret().marks.owner_uid = "before".into();
    let end = given(a_token())
        .and(a_lost_status())
        .and(created_again)
        .and(cut_off)
        .takes(&[K::ProveSecretKey, K::FetchToken, K::FenceSecret])
        .takes(&[K::RecordTakeOver]);
    assert!(end.record().has_handled(&revoke("all of it")));
}

/// I1, I15: a call under way stays known until it is known which token it made.
#[test]
fn a_cut_off_ends_a_published_key_also_when_nobody_can_be_asked_about_it_at_first() {
    let published = || {
        given(a_token())
            .and(an_intent_to(PendingOperation::Create, Cause::Trigger))
            .and(its_key_in_hand(Proof::Accepted, seconds(1)))
            .and(it_was_published())
            .and(another_process_wrote_it())
            .and(|given| given.observed.remote = Remote::Unknown)
            .and(cut_off)
    };
    let facts = published().observed.account;
    let unusable = published().and(the_account_is_unusable(true));
    let unanswered = published().and(a_failed(K::FetchToken, false));
    for world in [unusable, unanswered] {
        let end = world.takes(&[K::RecordCutOff]);
        assert_eq!(end.record().token, None);
        assert!(end.record().pending.is_some());
        assert!(!end.record().has_handled(&revoke("all of it")));
        let end = end
            .and(|given| given.observed.account = facts.clone())
            .and(|given| given.observed.retries.clear());
        let end = end.takes(&[K::FetchToken, K::RecordPublication, K::RecordCutOff]);
        assert!(end.record().has_handled(&revoke("all of it")));
        let retiring = end.record().retiring.iter();
        let ending: Vec<_> = retiring.map(|it| it.token_id.clone()).collect();
        assert_eq!(ending, [token(0), token(1)]);
    }
    // A status that was restored to an older one does not name it at all.
    let end = given(a_token())
        .and(|given| {
            given.observed.record.token.as_mut().unwrap().id = token(8);
            given.observed.record.secret.as_mut().unwrap().fingerprint = key(8);
            given.observed.record.rotation.last = Some(ago(hours(30)));
        })
        .and(the_account_is_unusable(true))
        .and(cut_off)
        .takes(&[K::RecordCutOff]);
    assert!(!end.record().has_handled(&revoke("all of it")));
}

#[test]
fn a_cut_off_ends_a_published_key_that_the_status_does_not_name() {
    let end = given(a_token())
        .and(an_intent_to(PendingOperation::Create, Cause::Trigger))
        .and(its_key_in_hand(Proof::Accepted, seconds(1)))
        .and(it_was_published())
        .and(cut_off)
        .takes(&[K::RecordPublication, K::RecordCutOff]);
    let retiring = end.record().retiring.iter();
    let ending: Vec<_> = retiring.map(|it| it.token_id.clone()).collect();
    assert_eq!(ending, [token(0), token(1)]);
    // Nor the status that was lost, or restored to an older one.
    let lost = a_lost_status();
    let older = |given: &mut Given| {
        given.observed.record.token.as_mut().unwrap().id = token(8);
        given.observed.record.secret.as_mut().unwrap().fingerprint = key(8);
        given.observed.record.rotation.last = Some(ago(hours(30)));
    };
    for world in [given(a_token()).and(lost), given(a_token()).and(older)] {
        let end = world.and(cut_off).takes(&[
            K::ProveSecretKey,
            K::FetchToken,
            K::FenceSecret,
            K::RecordTakeOver,
            K::RecordCutOff,
        ]);
        let mut retiring = end.record().retiring.iter();
        assert!(retiring.any(|it| it.token_id == token(0)));
    }
}

#[test]
fn a_cut_off_that_must_wait_stops_no_call_and_is_never_green_i6_i15() {
    let held = || {
        let own = the_credential_is_token(0);
        given(a_token()).and(own).and(cut_off)
    };
    let end = held()
        .and(an_intent_to(PendingOperation::Create, Cause::Trigger))
        .takes(&REPLACE[1..])
        .takes(&[K::RecordCutOff, K::DeleteToken, K::RecordRetirement])
        .and(|given| given.observed.nonce = attempt(200))
        .takes(&REPLACE)
        .and_holds(Reason::RevokeBlocked);
    assert_eq!(end.record().retiring[0].token_id, token(0));
    let Step::Wait(WaitStep::Hold { problem, .. }) = held().decides() else {
        panic!("no hold");
    };
    assert!(problem.message.contains("own credential"), "{problem:?}");
    assert!(!problem.message.contains("annotation"), "{problem:?}");
}

/// The token whose deletion failed longest ago is tried first.
#[test]
fn a_token_that_cannot_be_deleted_keeps_no_other_alive_i9() {
    let world = || {
        let tokens = retiring_tokens(2, ago(minutes(1)));
        given(a_token()).and(tokens).and(|given| {
            for retiring in &mut given.observed.record.retiring {
                retiring.cause = Cause::Revoke;
            }
        })
    };
    let tried = |failed: &'static [usize]| {
        let failed = failed.iter().map(|n| token(*n)).collect();
        let world = world().and(|given| given.observed.delete_failed = failed);
        match world.decides() {
            Step::Call(CallStep::DeleteToken { token_id, .. }) => token_id,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(tried(&[]), token(20));
    assert_eq!(tried(&[20]), token(21));
    assert_eq!(tried(&[20, 21]), token(20));
    assert_eq!(tried(&[21, 20]), token(21));
}

#[test]
fn a_revoked_token_is_tried_again_as_soon_as_its_failure_is_over_i9() {
    let end = given(a_token())
        .and(revoked_before(1))
        .and(no_retiring_token_can_be_deleted(false))
        .and_holds(Reason::RevokeBlocked);
    let Step::Wait(WaitStep::Hold { until, .. }) = end.decides() else {
        panic!("no hold");
    };
    assert_eq!(until, Some(NOW + seconds(30)));
}

/// What a reset does to an older key that is in its grace is not known.
#[test]
fn a_revocation_by_a_reset_says_that_older_keys_live_as_long_as_was_promised_i15() {
    let grace = ahead(hours(12));
    let end = given(a_token().revoked_by("leak"))
        .and(a_previous_key_until(grace))
        .and(the_policy_refuses())
        .takes(&RESET);
    let until = end.record().rotation.previous_key_expiration_time;
    assert_eq!(until, Some(grace));
}
