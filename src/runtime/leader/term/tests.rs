use std::future::pending;

use super::*;
use crate::runtime::liveness::Liveness;
use crate::runtime::metrics::Metrics;
use crate::runtime::supervise::TaskError;
use crate::runtime::supervise::tests::{ENDINGS, Ending};

struct Trial {
    stands: watch::Sender<Leadership>,
    term: LeaderTerm,
    shutdown: Shutdown,
    released: CancellationToken,
    metrics: Metrics,
    liveness: Liveness,
}

/// A term whose elector only notes that it was told to release.
fn trial() -> Trial {
    let released = CancellationToken::new();
    let release = CancellationToken::new();
    let (told, noted) = (release.clone(), released.clone());
    trial_with(release, released, async move {
        told.cancelled().await;
        noted.cancel();
        Ok(())
    })
}

fn trial_with(
    release: CancellationToken,
    released: CancellationToken,
    elector: impl Future<Output = Result<(), TaskError>> + Send + 'static,
) -> Trial {
    let (stands, standing) = watch::channel(Leadership::Standby);
    let (shutdown, metrics) = (Shutdown::default(), Metrics::default());
    let liveness = Liveness::new(shutdown.drain.clone());
    let drain = shutdown.drain.clone();
    let mut tasks = TaskSet::new("process", drain, metrics.clone(), &liveness);
    tasks.spawn(Task::Elector, elector);
    let term = LeaderTerm {
        tasks,
        standing,
        release,
        release_limit: Duration::from_secs(30),
    };
    Trial {
        stands,
        term,
        shutdown,
        released,
        metrics,
        liveness,
    }
}

