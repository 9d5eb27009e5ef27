//! Accounts that are gone before the first check of their credential is over: nothing of them stays.

use std::time::Duration;

use futures::future::join_all;
use launchdarkly_simulator::{Fault, FaultKind};
use launchdarkly_token_operator::api::LaunchDarklyAccount;
use launchdarkly_token_operator::cluster::Shown;
use launchdarkly_token_operator::controller::account::{look_for, reconcile};
use serde_json::json;

use super::world::{KEY, NAMESPACE, Process, SECRET, World, account_of};

const MANY: usize = 12;

/// As the caches show them.
fn accounts(world: &World) -> Vec<LaunchDarklyAccount> {
    let account = |number| {
        let spec = json!({"apiUrl": world.here.url(), "credentialsSecretRef": {"name": SECRET}});
        let spec = serde_json::from_value(spec).unwrap();
        let mut account = LaunchDarklyAccount::new(&format!("brief-{number}"), spec);
        account.metadata.namespace = Some(NAMESPACE.to_owned());
        world.cluster.create_account(account).unwrap()
    };
    (0..MANY).map(account).collect()
}

fn delete(world: &World, accounts: &[LaunchDarklyAccount]) {
    for account in accounts {
        let name = account.metadata.name.as_deref().unwrap();
        world.cluster.delete::<LaunchDarklyAccount>(NAMESPACE, name);
    }
}

/// From now on LaunchDarkly takes its time to say whose a key is.
fn slow_down(world: &World) {
    let mut slow = Fault::new(FaultKind::Delay).on("GET", "/api/v2/caller-identity");
    slow.count = 0;
    slow.delay_ms = Some(200);
    world.here.simulator().add_fault(slow);
}

/// Reconciles all accounts at once; they are gone as soon as LaunchDarkly is being asked about one of them.
async fn reconcile_while_they_go(
    world: &World,
    process: &Process,
    accounts: &[LaunchDarklyAccount],
) {
    process.tell_time().await;
    let shown: Vec<_> = accounts.iter().map(Shown::from).collect();
    let all = shown.iter().map(|it| reconcile(&process.ctx, it));
    let go = async {
        while process.asked.lock().unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        delete(world, accounts);
    };
    let (outcomes, ()) = tokio::join!(join_all(all), go);
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
}

#[tokio::test]
async fn new_accounts_that_go_while_they_are_checked_leave_nothing_behind() {
    let world = World::new().await;
    world.put_key(KEY);
    let process = world.start();
    let brief = accounts(&world);
    slow_down(&world);
    reconcile_while_they_go(&world, &process, &brief).await;
    assert!(process.ctx.accounts.all().is_empty());
    assert_eq!(process.ctx.accounts.unseen(), []);
}

/// Nothing is written that would tell that they are gone: their status says all there is to say, from an earlier process.
#[tokio::test]
async fn known_accounts_that_go_while_a_new_process_checks_them_leave_nothing_behind() {
    let world = World::new().await;
    world.put_key(KEY);
    let brief = accounts(&world);
    let before = world.start();
    before.tell_time().await;
    for account in &brief {
        reconcile(&before.ctx, &Shown::from(account)).await.unwrap();
    }
    assert_eq!(before.ctx.accounts.all().len(), MANY);

    let process = world.start();
    slow_down(&world);
    reconcile_while_they_go(&world, &process, &brief).await;
    // No cache ever shows them to this process: it has to ask.
    let unseen = process.ctx.accounts.unseen();
    assert_eq!(unseen.len(), MANY);
    for unseen in &unseen {
        look_for(&process.ctx, unseen).await.unwrap();
    }
    assert!(process.ctx.accounts.all().is_empty());
    assert_eq!(process.ctx.accounts.unseen(), []);
}

#[tokio::test]
async fn an_account_that_no_cache_shows_and_that_is_there_stays() {
    let world = World::new().await;
    world.put_key(KEY);
    world.create(&world.here);
    let process = world.start();
    world.settle(&process).await;
    let unseen = process.ctx.accounts.unseen();
    assert_eq!(unseen.len(), 1);
    look_for(&process.ctx, &unseen[0]).await.unwrap();
    assert_eq!(process.usable(), Some(account_of(&world.here)));
    // Another one of its name is not it, and nothing of the old one serves.
    world.make_anew(&world.here, &json!({}));
    look_for(&process.ctx, &unseen[0]).await.unwrap();
    assert_eq!(process.usable(), None);
}
