use std::future::pending;
use std::sync::Arc;

use parking_lot::Mutex;
use strum::VariantArray as _;
use tokio::sync::oneshot;

use super::*;
use crate::runtime::telemetry::json::tests::Paper;

/// The ways in which a task ends that should not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::runtime) enum Ending {
    Returns,
    Fails,
    Panics,
}

pub(in crate::runtime) const ENDINGS: [Ending; 3] =
    [Ending::Returns, Ending::Fails, Ending::Panics];

impl Ending {
    async fn happen(self) -> Result<(), TaskError> {
        tokio::task::yield_now().await;
        match self {
            Self::Returns => Ok(()),
            Self::Fails => Err("no more".into()),
            Self::Panics => panic!("with a key"),
        }
    }

    pub(in crate::runtime) async fn after(self, told: CancellationToken) -> Result<(), TaskError> {
        told.cancelled().await;
        self.happen().await
    }

    fn says(self, task: Task) -> String {
        match self {
            Self::Returns => format!("the task {task} ended by itself"),
            Self::Fails => format!("the task {task} failed"),
            Self::Panics => format!("the task {task} panicked"),
        }
    }
}

struct Trial {
    tasks: TaskSet,
    drain: CancellationToken,
    metrics: Metrics,
}

fn trial() -> Trial {
    let (drain, metrics) = (CancellationToken::new(), Metrics::default());
    let liveness = Liveness::new(drain.clone());
    Trial {
        tasks: TaskSet::new("trial", drain.clone(), metrics.clone(), &liveness),
        drain,
        metrics,
    }
}

