//! Two replicas of the real program on one API server: whatever becomes of the one that leads, the other takes over, at most one acts,
//! and no consumer notices.
//!
//! Each test has a consumer that calls LaunchDarkly with the key that is in the Secret, all the while. Afterwards the whole history is
//! judged: see [`judge`].
#![expect(clippy::unwrap_used, reason = "helpers of tests may fail like tests")]

mod judge;
mod stage;

use std::thread;
use std::time::{Duration, Instant};

use rig::{install, wait};
use serde_json::json;

use judge::{Judge, Replaced};
use stage::{LEASE, LEASE_DURATION, Replica, SOON, Stage, await_leader, stage, tell};

/// How late a look at the metrics may notice.
const SLACK: Duration = Duration::from_secs(2);

/// Calls that must not be repeated.
const CREATE: &str = "/api/v2/tokens";
const RESET: &str = "/api/v2/tokens/{id}/reset";

/// Exit code of a process that lost the lease.
const LOST: Option<i32> = Some(3);

#[test]
fn a_killed_leader_is_followed_by_the_standby() {
    let mut stage = stage();
    let judge = Judge::begin(&stage, "killed");
    stage.token("killed", "before", &json!({"role": "reader"}));
    stage.ready("killed", "before");
    let (leader, standby) = stage.leader_and_standby();

    leader.operator.kill9().unwrap();
    let killed = Instant::now();
    let waited = await_leader(standby);
    stage.token("killed", "after", &json!({"role": "reader"}));
    stage.ready("killed", "after");
    took_over("kill -9", waited);
    tell(&format!(
        "  and a token asked for then is Ready {} after the kill",
        seconds(killed.elapsed())
    ));
    assert!(waited <= LEASE_DURATION + SLACK, "{waited:?}");
    judge.end(
        &stage,
        &[("before", Replaced::Never), ("after", Replaced::Never)],
    );
}

#[test]
fn a_leader_that_is_told_to_end_finishes_what_it_has_in_hand_and_hands_over_at_once() {
    let mut stage = stage();
    let judge = Judge::begin(&stage, "told");
    stage.delay(CREATE, false);
    stage.token("told", "web", &json!({"role": "reader"}));
    stage.await_call();
    let (leader, standby) = stage.leader_and_standby();

    let told = Instant::now();
    let ended = leader.operator.terminate(SOON).unwrap();
    let (drained, waited) = (told.elapsed(), await_leader(standby));
    assert_eq!(ended.code(), Some(0));
    stage.ready("told", "web");
    took_over("SIGTERM, from the end of the process", waited);
    tell(&format!(
        "  which ended {} after the signal, with a create under way",
        seconds(drained)
    ));
    assert!(waited < Duration::from_secs(2), "{waited:?}");
    // One create was sent, and its key was published by the one that sent it.
    judge.end(&stage, &[("web", Replaced::Never)]);
}

#[test]
fn a_stopped_leader_ends_when_it_wakes_up_after_another_has_led() {
    let mut stage = stage();
    let judge = Judge::begin(&stage, "stopped");
    // Whether a reset works is tried before the first one.
    stage.token("stopped", "tried", &rotating("1"));
    stage.token("stopped", "web", &rotating("1"));
    stage.ready("stopped", "web");
    stage.rotate("stopped", "tried", "2");
    stage.ready("stopped", "tried");

    stopped_in_the_middle(&mut stage, "create", |stage| {
        stage.delay(CREATE, false);
        stage.token("stopped", "new", &json!({"role": "reader"}));
    });
    stage.ready("stopped", "new");
    stopped_in_the_middle(&mut stage, "reset", |stage| {
        stage.delay(RESET, true);
        stage.rotate("stopped", "web", "2");
    });
    stage.ready("stopped", "web");
    // The keys of both calls were lost with the answers: what was reset is replaced, not reset again.
    judge.end(
        &stage,
        &[
            ("tried", Replaced::Once),
            ("new", Replaced::Never),
            ("web", Replaced::Once),
        ],
    );
}

/// Stops the leader right after `begin`, until the other one leads, and lets it go on then.
fn stopped_in_the_middle(stage: &mut Stage, of_what: &str, begin: impl Fn(&Stage)) {
    stage.both_run();
    begin(stage);
    stage.await_call();
    let (leader, standby) = stage.leader_and_standby();
    leader.operator.stop_process().unwrap();
    let waited = await_leader(standby);
    leader.operator.cont_process().unwrap();
    assert_eq!(leader.operator.await_end(SOON).unwrap().code(), LOST);
    assert!(standby.leads());
    took_over(&format!("SIGSTOP in the middle of a {of_what}"), waited);
    assert!(waited <= LEASE_DURATION + SLACK, "{waited:?}");
}

