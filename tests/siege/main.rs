//! The siege: three tenants do whatever they may to the operator and to each other, all at once, while a fourth lives on. Its revocations,
//! rotations and corrections are timed before and meanwhile; the operator must neither restart nor take more memory than its limit.
//!
//! `LDTOKENS_SIEGE_SECONDS` asks for a longer siege with as much as was once seen to bring an operator down; run it alone, since it judges
//! times too.
#![expect(
    clippy::unwrap_used,
    reason = "the lints' exceptions for tests do not see helper functions"
)]

mod stage;
mod tenants;
mod victim;

use std::env;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use stage::Stage;
use victim::Times;

/// How long it takes in the usual tests, and how long the quiet before it.
const USUAL: Duration = Duration::from_secs(20);

/// What the chart gives the operator.
const LIMIT_MIB: u64 = 256;

/// How much of everything there is.
#[derive(Debug, Clone, Copy)]
struct Force {
    lasts: Duration,
    /// Large Secrets with our label, and as many large AccessTokens.
    large: usize,
    /// Accounts that are edited again and again.
    accounts: usize,
    /// Half-sent requests at a time.
    strangers: usize,
    /// Whether times are judged too.
    timed: bool,
}

impl Force {
    fn drawn_up() -> Self {
        match env::var("LDTOKENS_SIEGE_SECONDS") {
            Ok(seconds) => Self {
                lasts: Duration::from_secs(seconds.parse().unwrap()),
                large: 303,
                accounts: 300,
                strangers: 900,
                timed: true,
            },
            Err(_) => Self {
                lasts: USUAL,
                large: 10,
                accounts: 40,
                strangers: 300,
                timed: false,
            },
        }
    }
}

#[test]
fn whatever_three_tenants_do_at_once_a_fourth_lives_on() {
    let force = Force::drawn_up();
    let mut stage = Stage::start(force);
    let starts = stage.starts();
    let quiet = lives(&stage, "quiet", force.lasts / 4, |_| {});
    let before = stage.simulator.requests(0).unwrap().len();
    let besieged = lives(&stage, "besieged", force.lasts, |stop| {
        thread::scope(|tenants| {
            tenants.spawn(|| tenants::half_sent_requests(&stage, force.strangers, stop));
            tenants.spawn(|| tenants::edited_accounts(&stage, force.accounts, stop));
            tenants.spawn(|| tenants::short_lived_accounts(&stage, stop));
            tenants.spawn(|| tenants::retained_tokens(&stage, stop));
        });
    });
    let calls = stage.simulator.requests(0).unwrap().len() - before;
    let peak = stage.operator.peak_kib().unwrap() >> 10;
    let retained = stage.tokens_of(tenants::RETAINER);
    println!("{force:?}");
    println!("quiet:    {quiet}");
    println!("besieged: {besieged}");
    println!("{peak} MiB at most, {calls} calls, {retained} tokens of who retains");
    assert!(stage.operator.is_running().unwrap());
    assert_eq!(stage.starts(), starts, "it was started again");
    assert!(peak < LIMIT_MIB, "{peak} MiB");
    assert!(retained <= tenants::MAX_TOKENS, "{retained} tokens");
    if force.timed {
        assert!(besieged.revoked.p99() < Duration::from_secs(2));
        let interval = stage::DRIFT_INTERVAL + Duration::from_secs(2);
        assert!(besieged.corrected.p99() < interval);
    }
}

/// What the victim lived through while `meanwhile` went on; it stops when it is told to.
fn lives(
    stage: &Stage,
    when: &str,
    lasts: Duration,
    meanwhile: impl FnOnce(&AtomicBool) + Send,
) -> Times {
    let stop = AtomicBool::new(false);
    let until = Instant::now() + lasts;
    thread::scope(|scope| {
        scope.spawn(|| meanwhile(&stop));
        let times = victim::live(stage, when, until);
        stop.store(true, Ordering::Relaxed);
        times
    })
}
