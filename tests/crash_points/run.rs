//! Runs a story: whole, or cut at a point.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use fakes::{Trouble, Verb, When};
use jiff::SignedDuration;
use launchdarkly_token_operator::cluster::ClusterError;
use launchdarkly_token_operator::domain::ids::Fingerprint;
use launchdarkly_token_operator::runtime::clock::Clock as _;
use tokio::task::JoinHandle;

use crate::judge::{at_rest, judge, publications};
use crate::scenarios::{Move, Scenario};
use crate::wire::{At, Cut, Wire};
use crate::world::{Ended, NAME, NAMESPACE, Process, TIMING, World};
use launchdarkly_token_operator::controller::token::Outcome;
use launchdarkly_token_operator::domain::cause::Cause;

/// How a story goes when nothing goes wrong.
pub struct Golden {
    pub effects: Vec<String>,
    /// Its steps, with the calls that each made.
    pub trace: String,
    pub at_rest: Vec<String>,
    /// When the last of its keys was in the Secret, if any.
    pub published_after: Option<SignedDuration>,
    /// How long it took until nothing was left to do.
    pub took: SignedDuration,
}

/// How long a story took, by a clock that nobody set: until its last key was in the Secret, and until it was over.
fn times(world: &World, since: usize, begun: Duration) -> (Option<SignedDuration>, SignedDuration) {
    let log = world.cluster.log();
    let begun_at = log.get(since).map(|write| write.at);
    let published = publications(world, &log);
    let last = published.last().map(|key| key.at);
    let after = begun_at
        .zip(last)
        .map(|(begun, last)| last.duration_since(begun));
    let took = world.clock.since_boot().saturating_sub(begun);
    (
        after.filter(|after| !after.is_negative()),
        SignedDuration::try_from(took).unwrap(),
    )
}

/// Which clock is set, and by how much.
#[derive(Debug, Clone, Copy)]
pub enum Set {
    /// The operator's machine's, which was right.
    Ours(SignedDuration),
    /// The same: it was wrong by this much, and is set right.
    OursRight(SignedDuration),
    /// LaunchDarkly's.
    Theirs(SignedDuration),
}

impl Set {
    /// By how much.
    pub fn by(self) -> SignedDuration {
        match self {
            Self::Ours(by) | Self::OursRight(by) | Self::Theirs(by) => by,
        }
    }

    fn by_ms(self) -> i64 {
        i64::try_from(self.by().as_millis()).unwrap()
    }

    /// Before the story: the clock may be wrong.
    pub fn prepare(self, world: &World) {
        if let Self::OursRight(_) = self {
            world.clock.set(self.by_ms());
        }
    }

    /// Sets the clock.
    pub fn happen(self, world: &World) {
        match self {
            Self::Ours(_) => world.clock.set(self.by_ms()),
            Self::OursRight(_) => world.clock.set(-self.by_ms()),
            Self::Theirs(_) => world.set_far_clock(self.by_ms()),
        }
    }

    /// Takes away what is nobody's fault.
    pub fn excuse(self, scenario: &Scenario, complaints: &mut Vec<String>) {
        // A due time is one of the wall clock's: it may not have come.
        let waits = scenario.is_scheduled();
        if waits && complaints.iter().any(|told| told.contains("I4: 0 keys")) {
            complaints.clear();
        }
        // A clock of LaunchDarkly's that is set forward ends keys there.
        if matches!(self, Self::Theirs(by) if by.is_positive()) {
            complaints.retain(|told| !told.starts_with("I3"));
        }
    }
}

/// A wall clock that is set delays nothing by more than this.
const LONGEST_DELAY: SignedDuration = SignedDuration::from_mins(5);

/// The story with a clock that somebody sets right before one effect.
pub async fn set(
    scenario: &Scenario,
    golden: &Golden,
    number: usize,
    set: Set,
) -> Result<(), String> {
    let (world, process) = begin(scenario).await;
    set.prepare(&world);
    let since = world.cluster.log().len();
    process.wire.count(Some((At::Number(number), Cut::Paused)));
    let begun = world.clock.since_boot();
    act(scenario, &world, &process);
    let (wire, life) = until_paused(&world, process).await;
    set.happen(&world);
    wire.resume();
    let ended = life.await.unwrap();
    let mut complaints = complaints(&world, scenario, since, ended, golden);
    set.excuse(scenario, &mut complaints);
    let (published_after, took) = times(&world, since, begun);
    let late = published_after.zip(golden.published_after);
    if let Some((after, usual)) = late.filter(|(after, usual)| *after > *usual + LONGEST_DELAY) {
        complaints.push(format!(
            "the last key was published after {after:#} instead of {usual:#}"
        ));
    }
    // What may end waits for both clocks, here at most once after the other.
    if took > golden.took + set.by().abs() * 2 + LONGEST_DELAY * 4 {
        complaints.push(format!("it took {took:#} instead of {:#}", golden.took));
    }
    told(&complaints)
}

/// Names a folder for the traces of every point: one file for each that is different.
const TRACES: &str = "LDTOKENS_TRACES";

