//! Users: for each object somebody who creates it, edits it, has its key rotated and revoked, loses its Secret, deletes it and
//! creates it again. Who asked for something that changes the key waits until that is done before asking for more, so
//! that the judge can count; but a deletion may come at any time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams};
use launchdarkly_token_operator::api::AccessToken;
use launchdarkly_token_operator::domain::record::MAX_RETIRING;
use launchdarkly_token_operator::domain::settings::BaseRole;
use rig::wait;
use serde_json::{Value, json};
use tokio::runtime::Handle;

use crate::dice::Dice;
use crate::evidence::{Ask, Millis, Wanted};
use crate::film::{Film, Place, now, unsettled};
use crate::habits::{Act, Habit};
use crate::stage::Stage;

/// How long anything may take while the operator is killed every few seconds, half of the time in the middle of just that: through
/// three of the lives that are longer.
const PATIENCE: Duration = Duration::from_secs(240);
/// How much of a change may have happened when a deletion overtakes it.
const OVERTAKEN_WITHIN: Duration = Duration::from_secs(6);
/// An object whose Secret is lost three times within an hour is contested, and waits for a human.
const LOSSES: usize = 2;

/// What a user did to one object.
pub struct Notes {
    pub habit: &'static Habit,
    pub uid: String,
    pub asks: Vec<Ask>,
    pub deletion_asked: Option<Millis>,
    /// What was waited for in vain; nothing was done after it.
    pub gave_up: Option<String>,
}

/// All users, one thread for each object.
pub struct Users {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Vec<Notes>>>,
}

impl Users {
    /// Starts them.
    pub fn start(stage: &Stage, habits: &'static [Habit], seed: u64) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let threads = habits.iter().map(|habit| {
            let user = User {
                habit,
                place: habit.place(),
                film: stage.film.clone(),
                objects: Api::namespaced(stage.client.clone(), &habit.place().0),
                secrets: Api::namespaced(stage.client.clone(), &habit.place().0),
                runtime: stage.runtime.handle().clone(),
                dice: Dice::new(seed, habit.name),
                stop: Arc::clone(&stop),
                values: 0,
            };
            thread::spawn(move || user.live())
        });
        Self {
            threads: threads.collect(),
            stop,
        }
    }

    /// Whether all are still at it; one that gave up has noted why.
    pub fn at_work(&self) -> bool {
        self.threads.iter().all(|thread| !thread.is_finished())
    }

    /// Lets them finish what they began, and returns their notes.
    pub fn stop(self) -> Vec<Notes> {
        self.stop.store(true, Ordering::Relaxed);
        self.threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect()
    }
}

struct User {
    habit: &'static Habit,
    place: Place,
    film: Film,
    objects: Api<AccessToken>,
    secrets: Api<Secret>,
    runtime: Handle,
    dice: Dice,
    stop: Arc<AtomicBool>,
    values: usize,
}

impl User {
    fn live(mut self) -> Vec<Notes> {
        let mut lives = vec![self.create()];
        while !self.stop.load(Ordering::Relaxed) {
            let life = lives.last_mut().unwrap();
            if life.gave_up.is_some() {
                break;
            }
            match self.dice.one_of(self.habit.acts) {
                Act::Describe => self.describe(life),
                // It would wait for the end of a grace.
                Act::Trigger | Act::DescribeAndTrigger if self.is_full() => self.describe(life),
                Act::Trigger => self.trigger(life, &json!({})),
                Act::DescribeAndTrigger => {
                    let text = json!({"description": self.value()});
                    self.trigger(life, &text);
                }
                Act::Revoke => self.revoke(life),
                Act::TriggerAndRevoke => {
                    self.trigger(life, &json!({}));
                    if life.gave_up.is_none() {
                        self.revoke(life);
                    }
                }
                Act::ChangeRole => self.change_role(life),
                Act::LoseSecret => self.lose_secret(life),
                Act::Rest => self.rest(),
                Act::Recreate => {
                    self.delete(life);
                    if life.gave_up.is_none() {
                        lives.push(self.create());
                    }
                }
                Act::TriggerAndRecreate => {
                    self.overtake(life);
                    if life.gave_up.is_none() {
                        lives.push(self.create());
                    }
                }
            }
        }
        lives
    }

    /// Whether as many replaced tokens retire as may.
    fn is_full(&self) -> bool {
        let shown = self.film.object(&self.place);
        let status = shown.and_then(|reel| reel.latest.status);
        status.is_some_and(|status| status.retiring.len() >= MAX_RETIRING)
    }

    fn create(&self) -> Notes {
        let asked = now();
        let object = json!({
            "apiVersion": "ldtokens.dev/v1alpha1", "kind": "AccessToken",
            "metadata": {"name": self.place.1, "namespace": self.place.0}, "spec": self.habit.spec(),
        });
        let object = serde_json::from_value(object).unwrap();
        let as_usual = PostParams::default();
        let created = self.objects.create(&as_usual, &object);
        let created = self.runtime.block_on(created).unwrap();
        let mut life = Notes {
            habit: self.habit,
            uid: created.uid().unwrap(),
            asks: Vec::new(),
            deletion_asked: None,
            gave_up: None,
        };
        self.changed(
            &mut life,
            Wanted::Creation,
            asked,
            0,
            created.metadata.generation,
        );
        life
    }

