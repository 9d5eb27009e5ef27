//! The traces of a running operator: whole, as they are documented, without keys, and in nobody's way.

use std::collections::BTreeSet;
use std::fs;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use launchdarkly_token_operator::traces::ATTRIBUTES;
use rig::canary::{Canary, Place};
use rig::{
    ControlPlane, ControlPlaneOptions, Operator, SimulatorOptions, SimulatorProcess, wait,
    workspace,
};
use serde_json::{Value, json};

use crate::collector::Span;
use crate::stage::{PATIENCE, TEAM, operator_options, stage};

/// The first span that is looked for, once it has come.
fn awaited(what: &str, wanted: impl Fn(&Span) -> bool) -> Span {
    wait::until(PATIENCE, what, || {
        Ok(stage().collector.spans().into_iter().find(&wanted))
    })
    .unwrap()
}

fn parent(of: &Span) -> Span {
    let is_it = |span: &Span| span.id == of.parent && span.trace == of.trace;
    awaited(&format!("the parent of {}", of.name), is_it)
}

fn attribute<'a>(span: &'a Span, name: &str) -> Option<&'a str> {
    span.attributes.get(name).map(String::as_str)
}

#[test]
fn a_create_is_one_trace_from_the_reconcile_by_its_steps_to_the_call_and_the_writes() {
    let is_create = |span: &Span| span.name == "POST /api/v2/tokens" && !span.is_error;
    let call = awaited("a call", is_create);
    assert_eq!(call.kind, 3, "{call:?}");
    for (name, value) in [
        ("http.request.method", "POST"),
        ("url.template", "/api/v2/tokens"),
        ("http.response.status_code", "201"),
        ("server.address", "127.0.0.1"),
    ] {
        assert_eq!(attribute(&call, name), Some(value), "{call:?}");
    }
    assert!(
        stage()
            .simulator
            .host()
            .ends_with(attribute(&call, "server.port").unwrap())
    );

    let step = parent(&call);
    assert_eq!(step.name, "CreateToken");
    let reconcile = parent(&step);
    assert_eq!(reconcile.name, "reconcile");
    assert_eq!(reconcile.parent, Vec::<u8>::new(), "{reconcile:?}");
    let name = attribute(&reconcile, "name").unwrap();
    let object = stage().object(name);
    for (name, value) in [
        ("kind", "AccessToken"),
        ("namespace", TEAM),
        ("k8s.namespace.name", TEAM),
        (
            "ldtokens.object.uid",
            object["metadata"]["uid"].as_str().unwrap(),
        ),
        ("ldtokens.step", "Rest"),
        ("ldtokens.outcome", "Again"),
    ] {
        assert_eq!(attribute(&reconcile, name), Some(value), "{reconcile:?}");
    }

    let publish = awaited("the step that publishes", |span| {
        span.name == "PublishKey" && span.parent == reconcile.id
    });
    let write = awaited("the write of the Secret", |span| span.parent == publish.id);
    assert_eq!(write.name, "POST /api/v1/namespaces/{namespace}/secrets");
    assert_eq!(attribute(&write, "http.response.status_code"), Some("201"));
}

#[test]
fn a_call_that_is_refused_says_why_in_one_word() {
    let call = awaited("a refused call", |span| {
        span.name == "POST /api/v2/tokens" && span.is_error
    });
    assert_eq!(attribute(&call, "http.response.status_code"), Some("429"));
    assert_eq!(attribute(&call, "error.type"), Some("RateLimited"));
    let step = parent(&call);
    assert!(step.is_error, "{step:?}");
    assert_eq!(attribute(&step, "error.type"), Some("RateLimited"));
}

#[test]
fn spans_have_the_attributes_that_are_documented_and_no_others_and_no_events() {
    awaited("a refused call", |span| {
        span.attributes.contains_key("error.type")
    });
    awaited("an object that waits", |span| {
        span.attributes.contains_key("ldtokens.reason")
    });
    let spans = stage().collector.spans();
    let seen: BTreeSet<&str> = spans
        .iter()
        .flat_map(|span| span.attributes.keys().map(String::as_str))
        .collect();
    assert_eq!(seen, BTreeSet::from(ATTRIBUTES));
    assert!(spans.iter().all(|span| span.events == 0));

    let page = fs::read_to_string(workspace::root().join("docs/tracing.md")).unwrap();
    let resource = stage().collector.resource();
    let undocumented: Vec<&str> = seen
        .into_iter()
        .chain(resource.keys().map(String::as_str))
        .filter(|name| !page.contains(&format!("`{name}`")))
        .collect();
    assert_eq!(undocumented, Vec::<&str>::new());
    assert_eq!(resource["service.name"], "from-the-environment");
    assert_eq!(resource["k8s.pod.name"], "operator");
}

