//! A lost or restored status: the Secret whose key is proven wins.

use launchdarkly_token_operator::domain::observed::{Roles, SecretKeyProof};
use launchdarkly_token_operator::domain::reason::Reason;
use launchdarkly_token_operator::domain::secret::SecretState;
use launchdarkly_token_operator::domain::step::StepKind as K;

use crate::decide_properties::worlds::*;

/// The Secret's key and token are proven, and whoever may still write the Secret is fenced off.
const TAKE_OVER: &[K] = &[
    K::ProveSecretKey,
    K::FetchToken,
    K::FenceSecret,
    K::RecordTakeOver,
];

#[test]
fn a_lost_status_is_rebuilt_from_a_proven_secret_and_nothing_rotates() {
    let before = given(a_token());
    let token_before = before.record().token.clone();
    let end = before.and(a_lost_status()).takes(TAKE_OVER).and_rests();
    assert_eq!(end.record().token, token_before);
    assert_eq!(end.record().rotation.last, Some(ago(hours(2))));
}

#[test]
fn a_token_that_exists_is_taken_over_in_a_full_account_i9() {
    given(a_token())
        .and(a_lost_status())
        .and(the_account_is_full())
        .takes(TAKE_OVER);
    given(a_token())
        .and(a_lost_status())
        .and(nobody_has_listed_yet())
        .takes(TAKE_OVER);
}

#[test]
fn a_predecessor_that_was_paused_when_the_status_was_lost_cannot_publish_any_more() {
    let end = given(a_token())
        .and(a_lost_status())
        .takes(&[K::ProveSecretKey, K::FetchToken, K::FenceSecret])
        .takes(&[K::RecordTakeOver]);
    let SecretState::Ours(secret) = &end.observed.secret else {
        panic!("no Secret");
    };
    assert_eq!(secret.marks.fence, secret.marks.attempt);
}

#[test]
fn a_status_restored_to_an_older_token_follows_the_secret() {
    let end = given(a_token())
        .and(|given| {
            given.observed.record.token.as_mut().unwrap().id = token(8);
            given.observed.record.secret.as_mut().unwrap().fingerprint = key(8);
            given.observed.record.rotation.last = Some(ago(hours(30)));
        })
        .takes(TAKE_OVER);
    assert_eq!(end.record().token.as_ref().unwrap().id, token(0));
    assert_eq!(end.record().retiring[0].token_id, token(8));
}

#[test]
fn there_is_no_room_to_take_over_beside_three_retiring() {
    given(a_token())
        .and(|given| {
            given.observed.record.token.as_mut().unwrap().id = token(8);
            given.observed.record.secret.as_mut().unwrap().fingerprint = key(8);
            given.observed.record.rotation.last = Some(ago(hours(30)));
        })
        .and(retiring_tokens(3, ahead(hours(3))))
        .takes(&[K::ProveSecretKey, K::FetchToken])
        .and_holds(Reason::RotationDelayed);
}

#[test]
fn a_new_object_over_the_old_secret_gets_a_finalizer_first() {
    given(a_token())
        .and(a_lost_status())
        .and(|given| {
            given.observed.finalizer = false;
            given.secret().marks.owner_uid = "99999999-2222-4333-8444-555555555555".into();
            given.secret().intact = false;
        })
        .takes(&[
            K::ProveSecretKey,
            K::FetchToken,
            K::AddFinalizer,
            K::FenceSecret,
            K::RecordTakeOver,
            K::RenderSecret,
        ])
        .and_rests();
}

#[test]
fn requests_of_an_object_that_is_created_again_never_rotate() {
    given(a_token().triggered_by("new").revoked_by("new"))
        .and(a_lost_status())
        .and(|given| {
            given.secret().marks.owner_uid = "99999999-2222-4333-8444-555555555555".into();
            given.secret().marks.handled = vec![trigger("old")];
        })
        .takes(TAKE_OVER)
        .and_rests();
}

#[test]
fn a_revocation_survives_the_loss_of_the_status() {
    given(a_token().revoked_by("leak"))
        .and(a_lost_status())
        .takes(&[
            K::ProveSecretKey,
            K::FetchToken,
            K::FenceSecret,
            K::RecordTakeOver,
            K::RecordIntent,
            K::CreateToken,
        ]);
}

#[test]
fn a_token_that_was_taken_over_is_replaced_before_it_is_ever_reset() {
    given(a_token())
        .and(a_lost_status())
        .takes(TAKE_OVER)
        .but_desired(a_token().triggered_by("audit"))
        .takes(&[K::RecordIntent, K::CreateToken]);
}

#[test]
fn a_secret_whose_key_is_refused_is_replaced() {
    given(a_token())
        .and(a_lost_status())
        .takes(&[K::ProveSecretKey])
        .and(the_key_in_the_secret_was_tried(SecretKeyProof::Rejected))
        .takes(&[K::RecordIntent, K::CreateToken]);
}

#[test]
fn a_token_that_was_missed_once_is_not_replaced_yet() {
    given(a_token())
        .and(a_lost_status())
        .and(the_token_was_missed(ago(seconds(10)), false))
        .and_rests()
        .and(time_passes(seconds(50)))
        .takes(&[K::FetchToken, K::RecordIntent]);
}

#[test]
fn nothing_is_taken_over_above_the_policy() {
    given(a_token())
        .and(a_lost_status())
        .and(the_policy_refuses())
        .takes(&[K::ProveSecretKey, K::FetchToken])
        .and_holds(Reason::NotAllowedByPolicy);
}

#[test]
fn nothing_is_taken_over_while_a_role_is_missing() {
    given(a_token().with_custom_role("deploy"))
        .and(a_lost_status())
        .and(|given| given.observed.roles = Roles::Missing("deploy".into()))
        .takes(&[K::ProveSecretKey, K::FetchToken])
        .and_holds(Reason::RoleNotFound);
}

#[test]
fn a_secret_of_another_account_is_not_taken_over() {
    given(a_token())
        .and(a_lost_status())
        .and(|given| given.secret().marks.account_id = Some("other".into()))
        .and_holds(Reason::AccountMismatch);
}

#[test]
fn a_secret_that_was_left_behind_does_not_lose_itself_later() {
    // The spec goes back to Secret `web`, whose deletion as the former one was noted.
    let end = given(a_token())
        .and(|given| {
            let record = &mut given.observed.record;
            record.former_secret =
                Some(launchdarkly_token_operator::domain::record::FormerSecret {
                    name: "web".into(),
                    deletion_time: ahead(hours(1)),
                });
            record.secret.as_mut().unwrap().name = "api".into();
            record.secret.as_mut().unwrap().fingerprint = key(8);
            record.rotation.last = Some(ago(hours(30)));
        })
        .takes(TAKE_OVER);
    assert_eq!(end.record().former_secret, None);
}
