//! Accounts whose first check takes long: who waits for it, and what stays of those that are gone by then.

use std::collections::BTreeSet;
use std::net::TcpListener;

use rig::{ControlPlane, Operator, OperatorOptions, SimulatorOptions, SimulatorProcess, wait};
use serde_json::{Value, json};

use crate::{SOON, answers_a_probe, await_leader, end, leads, plane, start};

/// A namespace with the Secrets of managing keys.
struct Home<'a> {
    plane: &'a ControlPlane,
    namespace: &'static str,
}

impl<'a> Home<'a> {
    fn new(plane: &'a ControlPlane, namespace: &'static str) -> Self {
        plane.kubectl(&["create", "namespace", namespace]).unwrap();
        Self { plane, namespace }
    }

    fn apply(&self, objects: &[Value]) {
        let placed = objects.iter().map(|object| {
            let mut object = object.clone();
            object["metadata"]["namespace"] = json!(self.namespace);
            object
        });
        let list = json!({"apiVersion": "v1", "kind": "List", "items": placed.collect::<Vec<_>>()});
        self.plane.apply(&list.to_string()).unwrap();
    }

    fn delete(&self, arguments: &[&str]) {
        let named = ["--namespace", self.namespace];
        let arguments = [&["delete"], arguments, &named].concat();
        self.plane.kubectl(&arguments).unwrap();
    }
}

fn secret(name: &str, key: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": {"token": key}})
}

fn account(name: &str, url: &str, secret: &str) -> Value {
    json!({
        "apiVersion": "ldtokens.dev/v1alpha1", "kind": "LaunchDarklyAccount",
        "metadata": {"name": name, "labels": {"brief": (secret == "other-key").to_string()}},
        "spec": {"apiUrl": url, "credentialsSecretRef": {"name": secret}},
    })
}

/// The program with these flags besides those of a test; not ready yet.
fn start_slowly(plane: &ControlPlane, name: &str, flags: &[(&str, &str)]) -> Operator {
    let mut options = OperatorOptions::fast().named(name);
    options.program = Some(env!("CARGO_BIN_EXE_launchdarkly-token-operator").into());
    let flag = |options: OperatorOptions, (flag, value): &(&str, &str)| options.flag(flag, value);
    Operator::start(plane, &flags.iter().fold(options, flag)).unwrap()
}

#[test]
fn who_leads_is_ready_once_every_account_was_checked_and_who_stands_by_is_at_once() {
    let plane = plane();
    // Installs the kinds.
    end(start(&plane, "before", &[]));
    let simulator = SimulatorProcess::start(&SimulatorOptions::default()).unwrap();
    // Connections are made, and nobody answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = silent.local_addr().unwrap().to_string();
    let home = Home::new(&plane, "unanswered");
    home.apply(&[
        secret("managing-key", simulator.managing_key()),
        account("answered", simulator.url(), "managing-key"),
        account("unanswered", &format!("http://{silent}"), "managing-key"),
    ]);
    let hosts = format!("{},{silent}", simulator.host());
    let slow = [
        ("--allowed-api-host", hosts.as_str()),
        ("--request-timeout", "4s"),
        ("--settle-time", "8s"),
        ("--publication-margin", "8s"),
        ("--lease-duration", "10s"),
    ];
    let mut leader = start_slowly(&plane, "unready", &slow);
    wait::until_ok(SOON, "an account that is not checked", || {
        let waits = "accounts: 1 of 2 are checked\n";
        match leader.page("/readyz") {
            Ok(page) if page == waits => Ok(()),
            page => Err(format!("{page:?}")),
        }
    })
    .unwrap();
    assert!(leads(&leader) && answers_a_probe(&leader, "/livez"));
    let standby = start(&plane, "standing-by", &slow);
    assert!(!leads(&standby));
    leader.await_ready(SOON).unwrap();
    assert!(leads(&leader));
    end(standby);
    end(leader);
    home.delete(&["launchdarklyaccounts", "--all"]);
}

