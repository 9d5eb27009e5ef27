//! Stories of accounts. Every write is cut, and whoever comes after must bring the account to the same rest.

use std::sync::Arc;
use std::time::Duration;

use fakes::{Author, Verb};
use serde_json::json;

use super::world::{KEY, Process, World};
use crate::wire::{At, Cut};
use crate::world::Ended;

/// A story: what was before it, and what then happens while every write is numbered.
#[derive(Clone, Copy)]
struct Story {
    name: &'static str,
    before: fn(&World),
    act: fn(&World),
    /// The reason of the condition Ready at its end; `None` when the account is gone.
    ends: Option<&'static str>,
    /// Whether our finalizer is on the account at its end.
    held: bool,
}

const WRONG_KEY: &str = "api-00000000-0000-4000-8000-000000000000";

fn unused(world: &World) {
    world.put_key(KEY);
    world.create(&world.here);
}

fn used(world: &World) {
    unused(world);
    world.users.lock().unwrap().extend(["web", "ci"]);
}

const STORIES: &[Story] = &[
    Story {
        name: "first use",
        before: unused,
        act: |world| world.users.lock().unwrap().extend(["web"]),
        ends: Some("Available"),
        held: true,
    },
    Story {
        name: "changed credential",
        before: used,
        act: |world| world.put_key(WRONG_KEY),
        ends: Some("CredentialRejected"),
        held: true,
    },
    Story {
        name: "healed credential",
        before: |world| {
            used(world);
            world.put_key(WRONG_KEY);
        },
        act: |world| world.put_key(KEY),
        ends: Some("Available"),
        held: true,
    },
    Story {
        name: "another account behind it",
        before: used,
        act: |world| world.edit(&json!({"apiUrl": world.elsewhere.url()})),
        ends: Some("AccountMismatch"),
        held: true,
    },
    Story {
        name: "host not allowed",
        before: used,
        act: |world| world.edit(&json!({"apiUrl": "https://launchdarkly.example.com"})),
        ends: Some("HostNotAllowed"),
        held: true,
    },
    Story {
        name: "made again while in use",
        before: used,
        act: |world| world.make_anew(&world.elsewhere, &json!({})),
        ends: Some("Available"),
        held: true,
    },
    Story {
        name: "deleted while in use",
        before: used,
        act: World::delete,
        ends: Some("InUse"),
        held: true,
    },
    Story {
        name: "no users left",
        before: used,
        act: |world| world.users.lock().unwrap().clear(),
        ends: Some("Available"),
        held: false,
    },
    Story {
        name: "deleted, and no users left",
        before: |world| {
            used(world);
        },
        act: |world| {
            world.delete();
            world.users.lock().unwrap().clear();
        },
        ends: None,
        held: false,
    },
    Story {
        name: "mass change",
        before: used,
        act: |world| world.lose_many_keys(),
        ends: Some("Available"),
        held: true,
    },
    Story {
        name: "clock skew",
        before: |world| {
            world.put_key(KEY);
            world.clock.advance(120_000);
        },
        act: |world| world.create(&world.here),
        ends: Some("Available"),
        held: false,
    },
];

const CUTS: [Cut; 5] = [
    Cut::Before,
    Cut::Unanswered,
    Cut::Answered,
    Cut::LostAnswer,
    Cut::LostRequest,
];

async fn begin(story: &Story) -> (Arc<World>, Process) {
    let world = World::new().await;
    (story.before)(&world);
    let process = world.start();
    assert_eq!(world.settle(&process).await, Ended::Settled);
    (world, process)
}

fn act(story: &Story, world: &World, process: &Process) {
    (story.act)(world);
    world.tell_users(process);
}

/// The effects of the story and what it leaves.
async fn whole(story: &Story) -> (Vec<String>, String) {
    let (world, process) = begin(story).await;
    process.wire.count(None);
    act(story, &world, &process);
    assert_eq!(world.settle(&process).await, Ended::Settled);
    judge(story, &world);
    (process.wire.effects(), world.at_rest(&process))
}

