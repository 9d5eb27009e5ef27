//! The election, played on an in-memory Lease in paused time.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::coordination::v1::Lease;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::fake::{Fault, Server, TIMING, TestClock, Wire};
use super::{Elector, Leadership, LeaseGate, Loss};
use crate::gate::Gate as _;
use crate::runtime::metrics::Metrics;
use crate::runtime::readiness::Readiness;

const SECOND: Duration = Duration::from_secs(1);
const LEASE: Duration = TIMING.duration;

/// One process that takes part.
struct Process {
    wire: Wire,
    clock: Arc<TestClock>,
    gate: LeaseGate,
    standing: watch::Receiver<Leadership>,
    release: CancellationToken,
    task: JoinHandle<()>,
}

impl Process {
    fn start(name: &str, server: &Arc<Mutex<Server>>) -> Self {
        let clock = Arc::new(TestClock {
            started: Instant::now(),
            wall: Mutex::new(Timestamp::UNIX_EPOCH),
        });
        let (wire, gate, release) = (
            Wire::to(server),
            LeaseGate::new(clock.clone()),
            CancellationToken::new(),
        );
        let (elector, standing) = Elector::new(
            wire.clone(),
            clock.clone(),
            name.to_owned(),
            TIMING,
            gate.clone(),
            Metrics::default(),
            Readiness::default().expect("lease"),
        );
        let task = tokio::spawn(elector.run(release.clone()));
        Self {
            wire,
            clock,
            gate,
            standing,
            release,
            task,
        }
    }

    fn acts(&self) -> bool {
        self.gate.pass(Duration::ZERO).is_ok()
    }

    /// How long it took until this process stood so.
    async fn stands(&mut self, wanted: &Leadership) -> Duration {
        let before = Instant::now();
        let wait = self.standing.wait_for(|stands| stands == wanted);
        timeout(100 * LEASE, wait)
            .await
            .expect("it never stood so")
            .expect("its elector died");
        before.elapsed()
    }
}

fn server_with_a_free_lease() -> Arc<Mutex<Server>> {
    let mut server = Server::default();
    server.create(Lease::default()).unwrap();
    Arc::new(Mutex::new(server))
}

#[tokio::test(start_paused = true)]
async fn a_free_lease_is_led_at_once_and_kept() {
    let server = server_with_a_free_lease();
    let mut first = Process::start("first", &server);
    assert_eq!(first.stands(&Leadership::Leading).await, Duration::ZERO);
    let mut rival = Process::start("rival", &server);
    for _ in 0..600 {
        sleep(SECOND).await;
        assert!(first.gate.remaining() + 6 * SECOND > LEASE);
        assert!(!rival.acts());
    }
    assert_eq!(*rival.standing.borrow_and_update(), Leadership::Standby);
    // One take, and a renewal every 5 s.
    assert!((119..=123).contains(&server.lock().unwrap().writes));
}

#[tokio::test(start_paused = true)]
async fn two_candidates_never_lead_together() {
    let server = server_with_a_free_lease();
    let (first, second) = (
        Process::start("first", &server),
        Process::start("second", &server),
    );
    sleep(SECOND).await;
    assert_eq!(usize::from(first.acts()) + usize::from(second.acts()), 1);
}

#[tokio::test(start_paused = true)]
async fn a_released_lease_is_led_by_the_standby_within_a_second() {
    let server = server_with_a_free_lease();
    let mut first = Process::start("first", &server);
    first.stands(&Leadership::Leading).await;
    let mut standby = Process::start("standby", &server);
    sleep(12 * SECOND).await;
    first.release.cancel();
    first.stands(&Leadership::Released).await;
    assert!(!first.acts());
    assert!(standby.stands(&Leadership::Leading).await <= SECOND);
    assert_eq!(server.lock().unwrap().holder().as_deref(), Some("standby"));
}