impl Trial {
    fn counted(&self, task: Task, times: u8) -> bool {
        let line = format!(r#"launchdarkly_operator_task_ends_total{{task="{task}"}} {times}"#);
        self.metrics.encode().unwrap().lines().any(|l| l == line)
    }

    async fn goes_on(drain: CancellationToken) -> Result<(), TaskError> {
        drain.cancelled().await;
        Ok(())
    }
}

#[tokio::test]
async fn the_first_end_of_any_task_is_told_by_name_logged_and_counted() {
    for &task in Task::VARIANTS {
        for ending in ENDINGS {
            let mut trial = trial();
            for &other in Task::VARIANTS.iter().filter(|other| **other != task) {
                trial.tasks.spawn(other, pending());
            }
            trial.tasks.spawn(task, ending.happen());
            let paper = Paper::default();
            let logged = tracing::subscriber::set_default(paper.subscriber());
            let end = trial.tasks.until(pending::<()>()).await.unwrap_err();
            drop(logged);
            assert_eq!(end.to_string(), ending.says(task));
            assert!(trial.counted(task, 1), "{task} {ending:?}");
            let line: serde_json::Value = serde_json::from_str(&paper.text()).unwrap();
            assert_eq!(line["level"], "ERROR");
            assert_eq!(line["task"], task.to_string());
        }
    }
}

#[tokio::test]
async fn what_a_panic_said_is_told_to_nobody() {
    let mut trial = trial();
    trial.tasks.spawn(Task::Leader, Ending::Panics.happen());
    let end = trial.tasks.next_end().await;
    let told = format!("{end} {end:?}");
    assert!(!told.contains("key"), "{told}");
    assert!(std::error::Error::source(&end).is_none());
}

#[tokio::test]
async fn an_end_after_the_drain_began_is_in_order_unless_it_is_a_panic() {
    for ending in ENDINGS {
        let mut trial = trial();
        trial.drain.cancel();
        trial.tasks.spawn(Task::Leader, ending.happen());
        trial.tasks.next_end().await;
        let counted = u8::from(ending == Ending::Panics);
        assert!(trial.counted(Task::Leader, counted), "{ending:?}");
    }
}

#[tokio::test]
async fn a_part_that_panics_is_told_of_while_its_task_goes_on() {
    let mut trial = trial();
    let guard = trial.tasks.guard(Task::AccountController);
    let drain = trial.drain.clone();
    trial.tasks.spawn(Task::AccountController, async move {
        assert!(guard.run(Ending::Panics.happen()).await.is_none());
        assert!(guard.run(async { 7 }).await.is_some());
        Trial::goes_on(drain).await
    });
    let end = trial.tasks.next_end().await;
    assert!(matches!(end, TaskEnd::Panicked(Task::AccountController)));
    assert!(trial.counted(Task::AccountController, 1));
    trial.drain.cancel();
    let end = trial.tasks.next_end().await;
    assert!(matches!(end, TaskEnd::Returned(Task::AccountController)));
    assert!(trial.counted(Task::AccountController, 1));
}

/// What happened, in order.
#[derive(Clone, Default)]
struct Events(Arc<Mutex<Vec<&'static str>>>);

impl Events {
    fn note(&self, event: &'static str) {
        self.0.lock().push(event);
    }
}

/// Notes its end, also when it is aborted.
struct NotesEnd(Events, &'static str);

impl Drop for NotesEnd {
    fn drop(&mut self) {
        self.0.note(self.1);
    }
}

#[tokio::test]
async fn whichever_task_of_the_leader_ends_the_keys_in_hand_are_published_after_all_others_ended() {
    let ours = [
        Task::AccessTokenController,
        Task::AccountController,
        Task::AccountListing,
    ];
    for task in ours {
        for ending in ENDINGS {
            let mut trial = trial();
            let events = Events::default();
            // Another controller finishes what it has under way when it is told to drain.
            let (at_end, drain) = (NotesEnd(events.clone(), "finished"), trial.drain.clone());
            trial.tasks.spawn(Task::AccessTokenController, async move {
                let _at_end = at_end;
                drain.cancelled().await;
                tokio::task::yield_now().await;
                Ok(())
            });
            let at_end = NotesEnd(events.clone(), "aborted");
            trial.tasks.spawn(Task::AccountController, async move {
                let _at_end = at_end;
                pending().await
            });
            let (go, told) = oneshot::channel::<()>();
            trial.tasks.spawn(task, async move {
                let _ = told.await;
                ending.happen().await
            });
            let (drain, metrics) = (trial.drain.clone(), trial.metrics.clone());
            let noted = events.clone();
            let run = trial.tasks.run(Task::AccessTokenController, async move {
                noted.note("published");
            });
            go.send(()).unwrap();
            let end = run.await.unwrap_err();
            assert_eq!(end.to_string(), ending.says(task));
            assert!(drain.is_cancelled());
            assert_eq!(*events.0.lock(), ["finished", "aborted", "published"]);
            let one = format!(r#"launchdarkly_operator_task_ends_total{{task="{task}"}} 1"#);
            assert!(
                metrics.encode().unwrap().contains(&one),
                "{task} {ending:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_set_that_is_told_to_drain_ends_without_an_error() {
    let mut trial = trial();
    let drain = trial.drain.clone();
    trial
        .tasks
        .spawn(Task::AccessTokenController, Trial::goes_on(drain.clone()));
    trial.tasks.spawn(Task::AccountListing, pending());
    drain.cancel();
    let published = Events::default();
    let noted = published.clone();
    let ended = trial.tasks.run(Task::AccessTokenController, async move {
        noted.note("published");
    });
    assert!(ended.await.is_ok());
    assert_eq!(*published.0.lock(), ["published"]);
}

#[tokio::test]
async fn a_panic_while_draining_is_told() {
    let mut trial = trial();
    let drain = trial.drain.clone();
    trial.tasks.spawn(Task::AccessTokenController, async move {
        drain.cancelled().await;
        Ending::Panics.happen().await
    });
    trial.drain.cancel();
    let end = trial.tasks.run(Task::AccessTokenController, async {}).await;
    assert!(matches!(
        end,
        Err(TaskEnd::Panicked(Task::AccessTokenController))
    ));
}