async fn cut(story: &Story, number: usize, cut: Cut, golden: &str) {
    let (world, mut process) = begin(story).await;
    process.wire.count(Some((At::Number(number), cut)));
    act(story, &world, &process);
    let mut ended = world.settle(&process).await;
    if ended == Ended::Cut {
        world.advance(Duration::from_secs(91));
        process = world.start();
        ended = world.settle(&process).await;
    }
    let point = format!("{}, effect {number}, {cut:?}", story.name);
    assert_eq!(ended, Ended::Settled, "{point}");
    judge(story, &world);
    // A successor comes to know everything anew, and forgets nothing that it never knew.
    assert_eq!(world.at_rest(&process), golden, "{point}");
}

fn judge(story: &Story, world: &World) {
    let name = story.name;
    assert_eq!(world.reason("Ready").as_deref(), story.ends, "{name}");
    let held = world.account().is_some_and(|account| {
        let finalizers = account.metadata.finalizers.unwrap_or_default();
        !finalizers.is_empty()
    });
    assert_eq!(held, story.held, "{name}");
    let log = world.cluster.log();
    let let_go = log
        .iter()
        .any(|write| write.author == Author::Operator && write.verb == Verb::RemoveFinalizer);
    let in_use = !world.users.lock().unwrap().is_empty();
    assert!(!(let_go && in_use), "{name}: let go while in use (I11)");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_becomes_of_one_write_an_account_comes_to_the_same_rest() {
    let mut points = 0;
    for story in STORIES {
        let (effects, golden) = whole(story).await;
        assert!(!effects.is_empty(), "{}", story.name);
        for number in 1..=effects.len() {
            for mishap in CUTS {
                cut(story, number, mishap, &golden).await;
                points += 1;
            }
        }
    }
    assert!(points >= 60, "only {points} points");
}

#[tokio::test]
async fn what_is_so_of_a_whole_account_shows_in_its_status() {
    for (name, condition) in [
        ("mass change", "MassChange"),
        ("clock skew", "ClockSkew"),
        ("host not allowed", "Stalled"),
    ] {
        let story = STORIES.iter().find(|story| story.name == name).unwrap();
        let (world, process) = begin(story).await;
        act(story, &world, &process);
        assert_eq!(world.settle(&process).await, Ended::Settled);
        assert!(world.reason(condition).is_some(), "{name}");
    }
}

#[tokio::test]
async fn a_settled_account_costs_no_write_and_no_call() {
    let (world, process) = begin(&STORIES[0]).await;
    let before = (world.writes(), process.asked());
    for _ in 0..10 {
        world.advance(Duration::from_secs(60));
        world.reconcile(&process).await.unwrap();
    }
    assert_eq!((world.writes(), process.asked()), before);
}

/// I13: however often an account is looked at.
#[tokio::test]
async fn a_credential_that_is_refused_costs_one_call_an_interval() {
    let (world, process) = begin(&STORIES[1]).await;
    world.put_key(WRONG_KEY);
    world.reconcile(&process).await.unwrap();
    let asked = process.asked();
    for minute in 1..=20 {
        world.advance(Duration::from_secs(60));
        // Nor do those help that are refused with it.
        process.ctx.accounts.doubt(&World::key());
        world.reconcile(&process).await.unwrap();
        assert_eq!(process.asked() - asked, minute / 5, "after {minute} min");
    }
}

#[tokio::test]
async fn a_call_that_was_refused_has_a_credential_looked_at_at_once() {
    let (world, process) = begin(&STORIES[0]).await;
    let asked = process.asked();
    process.ctx.accounts.doubt(&World::key());
    world.reconcile(&process).await.unwrap();
    assert_eq!(process.asked() - asked, 1);
    assert!(process.usable().is_some());
}

#[tokio::test]
async fn a_host_that_is_not_allowed_sees_no_key_and_its_secret_is_not_read() {
    let story = STORIES
        .iter()
        .find(|story| story.name == "host not allowed");
    let (world, process) = begin(story.unwrap()).await;
    let asked = process.asked();
    world
        .cluster
        .remove_secret(super::world::NAMESPACE, super::world::SECRET);
    act(story.unwrap(), &world, &process);
    world.reconcile(&process).await.unwrap();
    assert_eq!(world.reason("Ready").as_deref(), Some("HostNotAllowed"));
    assert_eq!(process.asked(), asked);
}
