//! An account that is managed with the key of an `AccessToken` of its own, whose Secret is lost: the account needs the Secret, and the
//! Secret the account.

use std::sync::Arc;

use fakes::Part;
use launchdarkly_token_operator::domain::ids::{Fingerprint, TokenId};
use launchdarkly_token_operator::redaction::Key;
use serde_json::{Value, json};

use crate::world::{Ended, NAME, NAMESPACE, Process, World};

/// One settled object with whose key its account is managed.
async fn managing_itself() -> (Arc<World>, Process) {
    let world = World::new().await;
    world.apply(json!({"role": "admin", "rotation": {"gracePeriod": "10m"}}));
    let mut process = world.start();
    assert_eq!(world.settle(&mut process).await, Ended::Settled);
    let id = status(&world)["token"]["id"].as_str().unwrap().to_owned();
    process.add_account(&world, "default", (TokenId::new(id), key(&world).unwrap()));
    assert_eq!(world.settle(&mut process).await, Ended::Settled);
    (world, process)
}

fn status(world: &World) -> Value {
    let status = world.object().unwrap().status.unwrap();
    serde_json::to_value(status).unwrap()
}

fn key(world: &World) -> Option<Key> {
    let secret = world.cluster.secret(NAMESPACE, NAME)?;
    secret.snapshot().key("token")
}

fn fingerprint(world: &World) -> Option<Fingerprint> {
    key(world).map(|key| key.fingerprint())
}

/// Changes what the Secret has under `token`.
fn edit(world: &World, value: Option<&[u8]>) {
    let token = (Part::Entry, "token".to_owned());
    let changes = [(token, value.map(<[u8]>::to_vec))].into();
    world.cluster.edit_secret(NAMESPACE, NAME, changes).unwrap();
}

#[tokio::test]
async fn the_secret_with_the_accounts_own_key_is_written_again_and_nothing_is_replaced_i2() {
    for loses in [
        |world: &World| world.cluster.remove_secret(NAMESPACE, NAME),
        |world: &World| edit(world, None),
    ] {
        for is_locked_out in [true, false] {
            let (world, mut process) = managing_itself().await;
            let (before, held) = (status(&world), fingerprint(&world));
            loses(&world);
            world.touch(&process);
            if is_locked_out {
                process.lose_credential();
            }
            for _ in 0..4 {
                let _ = world.reconcile(&mut process).await.unwrap();
            }
            assert_eq!(fingerprint(&world), held);
            let after = status(&world);
            for part in ["token", "history", "rotation"] {
                assert_eq!(after[part], before[part], "{part}");
            }
            assert_eq!(world.settle(&mut process).await, Ended::Settled);
            assert_eq!(fingerprint(&world), held);
        }
    }
}

#[tokio::test]
async fn a_key_that_somebody_put_there_to_mend_the_account_is_left_alone_i2() {
    let (world, mut process) = managing_itself().await;
    let before = status(&world);
    edit(&world, Some(b"api-another"));
    let mended = fingerprint(&world);
    world.touch(&process);
    process.lose_credential();
    for _ in 0..4 {
        let _ = world.reconcile(&mut process).await.unwrap();
    }
    assert_eq!(fingerprint(&world), mended);
    assert_eq!(status(&world)["token"], before["token"]);
}

#[tokio::test]
async fn another_accounts_or_another_objects_key_is_written_nowhere_i6_i10() {
    let world = World::new().await;
    world.apply(json!({"role": "reader", "rotation": {"gracePeriod": "10m"}}));
    let mut process = world.start();
    assert_eq!(world.settle(&mut process).await, Ended::Settled);
    let (before, held) = (status(&world), fingerprint(&world));
    world.cluster.remove_secret(NAMESPACE, NAME);
    world.touch(&process);
    process.lose_credential();
    for _ in 0..4 {
        let _ = world.reconcile(&mut process).await.unwrap();
    }
    assert_eq!(fingerprint(&world), None);
    assert_eq!(status(&world)["token"], before["token"]);
    assert!(held.is_some());
}

#[tokio::test]
async fn a_suspended_object_leaves_its_secret_as_it_is() {
    let (world, mut process) = managing_itself().await;
    world.edit(&json!({"suspend": true}));
    world.cluster.remove_secret(NAMESPACE, NAME);
    world.touch(&process);
    process.lose_credential();
    for _ in 0..4 {
        let _ = world.reconcile(&mut process).await.unwrap();
    }
    assert_eq!(fingerprint(&world), None);
    world.edit(&json!({"suspend": false}));
    for _ in 0..4 {
        let _ = world.reconcile(&mut process).await.unwrap();
    }
    assert!(fingerprint(&world).is_some());
}