/// The accounts of which `/metrics` shows anything.
fn shown(operator: &Operator) -> BTreeSet<String> {
    let metrics = operator.metrics().unwrap();
    let name = |line: &str| {
        let (_, name) = line
            .strip_prefix("launchdarkly_account_")?
            .split_once(",name=\"")?;
        Some(name.split_once('"')?.0.to_owned())
    };
    metrics.lines().filter_map(name).collect()
}

/// A second managing key of the account: its token's ID, and the key.
fn other_key(simulator: &SimulatorProcess) -> (String, String) {
    let token = json!({"name": "other", "role": "admin"});
    let made = simulator.admin("POST", "/tokens", &token).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (text(&made["_id"]), text(&made["keys"][0]["value"]))
}

#[test]
fn accounts_that_go_while_they_are_checked_leave_no_ghosts_and_drift_is_still_seen() {
    const MANY: usize = 12;
    let plane = plane();
    end(start(&plane, "before-ghosts", &[]));
    let simulator = SimulatorProcess::start(&SimulatorOptions::default()).unwrap();
    let home = Home::new(&plane, "ghosts");
    let (id, other) = other_key(&simulator);
    home.apply(&[
        secret("managing-key", simulator.managing_key()),
        secret("other-key", &other),
        account("default", simulator.url(), "managing-key"),
        json!({
            "apiVersion": "ldtokens.dev/v1alpha1", "kind": "AccessToken",
            "metadata": {"name": "web"}, "spec": {"role": "reader"},
        }),
    ]);
    let hosts = [("--allowed-api-host", simulator.host())];
    let mut operator = start_slowly(&plane, "haunted", &hosts);
    operator.await_ready(SOON).unwrap();
    plane
        .await_ready("accesstoken", "ghosts", "web", SOON)
        .unwrap();
    let brief: Vec<Value> = (0..MANY)
        .map(|number| account(&format!("brief-{number}"), simulator.url(), "other-key"))
        .collect();
    let slow = json!({"method": "GET", "route": "/api/v2/caller-identity", "count": 0, "kind": "delay", "delayMs": 800, "handled": true});
    // Under an operator that runs, and under one that begins and finds that their status says all there is to say.
    for restarted in [false, true] {
        if restarted {
            home.apply(&brief);
            wait::until_true(SOON, "every account to be shown", || {
                Ok(shown(&operator).len() == MANY + 1)
            })
            .unwrap();
            operator.kill9().unwrap();
        }
        simulator.clear_faults().unwrap();
        simulator.fault(&slow).unwrap();
        let seen = simulator.requests(0).unwrap().len();
        if restarted {
            operator.restart().unwrap();
            wait::until_ok(SOON, "the first checks", || {
                match operator.page("/readyz") {
                    Ok(page) if page.starts_with("accounts: 0 of 13 are checked") => Ok(()),
                    page => Err(format!("{page:?}")),
                }
            })
            .unwrap();
        } else {
            home.apply(&brief);
        }
        home.delete(&["launchdarklyaccounts", "--selector=brief=true"]);
        wait::until_true(SOON, "all to be asked about", || {
            Ok(simulator.requests(0).unwrap().len() >= seen + MANY)
        })
        .unwrap();
        await_leader(&operator);
        wait::until_ok(SOON, "no account but one to be shown", || {
            let shown = shown(&operator);
            let is_alone = shown.iter().eq(["default"]);
            is_alone.then_some(()).ok_or(format!("{shown:?}"))
        })
        .unwrap();
    }
    simulator.clear_faults().unwrap();
    simulator.delete_token(&id).unwrap();
    let made = simulator.created_tokens().unwrap();
    let web = made
        .iter()
        .find(|token| token.name == "ghosts/web")
        .unwrap();
    simulator
        .patch_token(&web.id, &json!({"name": "renamed"}))
        .unwrap();
    wait::until_true(SOON, "the drift to be mended", || {
        let tokens = simulator.created_tokens()?;
        Ok(tokens.iter().any(|token| token.name == "ghosts/web"))
    })
    .unwrap();
    home.delete(&["accesstokens,launchdarklyaccounts", "--all"]);
    end(operator);
}