    fn describe(&mut self, life: &mut Notes) {
        let text = self.value();
        let generation = self.patch(&json!({"description": text}));
        self.await_settled(life, "an edited description", 0, generation);
    }

    fn trigger(&mut self, life: &mut Notes, more: &Value) {
        let (asked, before) = (now(), self.publications(life));
        let mut spec = more.clone();
        spec["rotation"] = json!({"trigger": self.value()});
        let generation = self.patch(&spec);
        self.changed(life, Wanted::Trigger, asked, before, generation);
    }

    fn revoke(&mut self, life: &mut Notes) {
        let (asked, before) = (now(), self.publications(life));
        let value = self.value();
        let generation = self.patch(&json!({"rotation": {"revoke": value}}));
        self.changed(life, Wanted::Revocation, asked, before, generation);
    }

    fn change_role(&self, life: &mut Notes) {
        let shown = self.film.object(&self.place).unwrap();
        let other = match shown.latest.spec.role {
            Some(BaseRole::Writer) => "reader",
            Some(_) | None => "writer",
        };
        let (asked, before) = (now(), self.publications(life));
        let generation = self.patch(&json!({"role": other}));
        self.changed(life, Wanted::Role, asked, before, generation);
    }

    fn lose_secret(&mut self, life: &mut Notes) {
        let lost = life.asks.iter().filter(|ask| ask.what == Wanted::NewSecret);
        if lost.count() >= LOSSES {
            return self.describe(life);
        }
        let (asked, before) = (now(), self.publications(life));
        let as_usual = DeleteParams::default();
        let deleted = self.secrets.delete(&self.place.1, &as_usual);
        self.runtime.block_on(deleted).unwrap();
        self.changed(life, Wanted::NewSecret, asked, before, None);
    }

    /// Leaves the object to its schedule for a while.
    fn rest(&self) {
        let stopped = || Ok(self.stop.load(Ordering::Relaxed));
        // Nothing is wrong when the storm is not over by then.
        let _ = wait::until_true(Duration::from_secs(5), "the end of the storm", stopped);
    }

    fn delete(&self, life: &mut Notes) {
        life.deletion_asked = Some(now());
        let as_usual = DeleteParams::default();
        let deleted = self.objects.delete(&self.place.1, &as_usual);
        self.runtime.block_on(deleted).unwrap();
        let what = format!("{:?} to be gone", self.place);
        let gone = wait::until_ok(PATIENCE, &what, || match self.film.object(&self.place) {
            None => Ok(()),
            Some(reel) => Err(format!("{:?}", reel.latest.status)),
        });
        life.gave_up = gone.err().map(|error| error.to_string());
    }

    /// Asks for a rotation and deletes the object in the middle of it.
    fn overtake(&mut self, life: &mut Notes) {
        life.asks.push(Ask {
            at: now(),
            what: Wanted::Trigger,
            done: false,
        });
        let value = self.value();
        self.patch(&json!({"rotation": {"trigger": value}}));
        let patience = self.dice.time_up_to(OVERTAKEN_WITHIN);
        let begun = || {
            let reel = self.film.object(&self.place);
            Ok(reel.is_some_and(|reel| {
                reel.pending
                    .last()
                    .is_some_and(|(_, pending)| pending.is_some())
            }))
        };
        // Overtaken in any case, begun or not.
        let _ = wait::until_true(patience, "a pending rotation", begun);
        self.delete(life);
    }

    fn value(&mut self) -> String {
        self.values += 1;
        format!("value-{}", self.values)
    }

    fn patch(&self, spec: &Value) -> Option<i64> {
        let patch = Patch::Merge(json!({ "spec": spec }));
        let as_usual = PatchParams::default();
        let patched = self.objects.patch(&self.place.1, &as_usual, &patch);
        self.runtime.block_on(patched).unwrap().metadata.generation
    }

    fn publications(&self, life: &Notes) -> usize {
        let shown = self.film.shown();
        shown
            .reels
            .get(&life.uid)
            .map_or(0, |reel| reel.publications.len())
    }

    /// Waits until what was asked for is done, and notes it.
    fn changed(
        &self,
        life: &mut Notes,
        what: Wanted,
        at: Millis,
        before: usize,
        generation: Option<i64>,
    ) {
        self.await_settled(life, &format!("{what:?}"), before + 1, generation);
        let done = life.gave_up.is_none();
        life.asks.push(Ask { at, what, done });
    }

    fn await_settled(
        &self,
        life: &mut Notes,
        what: &str,
        publications: usize,
        generation: Option<i64>,
    ) {
        let settled = wait::until_ok(PATIENCE, what, || {
            let shown = self.film.shown();
            let reel = shown.reels.get(&life.uid).ok_or("it does not exist")?;
            if reel.latest.metadata.generation < generation {
                return Err("the edit was not shown".to_owned());
            }
            if let Some(why) = unsettled(&reel.latest) {
                return Err(why);
            }
            if reel.publications.len() < publications {
                return Err("it says that it is Ready, and the key did not change".to_owned());
            }
            Ok(())
        });
        life.gave_up = settled.err().map(|error| error.to_string());
    }
}
