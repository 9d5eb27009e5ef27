//! Two credentials of one account: what one is refused, or cannot see, says nothing about the other (I13).

use std::sync::Arc;
use std::time::Duration;

use launchdarkly_token_operator::api::AccessToken;
use launchdarkly_token_operator::controller::account::CredentialToken;
use launchdarkly_token_operator::controller::token::Outcome;
use launchdarkly_token_operator::domain::ids::TokenId;
use serde_json::json;

use crate::wire::{At, Cut};
use crate::world::{Ended, NAME, NAMESPACE, Process, World};

/// All that the operator needs but the right to reset keys.
const NO_RESET: [&str; 6] = [
    "createAccessToken",
    "deleteAccessToken",
    "updateAccessTokenName",
    "updateAccessTokenDescription",
    "updateAccessTokenExpiry",
    "updateAccessTokenPolicy",
];

/// The object of another team, which has an account object of its own.
const OTHER: &str = "other";

/// One settled object, and the account object of another team with another credential.
async fn settled(actions: &[&str]) -> (Arc<World>, Process) {
    let world = World::new().await;
    world.apply(json!({"role": "reader", "rotation": {"gracePeriod": "10m"}}));
    let mut process = world.start();
    assert_eq!(world.settle(&mut process).await, Ended::Settled);
    let credential = process.managing(actions).await;
    process.add_account(&world, OTHER, credential);
    (world, process)
}

fn apply_other(world: &World) {
    let spec = json!({
        "role": "reader", "accountRef": {"kind": "LaunchDarklyAccount", "name": OTHER},
        "rotation": {"gracePeriod": "10m"},
    });
    let mut object = AccessToken::new(OTHER, serde_json::from_value(spec).unwrap());
    object.metadata.namespace = Some(NAMESPACE.to_owned());
    world.cluster.create_object(object).unwrap();
}

fn trigger_other(world: &World) {
    let edit = |object: &mut AccessToken| {
        let mut spec = serde_json::to_value(&object.spec).unwrap();
        crate::world::merge(&mut spec, &json!({"rotation": {"trigger": "one"}}));
        object.spec = serde_json::from_value(spec).unwrap();
    };
    world.cluster.edit_object(NAMESPACE, OTHER, edit).unwrap();
}

/// Reconciles the object of the other team so often.
async fn rounds(world: &World, process: &mut Process, times: usize) {
    for _ in 0..times {
        let object = world.cluster.object(NAMESPACE, OTHER).unwrap();
        if let Outcome::Again(wait) = world.reconcile_as(process, object).await.unwrap() {
            world.advance(wait.min(Duration::from_secs(60)));
        }
    }
}

fn token_of(world: &World, name: &str) -> String {
    let status = world.cluster.object(NAMESPACE, name).unwrap().status;
    status.unwrap().token.unwrap().id.to_string()
}

/// How often calls of this kind on a token were answered so.
fn answered(world: &World, method: &str, path: &str, status: u16) -> usize {
    let requests = world.simulator().requests(0);
    let same = requests
        .iter()
        .filter(|call| call.method == method && call.path == path && call.status == Some(status));
    same.count()
}

fn named(credential: &CredentialToken) -> TokenId {
    match credential {
        CredentialToken::Named(id) => Some(id.clone()),
        CredentialToken::Described { .. } => None,
    }
    .unwrap()
}

#[tokio::test]
async fn a_reset_that_one_credential_is_refused_is_still_there_for_another_i13() {
    let (world, mut process) = settled(&NO_RESET).await;
    apply_other(&world);
    rounds(&world, &mut process, 20).await;
    let others = token_of(&world, OTHER);
    trigger_other(&world);
    rounds(&world, &mut process, 20).await;
    assert_ne!(token_of(&world, OTHER), others, "by replacement");

    world.edit(&json!({"rotation": {"trigger": "one"}}));
    let ours = token_of(&world, NAME);
    assert_eq!(world.settle(&mut process).await, Ended::Settled);
    assert_eq!(token_of(&world, NAME), ours);
    let reset = format!("/api/v2/tokens/{ours}/reset");
    assert_eq!(answered(&world, "POST", &reset, 200), 1);
}

const LIST: &str = "/api/v2/tokens";

/// Reconciles the first object once a drift interval, after the account was listed.
async fn intervals(world: &World, process: &mut Process, times: usize) {
    for _ in 0..times {
        world.advance(Duration::from_secs(300));
        let _ = world.reconcile(process).await;
    }
}

#[tokio::test]
async fn a_lister_that_is_refused_passes_its_turn_to_the_next_credential_i13() {
    for refused in [NAME, OTHER] {
        let (world, mut process) = settled(&NO_RESET).await;
        process.occupy_of(OTHER, OTHER);
        let account = if refused == NAME { "default" } else { OTHER };
        let caller = named(&process.session(account).unwrap().credential);
        let fault = json!({
            "method": "GET", "route": LIST, "kind": "status", "status": 403, "count": 0,
            "caller": caller.as_str(),
        });
        let before = answered(&world, "GET", LIST, 200);
        world
            .simulator()
            .add_fault(serde_json::from_value(fault).unwrap());
        intervals(&world, &mut process, 10).await;
        assert_eq!(answered(&world, "GET", LIST, 200) - before, 10, "{account}");
        assert_eq!(answered(&world, "GET", LIST, 403), 1, "{account}");
    }
}

