//! Liveness, as `/livez` reports it: whether the process can still end by itself.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

/// Time between two beats of a supervisor.
const BEAT_EVERY: Duration = Duration::from_secs(5);
/// How long a supervisor may go without a beat. A busy node delays one by seconds, not by this much.
const SILENCE_LIMIT: Duration = Duration::from_secs(30);
/// How long the leader task may take to drain: the proof of a key in hand may take a minute, its publication a few seconds.
/// The manifests give the pod a little more before it is killed.
pub const DRAIN_LIMIT: Duration = Duration::from_secs(75);

/// How long the release of the Lease may take after that. One that is not released runs out.
pub(super) const RELEASE_LIMIT: Duration = Duration::from_secs(15);

/// How long an orderly end may take.
const END_LIMIT: Duration = Duration::from_secs(DRAIN_LIMIT.as_secs() + RELEASE_LIMIT.as_secs());

/// Fails if the process must end and does not, so that the kubelet ends it. Clones share their state.
///
/// Outages do not fail it: a leader that lost its Lease ends by itself, and killing a process that waits for the API server would
/// only lose the keys in hand.
#[derive(Debug, Clone)]
pub struct Liveness {
    drain: CancellationToken,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    /// The last beat of each supervisor.
    beats: BTreeMap<&'static str, Instant>,
    /// When a check or a beat first found that the process was told to end.
    ending_since: Option<Instant>,
}

impl Liveness {
    /// The liveness of a process that ends once `drain` is cancelled.
    #[must_use]
    pub fn new(drain: CancellationToken) -> Self {
        Self {
            drain,
            state: Arc::default(),
        }
    }

    /// Expects beats of `supervisor` from now on.
    pub(super) fn pulse(&self, supervisor: &'static str) -> Pulse {
        let mut timer = interval(BEAT_EVERY);
        timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let pulse = Pulse {
            supervisor,
            timer,
            liveness: self.clone(),
        };
        pulse.beat();
        pulse
    }

    /// Checks whether the process ends in time, or can still do so.
    ///
    /// # Errors
    /// Why the process has to be killed.
    pub fn check(&self) -> Result<(), String> {
        let now = Instant::now();
        let mut state = self.state.lock();
        if self.drain.is_cancelled() {
            let since = *state.ending_since.get_or_insert(now);
            let ending_for = now.duration_since(since);
            return if ending_for > END_LIMIT {
                Err(format!("ending for {} s", ending_for.as_secs()))
            } else {
                Ok(())
            };
        }
        let mut silent = state
            .beats
            .iter()
            .map(|(supervisor, beat)| (supervisor, now.duration_since(*beat)));
        match silent.find(|(_, silence)| *silence > SILENCE_LIMIT) {
            Some((supervisor, silence)) => Err(format!(
                "the supervisor of the {supervisor} has not run for {} s",
                silence.as_secs()
            )),
            None => Ok(()),
        }
    }
}

/// The heartbeat of one supervisor, which polls it while it waits for its tasks.
#[derive(Debug)]
pub(super) struct Pulse {
    supervisor: &'static str,
    timer: Interval,
    liveness: Liveness,
}

impl Pulse {
    /// Waits until the next beat is due, and makes it. Cancel safe.
    pub(super) async fn next(&mut self) {
        self.timer.tick().await;
        self.beat();
    }

    fn beat(&self) {
        let now = Instant::now();
        let mut state = self.liveness.state.lock();
        state.beats.insert(self.supervisor, now);
        if self.liveness.drain.is_cancelled() {
            state.ending_since.get_or_insert(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{advance, timeout};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn a_supervisor_that_runs_is_alive_and_one_that_does_not_is_named() {
        let liveness = Liveness::new(CancellationToken::new());
        let mut pulse = liveness.pulse("process");
        let beats = async {
            loop {
                pulse.next().await;
            }
        };
        assert!(timeout(10 * SILENCE_LIMIT, beats).await.is_err());
        assert_eq!(liveness.check(), Ok(()));
        advance(SILENCE_LIMIT + SECOND).await;
        let why = liveness.check().unwrap_err();
        assert!(
            why.starts_with("the supervisor of the process has not run for"),
            "{why}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn an_end_that_a_beat_saw_is_counted_from_there() {
        let drain = CancellationToken::new();
        let liveness = Liveness::new(drain.clone());
        let mut pulse = liveness.pulse("process");
        drain.cancel();
        pulse.next().await;
        advance(END_LIMIT + SECOND).await;
        assert_eq!(liveness.check(), Err("ending for 91 s".to_owned()));
    }

    #[tokio::test(start_paused = true)]
    async fn one_silent_supervisor_of_two_is_enough() {
        let liveness = Liveness::new(CancellationToken::new());
        let (_leader, mut process) = (liveness.pulse("leader"), liveness.pulse("process"));
        advance(SILENCE_LIMIT + SECOND).await;
        process.next().await;
        let why = liveness.check().unwrap_err();
        assert!(why.contains("of the leader"), "{why}");
    }

    #[tokio::test(start_paused = true)]
    async fn an_end_may_take_as_long_as_a_drain_and_its_margin_and_no_longer() {
        let drain = CancellationToken::new();
        let liveness = Liveness::new(drain.clone());
        let _pulse = liveness.pulse("process");
        drain.cancel();
        assert_eq!(liveness.check(), Ok(()));
        // A supervisor that publishes keys makes no beats meanwhile.
        advance(END_LIMIT).await;
        assert_eq!(liveness.check(), Ok(()));
        advance(SECOND).await;
        assert_eq!(liveness.check(), Err("ending for 91 s".to_owned()));
    }
}
