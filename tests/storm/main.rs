//! The storm: the shipped operator is killed with -9 again and again, at random moments, while users create, rotate, edit,
//! revoke and delete twenty objects and consumers call LaunchDarkly with every key. What must hold is judged on the
//! whole history: see [`judge`].
//!
//! `LDTOKENS_STORM_KILLS` asks for another number of kills than 50, `LDTOKENS_STORM_SEED` for other choices
//! than the usual ones; the timing differs from run to run.
#![expect(
    clippy::unwrap_used,
    reason = "the lints' exceptions for tests do not see helper functions"
)]

mod collect;
mod consumers;
mod dice;
mod evidence;
mod figures;
mod film;
mod habits;
mod judge;
mod killer;
mod stage;
mod users;
mod weather;

use std::env;
use std::io::Write;
use std::time::{Duration, Instant};

use consumers::Consumers;
use habits::{HABITS, grace_at};
use rig::wait;
use stage::Stage;
use users::Users;

/// The usual choices.
const SEED: u64 = 248_351_018;

/// How long it may take after the storm until everything rests.
const CALM: Duration = Duration::from_secs(60);

#[test]
fn kills_at_random_moments_refuse_no_consumer_leak_no_token_and_rotate_nothing_twice() {
    let kills = number("LDTOKENS_STORM_KILLS").unwrap_or(50);
    let seed = number("LDTOKENS_STORM_SEED").unwrap_or(SEED);
    tell(&format!(
        "a storm of {kills} kills, LDTOKENS_STORM_SEED={seed}"
    ));
    let times = usize::try_from(kills).unwrap();

    let begun = Instant::now();
    let mut stage = Stage::start(seed);
    let consumers = Consumers::start(&stage, grace_at);
    let users = Users::start(&stage, &HABITS, seed);
    let mut killed = killer::kill(&mut stage, &users, times, seed);
    let notes = users.stop();
    // One look when nothing is under way: schedules go on, and what is deleted is struck off the status a moment later.
    let rested = wait::until_ok(CALM, "rest", || {
        killer::keep_running(&mut stage.operator, &mut killed);
        let evidence = collect::evidence(&stage, &notes);
        let complaints = judge::judge(&evidence);
        if complaints.is_empty() {
            Ok(evidence)
        } else {
            Err(complaints.join("\n"))
        }
    });
    let mut evidence = rested.unwrap_or_else(|_| collect::evidence(&stage, &notes));
    evidence.calls = consumers.stop();

    let figures = figures::figures(&killed, &evidence, &stage.film.shown());
    tell(&format!(
        "{figures}\n{} s in all",
        begun.elapsed().as_secs()
    ));
    let complaints = judge::judge(&evidence);
    let text = complaints.join("\n");
    for life in &evidence.lives {
        if text.contains(&life.uid) {
            tell(&life.to_string());
        }
    }
    assert!(
        complaints.is_empty(),
        "LDTOKENS_STORM_SEED={seed}\n{figures}\n{text}"
    );
    assert!(
        figures.kills == times && figures.fresh_hits * 10 >= times * 3,
        "LDTOKENS_STORM_SEED={seed}: too few kills hit a pending intent\n{figures}"
    );
}

/// Told also when the test passes.
fn tell(text: &str) {
    std::io::stderr()
        .write_all(format!("{text}\n").as_bytes())
        .unwrap();
}

fn number(variable: &str) -> Option<u64> {
    let text = env::var(variable).ok()?;
    Some(text.parse().unwrap())
}
