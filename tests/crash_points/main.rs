//! Every effect of every story is cut: before it is sent, while its answer is under way, after the answer came, and with
//! request or answer lost on the way of a process that lives; or it is held up until a successor is somewhere in its own
//! work. Whoever comes after must bring the world to the same rest, and at no moment may an invariant be broken.
#![expect(clippy::unwrap_used, reason = "helpers of tests may fail like tests")]

mod accounts;
mod clock;
mod clocks;
mod cluster;
mod credentials;
mod endings;
mod forks;
mod jams;
mod judge;
mod launchdarkly;
mod own_credential;
mod paging;
mod points;
mod refusals;
mod renames;
mod revoked;
mod run;
mod scenarios;
mod slots;
mod steps;
mod together;
mod twin;
mod wire;
mod world;

use std::sync::Arc;

use futures::{StreamExt, stream};

use run::Golden;
use scenarios::{ALL, Scenario};
use wire::Cut;

/// Points run at once: each has a simulator of its own and mostly waits for it.
const AT_ONCE: usize = 4;

/// How often each story is told: it goes the same way whatever second it falls into.
const TELLINGS: usize = 3;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_story_ends_well_and_always_the_same_way_when_nothing_goes_wrong() {
    let tellings = ALL.iter().flat_map(|scenario| [scenario; TELLINGS]);
    let runs = stream::iter(tellings).map(|scenario| async move {
        let outcome = tokio::spawn(run::whole(scenario)).await.unwrap();
        (scenario.name, outcome.map(|golden| golden.trace))
    });
    let outcomes: Vec<_> = runs.buffered(AT_ONCE).collect().await;
    for tellings in outcomes.chunks(TELLINGS) {
        let (name, first) = &tellings[0];
        for (_, outcome) in tellings {
            assert!(
                outcome.is_ok(),
                "{name}:\n    {}",
                outcome.clone().unwrap_err()
            );
            assert_eq!(outcome, first, "{name}");
        }
        let trace = first.clone().unwrap();
        insta::assert_snapshot!(name.replace(' ', "_"), trace);
    }
}

/// How many points there are at least: stories must not become shorter unnoticed.
const LEAST_POINTS: usize = 2_000;

/// What goes wrong with one effect.
#[derive(Debug, Clone, Copy)]
enum Mishap {
    Cut(Cut),
    /// The process dies with the answer under way, and its successor begins with a cache that lags behind.
    StaleSuccessor,
    Paused,
    /// Held up until the successor is about to make this effect of its own.
    LateFor(usize),
}

const MISHAPS: [Mishap; 11] = [
    Mishap::Cut(Cut::Before),
    Mishap::Cut(Cut::Unanswered),
    Mishap::Cut(Cut::Answered),
    Mishap::Cut(Cut::LostAnswer),
    Mishap::Cut(Cut::LostRequest),
    Mishap::StaleSuccessor,
    Mishap::Paused,
    Mishap::LateFor(1),
    Mishap::LateFor(2),
    Mishap::LateFor(4),
    Mishap::LateFor(usize::MAX),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_becomes_of_one_effect_nothing_is_lost_leaked_or_done_twice() {
    let mut points = Vec::new();
    for scenario in ALL {
        let golden = run::whole(scenario).await;
        let golden = golden.unwrap_or_else(|complaints| panic!("{}: {complaints}", scenario.name));
        let golden = Arc::new(golden);
        for number in 1..=golden.effects.len() {
            points.extend(MISHAPS.map(|mishap| (scenario, golden.clone(), number, mishap)));
        }
    }
    let count = points.len();
    let name = |(scenario, golden, number, mishap): &(&Scenario, Arc<Golden>, usize, Mishap)| {
        let effect = &golden.effects[number - 1];
        format!("{}, effect {number} ({effect}), {mishap:?}", scenario.name)
    };
    points::hold(
        points,
        name,
        |(scenario, golden, number, mishap)| async move {
            match mishap {
                Mishap::Cut(cut) => run::cut(scenario, &golden, number, cut, false).await,
                Mishap::StaleSuccessor => {
                    run::cut(scenario, &golden, number, Cut::Unanswered, true).await
                }
                Mishap::Paused => run::paused(scenario, &golden, number).await,
                Mishap::LateFor(other) => run::late(scenario, &golden, number, other).await,
            }
        },
    )
    .await;
    println!("{count} points");
    assert!(count >= LEAST_POINTS, "only {count} points");
}

#[tokio::test]
async fn an_entry_whose_removal_was_cut_short_is_removed_by_whoever_comes_next() {
    let renamed = ALL.iter().find(|story| story.name == "entry renamed");
    run::without_tidying(renamed.unwrap()).await.unwrap();
}

#[tokio::test]
async fn another_tokens_key_in_a_kept_secret_is_not_believed_where_launchdarkly_names_no_caller_i6()
{
    run::whole(&scenarios::STOLEN_MARKS).await.unwrap();
}
