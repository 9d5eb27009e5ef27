//! Consumers: programs that call LaunchDarkly with the keys of Secrets, without pause, and keep a log.
//!
//! Some read the Secret before each call. Others read it rarely: they go on calling with a key that was replaced, almost until
//! its grace is over, and with the last key when the Secret is away. One that is refused reads the Secret anew.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rig::Api;

use crate::evidence::{Answer, Call, Millis};
use crate::film::{Film, Held, Place, now};
use crate::stage::{Stage, namespace};

/// Between two rounds over all keys.
const PAUSE: Duration = Duration::from_millis(250);
/// Keys that were replaced are called with in each of so many rounds.
const OLD_EVERY: usize = 4;
/// How long before the end of its grace a consumer lets go of a key.
const BEFORE_THE_END: Millis = 2_000;

/// All consumers, one thread for each account.
pub struct Consumers {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Vec<Call>>>,
}

impl Consumers {
    /// Starts them; `grace` tells how long a previous key of the object there lives on.
    pub fn start(stage: &Stage, grace: fn(&Place) -> Millis) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let threads = stage
            .simulators
            .iter()
            .enumerate()
            .map(|(account, simulator)| {
                let consumer = Consumer {
                    film: stage.film.clone(),
                    api: simulator.api(),
                    namespace: namespace(account),
                    grace,
                };
                let stop = Arc::clone(&stop);
                thread::spawn(move || consumer.call_until(&stop))
            });
        Self {
            threads: threads.collect(),
            stop,
        }
    }

    /// Stops them and returns their logs.
    pub fn stop(self) -> Vec<Call> {
        self.stop.store(true, Ordering::Relaxed);
        self.threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect()
    }
}

struct Consumer {
    film: Film,
    api: Api,
    namespace: String,
    grace: fn(&Place) -> Millis,
}

impl Consumer {
    fn call_until(&self, stop: &AtomicBool) -> Vec<Call> {
        let mut calls: Vec<Call> = Vec::new();
        let mut dropped = BTreeSet::new();
        let mut round = 0;
        while !stop.load(Ordering::Relaxed) {
            for (held, current) in self.keys(round % OLD_EVERY == 0) {
                if !current && dropped.contains(&held.name) {
                    continue;
                }
                let answer = match self.api.call_with_key(held.key.expose()) {
                    Ok(200) => Answer::Accepted,
                    Ok(401 | 403) => Answer::Refused,
                    Ok(_) | Err(_) => Answer::Other,
                };
                if answer == Answer::Refused {
                    dropped.insert(held.name.clone());
                }
                calls.push(Call {
                    at: now(),
                    uid: held.uid,
                    key: held.name,
                    current,
                    answer,
                });
            }
            round += 1;
            thread::park_timeout(PAUSE);
        }
        calls
    }

    /// The keys to call with now, and whether each is the one in its Secret.
    fn keys(&self, old_too: bool) -> Vec<(Held, bool)> {
        let shown = self.film.shown();
        let here = |place: &Place| place.0 == self.namespace;
        let current = shown.current.iter().filter(|(place, _)| here(place));
        let mut keys: Vec<_> = current
            .map(|(_, index)| (shown.held[*index].clone(), true))
            .collect();
        if old_too {
            let still_held = |held: &&Held| {
                let ending = shown.reels.get(&held.uid).is_none_or(|reel| {
                    reel.gone.is_some() || reel.latest.metadata.deletion_timestamp.is_some()
                });
                let in_grace = held.replaced.is_none_or(|replaced| {
                    now() < replaced + (self.grace)(&held.place) - BEFORE_THE_END
                });
                let is_current = keys.iter().any(|(key, _)| key.name == held.name);
                here(&held.place) && !ending && in_grace && !is_current
            };
            let old: Vec<_> = shown.held.iter().filter(still_held).cloned().collect();
            keys.extend(old.into_iter().map(|held| (held, false)));
        }
        keys
    }
}
