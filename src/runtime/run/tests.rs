//! The process, on an API server that only knows the kinds: whichever task ends, it ends.

use std::future::pending;
use std::time::Duration;

use clap::Parser as _;
use kube::{Client, Config};
use serde_json::json;
use wiremock::matchers::path;
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;
use crate::runtime::args::{Cli, Command};
use crate::runtime::leader::LeaderTaskError;
use crate::runtime::supervise::tests::{ENDINGS, Ending};

struct NeverBegun;

impl LeaderTask for NeverBegun {
    async fn lead(self, _: LeaderContext) -> Result<(), LeaderTaskError> {
        unreachable!("this process does not lead")
    }
}

/// An API server that serves these kinds.
async fn server(kinds: &[&str]) -> (MockServer, Clients) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let server = MockServer::start().await;
    let resources: Vec<_> = kinds
        .iter()
        .map(|name| {
            json!({"name": name, "singularName": "", "namespaced": true, "kind": "Any", "verbs": []})
        })
        .collect();
    let version = "ldtokens.dev/v1alpha1";
    let list = json!({"kind": "APIResourceList", "groupVersion": version, "resources": resources});
    let answer = ResponseTemplate::new(200).set_body_json(list);
    let mock = Mock::given(path(format!("/apis/{version}"))).respond_with(answer);
    mock.mount(&server).await;
    let client = Client::try_from(Config::new(server.uri().parse().unwrap())).unwrap();
    let clients = Clients {
        calls: client.clone(),
        watches: client.clone(),
        lease: client,
    };
    (server, clients)
}

/// How a process that does not lead ends when one of its tasks does; `kinds` is whether it knows them by then.
async fn ends(task: Task, ending: Ending, kinds: bool) -> RunError {
    let served = [
        "accesstokens",
        "launchdarklyaccounts",
        "clusterlaunchdarklyaccounts",
    ];
    let (_server, clients) = server(if kinds { &served } else { &[] }).await;
    let flags = [
        "program",
        "run",
        "--namespace",
        "operator",
        "--pod-name",
        "pod",
        "--paused",
    ];
    let Command::Run(args) = Cli::parse_from(flags).command;
    let begun = CancellationToken::new();
    let end = ending.after(begun.clone()).map_err(io::Error::other);
    let end = end.boxed();
    let (signals, serving, exporter) = match task {
        Task::Signals => (end, pending().boxed(), pending().boxed()),
        Task::AdminServer => (pending().boxed(), end, pending().boxed()),
        _ => (pending().boxed(), pending().boxed(), end),
    };
    let mut process = Process::start(
        *args,
        clients,
        Metrics::default(),
        Shutdown::default(),
        signals.err_into(),
        |_| serving,
    );
    process
        .tasks
        .spawn(Task::TraceExporter, exporter.err_into());
    let readiness = process.readiness.clone();
    let until_it_waits = async {
        let waits = |missing: &str| {
            if kinds {
                missing.is_empty()
            } else {
                missing.contains("apply the files")
            }
        };
        while !waits(&readiness.missing().join(" ")) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        begun.cancel();
        pending::<RunError>().await
    };
    tokio::select! {
        ended = process.run(NeverBegun) => ended.unwrap_err(),
        () = tokio::time::sleep(Duration::from_secs(20)) => unreachable!("it went on"),
        never = until_it_waits => never,
    }
}

#[tokio::test]
async fn whichever_task_ends_the_process_ends_with_an_error_that_names_it() {
    for task in [Task::Signals, Task::AdminServer, Task::TraceExporter] {
        for ending in ENDINGS {
            for kinds in [false, true] {
                let error = ends(task, ending, kinds).await;
                assert!(
                    matches!(&error, RunError::Task(end) if end.task() == task),
                    "{task} {ending:?}: {error}"
                );
                assert_eq!(error.exit_code(), 1);
            }
        }
    }
}