#[test]
fn a_leader_that_is_cut_off_stops_within_its_lease_and_comes_back_without_acting() {
    let mut stage = stage();
    let judge = Judge::begin(&stage, "cut-off");
    // Whether a reset works is tried before the first one.
    stage.token("cut-off", "tried", &rotating("1"));
    stage.token("cut-off", "web", &rotating("1"));
    stage.ready("cut-off", "web");
    stage.rotate("cut-off", "tried", "2");
    stage.ready("cut-off", "tried");

    cut_off(
        &mut stage,
        "connections broken in the middle of a create",
        Replica::cut,
        |stage| {
            stage.delay(CREATE, true);
            stage.token("cut-off", "new", &json!({"role": "reader"}));
        },
        |stage| stage.ready("cut-off", "new"),
    );
    cut_off(
        &mut stage,
        "silence in the middle of a rotation",
        Replica::silence,
        |stage| {
            stage.delay(RESET, false);
            stage.rotate("cut-off", "web", "2");
        },
        |stage| stage.changed("cut-off", "web", Replaced::Once),
    );
    judge.end(
        &stage,
        &[
            ("tried", Replaced::Once),
            ("web", Replaced::Once),
            ("new", Replaced::Never),
        ],
    );
}

/// Cuts the leader off right after `begin`, until the other one leads and its work is `done`.
fn cut_off(
    stage: &mut Stage,
    how: &str,
    cut: impl Fn(&Replica),
    begin: impl Fn(&Stage),
    done: impl Fn(&Stage),
) {
    stage.both_run();
    begin(stage);
    stage.await_call();
    let (leader, standby) = stage.leader_and_standby();
    cut(leader);
    let cut_at = Instant::now();
    let waited = await_leader(standby);
    // It says so at the end of its next try, at the latest; the gate that its effects pass looks at the clock.
    let limit = LEASE_DURATION / 3 + SLACK;
    wait::until_true(limit, "the end of its term", || Ok(!leader.leads())).unwrap();
    tell(&format!(
        "the leader says that it leads no more after {}",
        seconds(cut_at.elapsed())
    ));
    took_over(how, waited);
    assert!(waited <= LEASE_DURATION + SLACK, "{waited:?}");
    // Nobody told it: it waits for an API server to ask, and acts no more.
    assert!(leader.operator.is_running().unwrap());
    // A write that it sent into the silence arrives late. It is fenced by the versions that it read: once the other one's work is
    // done, none may succeed.
    done(stage);
    let (successor, leader) = stage.leader_and_standby();
    leader.mend();
    assert_eq!(leader.operator.await_end(SOON).unwrap().code(), LOST);
    assert!(successor.leads());
}

#[test]
fn a_deleted_lease_ends_the_leader_and_the_other_one_makes_it_anew() {
    let mut stage = stage();
    let judge = Judge::begin(&stage, "robbed");
    stage.token("robbed", "before", &json!({"role": "reader"}));
    stage.ready("robbed", "before");
    let kubectl = stage.plane.client().clone();
    let (leader, standby) = stage.leader_and_standby();
    let delete = ["delete", "lease", LEASE, "--namespace", install::NAMESPACE];
    kubectl.run(&delete).unwrap();
    let deleted = Instant::now();
    assert_eq!(leader.operator.await_end(SOON).unwrap().code(), LOST);
    await_leader(standby);
    took_over("deletion of the Lease", deleted.elapsed());
    stage.token("robbed", "after", &json!({"role": "reader"}));
    stage.ready("robbed", "after");
    judge.end(
        &stage,
        &[("before", Replaced::Never), ("after", Replaced::Never)],
    );
}

#[test]
fn of_two_that_start_at_the_same_moment_one_leads() {
    let mut stage = stage();
    let judge = Judge::begin(&stage, "together");
    stage.both_end();
    stage.token("together", "web", &json!({"role": "reader"}));
    let cut_at = Instant::now();
    let [one, other] = &mut stage.replicas;
    thread::scope(|scope| {
        for replica in [one, other] {
            scope.spawn(|| replica.operator.restart().unwrap());
        }
    });
    stage.both_run();
    stage.ready("together", "web");
    tell(&format!(
        "two that start at once: a token is Ready after {}",
        seconds(cut_at.elapsed())
    ));
    assert_eq!(
        stage
            .replicas
            .iter()
            .filter(|replica| replica.leads())
            .count(),
        1
    );
    judge.end(&stage, &[("web", Replaced::Never)]);
}

/// An `AccessToken` whose key can be rotated by another trigger value.
fn rotating(trigger: &str) -> serde_json::Value {
    json!({"role": "reader", "rotation": {"trigger": trigger, "gracePeriod": "1m"}})
}

fn took_over(after: &str, waited: Duration) {
    let lease = LEASE_DURATION.as_secs();
    tell(&format!(
        "{after}: the other one leads after {} (lease {lease} s)",
        seconds(waited)
    ));
}

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}