#[tokio::test]
async fn a_token_that_another_credential_cannot_see_is_not_missing_i13() {
    let mut config = launchdarkly_simulator::Config::default().seed(7);
    config.managing.service = false;
    let world = World::with(config).await;
    world.apply(json!({"role": "reader", "serviceToken": false}));
    let mut process = world.start();
    assert_eq!(world.settle(&mut process).await, Ended::Settled);
    // A service token sees no personal tokens.
    let credential = process.managing(&NO_RESET).await;
    process.add_account(&world, OTHER, credential);
    process.occupy_of(OTHER, OTHER);

    let token = token_of(&world, NAME);
    let looks = || answered(&world, "GET", &format!("{LIST}/{token}"), 200);
    let (before, events) = (looks(), world.events());
    intervals(&world, &mut process, 6).await;
    assert_eq!(looks(), before, "I8: no call of its own");
    assert_eq!(world.events(), events);
    let other = named(&process.session(OTHER).unwrap().credential);
    let requests = world.simulator().requests(0);
    let lists = requests
        .iter()
        .filter(|call| call.caller.as_deref() == Some(other.as_str()));
    assert_eq!(lists.count(), 3, "by turns");
}

/// I1: what one credential lists does not show what became of a create of another.
#[tokio::test]
async fn a_lost_create_is_looked_for_with_the_credential_that_made_it_i13() {
    let mut config = launchdarkly_simulator::Config::default().seed(7);
    config.managing.service = false;
    let world = World::with(config).await;
    world.apply(json!({"role": "reader", "serviceToken": false}));
    let mut process = world.start();
    let lost = Some((At::Name("create"), Cut::Unanswered));
    process.wire.count(lost);
    assert_eq!(world.settle(&mut process).await, Ended::Cut);

    let mut successor = world.start();
    let credential = successor.managing(&NO_RESET).await;
    successor.add_account(&world, OTHER, credential);
    successor.occupy_of(OTHER, OTHER);
    // Long enough for any listing to tell; but the first account object is in use by nobody yet, so that the other one lists.
    world.advance(Duration::from_secs(3_600));
    successor.list().await;
    world.cluster.delete_object(NAMESPACE, NAME);
    assert_eq!(world.settle(&mut successor).await, Ended::Settled);
    let tokens = world.simulator().tokens();
    let left = tokens
        .iter()
        .find(|token| token.description.contains("[ldtokens "));
    assert_eq!(left.map(|token| &token.description), None);
}

/// One settled object with a personal token, which only the member whose key manages the account sees.
async fn settled_personal(spec: serde_json::Value) -> (Arc<World>, Process) {
    let mut config = launchdarkly_simulator::Config::default().seed(7);
    config.managing.service = false;
    let world = World::with(config).await;
    world.apply(spec);
    let mut process = world.start();
    assert_eq!(world.settle(&mut process).await, Ended::Settled);
    (world, process)
}

/// The next process, after the managing key was exchanged for that of a service token.
async fn exchange(world: &World, process: Process) -> Process {
    let credential = process.managing(&["*"]).await;
    drop(process);
    world.start_as(credential)
}

/// How many tokens there are that carry the marker of an object.
fn marked(world: &World) -> usize {
    let tokens = world.simulator().tokens();
    let marked = tokens
        .iter()
        .filter(|it| it.description.contains("[ldtokens "));
    marked.count()
}

#[tokio::test]
async fn a_token_that_the_next_credential_cannot_see_is_not_taken_for_deleted_with_its_object_i1() {
    let spec = json!({"role": "reader", "serviceToken": false});
    let (world, process) = settled_personal(spec).await;
    let mut process = exchange(&world, process).await;
    world.cluster.delete_object(NAMESPACE, NAME);
    for _ in 0..5 {
        let _ = world.reconcile(&mut process).await;
        world.advance(Duration::from_secs(60));
    }
    assert_eq!(marked(&world), 1);
    let object = world.object();
    let told = object.map(|object| serde_json::to_string(&object.status).unwrap());
    assert!(
        told.as_ref()
            .is_some_and(|told| told.contains("NotVisible")),
        "{told:?}"
    );
    // Its own credential deletes it.
    let ended = world.settle(&mut world.start()).await;
    assert_eq!((ended, marked(&world)), (Ended::Settled, 0));
    assert!(world.object().is_none());
}

#[tokio::test]
async fn a_replaced_token_that_the_next_credential_cannot_see_is_not_forgotten_i1() {
    let spec = json!({
        "role": "reader", "serviceToken": false,
        "rotation": {"strategy": "Replace", "gracePeriod": "10m"},
    });
    let (world, mut process) = settled_personal(spec).await;
    world.edit(&json!({"rotation": {"trigger": "one"}}));
    for _ in 0..3 {
        let _ = world.reconcile(&mut process).await;
    }
    assert_eq!(marked(&world), 2);
    let mut process = exchange(&world, process).await;
    for _ in 0..40 {
        let _ = world.reconcile(&mut process).await;
        world.advance(Duration::from_secs(60));
    }
    let status = || world.object().unwrap().status.unwrap();
    assert_eq!(
        (status().retiring.len(), marked(&world)),
        (1, 2),
        "{:?}",
        status()
    );
    let ended = world.settle(&mut world.start()).await;
    assert_eq!((ended, marked(&world)), (Ended::Settled, 1));
    assert!(status().retiring.is_empty());
}
