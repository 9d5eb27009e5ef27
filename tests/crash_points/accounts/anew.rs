//! An account that is deleted and made again under its name is another account: nothing of the old one may serve it.

use launchdarkly_simulator::Config;
use launchdarkly_token_operator::cluster::Shown;
use launchdarkly_token_operator::controller::account::reconcile;
use serde_json::json;

use super::world::{KEY, World, account_of, simulator};
use crate::world::Ended;

#[tokio::test]
async fn an_account_made_again_at_another_address_gets_a_session_of_its_own() {
    let world = World::new().await;
    world.put_key(KEY);
    world.create(&world.here);
    let process = world.start();
    assert_eq!(world.settle(&process).await, Ended::Settled);
    assert_eq!(process.usable(), Some(account_of(&world.here)));

    world.make_anew(&world.elsewhere, &json!({}));
    assert_eq!(world.account().unwrap().metadata.generation, Some(1));
    world.reconcile(&process).await.unwrap();

    assert_eq!(process.usable(), Some(account_of(&world.elsewhere)));
    assert_eq!(
        world.status().account_id,
        Some(account_of(&world.elsewhere))
    );
    let hosts = process.asked.lock().unwrap().clone();
    let addresses = [&world.here, &world.elsewhere].map(|at| at.address().to_string());
    assert_eq!(hosts, addresses);
}

#[tokio::test]
async fn an_account_made_again_with_another_ca_bundle_trusts_only_that() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let here = simulator(Config::default().seed(7).tls()).await;
    let elsewhere = simulator(Config::default().seed(8).tls()).await;
    let world = World::between(here, elsewhere);
    world.put_key(KEY);
    let trusted = json!({"caBundle": world.here.ca_pem().unwrap()});
    world.create_with(&world.here, &trusted);
    let process = world.start();
    assert_eq!(world.settle(&process).await, Ended::Settled);
    assert_eq!(process.usable(), Some(account_of(&world.here)));

    let foreign = json!({"caBundle": world.elsewhere.ca_pem().unwrap()});
    world.make_anew(&world.here, &foreign);
    world.reconcile(&process).await.unwrap();

    assert_eq!(process.usable(), None);
    let reason = world.reason("Ready");
    assert_eq!(reason.as_deref(), Some("LaunchDarklyUnavailable"));
    assert_eq!(world.status().account_id, None);

    world.make_anew(&world.here, &trusted);
    world.reconcile(&process).await.unwrap();
    assert_eq!(process.usable(), Some(account_of(&world.here)));
}

/// The last good credential is for deletions while its account lasts, and it does not last under its name.
#[tokio::test]
async fn an_account_made_again_without_a_credential_has_none_for_deletions_either() {
    let world = World::new().await;
    world.put_key(KEY);
    world.create(&world.here);
    world.users.lock().unwrap().insert("web");
    let process = world.start();
    assert_eq!(world.settle(&process).await, Ended::Settled);

    let missing = json!({"credentialsSecretRef": {"name": "not-yet-there"}});
    world.edit(&missing);
    world.reconcile(&process).await.unwrap();
    assert_eq!(process.usable(), None);
    assert_eq!(process.last(), Some(account_of(&world.here)));

    world.make_anew(&world.here, &missing);
    world.reconcile(&process).await.unwrap();
    assert_eq!((process.usable(), process.last()), (None, None));
}

/// Slots belong to the AccessTokens, which name the account by its name.
#[tokio::test]
async fn an_account_made_again_is_in_use_by_those_who_name_it() {
    let world = World::new().await;
    world.put_key(KEY);
    world.create(&world.here);
    world.users.lock().unwrap().insert("web");
    let process = world.start();
    assert_eq!(world.settle(&process).await, Ended::Settled);

    world.make_anew(&world.elsewhere, &json!({}));
    assert_eq!(world.settle(&process).await, Ended::Settled);
    assert_eq!(process.ctx.accounts.users(&World::key()), 1);
    world.delete();
    assert_eq!(world.settle(&process).await, Ended::Settled);
    assert_eq!(world.reason("Ready").as_deref(), Some("InUse"));
}

/// What a cache still shows of the old one must not bind the new one.
#[tokio::test]
async fn an_account_made_again_is_not_taken_for_the_one_that_a_cache_still_shows() {
    let world = World::new().await;
    world.put_key(KEY);
    world.create(&world.here);
    let process = world.start();
    assert_eq!(world.settle(&process).await, Ended::Settled);
    let shown = world.account().unwrap();

    world.make_anew(&world.elsewhere, &json!({}));
    reconcile(&process.ctx, &Shown::from(&shown)).await.unwrap();

    assert_eq!(process.usable(), Some(account_of(&world.elsewhere)));
    let bound = world.status().account_id;
    assert_eq!(bound, Some(account_of(&world.elsewhere)));
}
