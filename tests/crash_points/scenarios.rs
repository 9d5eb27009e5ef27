//! The stories that are cut at every point.

use fakes::Part;
use launchdarkly_simulator::state::changes::Actor;
use launchdarkly_token_operator::api::AccessToken;
use launchdarkly_token_operator::cluster::secret::annotation;
use launchdarkly_token_operator::redaction::Key;
use serde_json::{Value, json};

use crate::world::{NAME, NAMESPACE, World};

/// A story: how it begins, and what then happens while every effect is numbered.
#[derive(Clone, Copy)]
pub struct Scenario {
    pub name: &'static str,
    pub before: &'static [Move],
    pub act: fn(&World),
    /// How many keys are published by it.
    pub keys: usize,
    /// What may end a key at once.
    pub mercy: Mercy,
    /// How many tokens are left that the object does not know and tells.
    pub unknown: usize,
}

impl Scenario {
    /// Whether it begins at a due time.
    pub fn is_scheduled(&self) -> bool {
        self.name == SCHEDULED
    }
}

const SCHEDULED: &str = "rotation by schedule";

/// Whether previous keys live on through their grace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mercy {
    /// They do (I3).
    Grace,
    /// They die once a newer one is published.
    Revoked,
    /// They die with the object.
    Deleted,
    /// They die at once, on request.
    CutOff,
}

