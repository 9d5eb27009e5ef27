//! The leader task as a whole, on an API server that only lists: whatever dies in it ends it.

use std::time::Duration;

use clap::Parser as _;
use jiff::Timestamp;
use kube::{Client, Config};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use wiremock::matchers::{any, path_regex, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;
use crate::gate::{Gate, GateClosed};
use crate::runtime::args::{Cli, Command};
use crate::runtime::clients::Clients;
use crate::runtime::clock::Clock;
use crate::runtime::liveness::Liveness;
use crate::runtime::metrics::Metrics;
use crate::runtime::readiness::Readiness;
use crate::runtime::supervise::TaskEnd;

/// Where a test has the leader task panic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Broken {
    /// Wherever an effect begins, so in every reconcile.
    Gate,
    /// Wherever somebody wants to know how long ago something was, so in the listing before its first look.
    Clock,
}

impl Gate for Broken {
    fn pass(&self, _: Duration) -> Result<(), GateClosed> {
        assert!(*self != Self::Gate, "a test made this");
        Err(GateClosed)
    }
}

impl Clock for Broken {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }

    fn since_boot(&self) -> Duration {
        assert!(*self != Self::Clock, "a test made this");
        Duration::ZERO
    }
}

fn answer(status: u16, body: &Value) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_json(body)
}

/// An API server that has this object, lists these of its kind, and whose watches say nothing.
async fn server(plural: &str, object: &Value, listed: &[&Value]) -> (MockServer, Client) {
    let server = MockServer::start().await;
    let list = |items: &[&Value]| json!({"apiVersion": "v1", "kind": "List", "metadata": {"resourceVersion": "1"}, "items": items});
    let kube_system = json!({
        "apiVersion": "v1", "kind": "Namespace",
        "metadata": {"name": "kube-system", "uid": "11111111-2222-3333-4444-555555555555"},
    });
    let nothing = json!({
        "apiVersion": "v1", "kind": "Status", "metadata": {}, "status": "Failure",
        "reason": "NotFound", "code": 404, "message": "not found",
    });
    let silence = ResponseTemplate::new(200).set_delay(Duration::from_secs(600));
    // The first that fits answers.
    for mock in [
        Mock::given(query_param("watch", "true")).respond_with(silence),
        Mock::given(path_regex("/namespaces/[^/]+$")).respond_with(answer(200, &kube_system)),
        Mock::given(path_regex(format!("/{plural}/web$"))).respond_with(answer(200, object)),
        Mock::given(path_regex("/(secrets|launchdarklyaccounts)/[^/]+$"))
            .respond_with(answer(404, &nothing)),
        Mock::given(path_regex(format!("/{plural}$"))).respond_with(answer(200, &list(listed))),
        Mock::given(any()).respond_with(answer(200, &list(&[]))),
    ] {
        mock.mount(&server).await;
    }
    let client = Client::try_from(Config::new(server.uri().parse().unwrap())).unwrap();
    (server, client)
}

/// A process that leads, with these clients.
fn leading(broken: Broken, calls: Client, watches: Client) -> LeaderContext {
    let flags = [
        "program",
        "run",
        "--namespace",
        "operator",
        "--pod-name",
        "pod",
    ];
    let Command::Run(args) = Cli::parse_from(flags).command;
    let drain = CancellationToken::new();
    LeaderContext {
        args: Arc::new(*args),
        clients: Clients {
            lease: calls.clone(),
            calls,
            watches,
        },
        clock: Arc::new(broken),
        metrics: Metrics::default(),
        liveness: Liveness::new(drain.clone()),
        readiness: Readiness::default(),
        gate: Arc::new(broken),
        identity: "pod_1".to_owned(),
        drain,
    }
}

/// How the leader task ends when its watches show this object.
async fn ends(broken: Broken, plural: &str, object: &Value) -> (TaskEnd, Metrics) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (_calls, calls) = server(plural, object, &[]).await;
    let (_watches, watches) = server(plural, object, &[object]).await;
    let leader = leading(broken, calls, watches);
    let (drain, metrics) = (leader.drain.clone(), leader.metrics.clone());
    let ended = tokio::time::timeout(Duration::from_secs(20), Operator.lead(leader));
    let error = ended.await.expect("it went on").unwrap_err();
    assert!(drain.is_cancelled());
    (*error.downcast::<TaskEnd>().unwrap(), metrics)
}

fn assert_panicked(task: Task, (end, metrics): (TaskEnd, Metrics)) {
    assert!(
        matches!(end, TaskEnd::Panicked(dead) if dead == task),
        "{end}"
    );
    let line = format!(r#"launchdarkly_operator_task_ends_total{{task="{task}"}} 1"#);
    let text = metrics.encode().unwrap();
    assert!(text.lines().any(|l| l == line), "{text}");
}

fn metadata() -> Value {
    json!({
        "name": "web", "namespace": "team-a", "resourceVersion": "1", "generation": 1,
        "uid": "aaaaaaaa-2222-3333-4444-555555555555",
    })
}

#[tokio::test]
async fn a_panic_while_a_token_is_reconciled_ends_the_leader_task() {
    let token = json!({
        "apiVersion": "ldtokens.dev/v1alpha1", "kind": "AccessToken",
        "metadata": metadata(), "spec": {"role": "reader"},
    });
    let end = ends(Broken::Gate, "accesstokens", &token).await;
    assert_panicked(Task::AccessTokenController, end);
}

#[tokio::test]
async fn a_panic_while_an_account_is_reconciled_ends_the_leader_task() {
    let account = json!({
        "apiVersion": "ldtokens.dev/v1alpha1", "kind": "LaunchDarklyAccount",
        "metadata": metadata(), "spec": {"credentialsSecretRef": {"name": "managing-key"}},
    });
    let end = ends(Broken::Gate, "launchdarklyaccounts", &account).await;
    assert_panicked(Task::AccountController, end);
}

#[tokio::test]
async fn a_panic_while_accounts_are_listed_ends_the_leader_task() {
    let end = ends(Broken::Clock, "none", &Value::Null).await;
    assert_panicked(Task::AccountListing, end);
}

/// What is under way when the process is told to end must know at once: controllers end only when their reconciles have.
#[tokio::test]
async fn reconciles_know_at_once_that_the_process_is_to_end_i5() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (_server, client) = server("none", &Value::Null, &[]).await;
    let leader = leading(Broken::Gate, client.clone(), client);
    let parts = Parts::new(&leader).await.unwrap();
    assert!(!parts.ctx.draining.is_cancelled());
    leader.drain.cancel();
    assert!(parts.ctx.draining.is_cancelled());
}
