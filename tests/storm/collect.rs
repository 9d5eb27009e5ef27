//! Gathers the evidence: the users' notes, the film, the consumers' logs, and what the simulators know.

use std::collections::{BTreeMap, BTreeSet};

use launchdarkly_token_operator::redaction::Key;
use rig::SimulatorProcess;
use serde_json::Value;

use crate::evidence::{AtRest, Evidence, KeyName, Life, Millis, RemoteKey, RemoteToken};
use crate::film::{Reel, Shown, now, unsettled};
use crate::stage::Stage;
use crate::users::Notes;

/// The evidence as of now, but for the calls of the consumers.
pub fn evidence(stage: &Stage, notes: &[Notes]) -> Evidence {
    let shown = stage.film.shown();
    let lives = notes.iter().map(|notes| life(notes, &shown)).collect();
    let secrets_left = secrets_left(&shown);
    drop(shown);
    let mut evidence = Evidence {
        lives,
        secrets_left,
        ended_at: now(),
        ..Evidence::default()
    };
    for simulator in &stage.simulators {
        evidence.tokens.extend(tokens(simulator));
        evidence.resets_sent.extend(resets_sent(simulator));
    }
    evidence
}

fn life(notes: &Notes, shown: &Shown) -> Life {
    let reel = &shown.reels[&notes.uid];
    Life {
        name: format!("{}/{}", reel.place.0, reel.place.1),
        uid: notes.uid.clone(),
        grace: notes.habit.grace(),
        interval: notes.habit.rotates_every(),
        asks: notes.asks.clone(),
        publications: reel.publications.clone(),
        intents: reel.intents.clone(),
        deletion_asked: notes.deletion_asked,
        gave_up: notes.gave_up.clone(),
        at_rest: reel.gone.is_none().then(|| at_rest(reel, shown)),
    }
}

fn at_rest(reel: &Reel, shown: &Shown) -> AtRest {
    let status = reel.latest.status.clone().unwrap_or_default();
    let token = status.token.into_iter().map(|token| token.id);
    let retiring = status
        .retiring
        .into_iter()
        .map(|retiring| retiring.token_id);
    AtRest {
        unsettled: unsettled(&reel.latest),
        tokens: token.chain(retiring).map(|id| id.to_string()).collect(),
        key: shown
            .current
            .get(&reel.place)
            .map(|held| shown.held[*held].name.clone()),
    }
}

fn secrets_left(shown: &Shown) -> Vec<String> {
    let owned: BTreeSet<&str> = shown.living.values().map(String::as_str).collect();
    let left = shown
        .current
        .iter()
        .filter(|(_, held)| !owned.contains(shown.held[**held].uid.as_str()));
    left.map(|((namespace, name), _)| format!("{namespace}/{name}"))
        .collect()
}

/// Every token that the operator ever created, with the times at which its keys were issued and died.
fn tokens(simulator: &SimulatorProcess) -> Vec<RemoteToken> {
    let ever = simulator
        .admin("GET", "/tokens?deleted=true", &Value::Null)
        .unwrap();
    let (issued, died) = key_times(simulator);
    let ours = ever["items"].as_array().unwrap().iter();
    ours.filter(|token| token["createdBy"].is_string())
        .map(|token| {
            let id = text(&token["_id"]);
            let keys = token["keys"].as_array().unwrap().iter().map(|key| {
                let number = (id.clone(), key["number"].as_u64().unwrap());
                RemoteKey {
                    key: name(&text(&key["value"])),
                    issued: issued[&number],
                    died: died.get(&number).copied(),
                }
            });
            RemoteToken {
                keys: keys.collect(),
                name: text(&token["name"]),
                description: text(&token["description"]),
                deleted: token["deletedAt"].is_number(),
                id,
            }
        })
        .collect()
}

type KeyTimes = BTreeMap<(String, u64), Millis>;

fn key_times(simulator: &SimulatorProcess) -> (KeyTimes, KeyTimes) {
    let (mut issued, mut died) = (KeyTimes::new(), KeyTimes::new());
    for event in simulator.history(0).unwrap() {
        let times = match event["kind"].as_str() {
            Some("key-issued") => &mut issued,
            Some("key-died") => &mut died,
            _ => continue,
        };
        let number = (text(&event["tokenId"]), event["key"].as_u64().unwrap());
        times.insert(number, event["wallAt"].as_i64().unwrap());
    }
    (issued, died)
}

/// The tokens that calls of the reset route named, by the journal.
fn resets_sent(simulator: &SimulatorProcess) -> Vec<String> {
    let calls = simulator.requests(0).unwrap();
    calls
        .iter()
        .filter(|call| call["method"] == "POST" && call["route"] == "/api/v2/tokens/{id}/reset")
        .filter_map(|call| call["path"].as_str()?.split('/').nth(4).map(str::to_owned))
        .collect()
}

fn name(key: &str) -> KeyName {
    Key::from_bytes(key.as_bytes())
        .unwrap()
        .fingerprint()
        .to_string()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
