//! The entries and the Secret get other names: the key stays, whatever they are (the Secret is rendered again from the key it holds).

use fakes::Part;
use launchdarkly_token_operator::domain::ids::Fingerprint;
use serde_json::{Value, json};

use crate::world::{Ended, NAME, NAMESPACE, Process, World};

/// Which entry holds the key, and which the previous one.
type Names = (&'static str, Option<&'static str>);

/// All ways to give three names to them.
fn all_names() -> Vec<Names> {
    let names = ["a", "b", "c"];
    let with = |key: &'static str| {
        let others = names.into_iter().filter(move |name| *name != key);
        std::iter::once((key, None)).chain(others.map(move |other| (key, Some(other))))
    };
    names.into_iter().flat_map(with).collect()
}

fn rename(world: &World, secret: &str, (key, previous): Names) {
    let layout = json!({"secret": {"name": secret, "key": key, "previousKey": previous}});
    world.edit(&layout);
}

/// Reconciles a few times, while next to no time passes.
async fn at_once(world: &World, process: &mut Process) {
    for _ in 0..4 {
        let _ = world.reconcile(process).await.unwrap();
    }
}

/// Of what an entry of a Secret holds.
fn entry(world: &World, secret: &str, entry: &str) -> Option<Fingerprint> {
    let secret = world.cluster.secret(NAMESPACE, secret)?;
    let snapshot = secret.snapshot();
    snapshot.data.get(entry).map(|bytes| Fingerprint::of(bytes))
}

fn status(world: &World) -> Value {
    let status = world.object().unwrap().status.unwrap();
    serde_json::to_value(status).unwrap()
}

async fn walk(in_grace: bool) {
    let world = World::new().await;
    let spec = json!({"role": "reader", "rotation": {"gracePeriod": "5m"}});
    world.apply(spec);
    let mut process: Process = world.start();
    assert_eq!(world.settle(&mut process).await, Ended::Settled);
    let mut here = NAME;
    let mut rotations = 0;
    // Which of the names it is makes no difference at the beginning.
    for from in [("a", None), ("a", Some("b"))] {
        for to in all_names() {
            for moves in [false, true] {
                let said = format!("{from:?} → {to:?}, grace {in_grace}, moves {moves}");
                rename(&world, here, from);
                at_once(&world, &mut process).await;
                if in_grace {
                    assert_eq!(world.settle(&mut process).await, Ended::Settled, "{said}");
                    rotations += 1;
                    let trigger = json!({"rotation": {"trigger": format!("{rotations}")}});
                    world.edit(&trigger);
                    at_once(&world, &mut process).await;
                }
                let key = entry(&world, here, from.0);
                assert!(key.is_some(), "{said}");
                let previous = from.1.and_then(|name| entry(&world, here, name));
                assert_eq!(previous.is_some(), in_grace && from.1.is_some(), "{said}");
                let before = status(&world);
                if moves {
                    here = if here == NAME { "elsewhere" } else { NAME };
                }
                rename(&world, here, to);
                at_once(&world, &mut process).await;
                let after = status(&world);
                assert_eq!(after["token"]["id"], before["token"]["id"], "{said}");
                assert_eq!(after["history"], before["history"], "{said}");
                let left = ["a", "b", "c"].map(|name| (name, entry(&world, here, name)));
                let expected = ["a", "b", "c"].map(|name| {
                    let of_key = (name == to.0).then_some(&key);
                    let of_previous = (Some(name) == to.1).then_some(&previous);
                    (name, of_key.or(of_previous).cloned().flatten())
                });
                assert_eq!(left, expected, "{said}");
            }
        }
    }
}

#[tokio::test]
async fn whatever_entries_and_secret_are_called_the_key_stays_i2() {
    walk(false).await;
}

#[tokio::test]
async fn whatever_entries_and_secret_are_called_both_keys_stay_in_a_grace_i2_i3() {
    walk(true).await;
}

#[tokio::test]
async fn an_entry_that_somebody_else_filled_takes_the_key_that_the_secret_holds_i2() {
    let world = World::new().await;
    world.apply(json!({"role": "reader"}));
    let mut process = world.start();
    assert_eq!(world.settle(&mut process).await, Ended::Settled);
    let (key, before) = (entry(&world, NAME, "token"), status(&world));
    let extra = (Part::Entry, "extra".to_owned());
    let changes = [(extra, Some(b"something else".to_vec()))].into();
    world.cluster.edit_secret(NAMESPACE, NAME, changes).unwrap();
    world.touch(&process);
    rename(&world, NAME, ("extra", None));
    at_once(&world, &mut process).await;
    assert_eq!(status(&world)["history"], before["history"]);
    assert_eq!(entry(&world, NAME, "extra"), key);
    assert_eq!(entry(&world, NAME, "token"), None);
}

#[tokio::test]
async fn a_key_that_was_edited_in_its_own_entry_is_still_replaced_i2() {
    let world = World::new().await;
    world.apply(json!({"role": "reader", "rotation": {"gracePeriod": "10m"}}));
    let mut process = world.start();
    assert_eq!(world.settle(&mut process).await, Ended::Settled);
    let before = status(&world);
    let token = (Part::Entry, "token".to_owned());
    let changes = [(token, Some(b"spoilt".to_vec()))].into();
    world.cluster.edit_secret(NAMESPACE, NAME, changes).unwrap();
    world.touch(&process);
    assert_eq!(world.settle(&mut process).await, Ended::Settled);
    assert_ne!(status(&world)["token"]["id"], before["token"]["id"]);
}