fn counted(metrics: &Metrics, task: Task) -> bool {
    let line = format!(r#"launchdarkly_operator_task_ends_total{{task="{task}"}} 1"#);
    metrics.encode().unwrap().lines().any(|l| l == line)
}

/// A leader task that publishes when it is told to drain, and fails if the Lease is gone by then.
async fn publishes(
    drain: CancellationToken,
    released: CancellationToken,
    published: CancellationToken,
) -> Result<(), LeaderTaskError> {
    drain.cancelled().await;
    tokio::task::yield_now().await;
    if released.is_cancelled() {
        return Err("released too early".into());
    }
    published.cancel();
    Ok(())
}

#[tokio::test]
async fn a_standby_that_is_told_to_end_begins_nothing() {
    let trial = trial();
    trial.stands.send_replace(Leadership::Leading);
    trial.shutdown.drain.cancel();
    let never = async { unreachable!("the leader task was begun") };
    trial.term.serve(&trial.shutdown, never).await.unwrap();
    assert!(trial.released.is_cancelled());
}

#[tokio::test]
async fn a_leader_that_is_told_to_end_drains_then_releases() {
    let trial = trial();
    trial.stands.send_replace(Leadership::Leading);
    let (drain, published) = (trial.shutdown.drain.clone(), CancellationToken::new());
    let leader = publishes(drain.clone(), trial.released.clone(), published.clone());
    let ended = trial.term.serve(&trial.shutdown, async move {
        drain.cancel();
        leader.await
    });
    ended.await.unwrap();
    assert!(published.is_cancelled() && trial.released.is_cancelled());
    assert!(!counted(&trial.metrics, Task::Leader));
}

#[tokio::test]
async fn a_leader_whose_other_task_ends_drains_then_releases_and_fails() {
    for task in [Task::Signals, Task::AdminServer] {
        for ending in ENDINGS {
            let mut trial = trial();
            trial.stands.send_replace(Leadership::Leading);
            let (leads, published) = (CancellationToken::new(), CancellationToken::new());
            trial.term.tasks.spawn(task, ending.after(leads.clone()));
            let drain = trial.shutdown.drain.clone();
            let leader = publishes(drain, trial.released.clone(), published.clone());
            let ended = trial.term.serve(&trial.shutdown, async move {
                leads.cancel();
                leader.await
            });
            let error = ended.await.unwrap_err();
            assert!(
                matches!(&error, RunError::Task(end) if end.task() == task),
                "{task} {ending:?}: {error}"
            );
            assert_eq!(error.exit_code(), 1);
            assert!(published.is_cancelled(), "{task} {ending:?}");
            assert!(trial.released.is_cancelled(), "{task} {ending:?}");
            assert!(counted(&trial.metrics, task), "{task} {ending:?}");
            assert!(!counted(&trial.metrics, Task::Leader), "{task} {ending:?}");
        }
    }
}

#[tokio::test]
async fn a_leader_whose_controller_panics_publishes_then_releases_and_fails() {
    let trial = trial();
    trial.stands.send_replace(Leadership::Leading);
    let (drain, metrics) = (trial.shutdown.drain.clone(), trial.metrics.clone());
    let mut parts = TaskSet::new("leader", drain.clone(), metrics, &trial.liveness);
    parts.spawn(Task::AccessTokenController, async move {
        drain.cancelled().await;
        Ok(())
    });
    let begun = CancellationToken::new();
    let account_controller = Ending::Panics.after(begun.clone());
    parts.spawn(Task::AccountController, account_controller);
    let published = CancellationToken::new();
    let (released, noted) = (trial.released.clone(), published.clone());
    let ended = trial.term.serve(&trial.shutdown, async move {
        begun.cancel();
        let publish = async {
            if !released.is_cancelled() {
                noted.cancel();
            }
        };
        Ok(parts.run(Task::AccessTokenController, publish).await?)
    });
    let error = ended.await.unwrap_err();
    assert_eq!(error.causes(), "the task account-controller panicked");
    assert_eq!(error.exit_code(), 1);
    assert!(published.is_cancelled() && trial.released.is_cancelled());
    assert!(counted(&trial.metrics, Task::AccountController));
    assert!(!counted(&trial.metrics, Task::Leader));
}

#[tokio::test]
async fn a_standby_whose_task_ends_does_not_go_on() {
    for task in [Task::Signals, Task::AdminServer] {
        for ending in ENDINGS {
            let mut trial = trial();
            let now = CancellationToken::new();
            now.cancel();
            trial.term.tasks.spawn(task, ending.after(now));
            let never = async { unreachable!("the leader task was begun") };
            let error = trial.term.serve(&trial.shutdown, never).await.unwrap_err();
            assert!(matches!(&error, RunError::Task(end) if end.task() == task));
            assert_eq!(error.exit_code(), 1);
            assert!(trial.released.is_cancelled(), "{task} {ending:?}");
            assert!(counted(&trial.metrics, task), "{task} {ending:?}");
        }
    }
}

#[tokio::test]
async fn without_an_elector_neither_a_leader_nor_a_standby_goes_on() {
    for stands in [Leadership::Leading, Leadership::Standby] {
        for ending in ENDINGS {
            let (now, release) = (CancellationToken::new(), CancellationToken::new());
            let trial = trial_with(release, CancellationToken::new(), ending.after(now.clone()));
            trial.stands.send_replace(stands.clone());
            if stands == Leadership::Standby {
                now.cancel();
            }
            let ended = trial.term.serve(&trial.shutdown, async move {
                now.cancel();
                pending().await
            });
            let error = ended.await.unwrap_err();
            assert!(
                matches!(&error, RunError::Lost(Loss::Unattended)),
                "{error}"
            );
            assert_eq!(error.exit_code(), 3);
            assert!(counted(&trial.metrics, Task::Elector), "{ending:?}");
        }
    }
}

#[tokio::test]
async fn a_lost_lease_ends_the_process_and_drops_the_leader_task_without_a_release() {
    let (lost, release) = (CancellationToken::new(), CancellationToken::new());
    let elector = Ending::Returns.after(lost.clone());
    let trial = trial_with(release.clone(), CancellationToken::new(), elector);
    trial.stands.send_replace(Leadership::Leading);
    let Trial {
        stands,
        term,
        shutdown,
        ..
    } = trial;
    let ended = term.serve(&shutdown, async move {
        stands.send_replace(Leadership::Lost(Loss::TakenBy("rival".to_owned())));
        lost.cancel();
        pending().await
    });
    let error = ended.await.unwrap_err();
    assert!(matches!(&error, RunError::Lost(Loss::TakenBy(rival)) if rival == "rival"));
    assert_eq!(error.exit_code(), 3);
    assert!(!release.is_cancelled());
}

#[tokio::test]
async fn a_leader_task_that_ends_by_itself_ends_the_process_and_frees_the_lease() {
    for ending in [Ending::Returns, Ending::Fails] {
        let trial = trial();
        trial.stands.send_replace(Leadership::Leading);
        let now = CancellationToken::new();
        now.cancel();
        let ended = trial.term.serve(&trial.shutdown, ending.after(now));
        let error = ended.await.unwrap_err();
        assert!(matches!(&error, RunError::Task(end) if end.task() == Task::Leader));
        assert_eq!(error.exit_code(), 1);
        assert!(trial.released.is_cancelled());
        assert!(counted(&trial.metrics, Task::Leader), "{ending:?}");
        assert!(!counted(&trial.metrics, Task::Elector), "{ending:?}");
    }
}

#[tokio::test]
async fn a_leader_task_that_panics_leaves_the_lease_to_run_out() {
    let trial = trial();
    trial.stands.send_replace(Leadership::Leading);
    let now = CancellationToken::new();
    now.cancel();
    let ended = trial.term.serve(&trial.shutdown, Ending::Panics.after(now));
    let error = ended.await.unwrap_err();
    assert_eq!(error.to_string(), "the task leader panicked");
    assert_eq!(error.exit_code(), 1);
    assert!(!trial.released.is_cancelled());
    assert!(counted(&trial.metrics, Task::Leader));
}

#[tokio::test]
async fn a_second_signal_cuts_the_leader_task_off_and_leaves_the_lease_to_run_out() {
    let trial = trial();
    trial.stands.send_replace(Leadership::Leading);
    let told = trial.shutdown.clone();
    let ended = trial.term.serve(&trial.shutdown, async move {
        told.drain.cancel();
        told.abort.cancel();
        pending().await
    });
    assert_eq!(ended.await.unwrap_err().exit_code(), 4);
    assert!(!trial.released.is_cancelled());
}

#[tokio::test(start_paused = true)]
async fn a_leader_task_that_does_not_drain_in_time_is_cut_off() {
    let trial = trial();
    trial.stands.send_replace(Leadership::Leading);
    let told = trial.shutdown.clone();
    let ended = trial.term.serve(&trial.shutdown, async move {
        told.drain.cancel();
        pending().await
    });
    assert!(matches!(ended.await, Err(RunError::CutOff)));
    assert!(!trial.released.is_cancelled());
}