#[test]
fn a_log_line_names_the_trace_of_its_reconcile() {
    let logs = stage().operator.logs();
    let lines = logs.lines().map(|line| serde_json::from_str(line).unwrap());
    let published = |line: &Value| line["message"] == "key published" && line["name"] == "web";
    let line = lines.into_iter().find(published).unwrap();
    let reconcile = awaited("the reconcile of that line", |span| {
        span.attributes.get("reconcile_id").map(String::as_str) == line["reconcile_id"].as_str()
    });
    assert_eq!(line["trace_id"], reconcile.trace, "{line}");
    let untraced = logs
        .lines()
        .find(|line| line.contains("\"starting\""))
        .unwrap();
    assert!(!untraced.contains("trace_id"), "{untraced}");
    assert!(
        !logs.contains("otel.name"),
        "spans for traces alone are in the log"
    );
}

#[test]
fn no_part_of_a_key_is_exported() {
    awaited("a proof of a key", |span| {
        span.name == "GET /api/v2/caller-identity"
    });
    let keys = stage().simulator.keys_ever().unwrap();
    assert!(keys.len() >= 5, "only {} keys were at stake", keys.len());
    let canary = Canary::new(&keys).unwrap();
    let search = |body: Vec<u8>| {
        canary.search(&Place {
            name: "traces".to_owned(),
            text: String::from_utf8_lossy(&body).into_owned(),
        })
    };
    let mut planted = stage().collector.bodies().swap_remove(0);
    planted.extend_from_slice(keys[0].as_bytes());
    assert_eq!(search(planted).len(), 1);
    let sightings: Vec<_> = stage()
        .collector
        .bodies()
        .into_iter()
        .flat_map(search)
        .collect();
    assert_eq!(sightings, []);
}

#[test]
fn a_collector_that_never_answers_delays_nothing() {
    // Connections are made, by the kernel, and nobody is there.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let plane = ControlPlane::start(ControlPlaneOptions::default()).unwrap();
    let simulator = SimulatorProcess::start(&SimulatorOptions::default()).unwrap();
    // A queue and batches of one: nearly everything finds it full.
    let mut options = operator_options(&simulator, &url);
    for (variable, value) in [
        ("OTEL_BSP_MAX_QUEUE_SIZE", "1"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "1"),
    ] {
        options
            .environment
            .push((variable.to_owned(), value.to_owned()));
    }
    let mut operator = Operator::start(&plane, &options).unwrap();
    operator.await_ready(PATIENCE).unwrap();
    let begun = Instant::now();
    plane.kubectl(&["create", "namespace", TEAM]).unwrap();
    plane
        .apply(&account_and_token(&simulator).to_string())
        .unwrap();
    plane
        .await_ready("accesstoken", TEAM, "web", PATIENCE)
        .unwrap();
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(8), "Ready after {took:?}");

    let begun = Instant::now();
    let status = operator.terminate(PATIENCE).unwrap();
    let took = begun.elapsed();
    assert!(status.success(), "{status}");
    assert!(took < Duration::from_secs(6), "ended after {took:?}");
    let logs = operator.logs();
    let line = |text: &str| logs.lines().position(|line| line.contains(text));
    let (released, gave_up) = (
        line("released the Lease"),
        line("could not be exported in time"),
    );
    assert!(released.is_some() && released < gave_up, "{logs}");
}

fn account_and_token(simulator: &SimulatorProcess) -> Value {
    let object = |api: &str, kind: &str, name: &str, more: Value| {
        let mut object = json!({
            "apiVersion": api, "kind": kind, "metadata": {"name": name, "namespace": TEAM},
        });
        object
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        object
    };
    let (ours, credential) = ("ldtokens.dev/v1alpha1", "managing-key");
    let spec = json!({"apiUrl": simulator.url(), "credentialsSecretRef": {"name": credential}});
    let key = json!({"stringData": {"token": simulator.managing_key()}});
    json!({"apiVersion": "v1", "kind": "List", "items": [
        object("v1", "Secret", credential, key),
        object(ours, "LaunchDarklyAccount", "default", json!({"spec": spec})),
        object(ours, "AccessToken", "web", json!({"spec": {"role": "reader"}})),
    ]})
}