/// After this time nobody waits for a dead process any more.
pub fn mourning() -> Duration {
    Duration::try_from(TIMING.lease + TIMING.settle).unwrap() + Duration::from_secs(1)
}

/// The world before the story, with the process that will live it.
async fn begin(scenario: &Scenario) -> (Arc<World>, Process) {
    let world = World::new().await;
    let mut process = world.start();
    before(scenario, &world, &mut process).await;
    (world, process)
}

/// What happens before a story.
pub async fn before(scenario: &Scenario, world: &World, process: &mut Process) {
    for step in scenario.before {
        match step {
            Move::Do(act) => {
                act(world);
                world.touch(process);
            }
            Move::Settle => assert_eq!(world.settle(process).await, Ended::Settled),
            Move::Reconcile => {
                let _ = world.reconcile(process).await;
            }
            Move::DieAt(effect) => {
                process
                    .wire
                    .count(Some((At::Name(effect), Cut::Unanswered)));
                assert_eq!(world.settle(process).await, Ended::Cut, "{effect}");
                *process = world.start();
                world.advance(mourning());
            }
        }
    }
}

pub fn act(scenario: &Scenario, world: &World, process: &Process) {
    world.trace.clear();
    (scenario.act)(world);
    world.touch(process);
}

/// The whole story.
pub async fn whole(scenario: &Scenario) -> Result<Golden, String> {
    let (world, mut process) = begin(scenario).await;
    let since = world.cluster.log().len();
    process.wire.count(None);
    let begun = world.clock.since_boot();
    act(scenario, &world, &process);
    let ended = world.settle(&mut process).await;
    let (published_after, took) = times(&world, since, begun);
    let golden = Golden {
        published_after,
        took,
        effects: process.wire.effects(),
        trace: world.trace.text(),
        at_rest: at_rest(&world),
    };
    verdict(&world, scenario, since, ended, &golden)?;
    Ok(golden)
}

/// The story with one effect cut, and whoever comes after; `stale` when its cache still shows the object as it was before
/// its last change.
pub async fn cut(
    scenario: &Scenario,
    golden: &Golden,
    number: usize,
    cut: Cut,
    stale: bool,
) -> Result<(), String> {
    let (world, mut process) = begin(scenario).await;
    let since = world.cluster.log().len();
    process.wire.count(Some((At::Number(number), cut)));
    act(scenario, &world, &process);
    let mut ended = world.settle(&mut process).await;
    if process.wire.effects().len() < number {
        return Err(format!("effect {number} was not reached: {ended:?}"));
    }
    if ended == Ended::Cut {
        drop(process);
        world.advance(mourning());
        let mut successor = world.start();
        if stale && let Some(object) = world.object_before() {
            let _ = world.reconcile_as(&mut successor, object).await;
        }
        ended = world.settle(&mut successor).await;
    }
    verdict(&world, scenario, since, ended, golden)
}

/// A process that lives on its own; comes back with it when it is paused or has ended.
async fn until_paused(world: &Arc<World>, mut process: Process) -> (Arc<Wire>, JoinHandle<Ended>) {
    let (world, wire) = (world.clone(), process.wire.clone());
    let mut life = tokio::spawn(async move { world.settle(&mut process).await });
    let paused = tokio::select! {
        () = wire.pause() => true,
        ended = &mut life => return (wire, tokio::spawn(async move { ended.unwrap() })),
    };
    assert!(paused);
    (wire, life)
}

/// The story with a process that is paused before one effect and goes on when its successor has long finished.
pub async fn paused(scenario: &Scenario, golden: &Golden, number: usize) -> Result<(), String> {
    let (world, process) = begin(scenario).await;
    let since = world.cluster.log().len();
    process.wire.count(Some((At::Number(number), Cut::Paused)));
    act(scenario, &world, &process);
    let (old, life) = until_paused(&world, process).await;
    old.shut();
    world.advance(mourning());
    let ended = world.settle(&mut world.start()).await;
    let before = world.events();
    old.resume();
    let last = life.await.unwrap();
    if last != Ended::Stopped || world.events() != before {
        return Err(format!("the old process went on: {last:?}"));
    }
    verdict(&world, scenario, since, ended, golden)
}

/// The story with one effect held up on its way until the successor is about to make its own effect `meanwhile`, or has
/// finished.
pub async fn late(
    scenario: &Scenario,
    golden: &Golden,
    number: usize,
    meanwhile: usize,
) -> Result<(), String> {
    let (world, process) = begin(scenario).await;
    let since = world.cluster.log().len();
    process.wire.count(Some((At::Number(number), Cut::Late)));
    act(scenario, &world, &process);
    let (old, life) = until_paused(&world, process).await;
    // What is not there cannot be fenced: a Secret that is created late shows a key that is replaced with grace.
    let created_late = golden.effects[number - 1] == format!("secret {NAME}")
        && world.cluster.secret(NAMESPACE, NAME).is_none();
    let mut scenario = *scenario;
    world.advance(mourning());
    let successor = world.start();
    successor
        .wire
        .count(Some((At::Number(meanwhile), Cut::Paused)));
    let (new, new_life) = until_paused(&world, successor).await;
    old.resume();
    let last = life.await.unwrap();
    if last != Ended::Stopped && last != Ended::Settled {
        return Err(format!("the old process ended with {last:?}"));
    }
    new.resume();
    let mut ended = new_life.await.unwrap();
    if ended == Ended::Settled {
        // What came last may have come after its last look.
        ended = world.settle(&mut world.start()).await;
    }
    if created_late
        && judge(&world, &scenario, since)
            .iter()
            .any(|complaint| complaint.starts_with("I4"))
    {
        scenario.keys += 1;
    }
    // A create that lands when its object is long gone is found as an orphan, a day later.
    if golden.effects[number - 1] == "create" && world.object().is_none() && meanwhile == usize::MAX
    {
        return Ok(());
    }
    verdict(&world, &scenario, since, ended, golden)
}

