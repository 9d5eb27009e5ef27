//! Kills the operator at moments that the dice choose.
//!
//! Every other kill is steered: some time into the work, and then as soon as an intent is pending that no kill has hit yet.
//! The others come at any time after the start, also while the process waits for the lease of the one before it.

use std::collections::BTreeSet;
use std::thread;
use std::time::{Duration, Instant};

use kube::ResourceExt;
use kube::api::{Api, ListParams};
use launchdarkly_token_operator::api::AccessToken;
use rig::{Operator, wait};

use crate::dice::Dice;
use crate::evidence::Millis;
use crate::film::{Film, now};
use crate::stage::Stage;
use crate::users::Users;

/// Within this time after a start an unsteered kill comes; the lease of the process before takes three seconds of it.
const UNSTEERED_WITHIN: Duration = Duration::from_millis(5_500);
/// How long every tenth process lives at least: what takes two answers with a back-off between them, as the proof that an
/// instance has no reset does, is not learned by processes that lead for a second or two.
const LONG_LIFE: Duration = Duration::from_secs(9);
/// Within this time after the first new intent a steered kill is made ready.
const STEERED_WITHIN: Duration = Duration::from_millis(1_200);
/// How long a steered kill waits for something to hit.
const PATIENCE: Duration = Duration::from_secs(10);

/// A kill, and what it hit.
#[derive(Debug)]
pub struct Kill {
    pub at: Millis,
    /// Objects (by UID) whose intent was pending, with its attempt, and whether no kill hit that one before.
    pub hits: Vec<Hit>,
}

/// An intent that was pending when the operator died.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hit {
    pub uid: String,
    pub attempt: String,
    pub first: bool,
}

/// All kills, and how often the operator ended by itself, as it does when it cannot renew its lease in time.
#[derive(Debug, Default)]
pub struct Killed {
    pub kills: Vec<Kill>,
    pub ended_by_itself: usize,
}

/// Kills it so often, and leaves it running. It ends early when a user gives up: the judge will complain.
pub fn kill(stage: &mut Stage, users: &Users, times: usize, seed: u64) -> Killed {
    let mut dice = Dice::new(seed, "killer");
    let mut killed = Killed::default();
    let mut hit = BTreeSet::new();
    for number in 0..times {
        let started = Instant::now();
        if number % 10 == 9 {
            thread::sleep(LONG_LIFE);
        } else if number % 2 == 0 {
            await_pending(stage, &hit, PATIENCE, &mut killed);
            thread::sleep(dice.time_up_to(STEERED_WITHIN));
            await_pending(
                stage,
                &hit,
                PATIENCE.saturating_sub(started.elapsed()),
                &mut killed,
            );
        } else {
            thread::sleep(dice.time_up_to(UNSTEERED_WITHIN));
        }
        stage.operator.kill9().unwrap();
        let at = now();
        let hits = pending(stage)
            .into_iter()
            .map(|(uid, attempt)| Hit {
                first: hit.insert(attempt.clone()),
                uid,
                attempt,
            })
            .collect();
        killed.kills.push(Kill { at, hits });
        stage.operator.restart().unwrap();
        if !users.at_work() {
            break;
        }
    }
    killed
}

/// What is pending on the API server. Asked right after the kill: the operator cannot change it any more, and what it sent
/// before counts.
fn pending(stage: &Stage) -> Vec<(String, String)> {
    let objects = Api::<AccessToken>::all(stage.client.clone());
    let parameters = ListParams::default();
    let list = stage.runtime.block_on(objects.list(&parameters)).unwrap();
    list.items
        .into_iter()
        .filter_map(|object| {
            let pending = object.status.as_ref()?.pending.as_ref()?;
            Some((object.uid()?, pending.attempt.to_string()))
        })
        .collect()
}

/// Waits until an intent is pending that is not among those `hit`; gives up after a while, since a kill is due either way.
fn await_pending(
    stage: &mut Stage,
    hit: &BTreeSet<String>,
    patience: Duration,
    killed: &mut Killed,
) {
    let _ = wait::until_true(patience, "a pending intent", || {
        keep_running(&mut stage.operator, killed);
        Ok(shows_pending(&stage.film, hit))
    });
}

fn shows_pending(film: &Film, hit: &BTreeSet<String>) -> bool {
    film.shown().reels.values().any(|reel| {
        let pending = reel
            .pending
            .last()
            .and_then(|(_, attempt)| attempt.as_ref());
        reel.gone.is_none() && pending.is_some_and(|attempt| !hit.contains(attempt))
    })
}

/// Starts the operator again if it ended by itself, as a cluster does.
pub fn keep_running(operator: &mut Operator, killed: &mut Killed) {
    if !operator.is_running().unwrap() {
        killed.ended_by_itself += 1;
        operator.restart().unwrap();
    }
}
