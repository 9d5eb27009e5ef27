//! What goes wrong together: a process dies, somebody sets a clock meanwhile, the account gets another credential, and a second cluster
//! that was restored from a backup lives on.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::clocks::AMOUNTS;
use crate::judge::the_secret_works;
use crate::points::{chosen, hold};
use crate::run::{self, Golden, Set};
use crate::scenarios::{ALL, Mercy, Scenario};
use crate::twin::{self, Twin, outages};
use crate::wire::{At, Cut};
use crate::world::{Ended, Process, World};

/// Names the seed of the sample, or is `all`, or `only` and a part of the names of points.
const TOGETHER: &str = "LDTOKENS_TOGETHER";
/// How many points the usual run tries.
const SAMPLE: usize = 160;
/// How much time passes at once where two clusters live side by side.
const STRIDE: Duration = Duration::from_secs(50);
/// How long they do, and how much longer where a clock is behind: an end that was set before comes so much later.
const TWO_HOURS: Duration = Duration::from_secs(7_200);
/// More tokens than two clusters with one object each may make within that time.
const TOO_MANY: usize = 12;

/// The ways of a process to die.
const CUTS: [Cut; 3] = [Cut::Before, Cut::Unanswered, Cut::Answered];

/// All that a credential is for.
const EVERYTHING: [&str; 1] = ["*"];

struct Point {
    scenario: &'static Scenario,
    golden: Arc<Golden>,
    number: usize,
    cut: Cut,
    set: Option<Set>,
    /// Whether the next process has another credential of the account.
    exchanged: bool,
    /// Whether the cluster was restored from a backup a moment ago, and the other one lives on.
    forked: bool,
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let effect = &self.golden.effects[self.number - 1];
        let (name, number, cut, set) = (self.scenario.name, self.number, self.cut, self.set);
        let exchanged = if self.exchanged { ", exchanged" } else { "" };
        let forked = if self.forked { ", forked" } else { "" };
        write!(
            f,
            "{name}, effect {number} ({effect}), {cut:?}, {set:?}{exchanged}{forked}"
        )
    }
}

impl Point {
    /// The story, and what is wrong with its end.
    async fn run(&self) -> Result<(), String> {
        let world = World::new().await;
        let mut process = world.start();
        let mut credential = None;
        if self.exchanged {
            credential = Some(process.managing(&EVERYTHING).await);
        }
        run::before(self.scenario, &world, &mut process).await;
        let mut twin = self.forked.then(|| Twin::start(world.fork()));
        if let Some(set) = self.set {
            set.prepare(&world);
        }
        let since = world.cluster.log().len();
        let dies = (At::Number(self.number), self.cut);
        process.wire.count(Some(dies));
        run::act(self.scenario, &world, &process);
        let mut ended = self.live(&world, &mut process, twin.as_mut()).await;
        drop(process);
        if let Some(set) = self.set {
            set.happen(&world);
        }
        world.advance(run::mourning());
        if ended == Ended::Cut {
            let mut successor = match credential {
                Some(credential) => world.start_as(credential),
                None => world.start(),
            };
            ended = self.live(&world, &mut successor, twin.as_mut()).await;
        }
        let mut complaints = match &twin {
            Some(twin) => of_two(&world, twin),
            None => run::complaints(&world, self.scenario, since, ended, &self.golden),
        };
        if let Some(set) = self.set {
            set.excuse(self.scenario, &mut complaints);
        }
        run::told(&complaints)
    }

    /// Lets a process do all there is to do, or both clusters live for some hours.
    async fn live(&self, world: &World, process: &mut Process, twin: Option<&mut Twin>) -> Ended {
        let Some(twin) = twin else {
            return world.settle(process).await;
        };
        let behind = self.set.map(|set| set.by().unsigned_abs());
        let lasts = TWO_HOURS + behind.unwrap_or_default();
        for _ in 0..lasts.as_secs() / STRIDE.as_secs() {
            let ended = twin::live(world, process).await;
            if ended != Ended::Settled {
                return ended;
            }
            twin.live().await;
            world.advance(STRIDE);
        }
        Ended::Settled
    }
}

/// What is wrong with either of two clusters.
fn of_two(world: &World, twin: &Twin) -> Vec<String> {
    let mut complaints = Vec::new();
    for (side, world) in [(" (of the other cluster)", &twin.world), ("", world)] {
        let before = complaints.len();
        complaints.extend(outages(world));
        complaints.extend(the_secret_works(world));
        complaints.extend(world.warden.complaints.lock().unwrap().clone());
        for complaint in &mut complaints[before..] {
            complaint.push_str(side);
        }
    }
    let tokens = world.simulator().tokens_ever().len();
    if tokens > TOO_MANY {
        complaints.push(format!("{tokens} tokens were made"));
    }
    complaints
}

/// All of them.
async fn points() -> Vec<Point> {
    let mut points = Vec::new();
    let amounts = AMOUNTS.into_iter().flat_map(|by| [by, -by]);
    let sets = amounts.flat_map(|by| [Set::Ours(by), Set::OursRight(by), Set::Theirs(by)]);
    let sets: Vec<_> = sets.map(Some).chain([None]).collect();
    for scenario in ALL {
        let golden = Arc::new(run::whole(scenario).await.unwrap());
        // Who revokes or deletes in one of two clusters means the token of both.
        let forks: &[bool] = match scenario.mercy {
            Mercy::Grace => &[false, true],
            Mercy::Revoked | Mercy::Deleted | Mercy::CutOff => &[false],
        };
        for number in 1..=golden.effects.len() {
            for (cut, &set) in CUTS
                .iter()
                .flat_map(|cut| sets.iter().map(move |s| (*cut, s)))
            {
                for exchanged in [false, true] {
                    points.extend(forks.iter().map(|&forked| Point {
                        scenario,
                        golden: golden.clone(),
                        number,
                        cut,
                        set,
                        exchanged,
                        forked,
                    }));
                }
            }
        }
    }
    points
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_goes_wrong_together_nothing_is_lost_leaked_or_cut_off() {
    let mut points = points().await;
    let all = points.len();
    chosen(&mut points, TOGETHER, SAMPLE, ToString::to_string);
    println!("{} points of {all}", points.len());
    hold(points, ToString::to_string, |point| async move {
        point.run().await
    })
    .await;
}