/// The story with a process that dies between an apply and the removal of what the apply left.
pub async fn without_tidying(scenario: &Scenario) -> Result<(), String> {
    let golden = whole(scenario).await?;
    let (world, mut process) = begin(scenario).await;
    let since = world.cluster.log().len();
    world.cluster.trouble(Trouble {
        verb: Verb::TidySecret,
        when: When::Before,
        error: || ClusterError::Conflict,
    });
    process.wire.count(Some((At::Number(1), Cut::Answered)));
    act(scenario, &world, &process);
    assert_eq!(world.settle(&mut process).await, Ended::Cut);
    if at_rest(&world) == golden.at_rest {
        return Err("nothing was left to remove".to_owned());
    }
    world.advance(mourning());
    let ended = world.settle(&mut world.start()).await;
    verdict(&world, scenario, since, ended, &golden)
}

/// The story with a process that is told to end right before one effect, and a successor that leads at once.
pub async fn ended(scenario: &Scenario, golden: &Golden, number: usize) -> Result<(), String> {
    let (world, mut process) = begin(scenario).await;
    let since = world.cluster.log().len();
    process.wire.count(Some((At::Number(number), Cut::Paused)));
    act(scenario, &world, &process);
    let (drain, wire) = (process.drain(), process.wire.clone());
    let holder = process.holder().to_owned();
    let told = drain.clone();
    let life = async {
        while !told.is_cancelled() || process.holds_keys() {
            match world.reconcile(&mut process).await {
                Ok(Outcome::Again(_)) if told.is_cancelled() => {
                    world.advance(Duration::from_secs(1));
                }
                Ok(Outcome::Again(wait)) => world.advance(wait.min(Duration::from_secs(300))),
                Ok(Outcome::Gone | Outcome::Stop) | Err(_) => return,
            }
        }
    };
    let end = async {
        wire.pause().await;
        drain.cancel();
        wire.resume();
    };
    tokio::join!(life, end);
    let mut complaints = Vec::new();
    let mut after = wire.effects().into_iter().skip(number);
    if let Some(call) = after.find(|effect| ["create", "reset"].contains(&effect.as_str())) {
        complaints.push(format!(
            "a {call} was begun by a process that was told to end"
        ));
    }
    let status = world.object().and_then(|object| object.status);
    let pending = status.and_then(|status| status.pending);
    // The need for a lost key shows nowhere else, and of another process's call nobody knows.
    let unsent = pending.filter(|it| it.cause != Cause::LostKey && it.holder == holder);
    if let Some(pending) = unsent {
        complaints.push(format!("{:?} is left pending", pending.operation));
    }
    let ended = world.settle(&mut world.start()).await;
    complaints.extend(self::complaints(&world, scenario, since, ended, golden));
    self::told(&complaints)
}

/// Adds what happened to the traces of the story, to be compared with those of another commit.
fn keep_trace(world: &World, folder: &Path) {
    let text = world.trace.text();
    fs::create_dir_all(folder).unwrap();
    fs::write(folder.join(Fingerprint::of(text.as_bytes()).as_str()), text).unwrap();
}

fn verdict(
    world: &World,
    scenario: &Scenario,
    since: usize,
    ended: Ended,
    golden: &Golden,
) -> Result<(), String> {
    told(&complaints(world, scenario, since, ended, golden))
}

/// What is wrong with a story that ended so.
pub fn complaints(
    world: &World,
    scenario: &Scenario,
    since: usize,
    ended: Ended,
    golden: &Golden,
) -> Vec<String> {
    if let Some(folder) = std::env::var_os(TRACES) {
        keep_trace(world, &Path::new(&folder).join(scenario.name));
    }
    let mut complaints = judge(world, scenario, since);
    if ended != Ended::Settled {
        complaints.push(format!("it ended with {ended:?}"));
    }
    let now = at_rest(world);
    if now != golden.at_rest {
        let missing = golden.at_rest.iter().filter(|line| !now.contains(line));
        let surplus = now.iter().filter(|line| !golden.at_rest.contains(line));
        complaints.extend(missing.map(|line| format!("- {line}")));
        complaints.extend(surplus.map(|line| format!("+ {line}")));
    }
    complaints
}

/// All complaints, if there are any.
pub fn told(complaints: &[String]) -> Result<(), String> {
    if complaints.is_empty() {
        Ok(())
    } else {
        Err(complaints.join("\n    "))
    }
}