#[tokio::test(start_paused = true)]
async fn a_dead_leader_is_followed_after_its_lease_and_not_before() {
    let server = server_with_a_free_lease();
    let mut first = Process::start("first", &server);
    first.stands(&Leadership::Leading).await;
    first.task.abort();
    let mut standby = Process::start("standby", &server);
    let waited = standby.stands(&Leadership::Leading).await;
    assert!((LEASE..=LEASE + 2 * SECOND).contains(&waited), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_was_paused_past_its_lease_acts_no_more_and_ends() {
    let server = server_with_a_free_lease();
    let mut paused = Process::start("paused", &server);
    paused.stands(&Leadership::Leading).await;
    let mut rival = Process::start("rival", &server);
    // Its renewal is handled, then it sleeps for two minutes with the answer in hand.
    paused
        .wire
        .next_call_meets(Fault::CallerPaused(120 * SECOND));
    rival.stands(&Leadership::Leading).await;
    assert!(!paused.acts());
    // It wakes up, and counts from when the renewal was sent.
    paused
        .stands(&Leadership::Lost(Loss::TakenBy("rival".to_owned())))
        .await;
    assert!(!paused.acts());
    assert!(rival.acts());
    assert!(paused.task.await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn the_old_gate_is_shut_whenever_the_new_one_opens() {
    for pause in (0..90).step_by(3).map(|seconds| seconds * SECOND) {
        let server = server_with_a_free_lease();
        let mut paused = Process::start("paused", &server);
        paused.stands(&Leadership::Leading).await;
        let rival = Process::start("rival", &server);
        paused.wire.next_call_meets(Fault::CallerPaused(pause));
        for _ in 0..1200 {
            sleep(Duration::from_millis(100)).await;
            assert!(
                !(paused.acts() && rival.acts()),
                "both act after a pause of {pause:?}"
            );
        }
        assert!(paused.acts() || rival.acts());
    }
}

#[tokio::test(start_paused = true)]
async fn a_renewal_whose_answer_was_lost_costs_nothing() {
    let server = server_with_a_free_lease();
    let mut first = Process::start("first", &server);
    first.stands(&Leadership::Leading).await;
    let _rival = Process::start("rival", &server);
    for _ in 0..5 {
        first.wire.next_call_meets(Fault::AnswerLost);
        sleep(20 * SECOND).await;
        assert!(first.acts());
    }
    assert_eq!(server.lock().unwrap().holder().as_deref(), Some("first"));
}

#[tokio::test(start_paused = true)]
async fn taking_the_lease_with_the_answer_lost_is_noticed_as_our_own() {
    let server = server_with_a_free_lease();
    let mut first = Process::start("first", &server);
    // Its first call reads, its second takes.
    first
        .wire
        .next_call_meets(Fault::CallerPaused(Duration::ZERO));
    first.wire.next_call_meets(Fault::AnswerLost);
    assert!(first.stands(&Leadership::Leading).await < LEASE);
}

#[tokio::test(start_paused = true)]
async fn a_release_whose_last_renewal_went_unanswered_still_frees_the_lease() {
    let server = server_with_a_free_lease();
    let mut first = Process::start("first", &server);
    first.stands(&Leadership::Leading).await;
    first.wire.next_call_meets(Fault::AnswerLost);
    sleep(6 * SECOND).await;
    first.release.cancel();
    first.stands(&Leadership::Released).await;
    assert_eq!(server.lock().unwrap().holder(), None);
}

#[tokio::test(start_paused = true)]
async fn an_outage_of_the_server_shuts_the_gate_but_does_not_end_a_leader_whom_nobody_followed() {
    let server = server_with_a_free_lease();
    let mut first = Process::start("first", &server);
    first.stands(&Leadership::Leading).await;
    let rival = Process::start("rival", &server);
    for wire in [&first.wire, &rival.wire] {
        wire.cut(true);
    }
    sleep(2 * LEASE).await;
    assert!(!first.acts() && !rival.acts());
    // The rival has not seen the Lease for long: it starts to count when it sees it again, changed or not.
    first.wire.cut(false);
    sleep(12 * SECOND).await;
    assert!(first.acts());
    rival.wire.cut(false);
    sleep(2 * LEASE).await;
    assert!(first.acts() && !rival.acts());
}

#[tokio::test(start_paused = true)]
async fn a_leader_cut_off_from_the_server_is_shut_before_the_rival_leads() {
    let server = server_with_a_free_lease();
    let mut first = Process::start("first", &server);
    first.stands(&Leadership::Leading).await;
    let mut rival = Process::start("rival", &server);
    sleep(7 * SECOND).await;
    first.wire.cut(true);
    rival.stands(&Leadership::Leading).await;
    assert!(!first.acts());
    first.wire.cut(false);
    first
        .stands(&Leadership::Lost(Loss::TakenBy("rival".to_owned())))
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_jump_of_the_wall_clock_shuts_the_gate_until_the_lease_is_proven_again() {
    let server = server_with_a_free_lease();
    let mut first = Process::start("first", &server);
    first.stands(&Leadership::Leading).await;
    sleep(SECOND).await;
    first.clock.jump(SignedDuration::from_hours(1));
    assert!(!first.acts());
    sleep(TIMING.renew_every()).await;
    assert!(first.acts());
    first.clock.jump(SignedDuration::from_hours(-25));
    sleep(LEASE).await;
    assert!(first.acts());
}

#[tokio::test(start_paused = true)]
async fn a_jump_of_the_wall_clock_does_not_bring_a_standby_to_lead() {
    let server = server_with_a_free_lease();
    let mut first = Process::start("first", &server);
    first.stands(&Leadership::Leading).await;
    let rival = Process::start("rival", &server);
    sleep(SECOND).await;
    rival.clock.jump(SignedDuration::from_hours(1));
    sleep(10 * LEASE).await;
    assert!(first.acts() && !rival.acts());
}

#[tokio::test(start_paused = true)]
async fn a_deleted_lease_ends_the_leader_and_is_made_again_only_after_a_full_duration() {
    let server = server_with_a_free_lease();
    let mut first = Process::start("first", &server);
    first.stands(&Leadership::Leading).await;
    let mut standby = Process::start("standby", &server);
    sleep(7 * SECOND).await;
    server.lock().unwrap().lease = None;
    let begun = Instant::now();
    first.stands(&Leadership::Lost(Loss::Deleted)).await;
    standby.stands(&Leadership::Leading).await;
    assert!((LEASE..=LEASE + 2 * SECOND).contains(&begun.elapsed()));
}

#[tokio::test(start_paused = true)]
async fn a_lease_deleted_and_applied_anew_is_not_taken_while_the_old_leader_may_act() {
    let server = server_with_a_free_lease();
    let mut first = Process::start("first", &server);
    first.stands(&Leadership::Leading).await;
    let mut standby = Process::start("standby", &server);
    sleep(SECOND).await;
    {
        let mut server = server.lock().unwrap();
        server.lease = None;
        server.create(Lease::default()).unwrap();
    }
    let waited = standby.stands(&Leadership::Leading).await;
    assert!(waited >= LEASE, "{waited:?}");
    assert_eq!(*first.standing.borrow(), Leadership::Lost(Loss::Emptied));
}

#[tokio::test(start_paused = true)]
async fn with_no_lease_at_all_a_candidate_waits_a_full_duration_then_makes_one() {
    let server = Arc::new(Mutex::new(Server::default()));
    let mut first = Process::start("first", &server);
    let waited = first.stands(&Leadership::Leading).await;
    assert!((LEASE..=LEASE + 2 * SECOND).contains(&waited), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn an_elector_that_dies_shuts_its_gate() {
    let server = server_with_a_free_lease();
    let mut first = Process::start("first", &server);
    first.stands(&Leadership::Leading).await;
    assert!(first.acts());
    first.task.abort();
    assert!((&mut first.task).await.is_err());
    assert!(!first.acts());
}