/// What happens before a story.
#[derive(Clone, Copy)]
pub enum Move {
    /// Somebody does something.
    Do(fn(&World)),
    /// The operator comes to rest.
    Settle,
    /// The operator reconciles once, and time stands still.
    Reconcile,
    /// The operator dies with the answer to this effect under way.
    DieAt(&'static str),
}

use Move::{DieAt, Do, Reconcile, Settle};

const SETTLED: &[Move] = &[Do(create), Settle];

const PLAIN: Scenario = Scenario {
    name: "",
    before: SETTLED,
    act: |_| {},
    keys: 1,
    mercy: Mercy::Grace,
    unknown: 0,
};

fn spec() -> Value {
    json!({
        "role": "reader", "description": "Deploys flags",
        "rotation": {"gracePeriod": "10m"}, "secret": {"previousKey": "previous"},
    })
}

fn create(world: &World) {
    world.apply(spec());
}

fn create_with(world: &World, change: &Value) {
    let mut spec = spec();
    crate::world::merge(&mut spec, change);
    world.apply(spec);
}

/// LaunchDarkly names no service token that asks who it is, as was seen of real ones.
fn name_no_token(world: &World) {
    let switch = json!({"callerIdentity.tokenId": "personal-only"});
    world.simulator().set_switches(&switch).unwrap();
}

fn create_replacing(world: &World) {
    create_with(world, &json!({"rotation": {"strategy": "Replace"}}));
}

fn create_retained(world: &World) {
    create_with(world, &json!({"deletionPolicy": "Retain"}));
}

fn create_scheduled(world: &World) {
    create_with(world, &json!({"rotation": {"interval": "24h"}}));
}

fn trigger(world: &World) {
    world.edit(&json!({"rotation": {"trigger": "one"}}));
}

fn rename(world: &World) {
    world.edit(&json!({"secret": {"name": "elsewhere"}}));
}

fn revoke(world: &World) {
    world.edit(&json!({"rotation": {"revoke": "leak"}}));
}

fn delete(world: &World) {
    world.cluster.delete_object(NAMESPACE, NAME);
}

fn release(world: &World) {
    let release = |object: &mut AccessToken| object.metadata.finalizers = None;
    let cluster = &world.cluster;
    cluster.edit_object(NAMESPACE, NAME, release).unwrap();
}

fn force_away(world: &World) {
    release(world);
    delete(world);
}

fn spoil_secret(world: &World) {
    let field = (Part::Entry, "token".to_owned());
    let changes = [(field, Some(b"spoilt".to_vec()))];
    let cluster = &world.cluster;
    cluster
        .edit_secret(NAMESPACE, NAME, changes.into())
        .unwrap();
}

/// Somebody puts another key that works into the Secret, as if it were the token's that the Secret names.
fn put_another_key(world: &World) {
    let key = world.server.managing_key();
    let fingerprint = Key::from_bytes(key.as_bytes()).unwrap().fingerprint();
    let mark = (Part::Annotation, annotation::FINGERPRINT.to_owned());
    let changes = [
        ((Part::Entry, "token".to_owned()), Some(key.into_bytes())),
        (mark, Some(fingerprint.as_str().into())),
    ];
    let cluster = &world.cluster;
    cluster
        .edit_secret(NAMESPACE, NAME, changes.into())
        .unwrap();
}

/// The newest token there is, by its place in the simulator.
fn newest(world: &World) -> usize {
    world.simulator().tokens_ever().len() - 1
}

pub const ALL: &[Scenario] = &[
    Scenario {
        name: "create",
        before: &[],
        act: create,
        ..PLAIN
    },
    Scenario {
        name: "reset by trigger, with the probe",
        act: trigger,
        ..PLAIN
    },
    Scenario {
        name: "replacement by trigger",
        before: &[Do(create_replacing), Settle],
        act: trigger,
        ..PLAIN
    },
    Scenario {
        name: SCHEDULED,
        before: &[Do(create_scheduled), Settle],
        act: |world| world.advance(std::time::Duration::from_secs(24 * 3600)),
        ..PLAIN
    },
    Scenario {
        name: "trigger while a previous key is in its grace",
        before: &[Do(create), Settle, Do(trigger), Reconcile],
        act: |world| world.edit(&json!({"rotation": {"trigger": "two"}})),
        ..PLAIN
    },
    Scenario {
        name: "role of a service token",
        act: |world| world.edit(&json!({"role": "writer"})),
        ..PLAIN
    },
    Scenario {
        name: "description",
        act: |world| world.edit(&json!({"description": "Deploys more flags"})),
        keys: 0,
        ..PLAIN
    },
    Scenario {
        name: "revoke",
        act: revoke,
        mercy: Mercy::Revoked,
        ..PLAIN
    },
    Scenario {
        name: "revoke while a previous key is in its grace",
        before: &[Do(create), Settle, Do(trigger), Reconcile],
        act: revoke,
        mercy: Mercy::Revoked,
        ..PLAIN
    },
    Scenario {
        name: "revoke while a replaced token waits",
        before: &[Do(create_replacing), Settle, Do(trigger), Reconcile],
        act: revoke,
        mercy: Mercy::Revoked,
        ..PLAIN
    },
    Scenario {
        name: "cut off",
        act: |world| world.annotate("ldtokens.dev/cut-off", "all"),
        mercy: Mercy::CutOff,
        ..PLAIN
    },
    Scenario {
        name: "cut off while a replaced token waits",
        before: &[Do(create_replacing), Settle, Do(trigger), Reconcile],
        act: |world| world.annotate("ldtokens.dev/cut-off", "all"),
        mercy: Mercy::CutOff,
        ..PLAIN
    },
    Scenario {
        name: "secret deleted",
        act: |world| world.cluster.remove_secret(NAMESPACE, NAME),
        ..PLAIN
    },
    Scenario {
        name: "secret edited",
        act: spoil_secret,
        ..PLAIN
    },
    Scenario {
        name: "revoke after a secret was deleted",
        before: &[
            Do(create),
            Settle,
            Do(|world| world.cluster.remove_secret(NAMESPACE, NAME)),
            Reconcile,
        ],
        act: revoke,
        mercy: Mercy::Revoked,
        ..PLAIN
    },
    Scenario {
        name: "secret renamed",
        act: rename,
        keys: 0,
        ..PLAIN
    },
    Scenario {
        name: "secret renamed again while the former one waits",
        before: &[Do(create), Settle, Do(rename), Reconcile],
        act: |world| world.edit(&json!({"secret": {"name": "third"}})),
        keys: 0,
        ..PLAIN
    },
    Scenario {
        name: "delete while a former secret waits",
        before: &[Do(create), Settle, Do(rename), Reconcile],
        act: delete,
        keys: 0,
        mercy: Mercy::Deleted,
        ..PLAIN
    },
    Scenario {
        name: "secret renamed and rotated at once",
        act: |world| {
            world.edit(&json!({"secret": {"name": "elsewhere"}, "rotation": {"trigger": "one"}}));
        },
        ..PLAIN
    },
    Scenario {
        name: "entry renamed",
        act: |world| world.edit(&json!({"secret": {"key": "apiKey"}})),
        keys: 0,
        ..PLAIN
    },
    Scenario {
        name: "previous entry no longer wanted",
        before: &[Do(create), Settle, Do(trigger), Reconcile],
        act: |world| world.edit(&json!({"secret": {"previousKey": null}})),
        keys: 0,
        ..PLAIN
    },
    Scenario {
        name: "token deleted by somebody",
        act: |world| {
            let index = newest(world);
            world.simulator().world().delete(index, Actor::Admin);
        },
        ..PLAIN
    },
    Scenario {
        name: "token reset by somebody",
        act: |world| {
            let index = newest(world);
            drop(world.simulator().world().reset(index, None, Actor::Admin));
        },
        unknown: 1,
        ..PLAIN
    },
    Scenario {
        name: "description changed by somebody",
        act: |world| {
            let index = newest(world);
            let mut far = world.simulator().world();
            let mut facts = far.tokens.at(index).facts.clone();
            facts.description = facts.description.replace("flags", "nothing");
            far.change(index, facts, "updateAccessTokenPolicy", Actor::Admin);
        },
        keys: 0,
        ..PLAIN
    },
    Scenario {
        name: "delete",
        act: delete,
        keys: 0,
        mercy: Mercy::Deleted,
        ..PLAIN
    },
    Scenario {
        name: "delete while a replaced token waits",
        before: &[Do(create_replacing), Settle, Do(trigger), Reconcile],
        act: delete,
        keys: 0,
        mercy: Mercy::Deleted,
        ..PLAIN
    },
    Scenario {
        name: "delete with Retain",
        before: &[Do(create_retained), Settle],
        act: delete,
        keys: 0,
        ..PLAIN
    },
    Scenario {
        name: "delete with Retain after a lost reset",
        before: &[Do(create_retained), Settle, Do(trigger), DieAt("reset")],
        act: delete,
        ..PLAIN
    },
    Scenario {
        name: "delete after a lost create",
        before: &[Do(create), DieAt("create")],
        act: delete,
        keys: 0,
        mercy: Mercy::Deleted,
        ..PLAIN
    },
    Scenario {
        name: "new object after Retain",
        before: &[Do(create_retained), Settle, Do(delete), Settle],
        act: create,
        keys: 0,
        ..PLAIN
    },
    Scenario {
        name: "new object after the finalizer was removed",
        before: &[Do(create), Settle, Do(force_away)],
        act: create,
        keys: 0,
        ..PLAIN
    },
    Scenario {
        name: "status lost while a replaced token waits",
        before: &[Do(create_replacing), Settle, Do(trigger), Reconcile],
        act: |world| {
            world.advance(std::time::Duration::from_secs(60));
            let lose = |object: &mut AccessToken| object.status = None;
            let cluster = &world.cluster;
            cluster.edit_object(NAMESPACE, NAME, lose).unwrap();
        },
        keys: 0,
        ..PLAIN
    },
    Scenario {
        name: "finalizer removed by somebody",
        act: release,
        keys: 0,
        ..PLAIN
    },
    Scenario {
        name: "recovery of a lost create",
        before: &[Do(create), DieAt("create")],
        ..PLAIN
    },
    Scenario {
        name: "recovery of a lost reset",
        before: &[Do(create), Settle, Do(trigger), DieAt("reset")],
        ..PLAIN
    },
    Scenario {
        name: "create where LaunchDarkly does not name the caller",
        before: &[Do(name_no_token)],
        act: create,
        ..PLAIN
    },
    Scenario {
        name: "reset where LaunchDarkly does not name the caller",
        before: &[Do(name_no_token), Do(create), Settle],
        act: trigger,
        ..PLAIN
    },
    Scenario {
        name: "revoke where LaunchDarkly does not name the caller",
        before: &[Do(name_no_token), Do(create), Settle],
        act: revoke,
        mercy: Mercy::Revoked,
        ..PLAIN
    },
    Scenario {
        name: "new object after Retain where LaunchDarkly does not name the caller",
        before: &[
            Do(name_no_token),
            Do(create_retained),
            Settle,
            Do(delete),
            Settle,
        ],
        act: create,
        keys: 0,
        ..PLAIN
    },
    Scenario {
        name: "recovery of a lost replacement",
        before: &[Do(create_replacing), Settle, Do(trigger), DieAt("create")],
        ..PLAIN
    },
];

/// How often the key is asked about depends on chance, so that the story is not told the same way twice.
pub const STOLEN_MARKS: Scenario = Scenario {
    name: "another token's key in a kept Secret where LaunchDarkly does not name the caller",
    before: &[
        Do(name_no_token),
        Do(create_retained),
        Settle,
        Do(delete),
        Settle,
        Do(put_another_key),
    ],
    act: create,
    ..PLAIN
};
